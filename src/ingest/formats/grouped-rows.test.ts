import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { detected, readAll } from '../fake-reading.ts';
import { compileMapping } from '../mapping/compile.ts';
import { mapperOf } from '../mapping/map-records.ts';
import { mappingSchema } from '../mapping/schema.ts';

const TABLE = Buffer.from(
  'time,Name,Total,Sku,Qty\n' +
    '2026-11-01,#1,9.00,"A ""1""",2\n2026-11-01,#1,,B,1\n' +
    '2026-11-02,#2,5.00,A,1\n' +
    '2026-11-03,,1.00,C,1\n2026-11-03,,2.00,D,1\n' +
    '2026-11-04,#2,5.00,A,1\n2026-11-04,#2\n2026-11-04,#2,,B,1\n',
);
const found = detected(TABLE, { group: 'Name', isKnownName: (name) => name === 'time' });

test('rows that follow each other with the same value are one record, however they are cut', () => {
  const whole = readAll(found, [TABLE]);
  assert.deepEqual(
    whole.map(({ place, rejected, raw }) => [place, rejected ?? raw!.split('\n').length]),
    [
      [2, 2],
      [4, 1],
      [5, 1],
      [6, 1],
      [7, 1],
      [8, 'wrong_cell_count'],
      [9, 1],
    ],
    'rows without a value, and those behind another one or a bad row, are records of their own',
  );
  fc.assert(
    fc.property(fc.array(fc.nat(TABLE.length), { maxLength: 6 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), TABLE.length];
      const chunks = at.slice(1).map((end, n) => TABLE.subarray(at[n], end));
      assert.deepEqual(readAll(found, chunks), whole);
    }),
  );
});

test('a mapping has the rows of its record, and keeps no column of a line beside them', async () => {
  const mapper = mapperOf(
    compileMapping(
      'test',
      mappingSchema.parse({
        group: 'Name',
        fields: { timestamp: 'time', event_type: { value: 'purchase' }, order_id: 'Name', amount: 'Total' },
        items: { each: '^rows[*]', fields: { product_id: 'Sku', quantity: 'Qty' } },
      }),
    ),
  );
  assert.equal(mapper.detecting.group, 'Name');
  const { decoded } = await mapper.map(found.format.decoder(found.detection).push(TABLE));
  const [first] = decoded.flatMap((piece) => (piece.kind === 'records' ? piece.records : []));
  assert.deepEqual(
    { ...first!.fields },
    {
      timestamp: '2026-11-01',
      event_type: 'purchase',
      order_id: '#1',
      amount: '9.00',
      items: [
        { product_id: 'A "1"', quantity: '2' },
        { product_id: 'B', quantity: '1' },
      ],
    },
  );
});

test('a table without that column is read row by row', () => {
  const other = detected(TABLE, { group: 'Order', isKnownName: (name) => name === 'time' });
  assert.equal(readAll(other, [TABLE]).length, 8);
});
