import type { Offset } from '../../../domain/offset.ts';
import { type Connection, stringList } from './database.ts';

/** Pieces of the SQL that reads the archive. */

/** Files that are read at a time: DuckDB keeps about 300 KB of each in memory until the query is over. */
const FILES_MAX = 200;

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

/** Makes a temp table of what `select` gives of the files; `like` is a query with its columns, of which no row is taken. */
export async function tempOfFiles(
  connection: Connection,
  name: string,
  like: string,
  paths: string[],
  select: (files: string) => string,
): Promise<void> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${name} AS SELECT * FROM (${like}) LIMIT 0`);
  await eachFiles(connection, paths, (files) => `INSERT INTO ${name} ${select(files)}`);
}

/** Runs a statement on the files, some of them at a time. */
export async function eachFiles(
  connection: Connection,
  paths: string[],
  sql: (files: string) => string,
): Promise<void> {
  for (let i = 0; i < paths.length; i += FILES_MAX) {
    await connection.run(sql(`read_parquet(${stringList(paths.slice(i, i + FILES_MAX))})`));
  }
}
