import { testNow } from '../support/clock.ts';
import { type HarnessOptions, MetricsHarness } from '../support/metrics-harness.ts';
import type { EngineRun } from './engine.ts';

const DELIVERY_LINES = 50;

/** A run of the engine contract around a harness: lines come some at a time, and `settleLines` are taken at a time. */
export async function harnessRun(options: HarnessOptions, settleLines: number): Promise<EngineRun> {
  const harness = await MetricsHarness.open(options);
  let atMs = testNow();
  return {
    get engine() {
      return harness.engine;
    },
    get archive() {
      return harness.archive;
    },
    log: harness.log,
    async send(lines) {
      for (let at = 0; at < lines.length; at += DELIVERY_LINES)
        await harness.deliver({
          atMs: atMs++,
          lines: lines.slice(at, at + DELIVERY_LINES),
          source: 'simulator',
        });
    },
    waitUntilIdle: () => harness.waitUntilIdle(settleLines),
    rows: () => harness.rows(),
    reopen: () => harness.reopen(),
    close: () => harness.close(),
  };
}
