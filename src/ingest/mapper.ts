import { addCounts } from '../log/offset.ts';
import type { Decoded, DetectOptions, RecordIds } from './format.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';

/** What makes events, by our names, of the records of a source, by its names. */
export interface Mapper {
  readonly name: string;
  /** The same for mappings that do the same. */
  readonly id: string;
  /** How the values are read that it gives. */
  readonly settings: NormalizeSettingsInput;
  /** What it knows of how its input looks. */
  readonly detecting: Pick<DetectOptions, 'format' | 'wrapper' | 'group' | 'headerless' | 'isKnownName'>;
  map(input: readonly Decoded[], options?: MapOptions): MappedRecords | Promise<MappedRecords>;
}

export interface MapOptions {
  /** What came with the records, but is not of them: `headers` of a request. */
  readonly beside?: Readonly<Record<string, unknown>> | undefined;
  /** Ids of the records. */
  readonly ids?: RecordIds | undefined;
}

/** What a mapper made of the records of an input. */
export interface MappedRecords {
  readonly decoded: readonly Decoded[];
  /** Records, or elements of them, that the mapping's rule left out. */
  readonly leftOut: number;
  /** How many of them for which reason, in words; not all of them have one. */
  readonly leftOutBy: Readonly<Record<string, number>>;
  /** Orders that records which were left out say to be cancelled. */
  readonly withdrawn: readonly string[];
  /** Ids of the events, where the records had ids. */
  readonly ids: RecordIds | undefined;
}

/** What a mapper makes of an input; without one the input itself. */
export async function mapDecoded(
  mapper: Mapper | undefined,
  decoded: readonly Decoded[],
  options: MapOptions = {},
): Promise<MappedRecords> {
  return mapper === undefined
    ? { decoded, leftOut: 0, leftOutBy: {}, withdrawn: [], ids: options.ids }
    : mapper.map(decoded, options);
}

/** Reasons that are told apart; those after them are counted together. */
const REASONS_MAX = 50;
const OTHER_REASONS = 'other values';

/** Counts why a record was left out. */
export function countReason(counts: Record<string, number>, why: string, records = 1): void {
  const isNew = !Object.hasOwn(counts, why) && Object.keys(counts).length >= REASONS_MAX;
  addCounts(counts, { [isNew ? OTHER_REASONS : why]: records });
}
