import type { CountsBySource, Offset, Positions } from '../domain/offset.ts';
import type { LogBatch } from './event-log.ts';

/** Lines of the log, read and judged by the event schema in SQL. */
export interface ParsedLines {
  readonly lines: number;
  readonly badLines: number;
  /** Lines per source, from the headers of the log. */
  readonly sources: CountsBySource;
  /** Largest received-at of the lines, ms since 1970; 0 without any. */
  readonly receivedAtMaxMs: number;
  /**
   * Name of a DuckDB relation with one row per line, in any order: the columns of EVENT_COLUMNS, and
   * `reason`, `field`, `raw` (set for bad lines only) and `id_hash` (hash of event_id, NULL without one).
   */
  readonly relation: string;
}

/** What a partition of the log has in [from, to). */
export interface BatchSpan {
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
}

/** The offsets after the spans. */
export function positionsAfter(spans: readonly BatchSpan[]): Positions {
  return Object.fromEntries(spans.map(({ partition, to }) => [partition, to]));
}

/**
 * A step of a reader through the log: all lines of some spans, at most one of each partition. All readers that are at the
 * same place use the same parsed batch. Along the batches of a reader received-at only grows, as far as the clocks
 * of the partitions agree.
 */
export interface ParsedBatch extends ParsedLines {
  readonly spans: readonly BatchSpan[];
  /** Lines per source in the spans that the log has lost. */
  readonly lost: CountsBySource;
}

/**
 * Turns batches of the log into relations, in two steps: `stage` takes the lines out of memory, which may be done ahead,
 * and `parse` of what it gives does the work. The relation lives until `release`; a released batch must not be used.
 */
export interface BatchParser {
  stage(pieces: LogPieces): Promise<StagedBatch>;
  release(lines: ParsedLines): Promise<void>;
}

/** Lines that wait outside of memory to be parsed, once. */
export interface StagedBatch {
  parse(): Promise<ParsedLines>;
  /** Gives up what was staged and will not be parsed. */
  discard(): Promise<void>;
}

/** Batches of the log, a few at a time, those of a partition in its order. */
export type LogPieces = AsyncIterable<LogBatch[]> | Iterable<LogBatch[]>;

/** A row of the table `events`, as far as other stores take it; null where the event has no such field. */
export interface RawEvent {
  timeMs: number;
  partition: number;
  offset: Offset;
  /** Line within the offset, where one record holds several; else 0. */
  line: number;
  eventType: string;
  deviceType: string | null;
  statusCode: number | null;
  userId: string | null;
  productId: string | null;
  responseTime: number | null;
}

/** Gives the good rows of a batch in the order of the log, some thousands at a time. */
export interface EventReader {
  events(batch: ParsedBatch): AsyncIterable<RawEvent[]>;
}

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
  /** Writes the rows of `batch` in `spans` that belong to `table`, one file per date, into `dir`. */
  write(
    batch: ParsedBatch,
    table: ArchiveTable,
    spans: readonly BatchSpan[],
    dir: string,
  ): Promise<ParquetFile[]>;
  /** Merges files of one date into one, in order of partition and offset. */
  merge(table: ArchiveTable, date: string, files: string[], dir: string): Promise<ParquetFile[]>;
  /** Writes Delta actions (protocol, metaData, txn, add, remove) as a checkpoint Parquet file. */
  checkpoint(actions: readonly object[], target: string): Promise<void>;
  /** The rows of `events` files as NDJSON that the door takes, in pieces. */
  exportEvents(files: readonly string[]): AsyncIterable<string>;
  /** Rows of `bad_rows` files, newest first. */
  badRows(files: string[], filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
  /** The actions of a checkpoint file. */
  readCheckpoint(file: string): Promise<object[]>;
}
