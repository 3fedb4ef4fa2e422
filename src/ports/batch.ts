import type { CountsBySource, Offset } from '../domain/offset.ts';
import type { LogBatch } from './event-log.ts';

/**
 * Lines of one partition, read and judged by the event schema in SQL. Both readers of the log (archive and metrics) use
 * the same parsed batch when they are at the same place.
 */
export interface ParsedBatch {
  readonly partition: number;
  /** The batch holds what the log has in [from, to). */
  readonly from: Offset;
  readonly to: Offset;
  /** Lines in it; fewer than `to - from` where lines were lost to damage. */
  readonly lines: number;
  readonly badLines: number;
  /** Lines per source, from the headers of the log. */
  readonly sources: CountsBySource;
  /** Lines per source in [from, to) that the log has lost. */
  readonly lost: CountsBySource;
  /** Largest received-at of the batch, ms since 1970. */
  readonly receivedAtMaxMs: number;
  /**
   * Name of a DuckDB relation with one row per line, in the order of the log: the columns of EVENT_COLUMNS, and
   * `reason`, `field`, `raw` (set for bad lines only) and `id_hash` (hash of event_id, NULL without one).
   */
  readonly relation: string;
}

/**
 * Turns batches of the log into relations, in two steps: `stage` takes the lines out of memory, which may be done ahead,
 * and `parse` of what it gives does the work. The relation lives until `release`; a released batch must not be used.
 */
export interface BatchParser {
  /** Takes consecutive batches of one partition, of which the first begins at `from` or later. */
  stage(partition: number, from: Offset, pieces: LogPieces): Promise<StagedBatch>;
  release(batch: ParsedBatch): Promise<void>;
}

/** Lines that wait outside of memory to be parsed, once. */
export interface StagedBatch {
  /** The offset after the last line, or where it was to begin if there is none. */
  readonly to: Offset;
  parse(): Promise<ParsedBatch>;
  /** Gives up what was staged and will not be parsed. */
  discard(): Promise<void>;
}

/** Consecutive batches of a partition, a few at a time. */
export type LogPieces = AsyncIterable<LogBatch[]> | Iterable<LogBatch[]>;

/** One Parquet file that was written, with what Delta wants to know of it. */
export interface ParquetFile {
  /** Absolute path. */
  path: string;
  /** Value of the partition column: a UTC date, YYYY-MM-DD. */
  date: string;
  rows: number;
  bytes: number;
  /** Smallest and largest value of some columns, as JSON values of Delta's statistics. */
  min: Record<string, string | number>;
  max: Record<string, string | number>;
  /** Rows per source. */
  sources: Record<string, number>;
}

export interface BadRow {
  /** `partition-offset-line` of the row in the log. */
  id: string;
  reason: string;
  field: string | null;
  /** The line as it came; base64 when the reason is not_utf8. */
  raw: string | null;
  received_at: string;
  source: string;
}

export type ArchiveTable = 'events' | 'bad_rows';

/**
 * Writes and reads Parquet for the archive. Files are complete and fsynced when a method resolves; a failed call
 * may leave files behind in `dir`, which belongs to the caller.
 */
export interface ParquetTool {
  /** Writes the rows of `batch` from `fromOffset` on that belong to `table`, one file per date, into `dir`. */
  write(batch: ParsedBatch, table: ArchiveTable, fromOffset: Offset, dir: string): Promise<ParquetFile[]>;
  /** Merges files of one date into one, in order of partition and offset. */
  merge(table: ArchiveTable, date: string, files: string[], dir: string): Promise<ParquetFile[]>;
  /** Writes Delta actions (protocol, metaData, txn, add, remove) as a checkpoint Parquet file. */
  checkpoint(actions: readonly object[], target: string): Promise<void>;
  /** Rows of `bad_rows` files, newest first. */
  badRows(files: string[], filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
  /** The actions of a checkpoint file. */
  readCheckpoint(file: string): Promise<object[]>;
}
