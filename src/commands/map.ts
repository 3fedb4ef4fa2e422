import { fstatSync } from 'node:fs';
import { type RuntimeConfig, readParquet } from '../app/app.ts';
import type { Decoded, DetectOptions } from '../ingest/format.ts';
import type { Guess } from '../ingest/mappings/guess.ts';
import { firstPieces } from '../load/beginning.ts';
import { openInputs } from '../load/inputs.ts';
import { readOptionsOf } from '../load/settings.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import { printable } from '../telemetry/printable.ts';
import { counted } from '../telemetry/words.ts';
import { type CommonOptions, print, runtimeOf, table } from './context.ts';
import { type LoadOptions, load } from './load.ts';

/** Records that a guess is made of. */
const SAMPLE_PIECES_MAX = 5000;

/** `map list`: the presets. */
export async function mapList(options: CommonOptions): Promise<void> {
  const { presetNames, readSpec } = await import('../ingest/mappings/read.ts');
  const presets = presetNames().map((name) => ({ name, description: readSpec(name, '').description ?? '' }));
  print(options, { presets }, () => table(presets));
}

/** `map show NAME`: the text of a preset, to begin one's own with. */
export async function mapShow(name: string, options: CommonOptions): Promise<void> {
  const { presetText } = await import('../ingest/mappings/read.ts');
  const text = presetText(name);
  print(options, { name, text }, () => text.trimEnd());
}

/** `map schema`: the JSON Schema of mappings, for editors. */
export async function mapSchema(options: CommonOptions): Promise<void> {
  const { mappingJsonSchema } = await import('../ingest/mapping/schema.ts');
  const schema = mappingJsonSchema();
  print(options, schema, () => JSON.stringify(schema, null, 2));
}

/** `map try FILE --map NAME`: what would come of it. */
export function mapTry(files: string[], options: LoadOptions): Promise<void> {
  return load(files, { ...options, dryRun: true });
}

/** `map guess FILE`: the preset that fits, or a mapping to begin with. */
export async function mapGuess(file: string, options: LoadOptions): Promise<void> {
  const { guessMapping, whyNoGuess } = await import('../ingest/mappings/guess.ts');
  const { config, adapters } = await runtimeOf(options);
  const decode = (detecting: DetectOptions) => sampleOf(file, options, detecting, adapters);
  const sample = { decode, timeZone: options.timeZone ?? config.time_zone, now };
  const guess = await guessMapping(sample);
  if (guess === null)
    throw new UsageError(
      `No mapping makes events of ${printable(file)}: ${await whyNoGuess(sample)} docs/mappings.md explains how to write one.${isFile(1) ? ' No mapping was written.' : ''}`,
    );
  const { preset, proposal, events, rejected, leftOut, doubts } = guess;
  const json = { map: preset, proposal, events, rejected, left_out: leftOut, doubts };
  print(options, json, () => guessText(file, guess));
}

/** Whether a descriptor is that of a file, as of `> shop.yaml`. */
function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    // It is closed.
    return false;
  }
}

/** The beginning of a file as records, as they are found with what a mapping knows of them. */
async function sampleOf(
  file: string,
  options: LoadOptions,
  detecting: DetectOptions,
  { formats }: Pick<RuntimeConfig['adapters'], 'formats'>,
): Promise<Decoded[]> {
  const reading = { ...detecting, ...readOptionsOf(options, undefined) };
  await using opened = await openInputs([file], reading, { readParquet, formats });
  return firstPieces(opened.inputs[0]!, SAMPLE_PIECES_MAX);
}

function guessText(file: string, { preset, proposal, events, rejected, leftOut, doubts }: Guess): string {
  const counts = `${counted(events, 'event')}, ${rejected} rejected, ${leftOut} left out`;
  const name = printable(file);
  const but = doubts.length === 0 ? '' : `\nBut: ${doubts.join(' ')}`;
  if (preset !== null) {
    const fits = doubts.length === 0 ? 'fits' : 'reads most of it';
    return `${preset} ${fits} (at the beginning of the file: ${counts}).${but}\ntillstream load ${name} --map ${preset} --dry-run`;
  }
  if (proposal === null)
    return `No mapping is needed (at the beginning of the file: ${counts}).${but}\ntillstream load ${name} --dry-run`;
  return (
    `# Proposed for ${name} (at the beginning of the file: ${counts}).\n# Save it as a file, correct it, and try it:\n` +
    `#   tillstream map guess ${name} > shop.yaml\n#   tillstream map try ${name} --map ./shop.yaml\n` +
    doubts.map((doubt) => `# Look at this first: ${doubt}\n`).join('') +
    printableYaml(proposal)
  );
}

/** Names of columns come from others. */
const printableYaml = (text: string) => text.trimEnd().split('\n').map(printable).join('\n');
