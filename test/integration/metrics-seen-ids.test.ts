/** Ids of events are kept for 24 hours and then forgotten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sumCounts } from '../../src/log/offset.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';

const START_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

describe('ids seen, duckdb', () => {
  it('forgets an id after 24 hours, not before', async () => {
    const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone: 'UTC', compactRowsMin: 0 });
    try {
      const line = (id: string) =>
        JSON.stringify({ timestamp: START_MS, event_type: 'purchase', event_id: id });
      const others = (n: number, from: number) =>
        Array.from({ length: n }, (_, i) => line(`other-${from + i}`));
      await harness.deliver({ atMs: START_MS, lines: [line('A'), line('B'), line('C')] });
      await harness.waitUntilIdle();
      for (let hour = 6; hour <= 24; hour += 6) {
        await harness.deliver({ atMs: START_MS + hour * 3_600_000, lines: others(hour, hour * 1000) });
        await harness.waitUntilIdle();
      }
      const counted = sumCounts(harness.engine.ledger().counted);
      await harness.deliver({ atMs: START_MS + DAY_MS, lines: [line('A')] });
      await harness.waitUntilIdle();
      assert.equal(sumCounts(harness.engine.ledger().duplicate), 1, 'after 24 hours to the millisecond');
      await harness.loseState();
      await harness.deliver({ atMs: START_MS + DAY_MS, lines: [line('B')] });
      await harness.waitUntilIdle();
      assert.equal(sumCounts(harness.engine.ledger().duplicate), 2, 'and from the archive');
      await harness.deliver({ atMs: START_MS + DAY_MS + 1, lines: [line('C')] });
      await harness.waitUntilIdle();
      assert.equal(sumCounts(harness.engine.ledger().counted), counted + 1, 'a millisecond later it counts');
      await harness.assertSound();
    } finally {
      await harness.close();
    }
  });
});
