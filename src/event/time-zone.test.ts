import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone, localDayStartMs, localDayStartOfMs, utcMidnightMs, zoneOffsetMs } from './time-zone.ts';

const HOUR_MS = 3_600_000;
const at = (text: string) => Date.parse(text);

test('day starts around changes of the clocks', () => {
  const cases: [string, string, number, number, number, string][] = [
    ['no change', 'Europe/Berlin', 2026, 11, 23, '2026-11-22T23:00Z'],
    ['clocks forward at 02:00', 'Europe/Berlin', 2026, 3, 29, '2026-03-28T23:00Z'],
    ['the day after it', 'Europe/Berlin', 2026, 3, 30, '2026-03-29T22:00Z'],
    ['clocks back at 03:00', 'Europe/Berlin', 2026, 10, 25, '2026-10-24T22:00Z'],
    ['two midnights: the first', 'America/Havana', 2025, 11, 2, '2025-11-02T04:00Z'],
    ['missing midnight', 'America/Sao_Paulo', 2018, 11, 4, '2018-11-04T03:00Z'],
    ['missing midnight', 'Africa/Cairo', 2026, 4, 24, '2026-04-23T22:00Z'],
    ['half an hour', 'Asia/Kolkata', 2026, 7, 1, '2026-06-30T18:30Z'],
    ['three quarters', 'Asia/Kathmandu', 2026, 7, 1, '2026-06-30T18:15Z'],
    ['half an hour of DST', 'Australia/Lord_Howe', 2026, 4, 5, '2026-04-04T13:00Z'],
    ['the day after it', 'Australia/Lord_Howe', 2026, 4, 6, '2026-04-05T13:30Z'],
    ['a day that was left out begins when it would have', 'Pacific/Apia', 2011, 12, 30, '2011-12-30T10:00Z'],
    ['and so does the next', 'Pacific/Apia', 2011, 12, 31, '2011-12-30T10:00Z'],
  ];
  for (const [name, zone, year, month, day, expected] of cases) {
    assert.equal(
      new Date(localDayStartMs(zone, year, month, day)).toISOString(),
      new Date(at(expected)).toISOString(),
      `${zone}: ${name}`,
    );
  }
});

test('the day that holds an instant', () => {
  assert.equal(localDayStartOfMs('Europe/Berlin', at('2026-11-23T22:59:59.999Z')), at('2026-11-22T23:00Z'));
  assert.equal(localDayStartOfMs('Europe/Berlin', at('2026-11-23T23:00Z')), at('2026-11-23T23:00Z'));
  assert.equal(localDayStartOfMs('UTC', at('2026-11-23T23:00Z')), at('2026-11-23T00:00Z'));
});

test('offsets, also between whole seconds and before 1970', () => {
  assert.equal(zoneOffsetMs('Europe/Berlin', at('2026-07-01T00:00:00.999Z')), 2 * HOUR_MS);
  assert.equal(zoneOffsetMs('America/New_York', -1), -5 * HOUR_MS);
  assert.equal(zoneOffsetMs('UTC', 123), 0);
});

test('names of zones', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Calcutta']) assert.equal(isTimeZone(zone), true);
  for (const zone of ['', 'Europe/Atlantis', 'Berlin', "UTC'; DROP"]) assert.equal(isTimeZone(zone), false);
});

test('midnights of early years', () => {
  assert.equal(new Date(utcMidnightMs(70, 1, 1)).toISOString(), '0070-01-01T00:00:00.000Z');
  assert.equal(new Date(utcMidnightMs(1970, 1, 2)).toISOString(), '1970-01-02T00:00:00.000Z');
});
