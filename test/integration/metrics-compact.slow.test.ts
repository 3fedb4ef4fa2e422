/** Compacting only saves room: the same rows with and without it, and the state of a shop that runs on does not grow. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { KIND } from '../../src/metrics/duckdb/identity-sql.ts';
import { stream } from '../../tools/simulator/index.ts';
import { canonicalJson } from '../support/compare-rows.ts';
import { onClosedState } from '../support/duckdb-state.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { testSeed } from '../support/seed.ts';
import { deliveriesOf } from '../support/simulated.ts';

const START_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const DAYS = 30;
const LINES_PER_DAY = 200;
/** So low that every batch compacts whatever has doubled. */
const COMPACT_ROWS_MIN = 50;

/** Rows of every table of the state, and of some those of 1m windows. */
async function sizes(harness: MetricsHarness): Promise<Record<string, number>> {
  let found: Record<string, number> = {};
  await harness.reopen(async () => {
    const dir = harness.stateDir();
    const tables = await onClosedState<{ table_name: string }>(
      dir,
      "SELECT table_name FROM duckdb_tables() WHERE database_name = 'metrics'",
    );
    const counts = tables.map(
      ({ table_name }) => `(SELECT count(*) FROM metrics.${table_name}) AS ${table_name}`,
    );
    for (const table of ['hashes', 'histograms']) {
      counts.push(`(SELECT count(*) FROM metrics.${table} WHERE win = 0) AS minutes_${table}`);
    }
    counts.push(`(SELECT count(*) FROM metrics.identities WHERE kind = ${KIND.event}) AS event_ids`);
    found = (await onClosedState<Record<string, number>>(dir, `SELECT ${counts.join(', ')}`))[0]!;
  });
  return found;
}

function sumOf(counts: Record<string, number>, prefix: string): number {
  return Object.entries(counts).reduce(
    (sum, [table, rows]) => sum + (table.startsWith(prefix) ? rows : 0),
    0,
  );
}

describe('compacting, duckdb', () => {
  it('changes no row, and keeps the state of a simulated month small', async (t) => {
    const seed = testSeed(t);
    const rates = { late: 0.02, veryLate: 0.002, duplicate: 0.01 };
    const lines = [
      ...stream({
        seed,
        startMs: START_MS,
        eventsPerSecond: LINES_PER_DAY / 86_400,
        endMs: START_MS + DAYS * DAY_MS,
        rates,
        users: 500,
        products: 50,
      }),
    ];
    const [plain, compacting] = [
      await MetricsHarness.open({ engine: 'duckdb', timeZone: 'UTC' }),
      await MetricsHarness.open({ engine: 'duckdb', timeZone: 'UTC', compactRowsMin: COMPACT_ROWS_MIN }),
    ];
    try {
      const byDay = Map.groupBy(lines, ({ receivedAtMs }) => Math.floor(receivedAtMs / DAY_MS));
      const grown: Record<string, number>[] = [];
      let day = 0;
      for (const ofDay of byDay.values()) {
        const deliveries = deliveriesOf(ofDay, 20);
        for (const harness of [plain, compacting]) {
          await harness.deliver(...deliveries);
          await harness.waitUntilIdle(200);
        }
        day++;
        if (day === DAYS / 2 || day === DAYS) grown.push(await sizes(compacting));
      }
      const uncompacted = await sizes(plain);
      assert.equal(canonicalJson(await compacting.rows()), canonicalJson(await plain.rows()));
      await compacting.assertSound();
      await plain.assertSound();

      const [half, full] = grown as [Record<string, number>, Record<string, number>];
      t.diagnostic(JSON.stringify({ half, full, uncompacted }));
      // A table compacts when it has doubled, so it may hold twice what it needs.
      // Those of orders, which are fewer, stay for 30 days.
      assert.ok(full.event_ids! < 5 * LINES_PER_DAY, 'ids of events are forgotten after 24 hours');
      const points = (
        await compacting.store.changes(
          0,
          CATALOGUE.map(({ name }) => name),
          ['1m', '1h', '1d'],
        )
      ).points.length;
      assert.ok(
        sumOf(full, 'sums_') <= 4 * points + 3 * COMPACT_ROWS_MIN,
        'rows of the same window and keys are merged',
      );
      assert.ok(
        sumOf(full, 'minutes_') < sumOf(uncompacted, 'minutes_') / 3,
        'sketches of closed windows go',
      );
      assert.equal(full.dirty, 0);
      assert.equal(sumOf(full, 'late_'), 0);
      assert.equal(full.engine, 1);
    } finally {
      await plain.close();
      await compacting.close();
    }
  });
});
