import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentMap } from './recent-map.ts';

test('the newest values are remembered, and what is far older is forgotten', () => {
  const map = new RecentMap<number | null>(3);
  for (let n = 0; n < 8; n++) map.set(`k${n}`, n);
  assert.deepEqual(
    ['k0', 'k2', 'k5', 'k7'].map((key) => map.get(key)),
    [undefined, undefined, 5, 7],
  );
  map.set('k5', 50);
  assert.equal(map.get('k5'), 50, 'of two the newer one');
  map.set('k4', null);
  assert.equal(map.get('k4'), null, 'also where that is null');
  map.set('none', null);
  assert.deepEqual([map.has('none'), map.get('none') ?? 'nothing'], [true, 'nothing']);
  map.delete('k5');
  assert.equal(map.has('k5'), false);
});
