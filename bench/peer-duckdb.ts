/**
 * The peer of bench/load.ts: one DuckDB job that reads the same file, writes the same columns as Parquet and does the
 * same groupings, all at once, with nothing to keep: no log, no fsync, no state, no positions.
 * Usage: node bench/peer-duckdb.ts FILE OUT_DIR
 */
import { rm } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { FIELDS } from '../src/domain/fields.ts';
import { CATALOGUE } from '../src/metrics/catalogue.ts';

const [file, outDir] = process.argv.slice(2);
const started = performance.now();
await rm(outDir!, { recursive: true, force: true });
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
await connection.run(`SET TimeZone = 'UTC'`);
const types = { text: 'VARCHAR', integer: 'INTEGER', money: 'DECIMAL(18,4)', timestamp: 'TIMESTAMPTZ' };
const columns = FIELDS.map((field) => `"${field.name}": 'VARCHAR'`).join(', ');
const typed = FIELDS.map(
  (field) => `TRY_CAST("${field.name}" AS ${types[field.kind]}) AS "${field.name}"`,
).join(', ');
await connection.run(`CREATE TABLE lines AS SELECT ${typed},
    hash(event_id) AS id_hash, rowid_ AS log_offset, now() AS received_at, 'load' AS source
  FROM (SELECT *, row_number() OVER () AS rowid_ FROM read_json('${file}', format = 'newline_delimited',
    columns = {${columns}}, ignore_errors = true, maximum_object_size = 4194304))`);
await connection.run(`CREATE TABLE events AS SELECT *, timestamp AS event_time,
    epoch_us(timestamp) // 60000000 AS minute, CAST(epoch_us(timestamp) // 86400000000 AS INTEGER) AS day
  FROM lines WHERE timestamp IS NOT NULL AND event_type IS NOT NULL`);
await connection.run(`COPY (SELECT * EXCLUDE (minute, id_hash, timestamp) FROM events)
  TO '${outDir}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))`);
await connection.run(`CREATE TABLE counted AS SELECT * FROM events
  QUALIFY row_number() OVER (PARTITION BY coalesce(event_id, log_offset::VARCHAR) ORDER BY log_offset) = 1`);
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
      ${[...keys, ...values].join(', ')} FROM counted ${metric.where ? `WHERE ${metric.where}` : ''} GROUP BY ALL`);
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
