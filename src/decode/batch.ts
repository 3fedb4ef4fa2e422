import type { LogBatch } from '../log/event-log.ts';
import type { CountsBySource, Offset, Positions } from '../log/offset.ts';

/** Lines of the log, read and judged by the event schema in SQL. */
export interface ParsedLines {
  readonly lines: number;
  readonly badLines: number;
  /** Lines per source, from the headers of the log. */
  readonly sources: CountsBySource;
  /** Largest received-at of the lines, ms since 1970; 0 without any. */
  readonly receivedAtMaxMs: number;
  /**
   * A DuckDB relation with one row per line, in any order: the columns of EVENT_COLUMNS, and `reason`, `field`, `raw` (set for
   * bad lines only). `duplicate` and `new_order` are decided by a Decoder. `row` is the rowid in `table`.
   */
  readonly relation: string;
  /** The table behind it; batches of the archive, which nobody decides about, have none. */
  readonly table?: string;
  /** What lines that were aggregated elsewhere have in place of a relation: one for each pass, by its name. */
  readonly aggregates?: Readonly<Record<string, string>>;
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
 * Turns batches of the log into relations. `read` gives the batches; it may be called once more, where lines turn out not to be
 * what they claim. The relation lives until `release`; a released batch must not be used.
 */
export interface BatchParser {
  parse(read: () => LogPieces): Promise<ParsedLines>;
  release(lines: ParsedLines): Promise<void>;
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

/** Gives events, some thousands at a time. */
export interface EventReader {
  /** The good rows of a batch, in the order of the log. */
  events(batch: ParsedBatch): AsyncIterable<RawEvent[]>;
  /** The rows of a span in local files of the table `events`, in the order of the files. */
  archived(files: readonly string[], span: BatchSpan): AsyncIterable<RawEvent[]>;
}

/** What a Parquet file of the archive holds. */
export interface FileContent {
  rows: number;
  /** Smallest and largest value of some columns, as JSON values of Delta's statistics. */
  min: Record<string, string | number>;
  max: Record<string, string | number>;
  /** Rows per source. */
  sources: Record<string, number>;
  /** Rows of `events` about which nothing is decided: an older version wrote them, or another program. */
  undecided: number;
  /** First and last offset of the rows of each partition. */
  offsets: Record<number, readonly [Offset, Offset]>;
}

/** One Parquet file that was written, with what Delta wants to know of it. */
export interface ParquetFile extends FileContent {
  /** Absolute path. */
  path: string;
  /** Value of the partition column: a UTC date, YYYY-MM-DD. */
  date: string;
  bytes: number;
}

/**
 * Decides about rows of the table `events` that no decoder has decided, by the same rule, in the order of receipt: `begin`, what all
 * files that may matter tell of orders; then date by date `beginDate`, the other events of all its files, and `rewrite`; `end`.
 */
export interface Upgrader {
  begin(): Promise<void>;
  addOrders(files: readonly string[]): Promise<void>;
  beginDate(): Promise<void>;
  addEvents(files: readonly string[]): Promise<void>;
  /** Writes files of the date again, with what was decided: one for each, into `dir`. */
  rewrite(date: string, files: readonly string[], dir: string): Promise<ParquetFile[]>;
  end(): Promise<void>;
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

/** A row of `events` as the line that it came from. */
export interface ArchivedEvent {
  source: string;
  received_at: string;
  event: string;
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
  /** Looks into a file that another program wrote, which may lack columns. */
  inspect(file: string): Promise<FileContent>;
  /** Merges files of one date into one, in order of partition and offset, with all their columns. */
  merge(table: ArchiveTable, date: string, files: string[], dir: string): Promise<ParquetFile[]>;
  readonly upgrader: Upgrader;
  /** Writes Delta actions (protocol, metaData, txn, add, remove) as a checkpoint Parquet file. */
  checkpoint(actions: readonly object[], target: string): Promise<void>;
  /** The rows of `events` files as NDJSON that ingest takes, in pieces. */
  exportEvents(files: readonly string[]): AsyncIterable<string>;
  /** Of each source the newest rows of `events` files, newest first. */
  latestEvents(files: readonly string[], perSource: number): Promise<ArchivedEvent[]>;
  /** Rows of `bad_rows` files, newest first. */
  badRows(files: string[], filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
  /** The actions of a checkpoint file. */
  readCheckpoint(file: string): Promise<object[]>;
}
