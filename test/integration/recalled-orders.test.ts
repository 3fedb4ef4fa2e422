/** What was stored of orders before a restart, and what comes after it. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPipeline } from '../../src/index.ts';
import { temporaryDir, until } from '../support/product.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

const purchase = (order_id: string, amount: string, more = {}) => ({
  timestamp: '2025-11-23T10:00:00Z',
  event_type: 'purchase',
  order_id,
  amount,
  currency: 'EUR',
  ...more,
});

test('after a restart, orders are compared with those of the archive', async () => {
  const data = temporaryDir();
  {
    await using pipeline = await openPipeline({ data, logger });
    await pipeline.ingest([
      ...Array.from({ length: 500 }, (_, n) => purchase(`w${n}`, '1.00')),
      purchase('o1', '10.00'),
      purchase('o2', '10.00'),
      purchase('o3', '10.00'),
      purchase('o4', '10.00'),
      purchase('o4', '10.00', { event_type: 'refund' }),
    ]);
  }
  await using pipeline = await openPipeline({ data, logger });
  const findingsOf = async (event: object) =>
    (await pipeline.ingest(event)).findings.map(({ code, example }) => `${code} ${example}`);
  // The archive is read while the pipeline is in use already.
  let n = 0;
  const isRecalled = async () => (await findingsOf(purchase(`w${n++}`, '2'))).length > 0;
  await until(isRecalled, 'orders of the archive are known');
  assert.deepEqual(await findingsOf(purchase('o1', '12.00')), ['order_told_again order_id o1']);
  assert.deepEqual(await findingsOf(purchase('o2', '10', { currency: 'USD' })), [
    'order_currencies order_id o2',
  ]);
  assert.deepEqual(await findingsOf({ ...purchase('o3', '1'), event_type: 'cancel', amount: null }), [
    'order_cancelled order_id o3',
  ]);
  assert.deepEqual(await findingsOf({ ...purchase('o4', '1'), event_type: 'cancel', amount: null }), []);
  assert.deepEqual(await findingsOf(purchase('o2', '10', { currency: null })), [], 'a duplicate');
  assert.deepEqual(await findingsOf(purchase('o5', '10')), []);
});

/** An order as WooCommerce sends it. */
const order = (number: string, status: string) => ({
  number,
  status,
  total: '9.00',
  currency: 'EUR',
  date_created_gmt: '2025-11-23T10:00:00',
  line_items: [{ product_id: 1, name: 'Mug', quantity: 1, price: 9 }],
});

test('an order that a mapping leaves out as cancelled is reported where it counts', async () => {
  const data = temporaryDir();
  await using pipeline = await openPipeline({ data, logger });
  const findingsOf = async (...orders: object[]) =>
    (await pipeline.ingest(orders, { map: 'woocommerce' })).findings.map(
      ({ code, example }) => `${code} ${example}`,
    );
  assert.deepEqual(
    await findingsOf(order('1', 'processing'), order('2', 'pending'), order('3', 'cancelled')),
    [],
  );
  assert.deepEqual(await findingsOf(order('2', 'cancelled'), order('3', 'cancelled')), []);
  assert.deepEqual(await findingsOf(order('1', 'cancelled')), ['order_cancelled order_id 1']);
  assert.deepEqual(await findingsOf(order('1', 'refunded')), [], 'it is reported once');
});

test('an order that was left out as cancelled is known after a restart', async () => {
  const data = temporaryDir();
  const map = 'woocommerce';
  const waiting = Array.from({ length: 500 }, (_, n) => `w${n}`);
  {
    await using pipeline = await openPipeline({ data, logger });
    const [shop, sale] = [{ map, source: 'shop' }, order('1', 'processing')];
    await pipeline.ingest([sale, order('2', 'cancelled')], shop);
    await pipeline.ingest([sale, order('3', 'cancelled'), order('2', 'cancelled')], shop);
    await pipeline.ingest([sale, ...waiting.map((number) => order(number, 'cancelled'))], shop);
  }
  const path = join(data, 'left-out-orders.ndjson');
  const line = (...orders: string[]) => `${JSON.stringify({ source: 'shop', orders })}\n`;
  assert.equal(readFileSync(path, 'utf8'), line('2') + line('3') + line(...waiting));
  // As a crash leaves it.
  appendFileSync(path, '{"source":"shop","ord');
  await using pipeline = await openPipeline({ data, logger });
  const findingsOf = async (number: string) =>
    (await pipeline.ingest([order(number, 'processing')], { map, source: 'page' })).findings.map(
      ({ code, example }) => `${code} ${example}`,
    );
  // The file is taken after the orders of the archive.
  let n = 0;
  await until(async () => (await findingsOf(`w${n++}`)).length > 0, 'the orders are known');
  assert.deepEqual(await findingsOf('2'), ['order_cancelled order_id 2']);
  assert.deepEqual(await findingsOf('3'), ['order_cancelled order_id 3']);
  assert.deepEqual(await findingsOf('4'), []);
  await pipeline.ingest([order('1', 'processing'), order('5', 'cancelled')], { map, source: 'page' });
  const own = JSON.stringify({ source: 'page', orders: ['5'] });
  assert.equal(readFileSync(path, 'utf8'), `${line('2', '3', ...waiting)}${own}\n`);
});
