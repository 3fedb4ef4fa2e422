/** Reads the rows of a Parquet file, as NDJSON. */
export async function* readParquet(path: string): AsyncGenerator<Buffer> {
  yield* (await import('../metrics/duckdb/parquet-records.ts')).parquetRecords(path);
}
