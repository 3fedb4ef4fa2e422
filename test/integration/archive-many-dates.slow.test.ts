/** A history of years that is loaded at once has a date for almost every line: the archive writes a file for each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oldDataset } from '../../tools/simulator/index.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';

const DAYS = 1500;
const NOW_MS = Date.UTC(2026, 10, 23, 12);

for (const engine of ENGINE_NAMES) {
  describe(`a batch with ${DAYS} dates, ${engine}`, () => {
    it('fits into the memory of the archive, and its windows are recomputed', async () => {
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
      try {
        const events = oldDataset({ seed: 7, days: DAYS, count: DAYS, firstDayMs: Date.UTC(2019, 0, 1) });
        await harness.deliver({ atMs: NOW_MS, lines: events.map((event) => JSON.stringify(event)) });
        while (await harness.archiveSome(DAYS));
        assert.equal(harness.archive.dates('events').length, DAYS);
        assert.deepEqual(harness.archive.counts().events, { http: DAYS });
        await harness.waitUntilIdle(DAYS);
        await harness.assertSound();
      } finally {
        await harness.close();
      }
    });
  });
}
