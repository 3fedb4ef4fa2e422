import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternatives, counted } from './words.ts';

test('one of a thing is singular, none and several are not', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'event')),
    ['0 events', '1 event', '2 events'],
  );
  assert.equal(counted(2, 'entry', 'entries'), '2 entries');
  assert.equal(counted(1, 'entry', 'entries'), '1 entry');
});

test('choices are words, or in quotes', () => {
  assert.equal(alternatives(['mdy', 'dmy', 'ymd']), 'mdy, dmy or ymd');
  assert.equal(alternatives(['.', ',']), '"." or ","');
  assert.equal(alternatives(['shopify-orders', 'items.price']), 'shopify-orders or items.price');
  assert.equal(alternatives([]), '');
});
