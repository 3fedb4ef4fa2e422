import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileMapping } from '../ingest/mapping/compile.ts';
import { mapperOf } from '../ingest/mapping/map-records.ts';
import { createGetter, parsePath } from '../ingest/mapping/path.ts';
import { mappingSchema } from '../ingest/mapping/schema.ts';
import type { ChosenMapping } from './choice.ts';
import { formOf, type Row } from './form.ts';

const NONE: ChosenMapping = { mapper: undefined, map: null, text: null, spec: null };

function chosen(given: object): ChosenMapping {
  const spec = mappingSchema.parse(given);
  return { mapper: mapperOf(compileMapping('test', spec)), map: null, text: '', spec };
}

test('each column is offered by a path that leads to its value, whatever it is called', () => {
  const names = [
    'plain',
    'two words',
    'customer.id',
    'a|b',
    '"q"',
    '$total',
    '^up',
    'x[0]',
    'Straße ',
    ' ',
    '',
  ];
  const row = Object.fromEntries(names.map((name, n) => [name, `value ${n}`]));
  const { columns } = formOf(NONE, [row]);
  assert.equal(columns.length, names.length);
  for (const [n, { path, example }] of columns.entries()) {
    const value = createGetter(parsePath(path))({ here: row, record: row, beside: {} });
    assert.deepEqual([value, example], [`value ${n}`, `value ${n}`], path);
  }
});

test('members of objects are columns, lists are values, and a mapping of elements shows those', () => {
  const rows: Row[] = [
    {
      user: { id: 'u1', address: { city: { name: 'Bonn' } } },
      lines: [
        { sku: 'p1', event: 'cart' },
        { sku: 'p2', event: 'buy' },
      ],
    },
  ];
  const paths = (of: ChosenMapping) => formOf(of, rows).columns.map(({ path }) => path);
  assert.deepEqual(paths(NONE), ['user.id', 'user.address.city', 'lines']);
  const mapping = chosen({
    each: 'lines',
    fields: { event_type: { from: 'event', values: { cart: 'add_to_cart' } } },
  });
  assert.deepEqual(paths(mapping), ['sku', 'event']);
  assert.deepEqual(formOf(mapping, rows).event_types, [
    { value: 'cart', rows: 1, becomes: 'add_to_cart', is_known: true },
    { value: 'buy', rows: 1, becomes: 'purchase', is_known: true },
  ]);
});

test('says where each field comes from', () => {
  const rows: Row[] = [{ event_time: '2024-11-01', Preis: '1,50', 'Order ID': '7', kind: 'x' }];
  const of = (form: ReturnType<typeof formOf>, name: string) =>
    form.fields.find(({ field }) => field === name);
  const none = formOf(NONE, rows);
  assert.equal(none.sampled, rows.length);
  assert.deepEqual(of(none, 'timestamp'), {
    field: 'timestamp',
    from: 'name',
    paths: ['event_time'],
    value: null,
  });
  const mapped = formOf(
    chosen({
      fields: {
        price: { from: ['Preis', 'price'], decimal: ',' },
        amount: { value: '' },
        event_type: { value: 'purchase' },
        user_id: { cases: [{ when: { kind: 'x' }, from: 'Order ID' }] },
      },
    }),
    rows,
  );
  assert.deepEqual(of(mapped, 'price'), {
    field: 'price',
    from: 'path',
    paths: ['Preis', 'price'],
    value: null,
  });
  assert.equal(of(mapped, 'amount')!.from, 'none');
  assert.deepEqual([of(mapped, 'event_type')!.from, of(mapped, 'event_type')!.value], ['value', 'purchase']);
  assert.equal(of(mapped, 'user_id')!.from, 'rule');
  // With a mapping only a field's own name is read, no alias of it.
  assert.equal(of(mapped, 'timestamp')!.from, 'none');
  assert.deepEqual(of(mapped, 'order_id')!.paths, ['Order ID']);
});

test('shows where the lines of an order come from, and what each has', () => {
  const rows: Row[] = [
    { order: { lines: [{ sku: 'p1', qty: 2 }], notes: ['x'] }, log: [{ text: 'a' }], items: [{ id: 'p9' }] },
  ];
  const shown = (of: ChosenMapping) => {
    const { from, path, columns, fields } = formOf(of, rows).items;
    const known = fields.flatMap(({ field, paths }) => (paths.length > 0 ? [`${field}: ${paths}`] : []));
    return [from, path, columns.map((column) => column.path), known];
  };
  assert.deepEqual(
    formOf(NONE, rows).items.lists.map((list) => list.path),
    ['order.lines', 'log', 'items'],
  );
  assert.deepEqual(shown(NONE), ['list', 'items', ['id'], ['product_id: id']]);
  const named = { items: 'order.lines' };
  assert.deepEqual(shown(chosen(named)), [
    'list',
    'order.lines',
    ['sku', 'qty'],
    ['product_id: sku', 'quantity: qty'],
  ]);
  const told = { items: { each: 'order.lines[*]', fields: { name: 'sku' } } };
  assert.deepEqual(shown(chosen(told)), ['list', 'order.lines', ['sku', 'qty'], ['name: sku']]);
  const two = { items: { each: ['order.lines', 'items'], fields: {} } };
  assert.deepEqual(shown(chosen(two)).slice(0, 2), ['rule', null]);
  // A program may do what it likes with them.
  assert.equal(formOf({ ...chosen({}), spec: null }, rows).items.from, 'none');
});
