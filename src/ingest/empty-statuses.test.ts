import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EmptyStatuses } from './empty-statuses.ts';
import { FindingTally } from './finding-tally.ts';

/** The finding of orders with these statuses; null is an empty one, undefined none at all. */
function found(statuses: readonly (string | null | undefined)[], isTable: boolean): string[] {
  const all = new EmptyStatuses();
  for (const [n, status] of statuses.entries())
    all.take(status === undefined ? null : { field: 'Status', isGiven: status !== null }, () => `order ${n}`);
  const tally = new FindingTally();
  all.summarize(tally, isTable);
  return tally
    .list()
    .map(({ rows, example, message }) => `${rows} ${example} ${/have no (\w+)/.exec(message)![1]}`);
}

test('orders without a status are reported where most have one', () => {
  assert.deepEqual(found(['new', 'paid', null], false), ['1 order 2 Status']);
  assert.deepEqual(found(['new', null, null], false), [], 'most have none');
  assert.deepEqual(found(['new', 'paid'], true), []);
});

test('a member that is missing is an empty cell in a table only', () => {
  assert.deepEqual(found([undefined, 'new', 'paid'], true), ['1 order 0 Status']);
  assert.deepEqual(found([undefined, 'new', 'paid'], false), []);
  assert.deepEqual(found([undefined, 'new', 'paid', null], false), ['1 order 3 Status']);
  assert.deepEqual(found([undefined, undefined], true), []);
});
