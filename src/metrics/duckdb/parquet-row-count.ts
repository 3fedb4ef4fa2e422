import { DuckDBInstance } from '@duckdb/node-api';
import { quote } from './database.ts';

/**
 * How many rows a Parquet file has, as its footer says. DuckDB ends a stream of rows in silence where a part of the file is damaged, so what
 * was read is compared with this.
 */
export async function parquetRowCount(file: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    const rows = await connection.runAndReadAll(
      `SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(${quote(file)})`,
    );
    connection.closeSync();
    return Number(rows.getRows()[0]![0]);
  } finally {
    instance.closeSync();
  }
}
