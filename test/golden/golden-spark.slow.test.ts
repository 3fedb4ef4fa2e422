/**
 * The golden inputs on real Spark: the rows must be those of the engine in this process, which golden-runs.ts checks by a
 * second computation. Counts, sums and money to the last digit, quantiles within the stated error.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { wholeDays } from '../../src/adapters/engine/duckdb/wanted.ts';
import { sumCounts } from '../../src/domain/offset.ts';
import { assertRows, canonicalJson } from '../support/compare-rows.ts';
import type { AllRows } from '../support/metrics-harness.ts';
import { startService } from '../support/services.ts';
import { SparkJobs, type SparkPrograms, sparkPrograms } from '../support/spark.ts';
import { SparkRun } from '../support/spark-run.ts';
import { deliveriesOf, GOLDEN, readGolden } from './golden-runs.ts';

/** The inputs in which much depends on the order; each start of Spark takes its time. */
const IN_STEPS = ['duplicates', 'late-events'];

const inputs = Object.entries(GOLDEN).filter(
  ([name]) => !process.env.TILLSTREAM_TEST_INPUT || process.env.TILLSTREAM_TEST_INPUT === name,
);

describe('golden inputs on Spark', () => {
  let programs: SparkPrograms;
  let brokers: string[];
  let spark: SparkJobs;
  before(async () => {
    programs = await sparkPrograms();
    brokers = (await startService('kafka')).info.brokers;
    spark = SparkJobs.start(programs, 'local[2]');
  });
  after(() => spark.stop());

  for (const [name, timeZone] of inputs) {
    const way = async (title: string, batchRecordsMax: number | undefined, parts: number) => {
      const deliveries = deliveriesOf(readGolden(name));
      const options = { programs, brokers, master: 'local[2]', name: `${name} ${title}`, timeZone };
      const run = await SparkRun.open({ ...options, ...(batchRecordsMax ? { batchRecordsMax } : {}) });
      try {
        const size = Math.ceil(deliveries.length / parts);
        for (let at = 0; at < deliveries.length; at += size) {
          await run.deliver(...deliveries.slice(at, at + size));
          await run.compute(spark);
        }
        const lines = run.harness.end();
        const { counted, duplicate, bad } = run.points.ledger();
        assert.equal(run.points.position(0), lines);
        assert.equal(
          sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad),
          lines,
          'the ledger balances',
        );
        assert.equal(await run.repair(), 0, 'no window stays dirty');
        // The file has nine digits of each double.
        const rows = JSON.parse(canonicalJson(await run.rows())) as AllRows;
        assertRows(rows, JSON.parse(rowsOf(name)) as AllRows);
        const { windows, differences, examples } = await run.points.rebuild(run.harness.archive, null, true);
        assert.equal(differences, 0, `the archive gives other rows: ${JSON.stringify(examples.slice(0, 3))}`);
        assert.ok(windows > 0);
        if (parts === 1) await assertRebuilds(run, spark, windows);
      } finally {
        await run.close();
      }
    };
    it(`${name}, straight through`, () => way('at-once', undefined, 1));
    if (IN_STEPS.includes(name))
      it(`${name}, in steps of 7 records, stopped and started again`, () => way('in-steps', 7, 2));
  }
});

/** A rebuild by Spark finds nothing, and what it writes is what the archive gives here, too; the last day of lines alone, too. */
async function assertRebuilds(run: SparkRun, spark: SparkJobs, windows: number): Promise<void> {
  const all = { fromMs: -Infinity, toMs: Infinity };
  const diff = await run.computeFromArchive(spark, all, true);
  assert.equal(diff.differences, 0, `Spark gives other rows: ${JSON.stringify(diff.examples.slice(0, 3))}`);
  assert.equal(diff.windows, windows);
  const day = wholeDays({ fromMs: run.harness.nowMs, toMs: run.harness.nowMs + 1 }, run.job.timeZone);
  const ofDay = await run.computeFromArchive(spark, day, true);
  assert.equal(ofDay.differences, 0, `a day alone: ${JSON.stringify(ofDay.examples.slice(0, 3))}`);
  assert.ok(ofDay.windows > 0);
  const written = await run.computeFromArchive(spark, all, false);
  assert.equal(written.windows, windows);
  const { differences, examples } = await run.points.rebuild(run.harness.archive, null, true);
  assert.equal(differences, 0, `what Spark wrote differs: ${JSON.stringify(examples.slice(0, 3))}`);
}

function rowsOf(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.rows.json`), 'utf8');
}
