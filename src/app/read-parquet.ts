import { LoadError } from '../load/load-error.ts';

const NEWLINE = 0x0a;

/** Reads the rows of a Parquet file, as NDJSON. Throws where not all of them can be read. */
export async function* readParquet(path: string): AsyncGenerator<Buffer> {
  const [{ parquetRecords }, { parquetRowCount }] = await Promise.all([
    import('../metrics/duckdb/parquet-records.ts'),
    import('../metrics/duckdb/parquet-row-count.ts'),
  ]);
  const all = await parquetRowCount(path);
  let rows = 0;
  for await (const chunk of parquetRecords(path)) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) rows++;
    yield chunk;
  }
  if (rows < all) throw new LoadError(`only ${rows} of its ${all} rows can be read, and the rest is damaged`);
}
