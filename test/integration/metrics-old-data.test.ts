/**
 * The old pipeline's data set: 4,000 events with a date and no time, years old, so that every window is cold but for
 * quality: all of them are recomputed from the archive.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { localDayStartMs } from '../../src/event/time-zone.ts';
import { oldDataset } from '../../tools/simulator/index.ts';
import { assertRows } from '../support/compare-rows.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { type ReferenceLine, referenceRows } from '../support/reference-metrics.ts';
import { testSeed } from '../support/seed.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const DAYS = 19;

for (const engine of ENGINE_NAMES) {
  describe(`the old data set, ${engine}`, () => {
    for (const timeZone of ['UTC', 'America/New_York']) {
      it(`gives exact counts per day in ${timeZone}, all of them from the archive`, async (t) => {
        const events = oldDataset({ seed: testSeed(t), days: DAYS });
        const harness = await MetricsHarness.open({ engine, timeZone });
        try {
          const line = (event: object) => JSON.stringify(event);
          await harness.deliver({ atMs: NOW_MS, lines: events.slice(0, 2500).map(line) });
          await harness.deliver({ atMs: NOW_MS + 1000, lines: events.slice(2500).map(line) });
          while (await harness.measureSome(1000));
          assert.equal(
            harness.engine.invalidatedWindows(),
            3 * DAYS,
            'a minute, an hour and the day itself of each day',
          );
          assert.deepEqual(
            (await harness.rows()).traffic!['1d'],
            [],
            'nothing is counted on top of what the archive gives',
          );
          assert.equal(
            await harness.engine.recompute(harness.archive),
            3 * DAYS,
            'the archive has not come so far',
          );
          while (await harness.archiveSome(1000));
          assert.equal(await harness.engine.recompute(harness.archive), 0);

          const rows = await harness.rows();
          const starts = [...new Set(rows.traffic!['1d']!.map(({ start }) => Date.parse(start)))];
          assert.deepEqual(
            starts,
            Array.from({ length: DAYS }, (_, day) => localDayStartMs(timeZone, 2023, 4, 1 + day)),
          );
          const count = (metric: string, key: string, value: string) =>
            rows[metric]!['1d']!.reduce((sum, row) => sum + (row[key] === value ? Number(row.events) : 0), 0);
          for (const { event_type, device_type, status_code } of events.slice(0, 50)) {
            assert.equal(
              count('traffic', 'event_type', event_type),
              events.filter((e) => e.event_type === event_type).length,
            );
            assert.equal(
              count('traffic', 'device_type', device_type),
              events.filter((e) => e.device_type === device_type).length,
            );
            const status = `${String(status_code)[0]}xx`;
            assert.equal(
              count('responses', 'status_class', status),
              events.filter((e) => e.status_code === status_code).length,
            );
          }
          const lines = events.map((event, i) =>
            referenceLine(event, NOW_MS + (i < 2500 ? 0 : 1000), timeZone),
          );
          assertRows(rows, referenceRows(lines, timeZone));
          await harness.assertSound();
        } finally {
          await harness.close();
        }
      });
    }
  });
}

function referenceLine(
  event: ReturnType<typeof oldDataset>[number],
  receivedAtMs: number,
  zone: string,
): ReferenceLine {
  const [month, day, year] = event.timestamp.split('/').map(Number);
  return {
    receivedAtMs,
    event: {
      timeMs: localDayStartMs(zone, year!, month!, day!),
      eventType: event.event_type,
      eventId: null,
      orderId: null,
      userId: event.user_id,
      sessionId: null,
      productId: event.product_id,
      quantity: null,
      price: null,
      amount: null,
      currency: null,
      deviceType: event.device_type,
      responseTimeMs: event.response_time,
      statusCode: event.status_code,
    },
  };
}
