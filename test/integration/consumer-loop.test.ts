/** What a consumer says of itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchSource } from '../../src/consumers/batch-source.ts';
import { ConsumerLoop } from '../../src/consumers/consumer-loop.ts';
import type { TypedBatch } from '../../src/decode/batch.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { quietLogger } from '../support/kafka.ts';
import { until } from '../support/product.ts';

const LINES = 10;

/** A loop over one batch of a log, whose preparation and step fail once where `fails` says so. */
async function loopThat(fails: { preparing?: boolean; afterStep?: boolean }) {
  const log = openMemoryLog({ now: () => 1_000_000 });
  await log.append({ source: 'http', bytes: [Buffer.from('{}\n'.repeat(LINES))], lines: LINES });
  let at = fails.preparing ? LINES : 0;
  const left = { ...fails };
  const failOnce = (what: 'preparing' | 'afterStep') => {
    if (!left[what]) return;
    left[what] = false;
    throw new Error('the disk is away');
  };
  const batches: BatchSource = {
    waitPast: (from, timeoutMs, signal) => log.waitPast(from, timeoutMs, signal),
    async take() {
      const ranges = [{ partition: 0, start: 0, end: LINES }];
      return {
        ranges,
        sources: { http: LINES },
        lost: {},
        lines: LINES,
        maxReceivedAtMs: 1,
      } as unknown as TypedBatch;
    },
    async done() {},
  };
  const loop = new ConsumerLoop({
    name: 'metrics',
    log,
    batches,
    logger: quietLogger,
    positions: () => ({ 0: at }),
    mustPrepare: true,
    prepare: { isNeeded: () => false, message: () => 'filling', run: async () => failOnce('preparing') },
    async step() {
      at = LINES;
      failOnce('afterStep');
    },
    batchDelayMs: () => 0,
    fullBatchLines: 1,
  });
  await loop.start();
  return loop;
}

for (const [what, fails] of Object.entries({
  'its preparation': { preparing: true },
  'a step that had moved on': { afterStep: true },
})) {
  test(`a consumer that has nothing left to do after ${what} failed is ready again, without a new line`, async () => {
    const loop = await loopThat(fails);
    await until(() => loop.status().message === 'the disk is away', 'it fails');
    await until(() => loop.status().state === 'ready', 'it is ready', 5000);
    assert.deepEqual([loop.status().message, loop.lag()], ['', 0]);
    await loop.stop(0);
  });
}
