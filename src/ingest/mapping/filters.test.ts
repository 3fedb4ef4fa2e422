import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject } from '../record-slots.ts';
import { filterOf } from './filters.ts';
import { createGetter, createLister, parsePath } from './path.ts';

const at = (path: string, record: unknown) =>
  createGetter(parsePath(path))({ here: record, record, beside: {} });
const all = (path: string, record: unknown) =>
  createLister(parsePath(path))({ here: record, record, beside: {} }).list;
/** Members as they are left over, without those that only paths find. */
const plain = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(plain)
    : isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
      : value;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('decimal', () => {
  for (const [given, scale, expected] of [
    ['D3g=', 2, '39.60'],
    ['AA==', 2, '0.00'],
    ['Aw==', 2, '0.03'],
    ['/w==', 2, '-0.01'],
    ['8Ig=', 2, '-39.60'],
    ['AIA=', 0, '128'],
    ['D3g=', 4, '0.3960'],
    ['ASNFZ4mrze8BI0VnAA==', 2, '901440426828963118225087137.28'],
  ] as const)
    it(`${scale} of ${given} is ${expected}`, () =>
      assert.equal(at(`total | decimal ${scale}`, { total: given }), expected));

  it('brings its scale in Debezium’s VariableScaleDecimal', () => {
    assert.equal(at('x | decimal 2', { x: { scale: 3, value: 'D3g=' } }), '3.960');
    assert.equal(at('x | decimal 2', { x: { scale: -2, value: 'Aw==' } }), '300');
  });

  it('leaves numbers and texts that are not base64 unchanged', () => {
    for (const value of [39.6, '39.60', '-5', '1234', '39,60 €', 'D3g', true, { amount: 1 }])
      assert.deepEqual(at('x | decimal 2', { x: value }), value);
  });

  it('must have the number of digits', () => {
    for (const path of ['x | decimal two', 'x | decimal -1', 'x | decimal 31', 'x | decimal 2 2'])
      assert.throws(() => parsePath(path), /has decimal .*digits behind the point/);
    assert.throws(() => parsePath('x | decimal'), /has decimal without its argument/);
    // Of an object it is a member's name.
    assert.equal(at('x | json | decimal', { x: '{"decimal": 5}' }), 5);
  });
});

describe('connect', () => {
  const decimal = (field: string, scale: string) => ({
    field,
    type: 'bytes',
    name: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale },
  });
  const row = {
    type: 'struct',
    field: 'after',
    fields: [
      decimal('total', '4'),
      { field: 'day', type: 'int32', name: 'io.debezium.time.Date' },
      { field: 'free', type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' },
      { field: 'prices', type: 'array', items: decimal('', '2') },
      { field: 'fees', type: 'map', keys: { type: 'string' }, values: decimal('', '2') },
      { field: 'note', type: 'string' },
    ],
  };

  it('reads decimals and days as their schema says', () => {
    const after = {
      total: 'D3g=',
      day: 20029,
      free: { scale: 1, value: 'D3g=' },
      prices: ['D3g=', null],
      fees: { dhl: 'Aw==' },
      note: 'D3g=',
      other: 'D3g=',
    };
    const message = { schema: { type: 'struct', fields: [row] }, payload: { op: 'c', before: null, after } };
    assert.deepEqual(plain(at('$ | connect', message)), {
      op: 'c',
      before: null,
      after: {
        total: '0.3960',
        day: '2024-11-02',
        free: '396.0',
        prices: ['39.60', null],
        fees: { dhl: '0.03' },
        note: 'D3g=',
        other: 'D3g=',
      },
    });
  });

  it('leaves values that do not fit the schema unchanged', () => {
    const after = { total: 39.6, day: 'x', prices: 5, free: 'x', fees: null };
    const message = { schema: { type: 'struct', fields: [row] }, payload: { after } };
    assert.deepEqual(plain(at('$ | connect', message)), { after });
  });

  it('does nothing without a schema', () => {
    assert.equal(at('$ | connect', { payload: {} }), undefined);
    assert.equal(at('$ | connect', { schema: null, payload: {} }), undefined);
    assert.equal(at('$ | connect', { schema: {}, payload: null }), undefined);
  });
});

