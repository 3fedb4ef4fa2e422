import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTimeBound } from './time-bound.ts';

const iso = (text: string, end: 'from' | 'to', zone: string) => {
  const ms = parseTimeBound(text, end, zone);
  return ms === null ? null : new Date(ms).toISOString();
};

test('days are those of the shop, and the last one is part of the range', () => {
  assert.equal(iso('2026-11-23', 'from', 'UTC'), '2026-11-23T00:00:00.000Z');
  assert.equal(iso('2026-11-23', 'to', 'UTC'), '2026-11-24T00:00:00.000Z');
  assert.equal(iso('2026-11-23', 'from', 'Europe/Berlin'), '2026-11-22T23:00:00.000Z');
  assert.equal(iso('2026-11-23', 'to', 'Europe/Berlin'), '2026-11-23T23:00:00.000Z');
  // Days of 25 and 23 hours.
  assert.equal(iso('2026-10-25', 'to', 'Europe/Berlin'), '2026-10-25T23:00:00.000Z');
  assert.equal(iso('2026-10-25', 'from', 'Europe/Berlin'), '2026-10-24T22:00:00.000Z');
  assert.equal(iso('2026-03-29', 'to', 'Europe/Berlin'), '2026-03-29T22:00:00.000Z');
  assert.equal(iso('2026-12-31', 'to', 'Asia/Kolkata'), '2026-12-31T18:30:00.000Z');
});

test('times without a zone are those of the shop, the first of two', () => {
  for (const end of ['from', 'to'] as const) {
    assert.equal(iso('2026-11-23T10:15', end, 'Europe/Berlin'), '2026-11-23T09:15:00.000Z');
    assert.equal(iso('2026-11-23 10:15:30.5', end, 'America/New_York'), '2026-11-23T15:15:30.500Z');
    assert.equal(iso('2026-10-25T02:30', end, 'Europe/Berlin'), '2026-10-25T00:30:00.000Z');
    assert.equal(iso('2026-03-29T02:30', end, 'Europe/Berlin'), '2026-03-29T01:30:00.000Z');
  }
});

test('instants are used unchanged', () => {
  for (const zone of ['UTC', 'Europe/Berlin']) {
    assert.equal(iso('2026-11-23T10:15Z', 'to', zone), '2026-11-23T10:15:00.000Z');
    assert.equal(iso('2026-11-23T10:15:30.250+01:00', 'from', zone), '2026-11-23T09:15:30.250Z');
    assert.equal(iso('1795428930250', 'from', zone), '2026-11-23T10:15:30.250Z');
    assert.equal(iso('86400000', 'from', zone), '1970-01-02T00:00:00.000Z');
  }
});

test('what is not a time', () => {
  const texts = [
    '',
    'now',
    '2026-02-30',
    '2026-13-01',
    '2026-11',
    '23.11.2026',
    '11/23/2026',
    '2026-11-23T25:00',
    '2026-11-23T10',
    '-5',
    '1e9',
  ];
  for (const text of texts) assert.equal(parseTimeBound(text, 'from', 'UTC'), null, text);
});
