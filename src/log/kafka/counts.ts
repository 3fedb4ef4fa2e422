import type { LogBatch } from '../event-log.ts';
import { addCount, type CountsBySource, copyCounts, countOf } from '../offset.ts';

/** Adds the lines of the batch that have offsets before `end`. */
export function addBatch(counts: CountsBySource, batch: LogBatch, end: number): void {
  if (batch.firstOffset >= end) return;
  const lines = batch.sharesOffset ? batch.lines : Math.min(batch.lines, end - batch.firstOffset);
  addCount(counts, batch.source, lines);
}

/**
 * The counts `lines` lines after `low`, where only those at the end of a deleted range are known: the lines are given to
 * the sources in the order of their names. So the sum is right, and no count falls along the log.
 */
export function between(low: CountsBySource, high: CountsBySource, lines: number): CountsBySource {
  const counts = copyCounts(low);
  let missing = lines;
  for (const source of Object.keys(high).sort()) {
    const more = Math.min(missing, high[source]! - countOf(counts, source));
    if (more <= 0) continue;
    addCount(counts, source, more);
    missing -= more;
  }
  return counts;
}

/** The part of a batch from offset `from` on. */
export function cutBefore(batch: LogBatch, from: number): LogBatch {
  if (batch.firstOffset >= from || batch.sharesOffset) return batch;
  let { bytes } = batch;
  for (let at = batch.firstOffset; at < from; at++) bytes = bytes.subarray(bytes.indexOf(0x0a) + 1);
  return { ...batch, firstOffset: from, lines: batch.nextOffset - from, bytes };
}
