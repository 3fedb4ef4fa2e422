import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from './backoff.ts';

test('waits twice as long each time, up to the longest, and short again once it worked', () => {
  const backoff = new Backoff(100, 1000);
  for (const ms of [100, 200, 400, 800, 1000, 1000]) {
    const wait = backoff.next();
    assert.ok(wait >= ms / 2 && wait <= ms, `${wait} of ${ms}`);
  }
  backoff.reset();
  assert.ok(backoff.next() <= 100);
});
