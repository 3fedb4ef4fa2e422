import type { TypedBatch } from '../decode/batch.ts';
import type { CountsBySource } from '../log/offset.ts';
import type { ArchiveReader } from '../metrics/engine.ts';

export type ArchiveTable = 'events' | 'bad_rows';

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

/** Where a computing cluster finds the folder of the tables. */
export interface ArchiveAddress {
  /** A server that it names by itself may be left out. */
  url: string;
  /** It is a folder of this machine. */
  isLocal: boolean;
  /** By what name the storage knows us. */
  user?: string | undefined;
}

export interface ArchiveCounts {
  events: CountsBySource;
  bad_rows: CountsBySource;
}

/** Rows by source that other programs have deleted from the tables, or added to them. */
export interface ArchiveChanges {
  deleted: CountsBySource;
  added: CountsBySource;
}

export interface CompactResult {
  /** Files that were merged, and files they became. */
  filesBefore: number;
  filesAfter: number;
}

export interface VacuumResult {
  filesDeleted: number;
  bytesFreed: number;
  logFilesDeleted: number;
}

export interface ArchiveStatus {
  state: 'ready' | 'failed';
  message: string;
  /** Received-at of the newest archived line, ms. */
  lastReceivedAtMs: number | null;
  tables: Record<ArchiveTable, { version: number; files: number; rows: number; bytes: number }>;
}

/**
 * What takes rows.
 *
 * - `append` takes the lines of each range from the position of its partition on; lines before it that the batch holds are
 *   skipped, so a batch may be offered again after any failure. The rows and the new positions become visible in one
 *   atomic step.
 *   It rejects when they are not durable; nothing is half visible then.
 * - Several processes may append: where another one was faster with a line, `append` rejects, and the positions are then
 *   as that one left them. `refresh` takes in what others have committed.
 */
export interface ArchiveWriter {
  append(batch: TypedBatch): Promise<void>;
  refresh(): Promise<void>;
}

/**
 * What the archive reports of itself.
 *
 * - `counts` belong to `position`: every line before it is counted once, none after it.
 * - `changed`: the rows that are there now, against those that `append` has put there.
 */
export interface ArchiveReport {
  counts(): ArchiveCounts;
  changed(): ArchiveChanges;
  status(): ArchiveStatus;
  check(): Promise<string>;
}

/**
 * What keeps it in order; all of it may run beside `append`.
 *
 * - `compact` merges small files without changing a row; `vacuum` deletes what no version of the last
 *   `retentionHours` needs.
 * - `upgrade` decides about rows that say nothing of it: an older version wrote them, or another program. Files of such rows are
 *   rewritten, some at a time; when it is stopped it goes on another time.
 */
export interface ArchiveMaintenance {
  /** Files of the table `events` that hold, or may hold, rows about which nothing is decided. */
  undecidedFiles(): number;
  upgrade(signal: AbortSignal): Promise<void>;
  compact(): Promise<CompactResult>;
  vacuum(retentionHours: number): Promise<VacuumResult>;
}

/** The archive: the tables `events` and `bad_rows`, which any data tool can open. */
export interface Archive extends ArchiveReader, ArchiveWriter, ArchiveReport, ArchiveMaintenance {}
