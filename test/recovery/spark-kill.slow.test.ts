/**
 * Spark on this machine is killed while lines come, and other programs maintain the tables: nothing is lost and nothing is counted
 * twice, as a range is computed again and merged once. It takes minutes: after each kill Spark starts again.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { RebuildResult } from '../../src/metrics/engine.ts';
import { testNow } from '../support/clock.ts';
import { descendants, isAlive } from '../support/processes.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { shopLines } from '../support/shop-lines.ts';
import { sparkPython } from '../support/spark.ts';
import { itThorough } from '../support/thorough.ts';

const LINES = 1500;
const SEND_LINES = 100;
const HALF = 700;
const WAIT_MS_MAX = 240_000;
const NEWLINE = Buffer.from('\n');
const MAINTAIN = join(import.meta.dirname, '..', 'support', 'change-archive.py');

describe('Metrics on Spark lose nothing and count nothing twice', () => {
  const dataDir = temporaryDir();
  let config: object;
  let product: Product;
  let sent = 0;
  before(async () => {
    const engine = { kind: 'spark', master: 'local[2]', python: await sparkPython() };
    config = { time_zone: 'Europe/Berlin', engine, batch: { archive_every_ms: 300 } };
    product = await startProduct({ dataDir, config, readyMsMax: WAIT_MS_MAX });
  });
  after(() => product?.stop());

  const driver = () => descendants(product.pid, 'driver.py')[0];

  const sendAndKill = async (seed: number, atHalf: () => Promise<unknown> | unknown) => {
    const lines = shopLines(LINES, seed);
    for (let at = 0; at < LINES; at += SEND_LINES) {
      if (at === HALF) await atHalf();
      const body = lines.slice(at, at + SEND_LINES).flatMap((line) => [Buffer.from(line), NEWLINE]);
      await product.send(Buffer.concat(body));
    }
    sent += LINES;
  };

  const assertTruth = async () => {
    await until(
      async () => {
        const { received, archive, metrics, dirty_windows: dirty } = await product.ledger();
        return received === sent && archive.in_flight + metrics.in_flight + dirty === 0;
      },
      `${sent} lines in the metrics`,
      WAIT_MS_MAX,
    );
    const { balanced, metrics } = await product.ledger();
    assert.ok(balanced);
    assert.equal(metrics.counted + metrics.duplicate + metrics.excluded + metrics.bad, sent);
    const { json } = await product.request<RebuildResult>('POST', '/v1/admin/rebuild?diff=true', {
      timeoutMs: WAIT_MS_MAX,
    });
    assert.equal(json.differences, 0, JSON.stringify(json.examples.slice(0, 3)));
    assert.ok(json.windows > 0);
  };

  it('when the Python of the driver is killed while lines come', async (t) => {
    await until(() => driver() !== undefined, 'the driver', WAIT_MS_MAX);
    await sendAndKill(testSeed(t), () => process.kill(driver()!, 'SIGKILL'));
    await assertTruth();
  });

  itThorough('when the JVM of the driver is killed while lines come', async (t) => {
    await sendAndKill(testSeed(t), () => {
      const [jvm] = descendants(driver()!, 'org.apache.spark');
      process.kill(jvm!, 'SIGKILL');
    });
    await assertTruth();
  });

  it('when our own process is killed while lines come; its driver then ends by itself', async (t) => {
    const before = driver()!;
    await sendAndKill(testSeed(t), async () => {
      await product.kill();
      product = await startProduct({ dataDir, config, readyMsMax: WAIT_MS_MAX });
    });
    await until(() => !isAlive(before), 'the end of the driver', 60_000);
    await assertTruth();
  });

  it('while another program compacts and vacuums the tables, and deletes rows', async (t) => {
    const maintain = (...args: string[]) =>
      promisify(execFile)(python(), [MAINTAIN, join(dataDir, 'archive', 'events'), ...args]);
    await sendAndKill(testSeed(t), async () => {
      await maintain('compact');
      await maintain('vacuum');
    });
    await assertTruth();
    await maintain('delete', "device_type = 'tablet'");
    // The next commit sees what was changed.
    await product.send(`{"timestamp":"${new Date(testNow()).toISOString()}","event_type":"search"}\n`);
    await product.settled();
    assert.ok((await product.ledger()).balanced);
    const rebuilt = await product.request<RebuildResult>('POST', '/v1/admin/rebuild', {
      timeoutMs: WAIT_MS_MAX,
    });
    assert.equal(rebuilt.status, 200, rebuilt.text);
    const { json } = await product.request<{ rows: { device_type: string }[] }>(
      'GET',
      '/v1/metrics/traffic?window=1d&from=2020-01-01',
    );
    const devices = new Set(json.rows.map(({ device_type: device }) => device));
    assert.ok(devices.has('mobile') && !devices.has('tablet'), [...devices].join(', '));
  });
});
