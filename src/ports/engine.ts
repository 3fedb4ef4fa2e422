import type { CountsBySource, Offset } from '../domain/offset.ts';
import type { PartStatus } from '../domain/status.ts';
import type { ParsedBatch } from './batch.ts';

/** What the metrics have done with the lines before their position, by source. */
export interface MetricsLedger {
  counted: CountsBySource;
  duplicate: CountsBySource;
  bad: CountsBySource;
  /** Lines that the log had lost before they could be read. */
  lost: CountsBySource;
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
  /** Values that the metrics hold, and those that the archive gives; null where there is no such point. */
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
}

/** A Parquet file of the archive. */
export interface ArchiveFile {
  /** Within the folder of its table. */
  path: string;
  /** Smallest and largest received-at of its rows, ms. */
  receivedMs: readonly [number, number];
}

/** Where an engine reads rows again: local Parquet files of the archive, and what they cover. */
export interface ArchiveReader {
  /** Offset after the last archived line of the partition. */
  position(partition: number): Offset;
  partitions(): number[];
  /** Lines before the positions that the log had lost before they could be archived. */
  lost(): CountsBySource;
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

/** What of the log's lines an engine has counted, and what the log had before the place that it belongs to. */
export interface MetricsBooks {
  ledger: MetricsLedger;
  consumed: CountsBySource;
}

/**
 * An engine that runs as a program of its own and reads the log itself. Nobody calls its `apply` or `restore`; it looks after
 * cold windows by itself.
 *
 * - `start` goes on where the last one ended, and tries again for as long as it takes; `status` tells.
 * - `stop` ends it after the lines that the log has now, or after `drainMsMax`; then `close`.
 * - `lag`: lines of the log that the metrics lack.
 * - `counters`: what it tells of itself, for those who watch it.
 */
export interface ClusterEngine extends BatchEngine {
  start(archive: ArchiveReader): void;
  stop(drainMsMax: number): Promise<void>;
  status(): PartStatus;
  lag(): number;
  counters(): Record<string, number>;
  books(): MetricsBooks;
}

/**
 * An engine that runs in this process and is fed batch by batch.
 *
 * - `apply` takes a batch whose spans start at the positions of their partitions and moves those to their ends, in one
 *   transaction with all that follows from it; when it rejects, nothing has changed and the same batch may be offered again.
 * - Windows that are cold for the batch are only marked dirty; `repair` recomputes dirty windows from the archive, as
 *   far as the archive has come, and returns how many are left.
 * - `restore` fills an engine without state (`isEmpty`) from the archive and goes on from the archive's positions at the
 *   call; the archive may grow meanwhile. When `signal` aborts it rejects soon, and the engine is still without state.
 * - `rebuild` computes all windows of a range from the archive (as far as this engine has read the log) and replaces
 *   what it holds; with `diff` it only compares.
 * - Calls may overlap; the engine runs them one after the other.
 */
export interface BatchEngine {
  position(partition: number): Offset;
  ledger(): MetricsLedger;
  dirtyWindows(): number;
  /** Largest received-at that it has seen, ms; 0 before the first batch. */
  frontierMs(): number;
  isEmpty(): boolean;
  apply(batch: ParsedBatch): Promise<void>;
  restore(archive: ArchiveReader, signal?: AbortSignal): Promise<void>;
  repair(archive: ArchiveReader): Promise<number>;
  rebuild(archive: ArchiveReader, range: RebuildRange | null, diff: boolean): Promise<RebuildResult>;
  close(): Promise<void>;
}
