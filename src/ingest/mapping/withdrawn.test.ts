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

test('a row for goods that came back names its order where it is left out', () => {
  const spec = {
    where: { Belegart: { not: ['Retoure'] } },
    fields: { order_id: 'Auftrag', event_type: { from: 'Belegart' } },
  };
  const withdrawnBy = (Belegart: string) => mapped(spec, { Auftrag: '77', Belegart }).withdrawn;
  assert.deepEqual(withdrawnBy('Retoure'), ['77']);
  assert.deepEqual(withdrawnBy('Gutschrift'), [], 'it is not left out');
});

test('an order whose row was deleted is named, and not the order of a refund', () => {
  const debezium = (record: object) => readMapping('debezium', '').map(record as Record<string, unknown>);
  const deleted = (table: string, before: object) =>
    debezium({ op: 'd', source: { table }, before, after: null }).withdrawn;
  assert.deepEqual(deleted('orders', { id: 41, total: '5', status: 'paid' }), ['41']);
  assert.deepEqual(deleted('shop_orders', { id: 42 }), ['42'], 'only the key is known');
  assert.deepEqual(deleted('events', { id: 9, event_type: 'purchase', order_id: 'o7' }), ['o7']);
  assert.deepEqual(deleted('events', { id: 9, event_type: 'add_to_cart', order_id: 'o7' }), []);
  assert.deepEqual(deleted('refunds', { id: 3, order_id: 41, amount: '5' }), []);
  const payload = { op: 'd', source: { table: 'orders' }, before: { id: 43 }, after: null };
  assert.deepEqual(debezium({ schema: null, payload }).withdrawn, ['43']);
  const created = debezium({
    op: 'c',
    source: { table: 'orders' },
    before: null,
    after: { id: 44, total: '5' },
  });
  assert.deepEqual([created.withdrawn, created.leftOut, created.events.length], [[], 0, 1]);
  assert.equal(created.events[0]!.fields.extra, undefined);
  const flat = (record: Record<string, unknown>) =>
    readMapping('kafka-connect', '').map({ __table: 'orders', id: 45, ...record }).withdrawn;
  assert.deepEqual(flat({ __op: 'd' }), ['45']);
  assert.deepEqual(flat({ __deleted: 'true' }), ['45']);
  assert.deepEqual(flat({ __op: 'u', __deleted: 'false' }), []);
  const webhook = (preset: string, headers: Record<string, string>) =>
    readMapping(preset, '').map({ id: 46 }, { headers }).withdrawn;
  assert.deepEqual(webhook('shopify', { 'x-shopify-topic': 'orders/delete' }), ['46']);
  assert.deepEqual(webhook('shopify', { 'x-shopify-topic': 'checkouts/delete' }), []);
  assert.deepEqual(webhook('woocommerce', { 'x-wc-webhook-topic': 'order.deleted' }), ['46']);
  assert.deepEqual(webhook('woocommerce', { 'x-wc-webhook-topic': 'order.restored' }), []);
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
