import type { OffsetRange, TypedBatch, TypedRows } from '../decode/batch.ts';
import type { CountsBySource, Offset } from '../log/offset.ts';
import type { ComponentStatus } from '../telemetry/status.ts';

/** What the metrics have done with the lines before their position, by source. */
export interface MetricsLedger {
  counted: CountsBySource;
  duplicate: CountsBySource;
  /** Test orders and known bots. */
  excluded: CountsBySource;
  bad: CountsBySource;
  /** Lines that the log had lost before they could be read. */
  lost: CountsBySource;
  /** Rows that other programs had deleted from the archive before the metrics were filled from it; less than 0: added. */
  deleted?: CountsBySource;
}

export interface RebuildRange {
  /** Windows from the local day of fromMs to the local day of toMs (exclusive). */
  fromMs: number;
  toMs: number;
}

export interface RebuildDifference {
  metric: string;
  window: string;
  start: string;
  keys: Record<string, string>;
  /** Values that the metrics hold, and those that the archive gives; null where there is no such row. */
  stored: Record<string, string | number | null> | null;
  rebuilt: Record<string, string | number | null> | null;
}

export interface RebuildResult {
  /** Windows that were computed. */
  windows: number;
  differences: number;
  /** The first 20 differences. */
  examples: RebuildDifference[];
}

/** Files that may hold rows of one of the event dates (UTC), and that were received in one of the time ranges (ms, both ends included). */
export interface FileFilter {
  dates?: ReadonlySet<string>;
  receivedMs?: readonly (readonly [number, number])[];
  /** Only files that may hold a row in one of the ranges. */
  ranges?: readonly OffsetRange[];
  /** Only these paths, as `withNames` gives them. */
  paths?: ReadonlySet<string>;
}

/** A Parquet file of the archive. */
export interface ArchiveFile {
  /** Within the folder of its table. */
  path: string;
  /** 0 where another program has written it and does not say. */
  rows: number;
  /** Smallest and largest received-at of its rows, ms. */
  receivedMs: readonly [number, number];
}

/** How far the archive has come. */
export interface ArchivePositions {
  /** Offset after the last archived line of the partition. */
  position(partition: number): Offset;
  partitions(): number[];
  /** Lines before the positions that the log had lost before they could be archived. */
  lost(): CountsBySource;
  /** Rows of both tables that were archived before the positions, also those that other programs have deleted since. */
  archived(): CountsBySource;
}

/** Local Parquet files of the archive, and what they cover. */
export interface ArchiveFiles {
  /** Calls `use` with local paths of the Parquet files that the filter lets pass; the files stay until `use` settles. */
  withFiles<T>(
    table: 'events' | 'bad_rows',
    filter: FileFilter,
    use: (paths: string[]) => Promise<T>,
  ): Promise<T>;
  /** The same for programs that read the archive where it is: nothing is brought to this machine. */
  withNames<T>(
    table: 'events' | 'bad_rows',
    filter: FileFilter,
    use: (files: ArchiveFile[]) => Promise<T>,
  ): Promise<T>;
  /** Event dates (UTC, YYYY-MM-DD) that the table has rows of, in order, with their number. */
  dates(table: 'events' | 'bad_rows'): { date: string; rows: number }[];
  /** Smallest and largest received-at of both tables, ms; null when they are empty. */
  receivedExtentMs(): readonly [number, number] | null;
}

/** Where an engine reads rows again. */
export interface ArchiveReader extends ArchivePositions, ArchiveFiles {}

/**
 * Gives rows of the archive as a batch, with the decisions that stand there: for metrics whose process does not decode the log
 * itself. The relation has the columns that metrics read.
 */
export interface ArchivedBatches {
  /** About how many lines a batch is best made of. */
  readonly linesMax?: number;
  read(archive: ArchiveReader, ranges: readonly OffsetRange[]): Promise<TypedRows>;
  release(lines: TypedRows): Promise<void>;
}

/**
 * A separate program that computes for the engine.
 *
 * - `start` starts it, and starts it again when it ends, for as long as it takes; `status` reports how it is.
 * - `stop` ends it, whatever it computes.
 * - `counters`: what it reports about itself, for monitoring.
 */
export interface EngineProgram {
  start(): void;
  stop(): Promise<void>;
  status(): ComponentStatus;
  counters(): Record<string, number>;
}

/** How far the metrics have come, and what they know of it. */
export interface MetricsProgress {
  position(partition: number): Offset;
  ledger(): MetricsLedger;
  invalidatedWindows(): number;
  /** Largest received-at that was seen, ms; 0 before the first batch. */
  maxReceivedAtMs(): number;
  isEmpty(): boolean;
}

/**
 * Computes metrics of batches, which it is fed one after the other.
 *
 * - `apply` takes a batch whose ranges start at the positions of their partitions and moves those to their ends, in one
 *   transaction with all that follows from it; when it rejects, nothing has changed and the same batch may be offered again.
 * - Windows that are closed for the batch are only marked invalidated; `recompute` recomputes invalidated windows from the archive, as
 *   far as the archive has come, and returns how many are left. At `signal` it stops after the step that it is at: days with many rows are one each.
 * - `restore` fills an engine without state (`isEmpty`) from the archive, and resolves true; another one it leaves as it is, and
 *   resolves false. It goes on from the archive's positions at the
 *   call; the archive may grow meanwhile. When `signal` aborts it rejects soon, and the engine is still without state.
 * - `mustRestore`: the state may have been lost while this ran; `restore` finds out, and fills it where it was.
 * - `rebuild` computes all windows of a range from the archive (as far as this engine has read the log) and replaces
 *   what it holds; with `diff` it only compares.
 * - Calls may overlap; the engine runs them one after the other.
 */
export interface BatchEngine extends MetricsProgress {
  mustRestore?(): boolean;
  apply(batch: TypedBatch): Promise<void>;
  restore(archive: ArchiveReader, signal?: AbortSignal): Promise<boolean>;
  recompute(archive: ArchiveReader, signal?: AbortSignal): Promise<number>;
  rebuild(archive: ArchiveReader, range: RebuildRange | null, diff: boolean): Promise<RebuildResult>;
  close(): Promise<void>;
}
