import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeEach } from './close-each.ts';

test('all are closed, the last opened first, also where some fail; each failure is reported', async () => {
  const closed: string[] = [];
  const closer = (name: string, isFailing: boolean) => async () => {
    closed.push(name);
    if (isFailing) throw new Error(`${name} failed`);
  };
  await closeEach([closer('a', false), closer('b', false)]);
  assert.deepEqual(closed.splice(0), ['b', 'a']);
  await assert.rejects(
    closeEach([closer('a', false), closer('b', true), closer('c', false)]),
    /^Error: b failed$/,
  );
  assert.deepEqual(closed.splice(0), ['c', 'b', 'a']);
  const closers = [closer('a', true), closer('b', false), closer('c', true)];
  await assert.rejects(closeEach(closers), /closing failed: c failed; a failed/);
  assert.deepEqual(closed.splice(0), ['c', 'b', 'a']);
  await closeEach(closers);
  assert.deepEqual(closed, [], 'nothing is closed twice');
});
