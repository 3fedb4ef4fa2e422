import { parse } from 'yaml';
import type { Decoded } from '../format.ts';
import { LineValidator } from '../line-validator.ts';
import type { Mapper } from '../mapper.ts';
import { recordsOf } from '../mapping/collect-events.ts';
import { compileMapping } from '../mapping/compile.ts';
import { mapperOf } from '../mapping/map-records.ts';
import { mappingSchema } from '../mapping/schema.ts';
import { Normalizer } from '../normalize.ts';
import { Observer } from '../observer.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { isProposableName, proposeMapping } from './propose.ts';
import { presetNames, readMapping } from './read.ts';

/** What a mapping would make of a sample. */
export interface Guess {
  /** A preset; null for a proposal, or for no mapping at all. */
  readonly preset: string | null;
  /** The proposed mapping, YAML; null for a preset, or where none is needed. */
  readonly proposal: string | null;
  readonly events: number;
  readonly rejected: number;
  readonly leftOut: number;
}

export interface GuessOptions {
  /** The records of the sample, as they are found with what a mapping knows of them. */
  readonly decode: (detecting: Mapper['detecting']) => Promise<readonly Decoded[]> | readonly Decoded[];
  readonly timeZone: string;
  readonly now: () => number;
  /** Awaited between two mappings, so that a process that has more to do can do it. */
  readonly pause?: () => Promise<void>;
}

/** How a table of an unknown shop is recognized. */
const UNKNOWN_SHOP: Mapper['detecting'] = { isKnownName: isProposableName };

/** Fields that tell most about whether records were understood; others weigh 1. */
const WEIGHTS: Readonly<Record<string, number>> = {
  order_id: 2,
  amount: 2,
  currency: 2,
  items: 3,
  user_id: 2,
  visitor_id: 2,
};
/** A type that means something to the metrics weighs as much as several fields. */
const TYPE_WEIGHT = 4;
/** A mapping of which hardly anything becomes an event is none; what a preset leaves out by its rule is not held against it. */
const SHARE_MIN = 0.5;
const SHARE_OF_ALL_MIN = 0.1;

/**
 * The mapping that makes most of a sample: none, a preset, or a proposal. Null where nothing makes events of it. Throws what `decode` throws
 * where no mapping can read it.
 */
export async function guessMapping(options: GuessOptions): Promise<Guess | null> {
  let best: { guess: Guess; score: number } | null = null;
  const consider = async (mapper: Mapper | null, guess: Pick<Guess, 'preset' | 'proposal'>) => {
    await options.pause?.();
    const { score, ...counts } = await tryMapper(mapper, options);
    // The first of equals stays: no mapping before a preset, and that before a proposal.
    if (score > (best?.score ?? 0)) best = { guess: { ...guess, ...counts }, score };
  };
  await consider(null, { preset: null, proposal: null });
  for (const name of presetNames())
    await consider(mapperOf(readMapping(name, '')), { preset: name, proposal: null });
  const proposal = await proposalFor(options).catch((error) => {
    // Some tables have no names of columns but those that a preset knows.
    if (best === null) throw error;
    return null;
  });
  if (proposal !== null) {
    const spec = mappingSchema.parse(parse(proposal));
    await consider(mapperOf(compileMapping('proposal', spec)), { preset: null, proposal });
  }
  return (best as { guess: Guess } | null)?.guess ?? null;
}

async function proposalFor({ decode }: GuessOptions): Promise<string | null> {
  const pieces = recordsOf(await decode(UNKNOWN_SHOP));
  return proposeMapping(pieces.flatMap((piece) => ('fields' in piece ? [piece.fields] : [])));
}

async function tryMapper(mapper: Mapper | null, { decode, timeZone, now }: GuessOptions) {
  const none = { events: 0, rejected: 0, leftOut: 0, score: 0 };
  let decoded: readonly Decoded[];
  try {
    decoded = await decode(mapper?.detecting ?? {});
  } catch {
    // The mapping can't read the file, so it is not the one.
    return none;
  }
  const mapped = mapper === null ? { decoded, leftOut: 0 } : await mapper.map(decoded);
  const validator = new LineValidator({
    normalizer: new Normalizer({ time_zone: timeZone, ...mapper?.settings }),
    timeZone: mapper?.settings.time_zone ?? timeZone,
    lineBytesMax: 1 << 20,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now,
  });
  // The bytes may be changed, and are tried again.
  const copies = mapped.decoded.map((piece) =>
    piece.kind === 'json' ? { ...piece, bytes: Buffer.from(piece.bytes) } : piece,
  );
  const result = validator.validate(copies, new Observer({ zone: timeZone }));
  const { accepted: events, rejected } = result;
  const { leftOut } = mapped;
  const read = events + rejected;
  if (read === 0 || events / read < SHARE_MIN || events / (read + leftOut) < SHARE_OF_ALL_MIN)
    return { ...none, events, rejected, leftOut };
  const weight = result.bytes.reduce((sum, bytes) => sum + weightOf(bytes), 0);
  return { events, rejected, leftOut, score: (weight - rejected * TYPE_WEIGHT) / read };
}

const readType = createEventTypeReader({});

/** How much is known of the events of NDJSON. */
function weightOf(bytes: Buffer): number {
  let weight = 0;
  for (const text of bytes.toString().split('\n')) {
    if (text === '') continue;
    const event = JSON.parse(text) as Record<string, unknown>;
    if (event.tillstream_bad !== undefined) continue;
    if (readType(String(event.event_type)).isKnown) weight += TYPE_WEIGHT;
    for (const name in event) if (name !== 'extra') weight += WEIGHTS[name] ?? 1;
  }
  return weight;
}
