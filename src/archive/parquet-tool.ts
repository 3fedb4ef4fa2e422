import type { OffsetRange, TypedBatch } from '../decode/batch.ts';
import type { Offset } from '../log/offset.ts';
import type { ArchivedEvent, ArchiveTable, BadRow } from './archive.ts';

/** What a Parquet file of the archive holds. */
export interface FileContent {
  rows: number;
  /** Smallest and largest value of some columns, as JSON values of the table's statistics. */
  min: Record<string, string | number>;
  max: Record<string, string | number>;
  /** Rows per source. */
  sources: Record<string, number>;
  /** Rows of `events` about which nothing is decided: an older version wrote them, or another program. */
  undecided: number;
  /** First and last offset of the rows of each partition. */
  offsets: Record<number, readonly [Offset, Offset]>;
}

/** One Parquet file that was written, with what the table's log says of it. */
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

/**
 * Writes the Parquet of the archive, and looks into it. Files are complete and fsynced when a method resolves; a failed call
 * may leave files behind in `dir`, which belongs to the caller.
 */
export interface ParquetWriter {
  /** Writes the rows of `batch` in `ranges` that belong to `table`, one file per date, into `dir`. */
  write(
    batch: TypedBatch,
    table: ArchiveTable,
    ranges: readonly OffsetRange[],
    dir: string,
  ): Promise<ParquetFile[]>;
  /** Looks into a file that another program wrote, which may lack columns. */
  inspect(file: string): Promise<FileContent>;
  /** Merges files of one date into one, in order of partition and offset, with all their columns. */
  merge(table: ArchiveTable, date: string, files: string[], dir: string): Promise<ParquetFile[]>;
  readonly upgrader: Upgrader;
  /** Writes the actions of a table's log as a checkpoint: one Parquet file. */
  checkpoint(actions: readonly object[], target: string): Promise<void>;
  /** The actions of a checkpoint file. */
  readCheckpoint(file: string): Promise<object[]>;
}

/** Gives rows of the archive's Parquet to people. */
export interface ParquetReader {
  /** The rows of `events` files as NDJSON that ingest takes, in pieces. */
  exportEvents(files: readonly string[]): AsyncIterable<string>;
  /** Of each source the newest rows of `events` files, newest first. */
  latestEvents(files: readonly string[], perSource: number): Promise<ArchivedEvent[]>;
  /** Rows of `bad_rows` files, newest first. */
  badRows(files: string[], filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
}
