import { DuckDBInstance } from '@duckdb/node-api';
import { quote } from './database.ts';

const MEMORY = '512MB';
const NEWLINE = '\n';
/** Name of the row: no column should have it. */
const ROW = 'tillstream_row';

/**
 * The rows of any Parquet file as NDJSON, in their order, some thousands at a time. Instants are in UTC; local times have no zone.
 * Rejects where the file can't be read.
 */
export async function* parquetRecords(file: string): AsyncGenerator<Buffer> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: MEMORY });
  try {
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    const rows = await connection.stream(
      `SELECT CAST(to_json(${ROW}) AS VARCHAR) FROM read_parquet(${quote(file)}) AS ${ROW}`,
    );
    for (let chunk = await rows.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await rows.fetchChunk()) {
      const lines = chunk.getColumnValues(0) as string[];
      yield Buffer.from(lines.join(NEWLINE) + NEWLINE);
    }
    connection.closeSync();
  } finally {
    instance.closeSync();
  }
}
