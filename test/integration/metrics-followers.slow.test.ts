/** Promise 6: a re-send overwrites and never adds; a follower of the store always ends with the store's rows. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sumCounts } from '../../src/log/offset.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { ArchiveReader } from '../../src/metrics/engine.ts';
import type { ChangedPoint, Changes, ChangesCursor, MetricRow } from '../../src/metrics/metrics-store.ts';
import { WINDOWS } from '../../src/metrics/window.ts';
import { stream } from '../../tools/simulator/index.ts';
import { Random } from '../../tools/simulator/random.ts';
import { canonicalJson } from '../support/compare-rows.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { type AllRows, MetricsHarness } from '../support/metrics-harness.ts';
import { testSeed } from '../support/seed.ts';
import { deliveriesOf } from '../support/simulated.ts';

const START_MS = Date.UTC(2026, 5, 9, 8);
const DAY_MS = 86_400_000;
const METRICS = CATALOGUE.map(({ name }) => name);

/** Another store that is kept up by asking for changes. */
class Follower {
  version = 0;
  readonly pointsMax: number | undefined;
  /** Rows by metric, window and start: a change brings all rows of its window. */
  readonly #windows = new Map<string, MetricRow[]>();

  /** With `pointsMax` it asks for pages of about so many. */
  constructor(pointsMax?: number) {
    this.pointsMax = pointsMax;
  }

  async poll(harness: MetricsHarness): Promise<number> {
    const { version, points } = await this.#ask(harness);
    assert.ok(version >= this.version, 'versions never fall');
    this.version = version;
    const changed = Map.groupBy(points, ({ metric, window, row }) => `${metric} ${window} ${row.start}`);
    for (const [id, group] of changed)
      this.#windows.set(
        id,
        group.map(({ row }) => row),
      );
    return points.length;
  }

  async #ask({ store }: MetricsHarness): Promise<{ version: number; points: ChangedPoint[] }> {
    const { pointsMax } = this;
    if (pointsMax === undefined) return store.changes(this.version, METRICS, WINDOWS);
    const points: ChangedPoint[] = [];
    for (let after: ChangesCursor | null = null; ; ) {
      const page: Changes = await store.changes(this.version, METRICS, WINDOWS, { pointsMax, after });
      const ofLast = page.points.filter(({ metric, window, row }) => {
        const last = page.points.at(-1)!;
        return metric === last.metric && window === last.window && row.start === last.row.start;
      });
      assert.ok(page.points.length < pointsMax + ofLast.length, 'only the last window may be past the limit');
      points.push(...page.points);
      after = page.next;
      if (after === null) return { version: page.version, points };
    }
  }

  rows(): AllRows {
    return Object.fromEntries(
      CATALOGUE.map(({ name, windows }) => [
        name,
        Object.fromEntries(
          windows.map((window) => {
            const mine = [...this.#windows].filter(([id]) => id.startsWith(`${name} ${window} `));
            return [window, mine.sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, rows]) => rows)];
          }),
        ),
      ]),
    );
  }
}

async function assertFollows(follower: Follower, harness: MetricsHarness): Promise<void> {
  await follower.poll(harness);
  const rows = await harness.rows();
  const sorted = (all: AllRows) =>
    canonicalJson(all)
      .split('\n')
      .map((line) => line.replace(/,$/, ''))
      .sort();
  assert.deepEqual(sorted(follower.rows()), sorted(rows));
}

