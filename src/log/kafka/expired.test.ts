import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Expired } from './expired.ts';

const counted = async () => ({ http: 30 });

test('lines archived and expired before the counters begin are adopted once, and survive a restart', async () => {
  const expired = new Expired(
    undefined,
    new Map([
      [0, 50],
      [1, 40],
    ]),
  );
  assert.equal(
    await expired.adopt({ positions: { 0: 80, 1: 40 }, lines: { http: 100, poll: 20 } }, counted),
    0,
  );
  assert.deepEqual(expired.archived, { http: 70, poll: 20 });
  const again = new Expired(expired.toStored().expired, new Map());
  assert.equal(await again.adopt({ positions: { 0: 90, 1: 90 }, lines: { http: 500 } }, counted), 0);
  assert.deepEqual(again.archived, { http: 70, poll: 20 });
});

test('lines that expired before archiving are counted by offsets, up to the position', async () => {
  const expired = new Expired(
    undefined,
    new Map([
      [0, 50],
      [2, 7],
    ]),
  );
  assert.equal(await expired.adopt({ positions: { 0: 30 }, lines: { http: 30 } }, counted), 27);
  assert.deepEqual(
    [10, 30, 41, 50, 90].map((offset) => expired.unreadBefore(0, offset)),
    [0, 0, 11, 20, 20],
  );
  assert.equal(expired.unreadBefore(2), 7);
  assert.equal(expired.unreadBefore(1), 0);
});

test('a new shop on a topic with expired first records has missed nothing', async () => {
  const expired = new Expired(undefined, new Map([[0, 50]]));
  assert.equal(await expired.adopt({ positions: {}, lines: {} }, counted), 0);
  const next = new Expired(expired.toStored().expired, new Map());
  assert.equal(await next.adopt({ positions: { 1: 5 }, lines: { http: 5 } }, counted), 0);
  assert.equal(next.unreadLines(), 0);
});

test('if nothing was adopted, the next start may do so', () => {
  assert.deepEqual(new Expired(undefined, new Map([[3, 9]])).toStored(), { begins: { 3: 9 } });
});
