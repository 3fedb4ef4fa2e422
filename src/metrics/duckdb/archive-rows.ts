import type { OffsetRange } from '../../decode/batch.ts';
import { EVENT_COLUMNS } from '../../event/columns.ts';
import type { Offset } from '../../log/offset.ts';
import type { Connection } from './database.ts';
import { readingFiles } from './parquet-files.ts';

/** Pieces of the SQL that reads the archive. */

/** Files that are read at a time: DuckDB keeps about 300 KB of each in memory until the query is over. */
export const FILES_MAX = 200;

/** A relation with the columns of `events`, for a filter that no file matches. */
export const EMPTY_EVENTS = `SELECT ${EVENT_COLUMNS.map(({ name, duckType }) => `NULL::${duckType} AS ${name}`).join(', ')}`;

/** Condition for rows before the positions. */
export function before(positions: Record<string, Offset>): string {
  const parts = Object.entries(positions).map(
    ([id, past]) => `(log_partition = ${id} AND log_offset < ${past})`,
  );
  return parts.length > 0 ? `(${parts.join(' OR ')})` : 'false';
}

/** Condition for rows in the ranges. */
export function within(ranges: readonly OffsetRange[]): string {
  const parts = ranges.map(
    ({ partition, start, end }) =>
      `(log_partition = ${partition} AND log_offset >= ${start} AND log_offset < ${end})`,
  );
  return `(${parts.join(' OR ') || 'false'})`;
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
  paths: readonly string[],
  select: (files: string) => string,
  options = '',
): Promise<void> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${name} AS SELECT * FROM (${like}) LIMIT 0`);
  await eachFiles(connection, paths, (files) => `INSERT INTO ${name} ${select(files)}`, options);
}

/** Runs a statement on the files, some of them at a time; `options` as in `readingFiles`. */
export async function eachFiles(
  connection: Connection,
  paths: readonly string[],
  sql: (files: string) => string,
  options = '',
): Promise<void> {
  for (let i = 0; i < paths.length; i += FILES_MAX)
    await readingFiles(paths.slice(i, i + FILES_MAX), (files) => connection.run(sql(files)), options);
}
