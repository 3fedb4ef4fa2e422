import type { OffsetRange } from '../decode/batch.ts';
import type { ArchiveReader } from './engine.ts';
import type { Pass } from './plan.ts';

/** Milliseconds since 1970; the end is not included. May be infinite. */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}

/** Which rows of the archive are aggregated. */
export interface RowSelection {
  ranges: readonly OffsetRange[];
  /** Only what was received then. */
  receivedMs?: TimeRange;
  /** Only events of these times; no bad rows. */
  eventMs?: readonly TimeRange[];
  /** How many rows that is, about. */
  expected: number;
}

/**
 * What passes gave for some rows, by name of the pass: what can stand behind FROM where they are merged, such as a table or
 * `read_parquet(...)`. A slot, its keys and a bucket or hash come at most once. Passes may be missing.
 */
export type Aggregates = Readonly<Record<string, string>>;

/** Name of the aggregates that count the rows; no pass has it. */
export const COUNTS = 'counts';

/** A row of them: state and source come at most once. */
export interface CountsRow {
  state: 'counted' | 'duplicate' | 'excluded' | 'bad';
  source: string;
  n: number;
  /** Earliest and latest time of an event or a receipt, minutes since 1970. */
  low: number;
  high: number;
  /** Largest received-at. */
  received_ms: number;
}

/** Computes aggregates of rows of the archive elsewhere than in this process. */
export interface ArchiveAggregator {
  /** Of its hashes: those of another name can't be merged with them. */
  readonly name: string;
  /** Rows that are best computed at a time. */
  readonly rowsMax: number;
  /** Aggregates of the passes, and COUNTS, of rows that the archive has at the call. They stay until `release`. */
  compute(
    archive: ArchiveReader,
    rows: RowSelection,
    passes: readonly Pass[],
  ): Promise<{ aggregates: Aggregates; release(): Promise<void> }>;
}
