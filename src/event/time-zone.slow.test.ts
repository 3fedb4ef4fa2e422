import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localDayStartMs, zoneOffsetMs } from './time-zone.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Days, as numbers since 1970, near which the zone's offset changes. */
function daysNearChanges(zone: string): Set<number> {
  const days = new Set<number>([0, 1]);
  const step = 25;
  const lastDay = Date.UTC(2038, 0, 1) / DAY_MS;
  const offsetAt = (day: number) => zoneOffsetMs(zone, day * DAY_MS);
  let before = offsetAt(0);
  for (let day = step; day < lastDay; day += step) {
    const after = offsetAt(day);
    if (after !== before) {
      let [low, high] = [day - step, day];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      for (let near = low; near <= high + 1; near++) days.add(near);
    }
    before = after;
  }
  return days;
}

test('in every time zone a day start is the first instant of its day', () => {
  let checked = 0;
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    const dayOf = (ms: number) => Math.floor((ms + zoneOffsetMs(zone, ms)) / DAY_MS);
    for (const day of daysNearChanges(zone)) {
      const date = new Date(day * DAY_MS);
      const start = localDayStartMs(zone, date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
      checked++;
      if (dayOf(start) !== day) {
        // The day was left out: where the zone crossed the date line.
        assert.deepEqual(
          [dayOf(start - 1), dayOf(start)],
          [day - 1, day + 1],
          `${zone} ${date.toISOString()}`,
        );
        continue;
      }
      assert.ok(dayOf(start - 1) < day, `${zone} ${date.toISOString()}`);
      // Clocks are put back by an hour at most where that leads into the day before.
      for (const hours of [0.5, 1.5])
        assert.ok(dayOf(start - hours * HOUR_MS) < day, `${zone} ${date.toISOString()}`);
    }
  }
  assert.ok(checked > 50_000);
});
