import type { DetectOptions } from '../ingest/format.ts';
import { type Guess, guessMapping } from '../ingest/mappings/guess.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import { firstPieces } from './beginning.ts';
import { type LoadInput, RefusedInputError } from './inputs.ts';

/** Records that are looked at. */
const RECORDS_MAX = 500;

/**
 * The mapping that makes events of an input which has none by our names; null where nothing does. `open` opens it as a mapping wants it.
 */
export async function fittingMapping(
  open: (detecting: DetectOptions) => Promise<LoadInput>,
  timeZone: string,
): Promise<Guess | null> {
  const decode = async (detecting: DetectOptions) => firstPieces(await open(detecting), RECORDS_MAX);
  // What can't be guessed is said by whoever rejected it.
  const guess = await guessMapping({ decode, timeZone, now }).catch(() => null);
  return guess === null || (guess.preset === null && guess.proposal === null) ? null : guess;
}

/** An error of an input that can't be read without a mapping, with what reads it. */
export async function withFitting(error: unknown, timeZone: string): Promise<unknown> {
  if (!(error instanceof RefusedInputError)) return error;
  const guess = await fittingMapping(error.reopened, timeZone);
  if (guess === null) return error;
  const hint =
    guess.preset === null
      ? '"tillstream map guess FILE" proposes a mapping for it.'
      : `The mapping ${guess.preset} reads it: --map ${guess.preset} (map).`;
  return new UsageError(`${error.message} ${hint}`);
}
