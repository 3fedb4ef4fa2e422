import { createReadStream } from 'node:fs';
import { setImmediate as pause } from 'node:timers/promises';
import { openContent } from '../ingest/content.ts';
import { detectFormat } from '../ingest/detect.ts';
import type { Decoded, DetectOptions } from '../ingest/format.ts';
import { knownFile } from '../ingest/known-files.ts';
import { type Guess, guessMapping } from '../ingest/mappings/guess.ts';
import { TotalsError } from '../ingest/mappings/table-shape.ts';
import { beginningOf, firstPieces } from '../load/beginning.ts';
import { dryRun, type Scratch, type ShownMetric } from '../load/dry-run.ts';
import { type LoadInput, openInput, type Readers } from '../load/inputs.ts';
import { LoadRegistry } from '../load/registry.ts';
import { figuresOf } from '../load/result.ts';
import { settingsText } from '../load/run.ts';
import { readOptionsOf, type ShopSettings, settingsOf } from '../load/settings.ts';
import { now } from '../system/clock.ts';
import { ApiError, UsageError } from '../telemetry/errors.ts';
import {
  type Choice,
  type ChosenMapping,
  chosenMapping,
  type NamedMappings,
  readingOptionsOf,
} from './choice.ts';
import { columnsByName, type Form, formOf, rowsOf } from './form.ts';
import { IMPORT_SOURCE } from './job.ts';
import type { Upload } from './uploads.ts';

/** Records that a guess is made of, and that a form is filled from. */
const SAMPLE_RECORDS_MAX = 1000;
/** Of a longer file the beginning is tried: so much is done in a second or two. */
const TRIED_BYTES_MAX = 1024 * 1024;
/** Few at a time, so that checking them does not hold up requests. */
const BLOCK_BYTES = 64 * 1024;
/** Products that are told apart; the page shows the first of them, and how many more there are. */
const TOP_PRODUCTS = 100;
const SHOWN_METRICS = { traffic: {}, audience: {}, funnel: {}, revenue: {}, sales: { top: TOP_PRODUCTS } };

/** What imports need of the rest of the program. */
export interface ImportContext {
  readonly shop: ShopSettings;
  readonly mappings: NamedMappings;
  readonly readParquet: Readers['readParquet'];
  readonly formats: Readers['formats'];
  /** Of the running process. */
  readonly dataDir: string;
  /** A folder for what is thrown away; emptied at each start. */
  readonly dir: string;
  /** Opens a pipeline in a folder, to try a file out. */
  readonly openScratch: (dataDir: string) => Promise<Scratch>;
}

/** What would come of a file. */
export interface Preview extends Form {
  /** What the file was taken for: "CSV, semicolon, 7 columns". */
  readonly description: string;
  /** Why it can't be read with this mapping; null where it can. */
  readonly refusal: string | null;
  /** A name of a mapping; null for none, or for one of its own. */
  readonly map: string | null;
  /** The mapping as YAML; null for none, or for one with a name. */
  readonly mapping: string | null;
  /** How values are read, after all. */
  readonly settings: {
    time_zone: string;
    date_order: string | null;
    decimal: string | null;
    currency: string | null;
  };
  /** The mapping was proposed for the file. */
  readonly is_guess: boolean;
  /** What was tried: the entire file, or its beginning. */
  readonly is_whole: boolean;
  readonly example: { readonly record: string; readonly event: string } | null;
  /** What an earlier load has stored of this content; null for nothing. */
  readonly loaded_before: {
    records: number;
    is_all: boolean;
    file: string;
    at: string;
    same_options: boolean;
  } | null;
  /** As `load --json` has it; null where it can't be read. */
  readonly result: Record<string, unknown> | null;
  readonly metrics: Readonly<Record<string, ShownMetric>>;
}

/** Opens an uploaded file as a load reads it, with its mapping. */
export async function openUpload(
  upload: Upload,
  choice: Choice,
  chosen: ChosenMapping,
  context: ImportContext,
) {
  const settings = validatorSettings(choice, chosen, context);
  const options = readOptionsOf(readingOptionsOf(choice), chosen.mapper);
  return { settings, input: await openWith(upload, options, context) };
}

/** The mapping of a choice, with its changes. Throws ApiError for a mistake in it. */
export async function mappingOf(
  upload: Upload,
  choice: Choice,
  context: ImportContext,
): Promise<ChosenMapping> {
  const byName = async () => columnsByName(rowsOf(await sample(upload, choice, {}, context)));
  return chosenMapping(choice, context.mappings, byName).catch(throwAsMistake);
}

function validatorSettings(choice: Choice, { mapper }: ChosenMapping, { shop }: ImportContext) {
  try {
    return settingsOf(readingOptionsOf(choice), mapper, shop);
  } catch (error) {
    return throwAsMistake(error);
  }
}

/** What is wrong with a mapping or a setting is a mistake of the request, and not of the file. */
function throwAsMistake(error: unknown): never {
  throw error instanceof UsageError ? new ApiError('bad_mapping', error.message) : error;
}

