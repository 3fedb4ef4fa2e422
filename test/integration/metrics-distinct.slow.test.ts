/** Distinct counts: exact where that is promised, within 2 % above, however the hashes fall; merged as a union. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DISTINCT_ERROR, DISTINCT_EXACT_MAX } from '../../src/metrics/definition.ts';
import type { MetricResult } from '../../src/metrics/metrics-store.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { testSeed } from '../support/seed.ts';
import { isThorough } from '../support/thorough.ts';

const START_MS = Date.UTC(2026, 5, 9);
const HOUR_MS = 3_600_000;
/** They are others in each run. */
const SEEDS = 2;
const DAY_MS = 24 * HOUR_MS;
/** More than twice what is counted exactly. */
const MANY = isThorough ? 100_000 : 70_000;

for (const engine of ENGINE_NAMES) {
  /** Users `first` to `last`, seen within a minute. */
  const visit = async (harness: MetricsHarness, seed: number, atMs: number, first: number, last: number) => {
    for (let from = first; from <= last; from += 5000) {
      const to = Math.min(from + 4999, last);
      const lines = Array.from(
        { length: to - from + 1 },
        (_, i) => `{"timestamp":${atMs},"event_type":"view_product","user_id":"u${seed}-${from + i}"}`,
      );
      await harness.deliver({ atMs, lines });
    }
    await harness.waitUntilIdle(20_000);
  };
  const audience = (harness: MetricsHarness, window: '1m' | '1h' | '1d', fromMs: number, toMs: number) =>
    harness.store.query({ metric: 'audience', window, fromMs, toMs, total: true });
  const assertUsers = (found: unknown, users: number, what: string) => {
    const tolerance = users <= DISTINCT_EXACT_MAX ? 0 : users * DISTINCT_ERROR;
    assert.ok(Math.abs(Number(found) - users) <= tolerance, `${what}: ${found}, not about ${users}`);
  };
  const usersOf = ({ rows }: MetricResult) => rows.map((row) => row.users);

  describe(`distinct users, ${engine}`, () => {
    for (const compactRowsMin of [undefined, 20_000]) {
      it(`${MANY} users in one window, with ${SEEDS} seeds${compactRowsMin ? ', folded' : ''}`, async (t) => {
        const first = testSeed(t);
        const harness = await MetricsHarness.open({
          engine,
          timeZone: 'UTC',
          ...(compactRowsMin ? { compactRowsMin } : {}),
        });
        try {
          for (let round = 0; round < SEEDS; round++) {
            const [seed, atMs] = [first + round, START_MS + round * DAY_MS];
            await visit(harness, seed, atMs, 1, 9999);
            assert.deepEqual(usersOf(await audience(harness, '1m', atMs, atMs + HOUR_MS)), [9999], 'exact');
            await visit(harness, seed, atMs, 5000, DISTINCT_EXACT_MAX);
            assert.deepEqual(usersOf(await audience(harness, '1m', atMs, atMs + HOUR_MS)), [
              DISTINCT_EXACT_MAX,
            ]);
            for (const last of [50_000, MANY]) {
              await visit(harness, seed, atMs, 20_000, last);
              for (const window of ['1m', '1h', '1d'] as const) {
                const found = usersOf(await audience(harness, window, atMs, atMs + DAY_MS));
                assert.equal(found.length, 1);
                assertUsers(found[0], last, `seed ${seed}, ${window}`);
              }
            }
            // Users who came before change nothing, whichever hashes were kept of them.
            const before = usersOf(await audience(harness, '1d', atMs, atMs + DAY_MS));
            await visit(harness, seed, atMs + HOUR_MS, 30_000, 60_000);
            assert.deepEqual(usersOf(await audience(harness, '1d', atMs, atMs + DAY_MS)), before);
            if (round === 1) await harness.reopen();
          }
          const days = await audience(harness, '1d', START_MS, START_MS + SEEDS * DAY_MS);
          assertUsers(days.overall!.users, SEEDS * MANY, 'the union of days without common users');
          await harness.assertSound();
        } finally {
          await harness.close();
        }
      });
    }

    it('a crowded window that was folded keeps its estimate, alone and in a total', async (t) => {
      const seed = testSeed(t);
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC', compactRowsMin: 1000 });
      try {
        await visit(harness, seed, START_MS, 1, MANY);
        const before = usersOf(await audience(harness, '1h', START_MS, START_MS + HOUR_MS));
        assertUsers(before[0], MANY, 'before');
        // The first batch after a start folds whatever has grown; the second finds it folded.
        await harness.reopen();
        await visit(harness, seed, START_MS, 1, 10);
        await visit(harness, seed, START_MS, 1, 10);
        assert.deepEqual(usersOf(await audience(harness, '1h', START_MS, START_MS + HOUR_MS)), before);
        const day = await audience(harness, '1h', START_MS, START_MS + DAY_MS);
        assert.equal(day.overall!.users, before[0]);
        await harness.assertSound();
      } finally {
        await harness.close();
      }
    });

    it('the total of a range is the union of its windows, not their sum', async (t) => {
      const seed = testSeed(t);
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      try {
        await visit(harness, seed, START_MS, 1, 4000);
        await visit(harness, seed, START_MS + HOUR_MS, 3001, 7000);
        await visit(harness, seed, START_MS + DAY_MS, 1, 60_000);
        const day = await audience(harness, '1h', START_MS, START_MS + DAY_MS);
        assert.deepEqual(
          [usersOf(day), day.total![0]!.users, day.overall!.users],
          [[4000, 4000], 7000, 7000],
        );
        const both = await audience(harness, '1d', START_MS, START_MS + 2 * DAY_MS);
        assertUsers(both.overall!.users, 60_000, 'two days');
      } finally {
        await harness.close();
      }
    });
  });
}
