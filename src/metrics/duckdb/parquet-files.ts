import { BAD_ROW_COLUMNS, type Column, DATE_COLUMN, EVENT_COLUMNS } from '../../event/columns.ts';
import { identifier, stringList } from './database.ts';

/** Relations over Parquet files of the archive. */

const inFiles = (columns: readonly Column[]) => columns.filter(({ name }) => name !== DATE_COLUMN);
const ALL_COLUMNS = new Map(
  [...inFiles(EVENT_COLUMNS), ...inFiles(BAD_ROW_COLUMNS)].map((column) => [column.name, column]),
);

/** Files that Tillstream wrote: they have its columns. */
function readFiles(paths: readonly string[], options = ''): string {
  return `read_parquet(${stringList(paths)}${options})`;
}

/**
 * Files of other programs too, which may lack columns of ours, and have more of their own: what is missing is null. Reads the
 * schemas of all files first.
 */
export function readAnyFiles(
  paths: readonly string[],
  columns: Iterable<Column> = ALL_COLUMNS.values(),
  options = '',
): string {
  const typed = [...columns].map(({ name, duckType }) => `NULL::${duckType} AS ${identifier(name)}`);
  return `(SELECT COLUMNS(c -> c <> '${DATE_COLUMN}') FROM (
    (SELECT ${typed.join(', ')} LIMIT 0) UNION ALL BY NAME
    (FROM read_parquet(${stringList(paths)}, union_by_name = true, hive_partitioning = false${options}))))`;
}

/**
 * Runs `read` on the files; where they turn out to lack columns, once more on a relation that has them. `options` are further ones of
 * `read_parquet`, each after a comma.
 */
export async function readingFiles<T>(
  paths: readonly string[],
  read: (files: string) => Promise<T>,
  options = '',
): Promise<T> {
  try {
    return await read(readFiles(paths, options));
  } catch (error) {
    if (!isOtherSchema(error)) throw error;
    return read(readAnyFiles(paths, ALL_COLUMNS.values(), options));
  }
}

/** DuckDB takes the columns from the first file, and wants them in all others. */
function isOtherSchema(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  return /^Binder Error|schema mismatch|does not have|Failed to cast|column/i.test(message);
}
