/**
 * The peer of bench/load.ts: one DuckDB job that reads the same file with the same event schema (all forms of timestamps
 * and numbers, unknown fields kept, what is no event told apart), writes the same columns as Parquet and does the same
 * groupings, all at once, with nothing to keep: no log, no fsync, no state, no positions. Lines that are not JSON are
 * dropped by its reader, as DuckDB users do it.
 * Usage: node bench/peer-duckdb.ts FILE OUT_DIR
 */
import { rm } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { EVENT_COLUMNS } from '../src/event/columns.ts';
import { CATALOGUE } from '../src/metrics/catalogue.ts';
import { allOf } from '../src/metrics/definition.ts';
import { parseSql } from '../src/metrics/duckdb/schema-sql.ts';

const [file, outDir] = process.argv.slice(2);
const started = performance.now();
await rm(outDir!, { recursive: true, force: true });
const instance = await DuckDBInstance.create(':memory:', { temp_directory: `${outDir}.tmp` });
const connection = await instance.connect();
await connection.run(`SET TimeZone = 'UTC'`);
const lines = `(SELECT json AS line, 0::INTEGER AS log_partition, 0::BIGINT AS log_offset, 0::INTEGER AS log_line,
  now() AS received_at, 'load' AS source FROM read_ndjson_objects('${file}', ignore_errors = true, maximum_object_size = 4194304) WHERE json IS NOT NULL)`;
await connection.run(`CREATE TABLE lines AS ${parseSql(lines, 'UTC', 'json')}`);
await connection.run(`CREATE VIEW events AS SELECT *, CAST(epoch_us(event_time) // 60000000 AS INTEGER) AS minute
  FROM lines WHERE reason IS NULL`);
const columns = EVENT_COLUMNS.map(({ name }) => `"${name}"`).join(', ');
await connection.run(`COPY (SELECT ${columns} FROM events)
  TO '${outDir}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (event_date))`);
await connection.run(`COPY (SELECT reason, field, raw, log_offset FROM lines WHERE reason IS NOT NULL)
  TO '${outDir}/bad_rows.parquet' (FORMAT parquet, COMPRESSION zstd)`);
await connection.run(`CREATE TABLE counted AS SELECT * FROM events
  QUALIFY row_number() OVER (PARTITION BY coalesce(event_id, uuid()::VARCHAR)) = 1`);
const size = { '1m': 1, '1h': 60, '1d': 1440 };
for (const metric of CATALOGUE) {
  if (metric.input !== 'events') continue;
  const keys = metric.keys.map((key) => `coalesce(${key.sql}, 'unknown') AS "${key.name}"`);
  const values = Object.entries(metric.values).map(([name, value]) => {
    const filter = 'where' in value && value.where ? ` FILTER (WHERE ${value.where})` : '';
    if (value.kind === 'count') return `count(*)${filter} AS "${name}"`;
    if (value.kind === 'sum') return `sum(${value.of})${filter} AS "${name}"`;
    if (value.kind === 'max') return `max(${value.of}) AS "${name}"`;
    if (value.kind === 'quantile') return `approx_quantile(${value.of}, ${value.q}) AS "${name}"`;
    return `count(DISTINCT ${value.of}) AS "${name}"`;
  });
  for (const window of metric.windows) {
    await connection.run(`CREATE TABLE ${metric.name}_${window} AS SELECT minute // ${size[window]} AS start,
      ${[...keys, ...values].join(', ')} FROM counted ${metric.where ? `WHERE ${allOf(metric.where)}` : ''} GROUP BY ALL`);
  }
}
const count = async (sql: string) => Number((await connection.runAndReadAll(sql)).getRows()[0]![0]);
console.log(
  JSON.stringify({
    seconds: (performance.now() - started) / 1000,
    lines: await count('SELECT count(*) FROM lines'),
    events: await count('SELECT count(*) FROM counted'),
    traffic: await count('SELECT sum(events)::BIGINT FROM traffic_1d'),
    orders: await count('SELECT sum(orders)::BIGINT FROM revenue_1h'),
  }),
);