describe('record', () => {
  it('gives fields our names, and leaves all others', () => {
    const record = at('x | record', { x: { customerId: 'u1', Event: 'order', plan: 'b', id: 5 } });
    assert.deepEqual(plain(record), { user_id: 'u1', event_type: 'order', plan: 'b', id: 5 });
    assert.equal(at('customerId', record), 'u1', 'paths find what has its old name');
    assert.equal(JSON.stringify(record), '{"customerId":"u1","Event":"order","plan":"b","id":5}');
  });

  it('uses the most certain of several names of a field that has a value', () => {
    assert.deepEqual(plain(at('x | record', { x: { ts: 1, timestamp: 2 } })), { ts: 1, timestamp: 2 });
    assert.deepEqual(plain(at('x | record', { x: { timestamp: '', ts: 1, time: null } })), {
      timestamp: 1,
    });
    assert.deepEqual(plain(at('x | record', { x: { qty: null, sku: 'p1', plan: null } })), {
      product_id: 'p1',
      plan: null,
    });
  });

  it('reads JSON, and turns anything else into a bad row', () => {
    assert.deepEqual(plain(at('x | record', { x: ' {"sku":"p1"}\n' })), { product_id: 'p1' });
    for (const value of ['plain', '{"a":', '[1]', 5, true, [1]])
      assert.deepEqual(at('x | record', { x: value }), { unreadable: value });
    assert.equal(at('x | record', { x: null }), undefined);
  });

  it('loses no element of a list', () => {
    const records = ['{"a":1}', 'x', '{"b":2}\n{"c":3}'].map((text) => ({ data: base64(text) }));
    assert.deepEqual(all('records[*].data | base64 | lines | [*] | record', { records }), [
      { a: 1 },
      { unreadable: 'x' },
      { b: 2 },
      { c: 3 },
    ]);
  });

  it('counts values that a filter cannot use', () => {
    const records = [base64('{"a":1}'), '!', base64('{"b":2}')].map((data) => ({ data }));
    const found = createLister(parsePath('records[*].data | base64 | record'))({
      here: { records },
      record: { records },
      beside: {},
    });
    assert.deepEqual(plain(found), { list: [{ a: 1 }, { b: 2 }], dropped: 1 });
  });
});

describe('pairs', () => {
  const attributes = [
    { key: 'order.id', value: { stringValue: 'o1' } },
    { key: 'quantity', value: { intValue: '2' } },
    { key: 'tags', value: { arrayValue: { values: [{ stringValue: 'a' }, { boolValue: true }] } } },
    {
      key: 'items',
      value: {
        arrayValue: {
          values: [{ kvlistValue: { values: [{ key: 'sku', value: { stringValue: 'p1' } }] } }],
        },
      },
    },
    { key: 'none', value: {} },
    'odd',
  ];
  const object = { 'order.id': 'o1', quantity: '2', tags: ['a', true], items: [{ sku: 'p1' }], none: {} };

  it('is an object by the names, whatever is nested', () => {
    assert.deepEqual(plain(at('attributes | pairs', { attributes })), object);
    assert.equal(at('attributes | pairs | "order.id"', { attributes }), 'o1');
  });

  it('puts them beside the other members of their object', () => {
    assert.deepEqual(plain(at('$ | pairs attributes', { time: 1, attributes })), { time: 1, ...object });
    assert.deepEqual(plain(at('$ | pairs attributes', { time: 1 })), { time: 1 });
  });
});

describe('extension', () => {
  for (const [given, expected] of [
    ['GET /a/b.CSS?v=2 HTTP/1.1', 'css'],
    ['/theme.min.js', 'js'],
    ['GET https://www.shop.example:443/x.png HTTP/2.0', 'png'],
    ['https://shop.example', undefined],
    ['GET /product/p1?x=a.css HTTP/1.1', undefined],
    ['GET /v1.2/product HTTP/1.1', undefined],
    ['POST /cart/add.js HTTP/1.1', undefined],
    [7, undefined],
  ] as const)
    it(`of ${given} is ${expected}`, () => assert.equal(at('x | extension', { x: given }), expected));
});

describe('other filters', () => {
  it('decode percent signs, once', () => {
    assert.equal(at('x | decode', { x: 'Mozilla/5.0%20(X11)' }), 'Mozilla/5.0 (X11)');
    assert.equal(at('x | decode', { x: '100%' }), '100%');
    assert.equal(at('x | decode | decode', { x: 'a%2520b' }), 'a b');
  });

  it('take objects, and texts that begin as one does', () => {
    assert.equal(at('x | object', { x: ' {"a":' }), ' {"a":');
    assert.deepEqual(at('x | object', { x: { a: 1 } }), { a: 1 });
    for (const value of ['started', '[1]', 5, [1]]) assert.equal(at('x | object', { x: value }), undefined);
  });

  it('keep a JSON text of several lines whole', () => {
    assert.deepEqual(at('x | lines', { x: '{\n"a":1}' }), ['{\n"a":1}']);
    assert.deepEqual(at('x | lines', { x: 'a\r\n\nb' }), ['a\r', 'b']);
  });

  it('find a text by a regular expression', () => {
    assert.equal(at('x | match ^orders?$', { x: 'orders' }), 'orders');
    assert.equal(at('x | match ^shop_(\\w+)', { x: 'shop_orders' }), 'orders');
    for (const x of ['refunds', 5]) assert.equal(at('x | match ^orders?$', { x }), undefined);
    assert.throws(() => parsePath('x | match ('), /is not a regular expression/);
  });

  it('append a text', () => {
    assert.equal(at('x | append Z', { x: '10:00:00' }), '10:00:00Z');
    assert.equal(at('x | append Z', { x: '' }), undefined);
  });

  it('write in capital letters', () => assert.equal(at('x | upper', { x: 'de' }), 'DE'));

  it('are found by their own names only', () => {
    assert.equal(filterOf('constructor'), null);
    assert.equal(filterOf('toString 2'), null);
    assert.equal(at('x | json | Event Type', { x: { 'Event Type': 'a' } }), 'a');
    assert.equal(at('"x | Event Type"', { 'x | Event Type': 'a' }), 'a');
  });
});
