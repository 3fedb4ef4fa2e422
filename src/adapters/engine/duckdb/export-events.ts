import { EVENT_TIME_COLUMN } from '../../../domain/columns.ts';
import { FIELDS } from '../../../domain/fields.ts';
import { type Connection, identifier, quote } from './database.ts';

/** So many events are in memory at a time. */
const CHUNK_ROWS = 10_000;

/** The rows of Parquet files of `events` as the lines that they came from, as far as their meaning goes: NDJSON, in pieces. */
export async function* exportEvents(
  connection: Connection,
  files: readonly string[],
): AsyncGenerator<string> {
  for (const file of files) {
    const { rows } = await connection.row<{ rows: number }>(
      `SELECT count(*) AS rows FROM read_parquet(${quote(file)})`,
    );
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const lines = await connection.rows<{ line: string }>(
        `SELECT ${lineSql()} AS line FROM read_parquet(${quote(file)}, file_row_number = true)
         WHERE file_row_number >= ${from} AND file_row_number < ${from + CHUNK_ROWS} ORDER BY file_row_number`,
      );
      yield lines.map(({ line }) => `${line}\n`).join('');
    }
  }
}

/** Decimals go as text, so that no digit is lost; a merge patch leaves out what is null. */
function lineSql(): string {
  const values = FIELDS.map(({ name, kind }) => {
    if (kind === 'timestamp')
      return `${quote(name)}, strftime(${EVENT_TIME_COLUMN}, '%Y-%m-%dT%H:%M:%S.%fZ')`;
    const column = identifier(name);
    const isDecimal = kind === 'money' || kind === 'decimal';
    const value = kind === 'items' ? `CAST(${column} AS JSON)` : column;
    return `${quote(name)}, ${isDecimal ? `CAST(${column} AS VARCHAR)` : value}`;
  });
  const known = `json_object(${values.join(', ')})`;
  return `CAST(json_merge_patch(coalesce(CAST(extra AS JSON), '{}'), json_merge_patch('{}', ${known})) AS VARCHAR)`;
}
