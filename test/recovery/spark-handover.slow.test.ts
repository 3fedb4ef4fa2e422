/** The engine of a running shop is changed from DuckDB to Spark and back: the product itself, real Kafka, Spark and InfluxDB. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RebuildResult } from '../../src/ports/engine.ts';
import { assertMetricsEqual, followed, Influx } from '../support/influx.ts';
import { startProduct, temporaryDir, testSeed, until } from '../support/product.ts';
import { startService } from '../support/services.ts';
import { sparkPrograms } from '../support/spark.ts';
import { shopLines } from '../support/spark-rig.ts';

const NEWLINE = Buffer.from('\n');
const LINES = 1500;
const WAIT_MS_MAX = 180_000;
const SPARK = {
  kind: 'spark',
  master: 'local[2]',
  trigger_seconds: 1,
  shuffle_partitions: 2,
  rebuild_rows_min: 0,
};

it('metrics and what follows them lose nothing and count nothing twice when the engine changes', async () => {
  const programs = await sparkPrograms();
  const kafka = await startService('kafka');
  const influxdb = await startService('influxdb');
  const influx = new Influx(influxdb.info);
  const dataDir = temporaryDir();
  const log = { kind: 'kafka', ...kafka.info, topic: 'handed-over', partitions: 2 };
  const stores = [{ kind: 'influxdb', ...influxdb.info }];
  const engines = { duckdb: { kind: 'duckdb' }, spark: { ...SPARK, ...programs } };
  const seed = testSeed('spark-handover');
  let received = 0;
  for (const [turn, name] of (['duckdb', 'spark', 'duckdb', 'spark'] as const).entries()) {
    const product = await startProduct({ dataDir, config: { log, stores, engine: engines[name] } });
    const lines = shopLines(LINES, seed + turn);
    await product.send(Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE])));
    received += lines.length;
    await until(
      async () => {
        const { archive, metrics, dirty_windows: dirty } = await product.ledger();
        const { counted, duplicate, bad } = metrics;
        return counted + duplicate + bad === received && archive.in_flight === 0 && dirty === 0;
      },
      `${received} lines in the metrics of ${name}`,
      WAIT_MS_MAX,
    );
    await followed(product, WAIT_MS_MAX);
    assert.ok((await product.ledger()).balanced, `${name}: the ledger balances`);
    assert.ok((await assertMetricsEqual(product, influx)) > 0);
    const { json } = await product.request<RebuildResult>('POST', '/v1/admin/rebuild?diff=true', {
      timeoutMs: WAIT_MS_MAX,
    });
    assert.equal(json.differences, 0, `${name}: ${JSON.stringify(json.examples.slice(0, 3))}`);
    const { text } = await product.request('GET', '/metrics');
    const rebuilds = /^tillstream_cluster\{reading="rebuilds"\} (\d+)$/m.exec(text)?.[1];
    assert.equal(rebuilds, name === 'spark' ? '1' : undefined, 'Spark computes its own rebuild');
    assert.equal(await product.stop(), 0, name);
  }
});
