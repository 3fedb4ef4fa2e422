import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsWithin } from './open-files.ts';

test('connections leave files for everything else', () => {
  assert.equal(connectionsWithin(4096, null), 4096);
  assert.equal(connectionsWithin(4096, 1_048_576), 4096);
  assert.equal(connectionsWithin(4096, 4096), 3584);
  assert.equal(connectionsWithin(4096, 1024), 512);
  assert.equal(connectionsWithin(4096, 256), 128);
  assert.equal(connectionsWithin(10, 1024), 10);
  assert.equal(connectionsWithin(4096, 1), 1);
  assert.ok(connectionsWithin(4096) > 0);
});
