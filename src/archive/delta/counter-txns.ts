import type { TypedBatch } from '../../decode/batch.ts';
import { addCount, type CountsBySource, countOf, type Offset } from '../../log/offset.ts';
import type { ArchiveChanges } from '../archive.ts';
import type { ParquetFile } from '../parquet-tool.ts';
import type { Action } from './actions.ts';
import { countFiles, isAhead } from './live-files.ts';
import type { DeltaTable } from './table.ts';

/**
 * Counts per source in transactions of their own, so that they stay with the position: lines that the log lost, and rows
 * that Tillstream has put into the table. The rows that are there now may be others: other programs delete and add some.
 */
const COUNTER = /\/(lost|rows)\/([^/]+)$/;

export function lostTxns(table: DeltaTable, appId: string, batch: TypedBatch, nowMs: number): Action[] {
  return Object.entries(batch.lost).map(([source, lines]) =>
    increased(table, `${appId}/lost/${source}`, lines, nowMs),
  );
}

/** Lines by source that the log lost before they could be archived. */
export function lostLines(table: DeltaTable): CountsBySource {
  return counters(table, 'lost') ?? {};
}

export function rowsTxns(
  table: DeltaTable,
  appId: string,
  files: readonly ParquetFile[],
  nowMs: number,
): Action[] {
  // An older Tillstream has counted none: what is there is what it has archived.
  const rows = counters(table, 'rows') ? {} : countFiles(table.files());
  for (const { sources } of files)
    for (const [source, n] of Object.entries(sources)) addCount(rows, source, n);
  return Object.entries(rows).map(([source, n]) => increased(table, `${appId}/rows/${source}`, n, nowMs));
}

/** What Tillstream has archived before the positions, by source, and what other programs have changed of that. */
export function changesIn(
  tables: readonly DeltaTable[],
  positions: ReadonlyMap<number, Offset>,
): { archived: CountsBySource; changed: ArchiveChanges } {
  const archived: CountsBySource = {};
  const changed: ArchiveChanges = { deleted: {}, added: {} };
  for (const table of tables) {
    const live = countFiles(table.files());
    const counted = counters(table, 'rows') ?? live;
    const ahead = countFiles(table.files().filter((file) => isAhead(file, positions)));
    for (const source of new Set([...Object.keys(live), ...Object.keys(counted)])) {
      const rows = countOf(counted, source);
      addCount(archived, source, rows - countOf(ahead, source));
      const more = (live[source] ?? 0) - rows;
      if (more !== 0) addCount(more > 0 ? changed.added : changed.deleted, source, Math.abs(more));
    }
  }
  return { archived, changed };
}

function increased(table: DeltaTable, appId: string, by: number, nowMs: number): Action {
  return { txn: { appId, version: Math.max(0, table.txn(appId)) + by, lastUpdated: nowMs } };
}

function counters(table: DeltaTable, kind: 'lost' | 'rows'): CountsBySource | null {
  let counts: CountsBySource | null = null;
  for (const id of table.txnIds()) {
    const [, found, source] = COUNTER.exec(id) ?? [];
    if (found !== kind) continue;
    counts ??= {};
    addCount(counts, source!, table.txn(id));
  }
  return counts;
}
