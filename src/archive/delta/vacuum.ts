import { posix } from 'node:path';
import type { VacuumResult } from '../archive.ts';
import type { DeltaTable } from './table.ts';

/** A file that no version names is left by a crash, or about to be committed by another writer: it may be this old. */
const ORPHAN_MS_MIN = 3_600_000;
/** An upload on its way to a server may take longer. */
const LEFTOVER_MS_MIN = 24 * 3_600_000;

export interface VacuumOptions {
  nowMs: number;
  /** Files that were removed before it are deleted. */
  beforeMs: number;
  /** Whether a file is being read, or about to be committed, by this process. */
  isInUse(path: string): boolean;
}

/** Deletes files of the table that no kept version needs; adds to `result`. */
export async function vacuumTable(
  table: DeltaTable,
  { nowMs, beforeMs, isInUse }: VacuumOptions,
  result: VacuumResult,
): Promise<void> {
  const orphanBeforeMs = Math.min(beforeMs, nowMs - ORPHAN_MS_MIN);
  await table.refresh();
  const live = table.files().map((file) => file.add.path);
  const removedAt = new Map(table.removed().map((file) => [file.path, file.deletionTimestamp]));
  const folders = new Set([...live, ...removedAt.keys()].map(folderOf));
  for (const folder of folders) {
    const files = await table.storage.list(folder);
    const found = new Set(files.map((file) => file.path));
    for (const path of removedAt.keys())
      if (folderOf(path) === folder && !found.has(path)) table.forgetRemoved(path);
    for (const file of files) {
      const at = removedAt.get(file.path);
      const isOld = at === undefined ? file.modifiedMs < orphanBeforeMs : at <= beforeMs;
      if (!isOld || table.has(file.path) || isInUse(file.path)) continue;
      await table.storage.remove(file.path);
      table.forgetRemoved(file.path);
      result.filesDeleted++;
      result.bytesFreed += file.bytes;
    }
  }
  await table.storage.removeLeftovers(Math.min(orphanBeforeMs, nowMs - LEFTOVER_MS_MIN));
  result.logFilesDeleted += await table.cleanLog(beforeMs);
}

const folderOf = (path: string) => (path.includes('/') ? posix.dirname(path) : '');
