/** What a load reports of orders and rows that earlier loads have brought: nothing of it is in the memory of the process. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadInto } from '../support/load-case.ts';
import { cli, startProduct, temporaryDir } from '../support/product.ts';

const sale = (event: object) => ({
  timestamp: '2026-11-01T10:00:00Z',
  event_type: 'purchase',
  currency: 'EUR',
  ...event,
});
const ndjson = (...events: object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');

/** Loads texts one after the other, each by a process of its own; gives the findings of the last one, as `code: rows`. */
async function findingsOfLast(
  texts: readonly string[],
  { map, name = 'orders.ndjson' }: { map?: string; name?: string } = {},
): Promise<Record<string, number>> {
  const dir = temporaryDir();
  let found: Record<string, number> = {};
  for (const [n, text] of texts.entries()) {
    const file = join(dir, `${n}-${name}`);
    writeFileSync(file, text);
    const options = map === undefined ? {} : { map };
    const { sent } = await loadInto(join(dir, 'data'), [file], options, async (result) => result);
    found = Object.fromEntries(sent.tally.list().map(({ code, rows }) => [code, rows]));
  }
  return found;
}

test('an order that a second load reports again, or in another currency, is reported', async () => {
  const first = ndjson(
    sale({ order_id: 'o1', amount: '119.00' }),
    sale({ order_id: 'o2', product_id: 'p1', price: '5' }),
    sale({ order_id: 'o3', amount: '20.00' }),
    sale({ order_id: 'o4', amount: '30.00' }),
  );
  const second = ndjson(
    sale({ order_id: 'o1', amount: '100.00' }),
    sale({ order_id: 'o2', amount: '7.00' }),
    sale({ order_id: 'o3', amount: '20.00', currency: 'USD' }),
    sale({ order_id: 'o4', amount: '30.00' }),
    sale({ order_id: 'o4', amount: '30.00', currency: 'USD', event_type: 'refund' }),
    sale({ order_id: 'o5', amount: '30.00' }),
  );
  assert.deepEqual(await findingsOfLast([first, second]), { order_told_again: 2, order_currencies: 2 });
  assert.deepEqual(
    await findingsOfLast([second + first]),
    { order_told_again: 2, order_currencies: 2 },
    'one load',
  );
});

test('valid changes of an order are not reported', async () => {
  const first = ndjson(
    sale({ order_id: 'o1', amount: '119.00' }),
    sale({ order_id: 'o2', product_id: 'p1', price: '5' }),
    sale({ order_id: 'o3', amount: '5', test: true }),
  );
  const second = ndjson(
    sale({ order_id: 'o1', amount: '119' }),
    sale({ order_id: 'o1', amount: '19', event_type: 'refund' }),
    sale({ order_id: 'o2', product_id: 'p2', price: '5' }),
    sale({ order_id: 'o3', amount: '6' }),
  );
  assert.deepEqual(await findingsOfLast([first, second]), {});
});

test('a line that a second load reports with other pieces or money is reported, and so is an order in another spelling', async () => {
  const line = (quantity: number, product_id = 'p1') =>
    sale({ order_id: 'o1', product_id, quantity, price: '5' });
  const first = ndjson(line(2), line(1, 'p2'), sale({ order_id: '1001', amount: '5' }));
  assert.deepEqual(await findingsOfLast([first, ndjson(line(3), line(1, 'p2'), line(1, 'p3'))]), {
    line_changed: 1,
  });
  const other = ndjson(sale({ order_id: '#1001', amount: '5' }), sale({ order_id: '#1002', amount: '5' }));
  assert.deepEqual(await findingsOfLast([first, other]), { order_spelled: 1 });
  assert.deepEqual(await findingsOfLast([other, first]), { order_spelled: 1 }, 'the other way round');
  assert.deepEqual(await findingsOfLast([other, ndjson(sale({ order_id: '1003', amount: '5' }))]), {});
  assert.deepEqual(await findingsOfLast([first, first]), {});
});

