import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revenue } from './definitions/revenue.ts';
import { derive } from './derive.ts';

test('money that is derived from sums is exact, however large they are', () => {
  const rows: Record<string, string | number | null>[] = [
    { orders: 40, revenue: '399999999999999.6000', refunded: '0.0000' },
    { orders: 2, revenue: '9999999999999999999999999999999999.9998', refunded: '0.9998' },
    { orders: 3, revenue: '-100000000000000000000.0001', refunded: '1.0000' },
    { orders: 0, revenue: null, refunded: '5.0000' },
  ];
  derive(revenue, rows, () => null);
  assert.deepEqual(
    rows.map((row) => [row.average_order, row.net]),
    [
      ['9999999999999.9900', '399999999999999.6000'],
      ['4999999999999999999999999999999999.9999', '9999999999999999999999999999999999.0000'],
      ['-33333333333333333333.3334', '-100000000000000000001.0001'],
      [null, null],
    ],
  );
});