for (const engine of ENGINE_NAMES) {
  const withHarness = async (run: (harness: MetricsHarness) => Promise<void>, options = {}) => {
    const harness = await MetricsHarness.open({ engine, timeZone: 'Europe/Berlin', ...options });
    try {
      await run(harness);
    } finally {
      await harness.close();
    }
  };

  describe(`re-sends and followers, ${engine}`, () => {
    it('a batch is taken once: a second time it is refused by its position, and nothing changes', () =>
      withHarness(async (harness) => {
        const line = JSON.stringify({ timestamp: START_MS, event_type: 'purchase', amount: '5' });
        await harness.deliver({ atMs: START_MS, lines: [line, line] }, { atMs: START_MS + 1, lines: [line] });
        await harness.waitUntilIdle();
        const [rows, version] = [canonicalJson(await harness.rows()), harness.store.version()];
        for (const from of [0, 2]) {
          await harness.withBatch({ 0: from }, 10, async (batch) => {
            await assert.rejects(harness.engine.apply(batch), /batch starts at/);
            await harness.archive.append(batch);
          });
        }
        assert.equal(canonicalJson(await harness.rows()), rows);
        assert.equal(harness.store.version(), version);
        await harness.assertSound();
      }));

    it('lines that are sent again are duplicates: every row but those of quality stays as it is', (t) =>
      withHarness(async (harness) => {
        const lines = [
          ...stream({
            seed: testSeed(t),
            startMs: START_MS,
            eventsPerSecond: 1,
            count: 2000,
            rates: { withoutEventId: 0 },
          }),
        ];
        const deliveries = deliveriesOf(lines, 50);
        await harness.deliver(...deliveries);
        await harness.waitUntilIdle();
        const before = await harness.rows();
        const counted = sumCounts(harness.engine.ledger().counted);
        for (const { lines } of deliveries) await harness.deliver({ atMs: START_MS + DAY_MS / 2, lines });
        await harness.waitUntilIdle();
        const after = await harness.rows();
        assert.equal(sumCounts(harness.engine.ledger().counted), counted);
        assert.equal(canonicalJson({ ...after, quality: {} }), canonicalJson({ ...before, quality: {} }));
        await harness.assertSound();
      }));

    it('a follower that starts at 0, and one that asks now and then, end with the same rows', (t) =>
      withHarness(async (harness) => {
        const random = new Random(testSeed(t));
        const options = {
          seed: random.uint32(),
          startMs: START_MS,
          eventsPerSecond: 0.01,
          rates: { late: 0.05, veryLate: 0.01 },
        };
        const deliveries = deliveriesOf([...stream({ ...options, count: 800 })], 20);
        const follower = new Follower();
        while (deliveries.length > 0) {
          await harness.deliver(...deliveries.splice(0, random.integer(1, 20)));
          const draw = random.next();
          if (draw < 0.4) await harness.measureSome(500);
          else if (draw < 0.6) await harness.archiveSome(500);
          else if (draw < 0.9) await harness.waitUntilIdle(500);
          else await harness.crash();
          if (random.chance(0.4)) await follower.poll(harness);
        }
        await harness.waitUntilIdle();
        await assertFollows(follower, harness);
        await assertFollows(new Follower(), harness);
        assert.equal(await follower.poll(harness), 0, 'nothing is new');
        // In pages: exactly what one call gives.
        for (const pointsMax of [150, 2000]) {
          const paged = new Follower(pointsMax);
          await assertFollows(paged, harness);
          const { points } = await harness.store.changes(0, METRICS, WINDOWS);
          assert.equal(await new Follower(pointsMax).poll(harness), points.length);
        }
        harness.nowMs += 1;
        await harness.engine.rebuild(harness.archive, null, false);
        await assertFollows(follower, harness);
        harness.nowMs += 1;
        await harness.loseState();
        await assertFollows(follower, harness);
      }));

    it('a follower that asks in the middle of a long recompute or rebuild misses nothing', () =>
      // They are recomputed ten days at a time, and readers can see each step.
      withHarness(
        async (harness) => {
          const lines = Array.from({ length: 45 }, (_, day) =>
            JSON.stringify({
              timestamp: START_MS - (1500 - day) * DAY_MS,
              event_type: 'view_product',
              user_id: 'u1',
            }),
          );
          await harness.deliver({ atMs: START_MS, lines });
          while (await harness.archiveSome(1000));
          await harness.measureSome(1000);
          const follower = new Follower();
          let asked = 0;
          const poll = (of: Follower) => () => {
            asked++;
            return of.poll(harness);
          };
          const watched = withHook(harness.archive, poll(follower));
          await harness.engine.recompute(watched);
          await assertFollows(follower, harness);
          const other = new Follower();
          await harness.engine.rebuild(withHook(harness.archive, poll(other)), null, false);
          await assertFollows(other, harness);
          await assertFollows(follower, harness);
          assert.ok(asked >= 5, `they have asked ${asked} times`);
          await harness.assertSound();
        },
        { rebuildRowsMax: 10 },
      ));
  });
}

/** The archive, with `hook` before each reading. */
function withHook(archive: ArchiveReader, hook: () => Promise<unknown>): ArchiveReader {
  return {
    position: (partition) => archive.position(partition),
    lost: () => archive.lost(),
    archived: () => archive.archived(),
    partitions: () => archive.partitions(),
    dates: (table) => archive.dates(table),
    receivedExtentMs: () => archive.receivedExtentMs(),
    async withFiles(table, filter, use) {
      await hook();
      return archive.withFiles(table, filter, use);
    },
    withNames: (table, filter, use) => archive.withNames(table, filter, use),
  };
}