const shopifyOrders = (...orders: readonly (readonly [id: number, status: string, cancelledAt?: string])[]) =>
  `Name,Id,Created at,Currency,Total,Financial Status,Cancelled at\n${orders
    .map(([id, status, at = '']) => `#${id},${id},2026-10-01 10:00:00 +0200,EUR,${id}.00,${status},${at}\n`)
    .join('')}`;

test('orders that a later export reports as cancelled are reported where they count', async () => {
  const first = shopifyOrders([101, 'paid'], [102, 'paid'], [103, 'paid'], [104, 'voided']);
  const second = shopifyOrders(
    [101, 'voided'],
    [102, 'paid', '2026-10-02 10:00:00 +0200'],
    [103, 'paid'],
    [104, 'voided'],
    [105, 'voided'],
    [106, 'paid'],
  );
  const options = { map: 'shopify-orders', name: 'orders.csv' };
  assert.deepEqual(await findingsOfLast([first, second], options), { order_cancelled: 2, units_assumed: 2 });
  assert.deepEqual(await findingsOfLast([second], options), { units_assumed: 2 }, 'they never counted');
  const refunds = ndjson(
    sale({ order_id: '101', amount: '101', event_type: 'refund' }),
    sale({ order_id: '102', amount: '102', event_type: 'refund' }),
    ...['101', '102'].map((order_id) => sale({ order_id, event_type: 'cancel' })),
  );
  const sales = ndjson(...['101', '102'].map((order_id) => sale({ order_id, amount: order_id })));
  assert.deepEqual(await findingsOfLast([sales, refunds]), {}, 'their money was given back');
  const cancels = ndjson(sale({ order_id: '101', event_type: 'cancel' }));
  assert.deepEqual(await findingsOfLast([sales, cancels]), { order_cancelled: 1 });
});

test('orders that an earlier load reports as cancelled are reported where they count now', async () => {
  const orders = ['71', '72', '73'];
  const sales = ndjson(...orders.map((order_id) => sale({ order_id, amount: order_id })));
  const cancel = (order_id: string, timestamp: string) => sale({ order_id, event_type: 'cancel', timestamp });
  const cancels = ndjson(cancel('71', '2026-11-03T09:00:00Z'), cancel('72', '2026-10-20T09:00:00Z'));
  assert.deepEqual(
    await findingsOfLast([cancels, sales]),
    { order_cancelled: 1 },
    '72 was sold after its cancellation',
  );
  const refund = sale({ order_id: '71', amount: '71', event_type: 'refund' });
  assert.deepEqual(await findingsOfLast([cancels, ndjson(refund), sales]), {});
  const options = { map: 'shopify-orders', name: 'orders.csv' };
  const [newer, older] = [
    shopifyOrders([81, 'voided'], [82, 'paid']),
    shopifyOrders([81, 'paid'], [83, 'paid']),
  ];
  assert.deepEqual(
    await findingsOfLast([newer, older], options),
    { order_cancelled: 1, units_assumed: 2 },
    'a mapping left the order out',
  );
  assert.deepEqual(await findingsOfLast([newer, newer, shopifyOrders([82, 'paid'])], options), {
    units_assumed: 1,
  });
});

test('a purchase that an earlier load refunded is not reported', async () => {
  const refund = sale({ order_id: 'o1', amount: '20', event_type: 'refund' });
  const orders = ndjson(
    sale({ order_id: 'o1', amount: '20.00', status: 'refunded' }),
    sale({ order_id: 'o2', amount: '30.00', status: 'refunded' }),
    sale({ order_id: 'o3', amount: '30.00', status: 'partially_refunded' }),
  );
  assert.deepEqual(await findingsOfLast([ndjson(refund), orders]), {
    cancelled_purchase: 1,
    partly_refunded: 1,
  });
  const part = sale({ order_id: 'o3', amount: '5', event_type: 'refund' });
  assert.deepEqual(await findingsOfLast([ndjson(refund, part), orders]), { cancelled_purchase: 1 });
});

const views = (from: number, to: number, more = '') =>
  `timestamp,event_type,user_id,product_id\n${Array.from(
    { length: to - from },
    (_, n) =>
      `2026-11-01T10:00:${String((from + n) % 60).padStart(2, '0')}Z,view_product,u${from + n}${more},p1\n`,
  ).join('')}`;

test('rows without ids that overlapping exports both have are reported', async () => {
  const options = { name: 'views.csv' };
  assert.deepEqual(await findingsOfLast([views(0, 100), views(60, 160)], options), {
    rows_loaded_before: 40,
  });
  assert.deepEqual(await findingsOfLast([views(0, 100), views(0, 160)], options), {}, 'the same file, grown');
  assert.deepEqual(await findingsOfLast([views(0, 100), views(0, 100, 'x')], options), {}, 'other rows');
  assert.deepEqual(
    await findingsOfLast([views(0, 1000), views(990, 2000)], options),
    {},
    'a few may be equal by chance',
  );
  assert.deepEqual(await findingsOfLast([views(0, 20), views(1, 21)], options), { rows_loaded_before: 19 });
  assert.deepEqual(await findingsOfLast([views(0, 20), views(18, 22)], options), {}, 'two of four');
  const dir = temporaryDir();
  const files = [views(0, 100), views(60, 160)].map((text, n) => {
    const file = join(dir, `${n}.csv`);
    writeFileSync(file, text);
    return file;
  });
  const { sent } = await loadInto(join(dir, 'data'), files, {}, async (result) => result);
  assert.deepEqual(
    sent.tally.list().map(({ code, rows }) => [code, rows]),
    [['rows_loaded_before', 40]],
  );
});

test('a load into a running process reports them, too', async () => {
  const dataDir = temporaryDir();
  const product = await startProduct({ dataDir });
  const dir = temporaryDir();
  const load = async (text: string) => {
    const file = join(dir, 'orders.ndjson');
    writeFileSync(file, text);
    const { stdout } = await cli(['load', file, '--json', '--data', dataDir]);
    return (JSON.parse(stdout) as { findings: { code: string; rows: number; example: string }[] }).findings;
  };
  try {
    assert.deepEqual(await load(ndjson(sale({ order_id: 'o1', amount: '119' }))), []);
    const [found] = await load(ndjson(sale({ order_id: 'o1', amount: '100' })));
    assert.deepEqual([found?.code, found?.rows, found?.example], ['order_told_again', 1, 'order_id o1']);
  } finally {
    await product.stop();
  }
});
