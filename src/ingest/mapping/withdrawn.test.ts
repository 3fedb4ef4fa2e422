import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMapping } from '../mappings/read.ts';
import { compileMapping } from './compile.ts';
import { mappingSchema } from './schema.ts';

const mapped = (spec: object, record: object) =>
  compileMapping('test', mappingSchema.parse(spec)).map(record as Record<string, unknown>);

test('a record that is left out as its order was cancelled names the order', () => {
  const where = { state: { not: ['Storniert', 'offen'] }, cancelled_at: { exists: false } };
  const spec = { where, fields: { order_id: 'number', timestamp: 'at', event_type: { value: 'purchase' } } };
  const withdrawnBy = (record: object) => mapped(spec, { number: 7, at: '2026-11-01', ...record }).withdrawn;
  assert.deepEqual(withdrawnBy({ state: 'Storniert' }), ['7']);
  assert.deepEqual(withdrawnBy({ state: 'bezahlt', cancelled_at: '2026-11-02' }), ['7']);
  assert.deepEqual(withdrawnBy({ state: 'offen' }), [], 'it waits for its payment');
  assert.deepEqual(withdrawnBy({ state: 'bezahlt' }), [], 'it is not left out');
  assert.deepEqual(withdrawnBy({ state: 'Storniert', number: '' }), [], 'it names no order');
});

test('an order that a mapping reads by its own name, or in a list, is named too', () => {
  const where = { status: ['paid', 'shipped'] };
  assert.deepEqual(mapped({ where, fields: {} }, { 'Order ID': 'A1', status: 'refunded' }).withdrawn, ['A1']);
  const orders = [
    { order_id: 'o1', status: 'cancelled' },
    { order_id: 'o2', status: 'paid' },
  ];
  const each = mapped({ each: 'orders[*]', where, fields: {} }, { orders });
  assert.deepEqual([each.withdrawn, each.leftOut, each.events.length], [['o1'], 1, 1]);
});

test('an update that is left out for another reason can report a cancelled order, too', () => {
  const spec = { where: { op: ['c'] }, fields: { order_id: 'id' } };
  const withdrawnBy = (record: object) => mapped(spec, { id: 5, op: 'u', ...record }).withdrawn;
  assert.deepEqual(withdrawnBy({ status: 'cancelled' }), ['5']);
  assert.deepEqual(withdrawnBy({ cancelled_at: '2026-11-02' }), ['5']);
  assert.deepEqual(withdrawnBy({ status: 'paid', shipping_status: 'cancelled' }), []);
  assert.deepEqual(withdrawnBy({ op: 'c', status: 'cancelled' }), [], 'it is not left out');
});

test('orders that presets leave out as cancelled are named', () => {
  const withdrawnBy = (preset: string, record: Record<string, unknown>, beside = {}) =>
    readMapping(preset, '').map(record, beside).withdrawn;
  const shopify = { id: 5, admin_graphql_api_id: 'gid://shopify/Order/5', total_price: '9.00' };
  const ofTopic = (topic: string) => ({ headers: { 'x-shopify-topic': topic } });
  assert.deepEqual(withdrawnBy('shopify', shopify, ofTopic('orders/cancelled')), ['5']);
  assert.deepEqual(withdrawnBy('shopify', shopify, ofTopic('orders/updated')), []);
  assert.deepEqual(
    withdrawnBy('shopify', { ...shopify, cancelled_at: '2026-11-02' }, ofTopic('orders/updated')),
    ['5'],
  );
  assert.deepEqual(withdrawnBy('woocommerce', { number: '7', line_items: [1], status: 'cancelled' }), ['7']);
  assert.deepEqual(withdrawnBy('woocommerce', { number: '7', line_items: [1], status: 'pending' }), []);
  const change = (status: string) => ({
    op: 'u',
    source: { table: 'orders' },
    after: { id: 5, status, total: '5' },
  });
  assert.deepEqual(withdrawnBy('debezium', change('cancelled')), ['5']);
  assert.deepEqual(withdrawnBy('debezium', change('shipped')), []);
  assert.deepEqual(withdrawnBy('magento', { increment_id: '8', state: 'canceled' }), ['8']);
  assert.deepEqual(
    withdrawnBy('shopify-orders', { Id: '9', Total: '5', 'Cancelled at': '2026-11-02 10:00' }),
    ['9'],
  );
});
