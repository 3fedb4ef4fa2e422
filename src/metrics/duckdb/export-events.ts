import type { ArchivedEvent } from '../../archive/archive.ts';
import { EVENT_TIME_COLUMN } from '../../event/columns.ts';
import { FIELDS } from '../../event/fields.ts';
import { type Connection, identifier, quote } from './database.ts';
import { readingFiles } from './parquet-files.ts';

/** So many events are in memory at a time. */
const CHUNK_ROWS = 10_000;

/** The rows of Parquet files of `events` as the lines that they came from, as far as their meaning goes: NDJSON, in pieces. */
export async function* eventLines(connection: Connection, files: readonly string[]): AsyncGenerator<string> {
  for (const file of files) {
    const { rows } = await connection.row<{ rows: number }>(
      `SELECT count(*) AS rows FROM read_parquet(${quote(file)})`,
    );
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const lines = await readingFiles(
        [file],
        (relation) =>
          connection.rows<{ line: string }>(
            `SELECT ${lineSql()} AS line FROM ${relation}
             WHERE file_row_number >= ${from} AND file_row_number < ${from + CHUNK_ROWS} ORDER BY file_row_number`,
          ),
        ', file_row_number = true',
      );
      yield lines.map(({ line }) => `${line}\n`).join('');
    }
  }
}

/** The newest rows of each source in Parquet files of `events`, as the lines that they came from, newest first. */
export async function latestEvents(
  connection: Connection,
  files: readonly string[],
  perSource: number,
): Promise<ArchivedEvent[]> {
  if (files.length === 0) return [];
  const rows = await readingFiles(files, (relation) =>
    connection.rows<Omit<ArchivedEvent, 'received_at'> & { received_ms: number }>(
      `SELECT source, epoch_ms(received_at) AS received_ms, ${lineSql()} AS event FROM (
         FROM ${relation} WHERE received_at IS NOT NULL AND source IS NOT NULL
         QUALIFY row_number() OVER (PARTITION BY source ORDER BY received_at DESC, log_partition, log_offset DESC, log_line DESC) <= ${perSource}
       ) ORDER BY received_at DESC, log_partition, log_offset DESC, log_line DESC`,
    ),
  );
  return rows.map(({ received_ms, ...row }) => ({
    ...row,
    received_at: new Date(received_ms).toISOString(),
  }));
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
