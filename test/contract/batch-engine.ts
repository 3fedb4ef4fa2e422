import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TypedBatch } from '../../src/decode/batch.ts';
import { canonicalJson } from '../support/compare-rows.ts';
import { ENGINES, type EngineName } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { temporaryDir } from '../support/product.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 23, 12);
const TIME_ZONE = 'Europe/Berlin';

let ids = 0;
const view = (timeMs: number) =>
  `{"timestamp":${timeMs},"event_type":"view_product","event_id":"v${ids++}","user_id":"u${ids % 5}"}`;
const views = (count: number, fromMs: number) =>
  Array.from({ length: count }, (_, n) => view(fromMs + n * 1000));

/** What engines must do that are fed batch by batch. */
export function batchEngineContract(engine: EngineName, partitions: number): void {
  const withHarness = (run: (harness: MetricsHarness) => Promise<void>) => async () => {
    const harness = await MetricsHarness.open({ engine, timeZone: TIME_ZONE, partitions });
    try {
      await run(harness);
    } finally {
      await harness.close();
    }
  };
  /** As many deliveries as there are partitions, so that each has the same. */
  const deliver = async (harness: MetricsHarness, atMs: number, lines = 20) => {
    for (let n = 0; n < partitions; n++)
      await harness.deliver({ atMs: atMs + n, lines: views(lines, atMs - 60_000) });
  };
  const state = async ({ engine: of, store, log }: MetricsHarness, rows: () => Promise<unknown>) => ({
    rows: canonicalJson((await rows()) as never),
    version: store.version(),
    positions: log.partitions().map(({ partition }) => of.position(partition)),
    ledger: structuredClone(of.ledger()),
    maxReceivedAtMs: of.maxReceivedAtMs(),
    invalidated: of.invalidatedWindows(),
  });
  const stateOf = (harness: MetricsHarness) => state(harness, () => harness.rows());
  const next = (harness: MetricsHarness, use: (batch: TypedBatch) => Promise<void>) =>
    harness.withBatch(harness.positionsOf(harness.engine), 10_000, use);

  describe(`engine fed in batches: ${engine}, partitions: ${partitions}`, () => {
    it(
      'apply moves the positions to the ends of the ranges, with all that follows from the lines',
      withHarness(async (harness) => {
        await deliver(harness, START_MS);
        await next(harness, async (batch) => {
          assert.equal(batch.ranges.length, partitions);
          await harness.engine.apply(batch);
          for (const { partition, end } of batch.ranges)
            assert.equal(harness.engine.position(partition), end);
        });
        assert.equal(harness.engine.maxReceivedAtMs(), START_MS + partitions - 1);
        assert.deepEqual({ ...harness.engine.ledger().counted }, { http: 20 * partitions });
        assert.equal(harness.engine.isEmpty(), false);
      }),
    );

    it(
      'when apply rejects, nothing has changed, and the same batch can be applied again',
      withHarness(async (harness) => {
        await deliver(harness, START_MS);
        await harness.waitUntilIdle();
        await deliver(harness, START_MS + HOUR_MS);
        const before = await stateOf(harness);
        await next(harness, async (batch) => {
          await assert.rejects(harness.engine.apply({ ...batch, rowsSql: 'no_such_table' }));
          const ahead = batch.ranges.map((range) => ({ ...range, start: range.start + 1 }));
          await assert.rejects(harness.engine.apply({ ...batch, ranges: ahead }));
          // One partition of several at a wrong place is as wrong.
          const [first, ...others] = batch.ranges;
          await assert.rejects(
            harness.engine.apply({ ...batch, ranges: [...others, { ...first!, start: first!.start - 1 }] }),
          );
          assert.deepEqual(await stateOf(harness), before);
          await harness.engine.apply(batch);
        });
        await harness.waitUntilIdle();
        await harness.assertSound();
      }),
    );

    it(
      'a batch that was taken is not taken again, also after a crash',
      withHarness(async (harness) => {
        await deliver(harness, START_MS);
        const from = harness.positionsOf(harness.engine);
        await harness.waitUntilIdle();
        for (const between of [async () => {}, () => harness.reopen(), () => harness.crash()]) {
          await between();
          const before = await stateOf(harness);
          await harness.withBatch(from, 10_000, (batch) => assert.rejects(harness.engine.apply(batch)));
          assert.deepEqual(await stateOf(harness), before);
        }
        await harness.assertSound();
      }),
    );

    it(
      'calls that overlap run one after the other',
      withHarness(async (harness) => {
        await deliver(harness, START_MS);
        await next(harness, async (first) => {
          await deliver(harness, START_MS + HOUR_MS);
          while (await harness.archiveSome(10_000));
          const then = Object.fromEntries(first.ranges.map(({ partition, end }) => [partition, end]));
          await harness.withBatch(then, 10_000, async (second) => {
            const { engine: of, archive } = harness;
            const [, , diff] = await Promise.all([
              of.apply(first),
              of.apply(second),
              of.rebuild(archive, null, true),
              of.recompute(archive),
            ]);
            assert.ok(diff.windows > 0);
          });
        });
        await harness.waitUntilIdle();
        await harness.assertSound();
      }),
    );

    it(
      'closed windows are only marked; recompute computes them as far as the archive has come, and says how many are left',
      withHarness(async (harness) => {
        await deliver(harness, START_MS);
        await harness.waitUntilIdle();
        await deliver(harness, START_MS + 72 * HOUR_MS);
        await harness.deliver({ atMs: START_MS + 72 * HOUR_MS + 10, lines: views(3, START_MS) });
        while (await harness.measureSome(10_000));
        const invalidated = harness.engine.invalidatedWindows();
        assert.ok(invalidated > 0);
        const rows = canonicalJson(await harness.rows());
        assert.equal(
          await harness.engine.recompute(harness.archive),
          invalidated,
          'the archive has not come so far',
        );
        assert.equal(canonicalJson(await harness.rows()), rows);
        while (await harness.archiveSome(10_000));
        assert.equal(await harness.engine.recompute(harness.archive), 0);
        assert.equal(harness.engine.invalidatedWindows(), 0);
        assert.notEqual(canonicalJson(await harness.rows()), rows);
        await harness.assertSound();
      }),
    );

    it(
      'restore fills an engine without state from the archive, and leaves any other as it is',
      withHarness(async (harness) => {
        await deliver(harness, START_MS);
        await harness.waitUntilIdle();
        const [before, archived] = [await stateOf(harness), harness.positionsOf(harness.archive)];
        assert.equal(await harness.engine.restore(harness.archive), false);
        assert.deepEqual(await stateOf(harness), before);

        const fresh = await ENGINES[engine]({
          dir: temporaryDir(),
          archiveDir: join(harness.dir, 'archive'),
          logId: harness.log.id,
          timeZone: TIME_ZONE,
          now: () => harness.nowMs,
        });
        try {
          assert.equal(fresh.engine.isEmpty(), true);
          await assert.rejects(fresh.engine.restore(harness.archive, AbortSignal.abort()));
          assert.equal(fresh.engine.isEmpty(), true, 'what was given up has left no state');
          assert.equal(await fresh.engine.restore(harness.archive), true);
          assert.equal(fresh.engine.isEmpty(), false);
          for (const [partition, position] of Object.entries(archived))
            assert.equal(fresh.engine.position(Number(partition)), position);
          assert.deepEqual(fresh.engine.ledger().counted, before.ledger.counted);
          assert.equal((await fresh.engine.rebuild(harness.archive, null, true)).differences, 0);
          assert.equal(await fresh.engine.restore(harness.archive), false);
        } finally {
          await fresh.close();
        }
      }),
    );
  });
}
