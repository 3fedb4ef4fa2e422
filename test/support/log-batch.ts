import type { LogBatch } from '../../src/log/event-log.ts';

/** Time of receipt of the batches, ms. */
export const NOW_MS = Date.UTC(2026, 10, 23, 12);

/** A batch of the log with these lines, which nobody has checked. */
export function batchOf(firstOffset: number, lines: string[], more: Partial<LogBatch> = {}): LogBatch {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return {
    partition: 0,
    nextOffset: firstOffset + lines.length,
    sharesOffset: false,
    firstOffset,
    lines: lines.length,
    receivedAtMs: NOW_MS,
    source: 'http',
    bytes,
    canonical: false,
    ...more,
  };
}

/** A purchase as a line. */
export const purchaseLine = (id: string, more = '') =>
  `{"timestamp":"2026-11-23T10:15:30Z","event_type":"purchase","event_id":"${id}"${more}}`;
