/**
 * The peer of bench/load.ts: the job that a data engineer would write who needs the numbers once. DuckDB reads the file with
 * the types of its columns, writes the rows as Parquet, and groups them by minute, hour and day: no log, no fsync, no state, no
 * exact distinct counts, and lines that it can't read are dropped without a word.
 * Usage: node bench/peer-lean-job.ts FILE OUT_DIR
 */
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { DuckDBInstance } from '@duckdb/node-api';

const COLUMNS =
  'timestamp event_id user_id session_id event_type product_id order_id category quantity price amount currency coupon device_type country url referrer campaign response_time status_code ip user_agent';
const WINDOWS = {
  minute: "time_bucket(INTERVAL '1 minute', t)",
  hour: "time_bucket(INTERVAL '1 hour', t)",
  day: 'epoch_ms(t) // 86400000',
};
const BY_ANY = {
  traffic: 'event_type, device_type, count(*)',
  responses: 'event_type, status // 100, count(*)',
  latency: 'event_type, count(*), approx_quantile(response_ms, [0.5, 0.95, 0.99]), max(response_ms)',
  audience: 'approx_count_distinct(user_id), approx_count_distinct(session_id)',
};
const BY_LONG = {
  funnel: 'event_type, approx_count_distinct(user_id)',
  products: 'product_id, event_type, count(*), sum(value)',
};
const REVENUE =
  "currency, count(DISTINCT order_id), sum(pieces), sum(value) FROM rows WHERE event_type = 'purchase'";

const [file, outDir] = process.argv.slice(2);
await rm(outDir!, { recursive: true, force: true });
await mkdir(outDir!, { recursive: true });
const started = performance.now();
const instance = await DuckDBInstance.create(':memory:', { threads: String(availableParallelism()) });
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'; SET preserve_insertion_order = false");
const texts = COLUMNS.split(' ').map((name) => `${name}: 'VARCHAR'`);
await connection.run(`CREATE TEMP TABLE lines AS SELECT try_cast(timestamp AS TIMESTAMPTZ) AS t,
  try_cast(response_time AS INTEGER) AS response_ms, try_cast(status_code AS INTEGER) AS status,
  try_cast(amount AS DECIMAL(18, 4)) AS value, try_cast(quantity AS INTEGER) AS pieces, * EXCLUDE (timestamp)
  FROM read_json('${file}', format = 'newline_delimited', ignore_errors = true, columns = {${texts.join(', ')}})`);
await connection.run(
  `COPY (SELECT * FROM lines WHERE t IS NOT NULL) TO '${outDir}/events.parquet' (FORMAT parquet, COMPRESSION zstd)`,
);
await connection.run(
  'CREATE TEMP VIEW rows AS SELECT * FROM lines WHERE t IS NOT NULL AND event_type IS NOT NULL',
);
for (const [window, start] of Object.entries(WINDOWS)) {
  const metrics = { ...BY_ANY, ...(window === 'minute' ? {} : BY_LONG) };
  for (const [name, values] of Object.entries(metrics))
    await connection.run(
      `CREATE TABLE ${name}_${window} AS SELECT ${start} AS start, ${values} AS n FROM rows GROUP BY ALL`,
    );
  await connection.run(`CREATE TABLE revenue_${window} AS SELECT ${start} AS start, ${REVENUE} GROUP BY ALL`);
}
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage();
const [[events]] = (await connection.runAndReadAll('SELECT sum(n)::BIGINT FROM traffic_day')).getRows() as [
  [bigint],
];
console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, events: Number(events) }));
