/**
 * The golden inputs with aggregates computed by real Spark: the rows must be those of the engine in this process, which
 * golden-runs.ts checks by a second computation. Counts, sums and money to the last digit, quantiles within the stated error.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assertRows, canonicalJson } from '../support/compare-rows.ts';
import { type AllRows, MetricsHarness } from '../support/metrics-harness.ts';
import { isThorough } from '../support/thorough.ts';
import { deliveriesOf, GOLDEN, readGolden } from './golden-runs.ts';

/** The inputs in which much depends on the order. Whether a line is a duplicate is decided before Spark gets it: with --all only. */
const IN_STEPS = isThorough ? ['duplicates', 'late-events'] : ['late-events'];

/** The tests, which are in test/contract/engine-spark.slow.test.ts with others that need a Spark. */
export function goldenInputsOnSpark(): void {
  describe('golden inputs on Spark', () => {
    for (const [name, timeZone] of Object.entries(GOLDEN)) {
      const isInSteps = IN_STEPS.includes(name);
      const way = async (
        partitions: number,
        steps: number,
        between: (harness: MetricsHarness) => unknown,
      ) => {
        const harness = await MetricsHarness.open({ engine: 'spark', timeZone, partitions });
        try {
          const deliveries = deliveriesOf(readGolden(name));
          const size = Math.ceil(deliveries.length / steps);
          for (let at = 0; at < deliveries.length; at += size) {
            await harness.deliver(...deliveries.slice(at, at + size));
            await harness.waitUntilIdle(1_000_000);
            if (at + size < deliveries.length) await between(harness);
          }
          // One more job; for those in steps, as the others compute the same rows from the same files.
          if (isInSteps) await harness.assertSound();
          // The file has nine digits of each double.
          const rows = JSON.parse(canonicalJson(await harness.rows())) as AllRows;
          assertRows(rows, JSON.parse(rowsOf(name)) as AllRows);
        } finally {
          await harness.close();
        }
      };
      // In steps more is tried of the same input.
      if (!isInSteps || isThorough) it(`${name}, straight through`, () => way(1, 1, () => {}));
      if (!isInSteps) continue;
      it(`${name}, in steps, crashed between them`, () => way(4, 3, (harness) => harness.crash()));
      it(`${name}, state lost and filled from the archive`, () =>
        way(1, 2, (harness) => harness.loseState()));
    }
  });
}

function rowsOf(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.rows.json`), 'utf8');
}
