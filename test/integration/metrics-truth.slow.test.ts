/** Promise 4 and the stated errors: a stream of three days with all its troubles, against what the simulator knows of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import type { WindowSize } from '../../src/metrics/window.ts';
import { stream, Truth, type TruthWindow } from '../../tools/simulator/index.ts';
import { assertRows } from '../support/compare-rows.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { type AllRows, MetricsHarness } from '../support/metrics-harness.ts';
import { referenceRows } from '../support/reference-metrics.ts';
import { testSeed } from '../support/seed.ts';
import { deliveriesOf, referenceOf } from '../support/simulated.ts';

const TIME_ZONE = 'Europe/Berlin';
const LINES = 200_000;
const DELIVERY_LINES = 100;
const RATES = { late: 0.01, veryLate: 0.001, duplicate: 0.01, malformed: 0.005 };

for (const engine of ENGINE_NAMES) {
  describe(`metrics of ${LINES} simulated lines: ${engine}`, () => {
    it('are the truth, in every window', async (t) => {
      const seed = testSeed(t);
      const startMs = Date.UTC(2026, 9, 23, 18);
      const lines = [
        ...stream({ seed, startMs, eventsPerSecond: LINES / (3 * 86_400), count: LINES, rates: RATES }),
      ];
      const truth = new Truth({ timeZone: TIME_ZONE });
      for (const line of lines) truth.add(line);
      const harness = await MetricsHarness.open({ engine, timeZone: TIME_ZONE });
      try {
        for (const delivery of deliveriesOf(lines, DELIVERY_LINES)) await harness.deliver(delivery);
        await harness.waitUntilIdle(10_000);
        const rows = await harness.rows();
        for (const [size, name] of [
          ['1m', '1m'],
          ['1h', '1h'],
          ['1d', '1d_zone'],
        ] as const) {
          assertTruth(rows, size, truth.windows(name));
        }
        assertRows(rows, referenceRows(referenceOf(lines, DELIVERY_LINES), TIME_ZONE));
        await harness.assertSound();
      } finally {
        await harness.close();
      }
    });
  });
}

const FAMILIES = ['traffic', 'responses', 'revenue', 'products'] as const;

/** Every count and sum of the windows is the truth's. */
function assertTruth(rows: AllRows, size: WindowSize, windows: TruthWindow[]): void {
  const named = (value: string) => (value === '' ? 'unknown' : value);
  for (const metric of FAMILIES) {
    const found = rows[metric]![size];
    if (!found) continue;
    const wanted = windows.flatMap((window) =>
      window[metric].map((row) => ({ start: window.start.replace('.000Z', 'Z'), ...row }) as MetricRow),
    );
    const textsNamed = wanted.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, typeof value === 'string' ? named(value) : value]),
      ),
    );
    const fields = Object.keys(wanted[0]!);
    const cut = (row: object) => JSON.stringify(fields.map((field) => (row as MetricRow)[field]));
    assert.deepEqual(found.map(cut).sort(), textsNamed.map(cut).sort(), `${metric} ${size}`);
  }
  const users = rows.audience![size]!.map(({ start, users, sessions }) => [start, users, sessions]);
  assert.deepEqual(
    users,
    windows.map((window) => [window.start.replace('.000Z', 'Z'), window.users, window.sessions]),
  );
}
