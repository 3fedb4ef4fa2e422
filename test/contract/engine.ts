import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EventLog } from '../../src/log/event-log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import type { ArchiveReader, BatchEngine, MetricsLedger } from '../../src/metrics/engine.ts';
import { canonicalJson } from '../support/compare-rows.ts';
import type { AllRows } from '../support/metrics-harness.ts';
import { testSeed } from '../support/seed.ts';
import { shopLines } from '../support/shop-lines.ts';

/** An engine at work on a log and an archive of its own. */
export interface EngineRun {
  readonly engine: BatchEngine;
  readonly archive: ArchiveReader;
  readonly log: EventLog;
  /** Hands lines in as source `simulator`. */
  send(lines: readonly (string | Buffer)[]): Promise<void>;
  /** Resolves when all lines are archived and counted, and no window is invalidated. */
  waitUntilIdle(): Promise<void>;
  rows(): Promise<AllRows>;
  /** Stops the engine properly and opens it again. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface EngineUnderTest {
  name: string;
  setUp?(): Promise<void>;
  open(): Promise<EngineRun>;
}

const LINES = 1500;

/** What every engine must do, whoever feeds it. The tests go on from one another: some engines take long to start. */
export function engineContract({ name, setUp, open }: EngineUnderTest): void {
  describe(`engine: ${name}`, () => {
    const seed = testSeed(`engine ${name}`);
    const lines = shopLines(2 * LINES, seed);
    let run: EngineRun;
    before(async () => {
      await setUp?.();
      run = await open();
    });
    after(() => run?.close());

    const positions = () => run.log.partitions().map(({ partition }) => run.engine.position(partition));
    const counts = ({ counted, duplicate, excluded, bad, lost }: MetricsLedger) =>
      [counted, duplicate, excluded, bad, lost].map((bySource) => ({ ...bySource }));
    const assertComplete = async (sent: number) => {
      const { engine, archive, log } = run;
      for (const { partition, end } of log.partitions())
        assert.equal(engine.position(partition), end, `position in partition ${partition}`);
      const { counted, duplicate, excluded, bad, lost } = engine.ledger();
      const bySource: Record<string, number> = {};
      for (const part of [counted, duplicate, excluded, bad])
        for (const [source, count] of Object.entries(part))
          bySource[source] = (bySource[source] ?? 0) + count;
      assert.deepEqual(bySource, { ...log.received() }, 'the ledger balances by source');
      assert.equal(sumCounts(bySource), sent);
      assert.ok(sumCounts(duplicate) > 0 && sumCounts(bad) > 0, 'there is something of all');
      assert.equal(sumCounts(lost), 0);
      assert.equal(engine.maxReceivedAtMs(), log.status().lastReceivedAtMs);
      assert.equal(engine.invalidatedWindows(), 0);
      const { windows, differences, examples } = await engine.rebuild(archive, null, true);
      assert.equal(differences, 0, JSON.stringify(examples.slice(0, 3)));
      assert.ok(windows > 0);
    };

    it('begins with nothing counted', async () => {
      assert.deepEqual(
        positions(),
        run.log.partitions().map(() => 0),
      );
      for (const part of counts(run.engine.ledger())) assert.equal(sumCounts(part), 0);
      assert.equal(run.engine.maxReceivedAtMs(), 0);
    });

    it('counts each line once, and holds the rows that the archive gives', async () => {
      await run.send(lines.slice(0, LINES));
      await run.waitUntilIdle();
      await assertComplete(LINES);
    });

    it('has the same rows, positions and ledger after a stop, and resumes from there', async () => {
      const before = [canonicalJson(await run.rows()), positions(), counts(run.engine.ledger())];
      await run.reopen();
      await run.waitUntilIdle();
      assert.deepEqual([canonicalJson(await run.rows()), positions(), counts(run.engine.ledger())], before);
      await run.send(lines.slice(LINES));
      await run.waitUntilIdle();
      await assertComplete(2 * LINES);
      assert.notEqual(canonicalJson(await run.rows()), before[0]);
    });

    it('a rebuild of all or of a range gives the rows that it held, and nothing else changes', async () => {
      const { engine, archive } = run;
      const before = [canonicalJson(await run.rows()), positions(), counts(engine.ledger())];
      const all = await engine.rebuild(archive, null, false);
      const toMs = engine.maxReceivedAtMs() + 1;
      const part = await engine.rebuild(archive, { fromMs: toMs - 3_600_000, toMs }, false);
      assert.ok(part.windows > 0 && part.windows <= all.windows, `${part.windows} of ${all.windows} windows`);
      assert.deepEqual([canonicalJson(await run.rows()), positions(), counts(engine.ledger())], before);
      assert.equal((await engine.rebuild(archive, null, true)).differences, 0);
    });
  });
}
