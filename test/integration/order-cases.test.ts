/** Orders as shops send them: what must be counted, whatever way an order and its lines are told. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';

const RECEIVED_MS = Date.UTC(2024, 10, 20);

type Event = Record<string, unknown>;

/** Totals of the days of a metric, by its rows, after a file was received as it is, or its events changed by `change`. */
async function totals(
  file: string,
  metrics: readonly string[],
  change: (event: Event) => Event = (event) => event,
): Promise<Record<string, MetricRow[]>> {
  const text = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'cases', `${file}.ndjson`), 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.stringify(change(JSON.parse(line))));
  const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone: 'UTC' });
  try {
    await harness.deliver({ atMs: RECEIVED_MS, source: 'http', lines });
    await harness.waitUntilIdle();
    await harness.assertSound();
    const rows = await harness.rows();
    return Object.fromEntries(metrics.map((metric) => [metric, rows[metric]!['1d']!]));
  } finally {
    await harness.close();
  }
}

const sumOf = (rows: readonly MetricRow[], value: string) =>
  rows.reduce((sum, row) => sum + Number(row[value]), 0);

test('items inside of a purchase: the amount is that of the order, products are those of its lines', async () => {
  // Ingest sets the quantity of the event.
  const { revenue, products, sales } = await totals(
    'b-lineitems',
    ['revenue', 'products', 'sales'],
    (event) => ({ ...event, quantity: 3 }),
  );
  assert.deepEqual(
    ['orders', 'revenue', 'units'].map((value) => sumOf(revenue!, value)),
    [10, 398, 30],
  );
  assert.deepEqual(
    products!.map(({ product_id, purchases, revenue: money }) => [product_id, purchases, money]),
    [
      ['p1', 10, '199.0000'],
      ['p2', 10, '199.0000'],
    ],
  );
  assert.deepEqual(
    sales!.map(({ product_id, units }) => [product_id, units]),
    [
      ['p1', 20],
      ['p2', 10],
    ],
  );
});

test('a row for each line of an order: an order counts once', async () => {
  const { revenue } = await totals('b-lineitems-exploded', ['revenue']);
  assert.equal(revenue!.length, 1);
  const { orders, revenue: money, average_order, units } = revenue![0]!;
  assert.deepEqual([orders, money, average_order, units], [10, '398.0000', '39.8000', 30]);
});

test('an order that is reported twice, or on several days, counts once', async () => {
  for (const [file, orders, money] of [
    ['b-sameorder', 5, 199],
    ['b-sameevent-late', 1, 10],
  ] as const) {
    const { revenue } = await totals(file, ['revenue']);
    assert.deepEqual([sumOf(revenue!, 'orders'), sumOf(revenue!, 'revenue')], [orders, money], file);
  }
});

test('refunds of either sign are money that went back', async () => {
  const { revenue } = await totals('b-negative', ['revenue']);
  const events = readFileSync(
    join(import.meta.dirname, '..', 'fixtures', 'cases', 'b-negative.ndjson'),
    'utf8',
  )
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event_type: string; amount: string });
  const amounts = (type: string) =>
    events.filter((event) => event.event_type === type).map(({ amount }) => Number(amount));
  assert.ok(amounts('refund').some((amount) => amount < 0) && amounts('refund').some((amount) => amount > 0));
  const refunded = amounts('refund').reduce((sum, amount) => sum + Math.abs(amount), 0);
  const sold = amounts('purchase').reduce((sum, amount) => sum + amount, 0);
  assert.equal(sumOf(revenue!, 'refunded').toFixed(2), refunded.toFixed(2));
  assert.equal(sumOf(revenue!, 'net').toFixed(2), (sold - refunded).toFixed(2));
});
