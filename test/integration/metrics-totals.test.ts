/** Totals over a range: distinct users and quantiles of the union, never a sum or a mean of windows; the best N and the rest. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QUANTILE_ERROR } from '../../src/metrics/definition.ts';
import { stream } from '../../tools/simulator/index.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { testSeed } from '../support/seed.ts';
import { deliveriesOf } from '../support/simulated.ts';

const START_MS = Date.UTC(2026, 5, 9);
const END_MS = START_MS + 2 * 86_400_000;
const TOP = 5;

for (const engine of ENGINE_NAMES) {
  describe(`totals, ${engine}`, () => {
    it('are those of the union of the windows', async (t) => {
      const options = {
        seed: testSeed(t),
        startMs: START_MS + 3_600_000,
        eventsPerSecond: 0.05,
        count: 5000,
        users: 300,
        products: 40,
      };
      const lines = [...stream({ ...options, rates: { late: 0, veryLate: 0, outOfOrder: 0 } })];
      const events = lines.flatMap(({ kind, event }) => (kind === 'event' && !event!.isBot ? [event!] : []));
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      try {
        await harness.deliver(...deliveriesOf(lines, 50));
        await harness.waitUntilIdle();
        const range = { fromMs: START_MS, toMs: END_MS, total: true };
        for (const window of ['1m', '1h', '1d'] as const) {
          const traffic = await harness.store.query({ metric: 'traffic', window, ...range });
          assert.deepEqual(traffic.overall, { events: events.length });
          const audience = await harness.store.query({ metric: 'audience', window, ...range });
          const distinct = (key: 'userId' | 'sessionId') =>
            new Set(events.flatMap((event) => event[key] ?? [])).size;
          assert.deepEqual(audience.overall, { users: distinct('userId'), sessions: distinct('sessionId') });
          const sum = audience.rows.reduce((total, row) => total + Number(row.users), 0);
          assert.ok(window === '1d' || sum > 1.5 * distinct('userId'), 'the same users come in many windows');

          const latency = await harness.store.query({ metric: 'latency', window, ...range });
          for (const row of [...latency.total!, latency.overall!]) {
            const times = events
              .filter(({ eventType }) => row.event_type === undefined || eventType === row.event_type)
              .flatMap(({ responseTimeMs }) => responseTimeMs ?? [])
              .sort((a, b) => a - b);
            assert.equal(row.count, times.length);
            assert.equal(row.max, times.at(-1));
            for (const [name, q] of [
              ['p50', 0.5],
              ['p95', 0.95],
              ['p99', 0.99],
            ] as const) {
              const exact = times[Math.ceil(q * times.length) - 1]!;
              assert.ok(
                Math.abs(Number(row[name]) - exact) <= exact * (QUANTILE_ERROR + 1e-9),
                `${window} ${name}: ${row[name]}, exact ${exact}`,
              );
            }
          }
        }
      } finally {
        await harness.close();
      }
    });

    it('the best products by revenue have a row each, all others share one', async (t) => {
      const options = {
        seed: testSeed(t),
        startMs: START_MS,
        eventsPerSecond: 0.1,
        count: 5000,
        products: 40,
      };
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      try {
        await harness.deliver(
          ...deliveriesOf([...stream({ ...options, rates: { veryLate: 0, late: 0 } })], 50),
        );
        await harness.waitUntilIdle();
        const query = {
          metric: 'products',
          window: '1d',
          fromMs: START_MS,
          toMs: END_MS,
          total: true,
        } as const;
        const all = (await harness.store.query(query)).total!;
        const { total, overall, rows } = await harness.store.query({ ...query, top: TOP });
        const byRevenue = all.toSorted((a, b) => Number(b.revenue) - Number(a.revenue));
        const best = byRevenue.slice(0, TOP).map((row) => row.product_id);
        assert.deepEqual(total!.map((row) => row.product_id).sort(), [...best, 'other'].sort());
        for (const row of total!.filter(({ product_id }) => product_id !== 'other')) {
          assert.deepEqual(
            row,
            all.find(({ product_id }) => product_id === row.product_id),
          );
        }
        const other = total!.find(({ product_id }) => product_id === 'other')!;
        const rest = byRevenue.slice(TOP);
        for (const name of ['views', 'carts', 'purchases'] as const) {
          assert.equal(
            other[name],
            rest.reduce((sum, row) => sum + Number(row[name]), 0),
          );
        }
        const cents = (value: unknown) => Math.round(Number(value) * 100);
        assert.equal(
          cents(other.revenue),
          rest.reduce((sum, row) => sum + cents(row.revenue), 0),
        );
        assert.equal(
          cents(overall!.revenue),
          all.reduce((sum, row) => sum + cents(row.revenue), 0),
        );
        assert.ok(rows.length <= 2 * (TOP + 1), 'the rows of the windows are grouped the same way');
      } finally {
        await harness.close();
      }
    });

    it('the best products of each currency have a row each: money of one currency never outranks that of another', async () => {
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      const buy = (product_id: string, amount: string, currency: string) =>
        JSON.stringify({ timestamp: START_MS, event_type: 'purchase', product_id, amount, currency });
      try {
        await harness.deliver({
          atMs: START_MS,
          lines: [
            buy('kettle', '25444', 'JPY'),
            buy('lamp', '900', 'JPY'),
            buy('lamp', '39.90', 'EUR'),
            buy('lamp', '10', 'EUR'),
            buy('chair', '20', 'EUR'),
            buy('rug', '5', 'EUR'),
          ],
        });
        await harness.waitUntilIdle();
        const { total, overall } = await harness.store.query({
          metric: 'sales',
          window: '1d',
          fromMs: START_MS - (START_MS % 86_400_000),
          toMs: END_MS,
          total: true,
          top: 1,
        });
        assert.deepEqual(
          total!.map(({ currency, product_id, orders, revenue }) => [currency, product_id, orders, revenue]),
          [
            ['EUR', 'lamp', 2, '49.9000'],
            ['JPY', 'kettle', 1, '25444.0000'],
            ['EUR', 'other', 2, '25.0000'],
            ['JPY', 'other', 1, '900.0000'],
          ],
        );
        assert.equal(overall, null, 'currencies are never added up');
      } finally {
        await harness.close();
      }
    });

    it('what can no longer be merged is null, never a wrong number', async () => {
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC', compactRowsMin: 0 });
      try {
        const line = (timeMs: number, user: string) =>
          JSON.stringify({ timestamp: timeMs, event_type: 'view_product', user_id: user, response_time: 5 });
        const hourLateMs = START_MS - 3_600_000;
        await harness.deliver({
          atMs: START_MS,
          lines: [line(START_MS, 'u1'), line(START_MS, 'u2'), line(hourLateMs, 'u3')],
        });
        await harness.waitUntilIdle();
        const laterMs = START_MS + 3 * 86_400_000;
        await harness.deliver({ atMs: laterMs, lines: [line(laterMs, 'u1')] });
        await harness.waitUntilIdle();
        await harness.reopen();
        await harness.deliver({ atMs: laterMs + 1, lines: [line(laterMs, 'u1')] });
        await harness.waitUntilIdle();
        const total = async (metric: string, window: '1m' | '1h' | '1d', fromMs: number) =>
          (await harness.store.query({ metric, window, fromMs, toMs: laterMs + 3_600_000, total: true }))
            .total!;
        assert.deepEqual(await total('audience', '1m', START_MS), [{ users: null, sessions: null }]);
        assert.deepEqual(await total('audience', '1h', START_MS), [{ users: 2, sessions: 0 }]);
        assert.deepEqual(await total('audience', '1d', START_MS), [{ users: 2, sessions: 0 }]);
        assert.equal((await total('latency', '1m', START_MS))[0]!.p50, null);
        assert.equal((await total('latency', '1m', START_MS))[0]!.count, 4);
        assert.deepEqual(await total('quality', '1m', START_MS), [
          { reason: 'late_1h', rows: 1, windows: null },
        ]);
        assert.deepEqual(await total('quality', '1d', START_MS), [
          { reason: 'late_1h', rows: 1, windows: 1 },
        ]);
      } finally {
        await harness.close();
      }
    });
  });
}
