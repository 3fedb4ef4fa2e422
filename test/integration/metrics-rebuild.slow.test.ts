/** Promise 4: `rebuild --diff` finds whatever is wrong in the metrics, `rebuild` mends it, and state that is lost comes back. */
import assert from 'node:assert/strict';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { planOf } from '../../src/metrics/plan.ts';
import { stream } from '../../tools/simulator/index.ts';
import { canonicalJson } from '../support/compare-rows.ts';
import { onClosedState } from '../support/duckdb-state.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { deliveriesOf } from '../support/simulated.ts';

const START_MS = Date.UTC(2026, 5, 9, 8);

async function filledHarness(options: { rebuildRowsMax?: number } = {}): Promise<MetricsHarness> {
  const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone: 'Asia/Kolkata', ...options });
  const lines = stream({
    seed: 5,
    startMs: START_MS,
    eventsPerSecond: 0.01,
    count: 800,
    rates: { late: 0.05, duplicate: 0.02, malformed: 0.02 },
  });
  await harness.deliver(...deliveriesOf([...lines], 25));
  await harness.waitUntilIdle();
  return harness;
}

/** Index of a pass of the plan, as the tables of sketches have it. */
const passId = (name: string) => planOf(CATALOGUE).passes.findIndex((pass) => pass.name === name);

/** One damage each, as SQL, and what the diff must say of it: the metrics, and which side has no such point. */
const DAMAGES: { name: string; sql: string[]; metrics: string[]; missing?: 'stored' | 'rebuilt' }[] = [
  {
    name: 'a count that is one too high',
    sql: [
      `UPDATE metrics.sums_events SET responses_errors = responses_errors + 1 WHERE win = 1 AND rowid = (SELECT min(rowid) FROM metrics.sums_events WHERE win = 1)`,
    ],
    metrics: ['responses'],
  },
  {
    name: 'a number of events that is one too high, which two metrics have',
    sql: [
      `UPDATE metrics.sums_events SET "rows" = "rows" + 1 WHERE win = 1 AND rowid = (SELECT min(rowid) FROM metrics.sums_events WHERE win = 1 AND event_type = 'view_product')`,
    ],
    metrics: ['traffic', 'responses'],
  },
  {
    name: 'a quantile that is a little off',
    sql: [`UPDATE metrics.sketches SET q2 = q2 * 1.0001 WHERE win = 2`],
    metrics: ['latency'],
  },
  {
    name: 'money that is off by the smallest unit',
    sql: [
      `UPDATE metrics.sums_events SET revenue_revenue = revenue_revenue + 0.0001 WHERE win = 2 AND event_type = 'purchase'`,
    ],
    metrics: ['revenue'],
  },
  {
    name: 'rows that are missing',
    sql: [
      `DELETE FROM metrics.sums_lines_by_product_id WHERE win = 2 AND product_id = (SELECT min(product_id) FROM metrics.sums_lines_by_product_id WHERE event_type = 'purchase')`,
    ],
    metrics: ['products', 'sales'],
    missing: 'stored',
  },
  {
    name: 'a window that is missing',
    sql: [
      `DELETE FROM metrics.sums_events WHERE win = 0 AND start = (SELECT max(start) FROM metrics.sums_events WHERE win = 0)`,
    ],
    metrics: ['traffic', 'responses', 'latency', 'audience'],
    missing: 'stored',
  },
  {
    name: 'bad rows that are missing',
    sql: [`DELETE FROM metrics.sums_quality_by_reason WHERE win = 2`],
    metrics: ['quality'],
    missing: 'stored',
  },
  {
    name: 'a row too many, with a key that no event has',
    sql: [
      `INSERT INTO metrics.sums_events (SELECT * REPLACE ('invented' AS event_type, 0 AS latency_rows) FROM metrics.sums_events WHERE win = 1 LIMIT 1)`,
    ],
    metrics: ['traffic', 'responses'],
    missing: 'rebuilt',
  },
  {
    name: 'a window of a day on which nothing happened',
    sql: [
      `INSERT INTO metrics.sums_lines_by_product_id (SELECT * REPLACE (start - 1440 * 1000 AS start) FROM metrics.sums_lines_by_product_id WHERE win = 1 AND event_type = 'view_product' LIMIT 1)`,
    ],
    metrics: ['products'],
    missing: 'rebuilt',
  },
  {
    name: 'bad rows of a day on which nothing was received',
    sql: [
      `INSERT INTO metrics.sums_quality_by_reason (SELECT * REPLACE (start + 1440 * 1000 AS start) FROM metrics.sums_quality_by_reason WHERE win = 1 LIMIT 1)`,
    ],
    metrics: ['quality'],
    missing: 'rebuilt',
  },
  {
    name: 'sketches that lost their content',
    sql: [
      `DELETE FROM metrics.hashes WHERE pass = ${passId('audience_users')}`,
      `UPDATE metrics.sketches SET n = 0 WHERE win = 2 AND pass = ${passId('audience_users')}`,
    ],
    metrics: ['audience'],
  },
];

