/** Values of a key come from outside: an answer names so many of them, and the rest shares one row with the right sums. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CURRENCIES } from '../../src/event/currency-codes.ts';
import { CURRENCY_KEY, EVENT_TYPE_KEY } from '../../src/metrics/keys.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import { WINDOWS } from '../../src/metrics/window.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';

const AT = Date.UTC(2026, 5, 9, 10);
const RANGE = { fromMs: AT - 86_400_000, toMs: AT + 86_400_000 };
const sum = (rows: readonly Record<string, unknown>[], name: string) =>
  rows.reduce((total, row) => total + Number(row[name]), 0);

/** One event of each of 600 types, and of the last 50 of them three; a purchase; the slowest answers are of the rare ones. */
function lines(): string[] {
  const event = (event_type: string, response_time: number, n = 0) =>
    JSON.stringify({ timestamp: AT + n * 3_600_000, event_type, response_time, device_type: 'mobile' });
  const types = Array.from({ length: 600 }, (_, n) => `type-${String(n).padStart(3, '0')}`);
  return [
    ...types.map((type, n) => event(type, n < 550 ? 900 : 100)),
    ...types.slice(550).flatMap((type) => [event(type, 100), event(type, 100, 1)]),
    JSON.stringify({ timestamp: AT, event_type: 'purchase', amount: '1', currency: 'EUR' }),
  ];
}

for (const engine of ENGINE_NAMES) {
  describe(`many values of a key, ${engine}`, () => {
    test('the same ones are named in whatever order the lines come, and after a rebuild', async () => {
      const answers: unknown[] = [];
      for (const order of [lines(), lines().reverse()]) {
        const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
        try {
          for (let at = 0; at < order.length; at += 100)
            await harness.deliver({ atMs: AT + 7_200_000, lines: order.slice(at, at + 100) });
          await harness.waitUntilIdle();
          const ask = async () =>
            Promise.all(
              ['traffic', 'responses', 'latency'].flatMap((metric) =>
                WINDOWS.map((window) => harness.store.query({ metric, window, ...RANGE, total: true })),
              ),
            ).then((all) => all.map(({ version: _, ...rest }) => rest));
          const before = await ask();
          assert.equal((await harness.engine.rebuild(harness.archive, null, false)).differences, 0);
          assert.deepEqual(await ask(), before);
          answers.push(before);
        } finally {
          await harness.close();
        }
      }
      assert.deepEqual(answers[0], answers[1]);
    });

    test('the frequent and the known are named, the rest is added up and counted', async () => {
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      try {
        await harness.deliver({ atMs: AT + 7_200_000, lines: lines() });
        await harness.waitUntilIdle();
        const traffic = await harness.store.query({
          metric: 'traffic',
          window: '1h',
          ...RANGE,
          total: true,
        });
        const types = traffic.total!.map(({ event_type }) => String(event_type));
        assert.equal(types.length, EVENT_TYPE_KEY.max! + 1);
        for (const type of ['purchase', 'type-599', 'type-550', 'other'])
          assert.ok(types.includes(type), type);
        assert.equal(sum(traffic.total!, 'events'), 701);
        assert.equal(sum(traffic.rows, 'events'), 701);
        assert.equal(traffic.overall?.events, 701);
        assert.deepEqual(traffic.folded, { event_type: 601 - EVENT_TYPE_KEY.max! });

        const latency = await harness.store.query({ metric: 'latency', window: '1h', ...RANGE, total: true });
        const other = latency.total!.find(({ event_type }) => event_type === 'other')!;
        assert.equal(sum(latency.total!, 'count'), 700);
        assert.equal(other.max, 900);
        assert.ok(
          Math.abs(Number(other.p50) - 900) < 20,
          `the median of all that are not named: ${other.p50}`,
        );

        const few = await harness.store.query({
          metric: 'traffic',
          window: '1h',
          fromMs: AT + 3_600_000,
          toMs: AT + 7_200_000,
        });
        assert.equal(few.folded, undefined);
        assert.equal(few.rows.length, 50);

        const { points } = await harness.store.changes(0, ['traffic'], ['1h'], {
          pointsMax: 20_000,
          after: null,
          named: true,
        });
        const byStart = ({ row }: { row: MetricRow }) => `${row.start} ${row.event_type}`;
        assert.deepEqual(
          points.map((point) => byStart(point)).sort(),
          traffic.rows.map((row) => byStart({ row })).sort(),
          'the stream names the same ones in each window',
        );
      } finally {
        await harness.close();
      }
    });

    test('money of the currencies that are not named is not added up', async () => {
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      try {
        const code = (n: number) => CURRENCIES[n]!.code;
        await harness.deliver({
          atMs: AT + 60_000,
          lines: Array.from({ length: 120 }, (_, n) =>
            JSON.stringify({
              timestamp: AT,
              event_type: 'purchase',
              product_id: 'p1',
              amount: '2.50',
              currency: code(n),
            }),
          ),
        });
        await harness.waitUntilIdle();
        for (const metric of ['revenue', 'sales']) {
          const { total, rows, folded } = await harness.store.query({
            metric,
            window: '1d',
            ...RANGE,
            total: true,
          });
          assert.equal(total!.length, CURRENCY_KEY.max! + 1);
          assert.equal(sum(total!, 'orders'), 120);
          assert.deepEqual(folded, { currency: 120 - CURRENCY_KEY.max! });
          for (const row of [...total!, ...rows])
            assert.equal(row.revenue, row.currency === 'other' ? null : '2.5000', metric);
        }
        const best = await harness.store.query({
          metric: 'revenue',
          window: '1d',
          ...RANGE,
          total: true,
          top: 2,
        });
        assert.deepEqual(
          best.total!.map(({ currency, orders, revenue }) => [currency === 'other', orders, revenue]),
          [
            [false, 1, '2.5000'],
            [false, 1, '2.5000'],
            [true, 118, null],
          ],
        );
      } finally {
        await harness.close();
      }
    });
  });
}
