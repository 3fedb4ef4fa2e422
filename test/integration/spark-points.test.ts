/** Points of Spark in the metrics store, without Spark: records as the job writes them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { PointRecord } from '../../src/adapters/engine/spark/point-records.ts';
import { PointsStore } from '../../src/adapters/engine/spark/points-store.ts';
import { withoutMergedDistincts } from '../../src/adapters/engine/spark/totals.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { temporaryDir } from '../support/product.ts';

const HOUR = Date.UTC(2026, 10, 25, 10);
const [FROM_MS, TO_MS] = [Date.UTC(2026, 10, 25), Date.UTC(2026, 10, 26)];

function point(metric: string, startMs: number, keys: object, values: object, job = 'job'): PointRecord {
  return {
    key: JSON.stringify([metric, startMs, keys]),
    value: JSON.stringify({ metric, window: '1h', start_ms: startMs, keys, values, job }),
  };
}

const traffic = (events: number, startMs = HOUR, job = 'job') =>
  point('traffic', startMs, { event_type: 'purchase', device_type: 'mobile' }, { events }, job);
const latency = (count: number, max: number, buckets: Record<number, number>) => {
  const histogram = Object.entries(buckets).map(([bucket, n]) => ({ item: Number(bucket), count: n }));
  return point('latency', HOUR, { event_type: 'purchase' }, { count, max, '~histogram': histogram });
};
const ledger = (past: number, counted: number): PointRecord => ({
  key: 'ledger',
  value: JSON.stringify({
    metric: '~ledger',
    start_ms: 0,
    keys: { partition: 0, source: 'http' },
    values: { counted, duplicate: 1, bad: 2, past, received_ms: HOUR },
    job: 'job',
  }),
});

async function open(dir: string) {
  const points = await PointsStore.open({
    dir: join(dir, 'points'),
    archiveDirs: [],
    catalogue: CATALOGUE,
    timeZone: 'UTC',
    job: 'job',
    threads: 1,
    memoryMb: 200,
    now: Date.now,
  });
  const store = withoutMergedDistincts(points.store, CATALOGUE);
  const ask = (metric: string, more: object = {}) =>
    store.query({ metric, window: '1h', fromMs: FROM_MS, toMs: TO_MS, ...more });
  return { points, store, ask };
}

describe('points of Spark in the store', () => {
  it('overwrite, are there after a restart, and change nothing when they come again', async () => {
    const dir = temporaryDir();
    const first = await open(dir);
    await first.points.take(0, [traffic(3), ledger(10, 7), traffic(99, HOUR, 'another job')], 3);
    await first.points.take(0, [traffic(5)], 4);
    const { version } = await first.store.changes(0, ['traffic'], ['1h']);
    await first.points.take(0, [traffic(5)], 5);
    assert.deepEqual((await first.store.changes(version, ['traffic'], ['1h'])).points, []);
    await first.points.close();
    const again = await open(dir);
    assert.deepEqual((await again.ask('traffic')).rows, [
      { start: '2026-11-25T10:00:00Z', event_type: 'purchase', device_type: 'mobile', events: 5 },
    ]);
    assert.equal(again.points.topicPosition(0), 5);
    assert.equal(again.points.position(0), 10);
    assert.deepEqual(again.points.ledger(), {
      counted: { http: 7 },
      duplicate: { http: 1 },
      bad: { http: 2 },
      lost: {},
    });
    assert.equal(again.store.id, first.store.id);
    await again.points.close();
  });

  it('give quantiles from the histogram', async () => {
    const { points, ask } = await open(temporaryDir());
    await points.take(0, [latency(1, 100, { 230: 1 })], 1);
    await points.take(0, [latency(5, 180, { 260: 1, 230: 4 })], 2);
    const [row] = (await ask('latency')).rows;
    assert.equal(row!.count, 5);
    assert.ok(Math.abs(Number(row!.p50) - 98.5) < 2, String(row!.p50));
    assert.ok(Math.abs(Number(row!.p99) - 180) < 4, String(row!.p99));
    const { total } = await ask('latency', { total: true });
    assert.equal(total![0]!.p50, row!.p50);
    await points.close();
  });

  it('add up over windows, but for distinct counts', async () => {
    const { points, ask } = await open(temporaryDir());
    const audience = (startMs: number, users: number) =>
      point('audience', startMs, {}, { users, sessions: users });
    await points.take(0, [traffic(3), traffic(4, HOUR + 3_600_000), audience(HOUR, 2)], 3);
    assert.equal((await ask('traffic', { total: true })).overall!.events, 7);
    assert.equal((await ask('audience', { total: true })).overall!.users, 2, 'of one window');
    await points.take(0, [audience(HOUR + 3_600_000, 3)], 4);
    assert.equal((await ask('audience', { total: true })).overall!.users, null);
    await points.close();
  });

  it('of a window that the archive has to compute are not taken any more', async () => {
    const { points, ask } = await open(temporaryDir());
    const mark = {
      key: 'dirty',
      value: JSON.stringify({
        metric: '~dirty',
        window: '1h',
        start_ms: HOUR,
        keys: { partition: 0 },
        values: { past: 11 },
        job: 'job',
      }),
    };
    await points.take(0, [traffic(3)], 1);
    await points.take(0, [mark], 2);
    assert.equal(points.dirtyWindows(), 1);
    await points.take(0, [traffic(9)], 3);
    assert.equal((await ask('traffic')).rows[0]!.events, 3);
    await points.close();
  });

  it('that a batch computed take the place of those of their days, but not of days that changed meanwhile', async () => {
    const dir = temporaryDir();
    const { points, ask } = await open(dir);
    const yesterday = HOUR - 86_400_000;
    const carts = point(
      'traffic',
      yesterday,
      { event_type: 'add_to_cart', device_type: 'mobile' },
      { events: 1 },
    );
    await points.take(0, [traffic(3, yesterday), carts, latency(1, 100, { 230: 1 }), traffic(3)], 4);
    const since = points.version();
    const output = join(dir, 'computed.ndjson');
    const computed = [traffic(4, yesterday), latency(2, 101, { 231: 2 }), traffic(5)];
    writeFileSync(output, computed.map(({ value }) => `${value}\n`).join(''));
    const range = { fromMs: -Infinity, toMs: Infinity };
    const diff = await points.takeComputed({ output, range, since, diff: true });
    assert.deepEqual(
      [diff.windows, diff.differences, diff.changedDays],
      [3, 4, []],
      'both traffic windows (three points) and the latency differ',
    );
    await points.take(0, [traffic(9)], 5);
    const { changedDays } = await points.takeComputed({ output, range, since, diff: false });
    assert.deepEqual(changedDays, [Date.UTC(2026, 10, 25)]);
    const rows = (await ask('traffic', { fromMs: yesterday })).rows;
    assert.deepEqual(
      rows.map(({ start, event_type: type, events }) => [start, type, events]),
      [
        ['2026-11-24T10:00:00Z', 'purchase', 4],
        ['2026-11-25T10:00:00Z', 'purchase', 9],
      ],
    );
    assert.equal((await ask('latency')).rows[0]!.count, 1);
    await points.close();
  });
});
