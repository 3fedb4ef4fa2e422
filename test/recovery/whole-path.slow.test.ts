/**
 * The whole path of the old pipeline on real servers: log API, poller, Kafka, archive on HDFS, metrics and single events in
 * InfluxDB; then again while each of them is killed. It takes
 * minutes: the servers start again after each kill, and what came meanwhile is caught up.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebHdfs } from '../../src/archive/storage/hdfs/webhdfs.ts';
import { REMOTE_LIMITS } from '../../src/archive/storage/remote.ts';
import type { RebuildResult } from '../../src/metrics/engine.ts';
import { startBefore, stream, Truth } from '../../tools/simulator/index.ts';
import { createLogApi, type LogApi } from '../../tools/simulator/log-api.ts';
import { testNow } from '../support/clock.ts';
import { copyDown } from '../support/copy-down.ts';
import { assertMetricsEqual, followed, Influx } from '../support/influx.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { startService, type TestService } from '../support/services.ts';
import { isThorough } from '../support/thorough.ts';

const LINES = 30_000;
const CALM_LINES = 3000;
const SETTLED_MS_MAX = 180_000;
/** Lines a second, while servers are killed. */
const LOAD_EVERY_MS = 50;
const LOAD_LINES = 10;
/** Of the shop's own time: its day is made to pass much faster. */
const RATE = LINES / 3600;
const OUTAGE_MS = 2000;

describe('The whole path on real servers', () => {
  const seed = testSeed('whole path');
  const truth = new Truth();
  const shop = stream({
    seed,
    count: LINES,
    startMs: startBefore(testNow(), LINES, RATE),
    eventsPerSecond: RATE,
    // A poller that is killed asks for some lines again; without an id they would count twice.
    rates: { malformed: 0.005, duplicate: 0.01, withoutEventId: 0 },
  });
  let kafka: TestService<'kafka'>;
  let hdfs: TestService<'hdfs'>;
  let influxdb: TestService<'influxdb'>;
  let influx: Influx;
  let api: LogApi;
  let product: Product;
  const dataDir = temporaryDir();

  const start = async () => {
    product = await startProduct({
      dataDir,
      config: {
        sources: [{ kind: 'poll', url: api.url, name: 'shop', every_seconds: 0.2 }],
        log: { kind: 'kafka', ...kafka.info, topic: 'ecommerce_logs', session_timeout_seconds: 6 },
        archive: { kind: 'hdfs', ...hdfs.info, path: '/ecommerce', user: 'shop' },
        stores: [{ kind: 'influxdb', ...influxdb.info }],
        batch: { archive_every_ms: 1000, metrics_every_ms: 500 },
      },
    });
  };

  before(async () => {
    [kafka, hdfs, influxdb] = await Promise.all([
      startService('kafka'),
      startService('hdfs'),
      startService('influxdb'),
    ]);
    influx = new Influx(influxdb.info);
    api = await createLogApi({ port: 0, firstPosition: testNow() * 1000, random: Math.random });
    await start();
  });
  after(() => api?.close());

  function sell(lines: number): void {
    for (let line = 0; line < lines; line++) {
      const { value } = shop.next();
      if (!value) return;
      truth.add(value);
      api.append(value.line, value.kind !== 'bad');
    }
  }

  /** Waits until all that the shop has sold has come through everywhere. */
  async function through(): Promise<void> {
    const { events } = truth.summary();
    await until(
      async () => {
        const { archive, metrics, dirty_windows } = await product.ledger();
        return (
          metrics.counted === events && archive.in_flight + metrics.in_flight === 0 && dirty_windows === 0
        );
      },
      `${events} events are counted`,
      SETTLED_MS_MAX,
    ).catch(async (error) => {
      const found = await product.ledger();
      throw new Error(`${error.message}: ${JSON.stringify(found)}\n${product.output().slice(-3000)}`);
    });
    await followed(product, SETTLED_MS_MAX);
  }

  /** The archive as an independent reader of Delta tables sees it. */
  async function archived() {
    const copy = temporaryDir();
    await copyDown(
      new WebHdfs({ url: hdfs.info.url, user: 'shop', limits: REMOTE_LIMITS }),
      '/ecommerce',
      copy,
    );
    return readArchive(copy);
  }

  /** Promises 2 to 6, in all three places. */
  async function assertSound(): Promise<void> {
    const { archive, metrics, received, balanced } = await product.ledger();
    assert.ok(balanced);
    const seen = await archived();
    assert.deepEqual([seen.events.rows, seen.bad_rows.rows], [archive.events, archive.bad_rows]);
    assert.equal(seen.events.rows + seen.bad_rows.rows, received);
    assert.equal(seen.events.event_ids, metrics.counted + metrics.excluded, 'each event that was sold, once');
    const people = archive.events - seen.events.excluded!;
    assert.equal(await influx.count('ecommerce_event', 'events'), people, 'a point for each row of people');
    assert.ok((await assertMetricsEqual(product, influx)) > 0);
    const diff = await product.request<RebuildResult>('POST', '/v1/admin/rebuild?diff=true', {
      timeoutMs: 120_000,
    });
    assert.equal(diff.json.differences, 0, diff.text);
  }

  it('gives what the shop counted, in all three places', async () => {
    sell(CALM_LINES);
    await through();
    const { events, excluded, duplicates, bad } = truth.summary();
    const { archive, metrics } = await product.ledger();
    assert.deepEqual(archive, { events: events + excluded + duplicates, bad_rows: bad, in_flight: 0 });
    assert.deepEqual(metrics, { counted: events, duplicate: duplicates, excluded, bad, in_flight: 0 });
    await assertSound();
  });

  it('gives the same after each server and Tillstream itself were killed under load, two at once too', async () => {
    const restart = async () => {
      await product.kill();
      await start();
    };
    const outage = async (kill: () => Promise<void>, start: () => Promise<void>) => {
      await kill();
      await sleep(OUTAGE_MS);
      await start();
    };
    // Each of these alone is what tests of their own do, with the parts of the path that it touches.
    const alone: (() => Promise<void>)[] = [
      () => outage(() => kafka.kill(), kafka.restart),
      () => outage(() => influxdb.kill(), influxdb.restart),
      restart,
    ];
    const faults: (() => Promise<void>)[] = [
      ...(isThorough ? alone : []),
      () => outage(() => hdfs.kill('SIGKILL', 'datanode'), hdfs.restart),
      () => outage(() => hdfs.kill('SIGKILL', 'namenode'), hdfs.restart),
      async () => {
        await Promise.all([kafka.kill(), influxdb.kill()]);
        await Promise.all([kafka.restart(), influxdb.restart()]);
      },
      async () => {
        await Promise.all([hdfs.kill(), product.kill()]);
        await hdfs.restart();
        await start();
      },
    ];
    let isOver = false;
    const selling = (async () => {
      while (!isOver) {
        sell(LOAD_LINES);
        await sleep(LOAD_EVERY_MS);
      }
    })();
    for (const fault of faults) {
      await sleep(1500);
      await fault();
    }
    isOver = true;
    await selling;
    await through();
    await assertSound();
    assert.equal(await product.stop(), 0);
  });
});
