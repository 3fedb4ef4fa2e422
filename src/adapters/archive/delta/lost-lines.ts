import { addCount, type CountsBySource } from '../../../domain/offset.ts';
import type { ParsedBatch } from '../../../ports/batch.ts';
import type { Action } from './actions.ts';
import type { DeltaTable } from './table.ts';

/** Lost lines are counted per source in transactions of their own, so that they stay with the position. */
const LOST = /\/lost\/([^/]+)$/;

export function lostTxns(table: DeltaTable, appId: string, batch: ParsedBatch, nowMs: number): Action[] {
  return Object.entries(batch.lost).map(([source, lines]) => {
    const id = `${appId}/lost/${source}`;
    return { txn: { appId: id, version: Math.max(0, table.txn(id)) + lines, lastUpdated: nowMs } };
  });
}

export function lostLines(table: DeltaTable): CountsBySource {
  const lost: CountsBySource = {};
  for (const id of table.txnIds()) {
    const source = LOST.exec(id)?.[1];
    if (source) addCount(lost, source, table.txn(id));
  }
  return lost;
}
