import type { Offset } from '../../../domain/offset.ts';

/** Pieces of the SQL that reads the archive. */

/** A relation with the columns that are read of `events`, for a filter that no file matches. */
export const EMPTY_EVENTS = `SELECT now() AS event_time, '' AS event_type, '' AS event_id, '' AS user_id, '' AS session_id,
  '' AS product_id, 0 AS quantity, 0::DECIMAL(18,4) AS price, 0::DECIMAL(18,4) AS amount, '' AS currency, '' AS device_type,
  0 AS response_time, 0 AS status_code, 0 AS log_partition, 0::BIGINT AS log_offset, 0 AS log_line, now() AS received_at,
  '' AS source`;

/** Condition for rows before the positions. */
export function before(positions: Record<string, Offset>): string {
  const parts = Object.entries(positions).map(
    ([id, past]) => `(log_partition = ${id} AND log_offset < ${past})`,
  );
  return parts.length > 0 ? `(${parts.join(' OR ')})` : 'false';
}

/** The ranges (both ends included), in order, joined where they meet. */
export function mergeRanges(ranges: (readonly [number, number])[]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** UTC date of an instant, YYYY-MM-DD. */
export function utcDate(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

/** An instant in SQL. */
export function instant(epochMs: number): string {
  return `make_timestamptz(${epochMs * 1000})`;
}
