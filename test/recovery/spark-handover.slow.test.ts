/** The engine of a running shop is changed from DuckDB to Spark and back: the product itself, real Spark and InfluxDB. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RebuildResult } from '../../src/metrics/engine.ts';
import { assertMetricsEqual, followed, Influx } from '../support/influx.ts';
import { startProduct, temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { ownName, sharedService } from '../support/services.ts';
import { shopLines } from '../support/shop-lines.ts';
import { sparkPython } from '../support/spark.ts';

const NEWLINE = Buffer.from('\n');
const LINES = 1500;
const WAIT_MS_MAX = 180_000;

it('metrics and what follows them lose nothing and count nothing twice when the engine changes', async () => {
  const influxdb = await sharedService('influxdb');
  const influx = new Influx(influxdb);
  const database = ownName('handed-over');
  await influx.query(`CREATE DATABASE "${database}"`);
  const dataDir = temporaryDir();
  const stores = [{ kind: 'influxdb', ...influxdb, bucket: `${database}/autogen` }];
  const spark = { kind: 'spark', master: 'local[2]', python: await sparkPython() };
  const engines = { duckdb: { kind: 'duckdb' }, spark };
  const seed = testSeed('spark-handover');
  let received = 0;
  for (const [turn, name] of (['duckdb', 'spark', 'duckdb'] as const).entries()) {
    const product = await startProduct({
      dataDir,
      config: { stores, engine: engines[name] },
      readyMsMax: WAIT_MS_MAX,
    });
    const lines = shopLines(LINES, seed + turn);
    await product.send(Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE])));
    received += lines.length;
    await until(
      async () => {
        const { archive, metrics, dirty_windows: dirty } = await product.ledger();
        const { counted, duplicate, excluded, bad } = metrics;
        return counted + duplicate + excluded + bad === received && archive.in_flight === 0 && dirty === 0;
      },
      `${received} lines in the metrics of ${name}`,
      WAIT_MS_MAX,
    );
    await followed(product, WAIT_MS_MAX);
    assert.ok((await product.ledger()).balanced, `${name}: the ledger balances`);
    assert.ok((await assertMetricsEqual(product, influx, database)) > 0);
    const { json } = await product.request<RebuildResult>('POST', '/v1/admin/rebuild?diff=true', {
      timeoutMs: WAIT_MS_MAX,
    });
    assert.equal(json.differences, 0, `${name}: ${JSON.stringify(json.examples.slice(0, 3))}`);
    const { text } = await product.request('GET', '/metrics');
    const jobs = /^tillstream_cluster\{reading="jobs"\} (\d+)$/m.exec(text)?.[1];
    assert.equal(
      Number(jobs ?? 0) > 0,
      name === 'spark',
      'Spark computes where it is the engine, and only there',
    );
    assert.equal(await product.stop(), 0, name);
  }
});