/** Tries a file out; stores nothing. `isGuess`: with the mapping that fits best. Throws UsageError, ApiError or LoadError. */
export async function preview(
  upload: Upload,
  given: Choice,
  isGuess: boolean,
  context: ImportContext,
  signal: AbortSignal,
): Promise<Preview> {
  let totals: TotalsError | null = null;
  const guess = isGuess
    ? await guessFor(upload, given, context).catch((error) => {
        if (!(error instanceof TotalsError)) throw error;
        totals = error;
        return null;
      })
    : null;
  const choice = guess === null ? given : { ...given, ...mappingIn(guess) };
  const chosen = await mappingOf(upload, choice, context);
  const rows = rowsOf(await sample(upload, choice, chosen.mapper?.detecting ?? {}, context));
  const form = formOf(chosen, rows);
  const common = { ...form, map: chosen.map, mapping: chosen.text, is_guess: guess !== null };
  const { settings, input } = await openUpload(upload, choice, chosen, context).catch((error: Error) => {
    // Where columns can be seen, they can be chosen.
    if (!(error instanceof UsageError) || rows.length === 0) throw error;
    return { settings: validatorSettings(choice, chosen, context), input: error };
  });
  const { time_zone = 'UTC', date_order = null, decimal = null, currency = null } = settings.normalize;
  const shown = { ...common, settings: { time_zone, date_order, decimal, currency } };
  if (input instanceof Error)
    return {
      ...shown,
      description: await describe(upload, choice, context),
      refusal: (totals ?? input).message,
      is_whole: false,
      example: null,
      loaded_before: null,
      result: null,
      metrics: {},
    };
  const beginning = beginningOf(input, TRIED_BYTES_MAX);
  const work = { inputs: [beginning.input], settings, again: true, againHint: '', resumeHint: '', signal };
  const { openScratch, dir } = context;
  const { result, metrics } = await dryRun(work, {
    open: openScratch,
    parentDir: dir,
    source: IMPORT_SOURCE,
    metrics: SHOWN_METRICS,
  });
  const { events, badRows, sent } = result;
  return {
    ...shown,
    description: input.description,
    refusal: null,
    is_whole: beginning.isWhole(),
    example: sent.inputs[0]?.example ?? null,
    loaded_before: await loadedBefore(input, `${settingsText(settings)} ${input.declared}`, context),
    result: { ...figuresOf(result), events, bad_rows: badRows },
    metrics,
  };
}

function guessFor(upload: Upload, choice: Choice, context: ImportContext): Promise<Guess | null> {
  return guessMapping({
    decode: (detecting) => sample(upload, choice, detecting, context),
    timeZone: choice.time_zone ?? context.shop.timeZone,
    now,
    pause,
  });
}

function mappingIn({ preset, proposal }: Guess): Choice {
  if (preset !== null) return { map: preset };
  return proposal === null ? {} : { mapping: proposal };
}

/** The beginning of a file as records. A table of which no name is known is one all the same: a person names its columns. */
async function sample(
  upload: Upload,
  choice: Choice,
  detecting: DetectOptions,
  context: ImportContext,
): Promise<Decoded[]> {
  const options = { ...detecting, ...readOptionsOf(readingOptionsOf(choice), undefined) };
  // Declared in a way that it can't be read in: shown as it is detected.
  const input = await openWith(upload, options, context).catch(() =>
    openWith(upload, anyTable(options), context),
  );
  return firstPieces(input, SAMPLE_RECORDS_MAX);
}

async function describe(upload: Upload, choice: Choice, context: ImportContext): Promise<string> {
  const options = readOptionsOf(readingOptionsOf(choice), undefined);
  return (await openWith(upload, anyTable(options), context)).description;
}

const anyTable = (options: DetectOptions) => ({ ...options, isKnownName: () => true });

function openWith(
  upload: Upload,
  options: DetectOptions,
  { readParquet, formats }: ImportContext,
): Promise<LoadInput> {
  return openInput(upload.path, upload.name, options, { readParquet, formats, blockBytes: BLOCK_BYTES });
}

/** Looks at the beginning of a file that is being uploaded. Throws ApiError for what no setting could make readable. */
export async function refuseUnreadable(
  { path, name }: Upload,
  { formats }: Pick<ImportContext, 'formats'>,
): Promise<void> {
  const content = await openContent(createReadStream(path) as AsyncIterable<Buffer>);
  await content.close();
  const known = knownFile(content.sample.bytes);
  const found = detectFormat(content.sample, anyTable({ formats }));
  if (known && 'refusal' in known && 'refusal' in found)
    throw new ApiError('import_refused', `${name} ${found.refusal}.`);
}

async function loadedBefore(
  input: LoadInput,
  settings: string,
  { dataDir }: ImportContext,
): Promise<Preview['loaded_before']> {
  const registry = await LoadRegistry.open(dataDir);
  const found = await registry.find(() => input.chunks());
  if (found === null) return null;
  const { allRecords, file, updatedAt, settings: before } = found.progress;
  return {
    records: allRecords,
    is_all: found.isAll,
    file,
    at: updatedAt,
    same_options: before === settings || found.progress.events === 0,
  };
}
