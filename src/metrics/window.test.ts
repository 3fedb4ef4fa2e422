import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFromMs, WINDOWS, windowEndMs, windowStartMs } from './window.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/Havana',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Australia/Lord_Howe',
];

test('windows follow each other without gap or overlap', () => {
  for (const zone of ZONES) {
    let start = windowStartMs('1d', Date.UTC(2011, 0, 1, 12), zone);
    for (let n = 0; n < 400; n++) {
      const end = windowEndMs('1d', start, zone);
      assert.ok(end > start && end - start <= 25 * 3_600_000, `${zone} ${new Date(start).toISOString()}`);
      assert.equal(windowStartMs('1d', end, zone), end);
      assert.equal(windowStartMs('1d', end - 1, zone), start);
      start = end;
    }
  }
  for (const size of ['1m', '1h'] as const) {
    const start = windowStartMs(size, Date.UTC(2026, 10, 23, 10, 15, 30), 'Asia/Kathmandu');
    assert.equal(windowEndMs(size, start, 'Asia/Kathmandu') - start, size === '1m' ? 60_000 : 3_600_000);
  }
});

test('the first open window is one that began before the edge', () => {
  for (const size of WINDOWS) {
    const maxReceivedAtMs = Date.UTC(2026, 10, 23, 10, 15, 30);
    const open = openFromMs(size, maxReceivedAtMs, 'Europe/Berlin');
    assert.equal(windowStartMs(size, open, 'Europe/Berlin'), open);
    assert.ok(windowEndMs(size, open, 'Europe/Berlin') > open);
  }
});