describe('damage of the metrics, duckdb', () => {
  // One after the other on the same metrics: each is mended before the next.
  it('is found, and fixed by a rebuild', async (t) => {
    const harness = await filledHarness();
    try {
      const rows = canonicalJson(await harness.rows());
      await harness.assertSound();
      for (const { name, sql, metrics, missing } of DAMAGES) {
        await t.test(name, async () => {
          await harness.reopen(async () => {
            await onClosedState(harness.stateDir(), ...sql);
          });
          const found = await harness.diff();
          assert.ok(found.differences > 0, 'the diff finds it');
          assert.deepEqual([...new Set(found.examples.map(({ metric }) => metric))], metrics);
          for (const { stored, rebuilt } of found.examples) {
            assert.equal(stored === null, missing === 'stored');
            assert.equal(rebuilt === null, missing === 'rebuilt');
          }
          assert.deepEqual(await harness.diff(), found, 'looking changes nothing');
          await harness.engine.rebuild(harness.archive, null, false);
          await harness.assertSound();
          assert.equal(canonicalJson(await harness.rows()), rows);
        });
      }
    } finally {
      await harness.close();
    }
  });

  it('a range is rebuilt by whole days, and nothing outside of it', async () => {
    const harness = await filledHarness();
    try {
      await harness.reopen(async () => {
        await onClosedState(harness.stateDir(), 'UPDATE metrics.sums_events SET "rows" = "rows" + 1');
      });
      const all = await harness.diff();
      const instantMs = START_MS + 3_600_000;
      const range = { fromMs: instantMs, toMs: instantMs + 1 };
      const ofDay = await harness.engine.rebuild(harness.archive, range, true);
      assert.ok(ofDay.differences > 0 && ofDay.differences < all.differences);
      await harness.engine.rebuild(harness.archive, range, false);
      assert.equal((await harness.engine.rebuild(harness.archive, range, true)).differences, 0);
      assert.equal((await harness.diff()).differences, all.differences - ofDay.differences);
    } finally {
      await harness.close();
    }
  });

  it('computes day by day, where the archive has more rows than are computed at a time', async () => {
    const harness = await filledHarness({ rebuildRowsMax: 1 });
    try {
      const rows = canonicalJson(await harness.rows());
      const ledger = harness.engine.ledger();
      await harness.reopen(async () => {
        for (const { sql } of DAMAGES) await onClosedState(harness.stateDir(), ...sql);
      });
      const damaged = await harness.diff();
      assert.ok(damaged.differences > DAMAGES.length);
      await harness.engine.rebuild(harness.archive, null, false);
      await harness.assertSound();
      assert.equal(canonicalJson(await harness.rows()), rows);
      await harness.loseState();
      await harness.assertSound();
      assert.equal(canonicalJson(await harness.rows()), rows);
      assert.deepEqual(harness.engine.ledger(), ledger);
    } finally {
      await harness.close();
    }
  });

  it('continues after a rebuild as if nothing had been', async () => {
    const harness = await filledHarness();
    try {
      await harness.engine.rebuild(harness.archive, null, false);
      const more = stream({
        seed: 6,
        startMs: harness.nowMs,
        eventsPerSecond: 0.05,
        count: 600,
        rates: { late: 0.1 },
      });
      await harness.deliver(...deliveriesOf([...more], 20));
      await harness.waitUntilIdle();
      await harness.assertSound();
    } finally {
      await harness.close();
    }
  });

  for (const [what, spoil] of [
    [
      'a state file that is no database',
      (dir: string) => writeFile(join(dir, 'metrics.duckdb'), 'x'.repeat(50_000)),
    ],
    ['a state file that is cut', (dir: string) => truncate(join(dir, 'metrics.duckdb'), 300_000)],
    ['no state file', (dir: string) => rm(join(dir, 'metrics.duckdb'))],
  ] as const) {
    it(`${what}: filled again from the archive, with a word about it where something was wrong`, async () => {
      const harness = await filledHarness();
      try {
        const rows = canonicalJson(await harness.rows());
        const ledger = harness.engine.ledger();
        const version = harness.store.version();
        harness.nowMs += 1000;
        await harness.reopen(() => spoil(join(harness.stateDir(), 'duckdb')));
        assert.equal(harness.message() !== '', what.startsWith('a state file'));
        assert.equal(canonicalJson(await harness.rows()), rows);
        assert.deepEqual(harness.engine.ledger(), ledger);
        assert.ok(harness.store.version() > version, 'followers get everything again');
        await harness.assertSound();
      } finally {
        await harness.close();
      }
    });
  }
});
