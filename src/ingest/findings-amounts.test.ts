/** Findings about what orders cost and how many pieces they had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Example, findingsOf, INPUTS, purchases, testFindings, VIEW } from './fake-findings.ts';

const EXAMPLES = {
  adjusted_total: {
    raises: purchases(
      { order_id: 'o1', 'Adjusted Order Total': '29.80' },
      { order_id: 'o2', 'Adjusted Order Total': '39.80' },
      { order_id: 'o3', korrigierter_Gesamtbetrag: '1.00' },
      { order_id: 'o4', current_total_price: '9.80' },
      { order_id: 'o5', captured_amount: 2000 },
    ),
    rows: 1,
    names:
      /^(?:Adjusted Order Total|korrigierter_Gesamtbetrag|current_total_price|captured_amount) differs from the amount/,
    right: purchases(
      { order_id: 'o1', 'Adjusted Order Total': '0.00', 'Adjusted Card Processing Fees': '1.20' },
      { order_id: 'o2', 'Adjusted Order Total': '39.8', total_adjustments: '3' },
      { order_id: 'o3', event_type: 'refund', adjusted_total: '5.00' },
      {
        order_id: 'o4',
        current_total_price: '39.80',
        current_total_tax: '6.35',
        current_total_discounts: '1',
      },
      { order_id: 'o5', captured_amount: 3980, amount_captured: 0 },
    ),
  },
  pieces_column: {
    raises: purchases(
      { order_id: 'o1', 'Number of Items': '3' },
      { order_id: 'o2', 'Number of Items': 2 },
      { order_id: 'o3', itemCount: 2 },
    ),
    rows: 2,
    names: /^(?:Number of Items|itemCount) may be the number of pieces/,
    right: purchases(
      { order_id: 'o1', 'Number of Items': '1' },
      { order_id: 'o2', 'Number of Items': '3', quantity: 3 },
      { order_id: 'o3', itemCount: 2, items: [{ product_id: 'p1', quantity: 2 }] },
      { event_type: 'refund', order_id: 'o3', itemCount: 2 },
      { order_id: 'o4', count: 7, Nombre: 'Ann', unit: 'kg' },
    ),
  },
  partly_refunded: {
    raises: purchases(
      { order_id: 'o1', financial_status: 'partially_refunded' },
      { order_id: 'o2', financial_status: 'partially_refunded' },
      { order_id: 'o2', financial_status: 'partially_refunded' },
      { order_id: 'o3', Status: 'Teilweise erstattet' },
      { order_id: 'o4', extra: { Statut: 'Remboursement partiel' } },
      { order_id: 'o5', estado: 'reembolsado parcialmente' },
    ),
    rows: 2,
    names: /" count in full/,
    right: purchases(
      { order_id: 'o1', status: 'partially_refunded' },
      { order_id: 'o1', event_type: 'refund', amount: '5' },
      { order_id: 'o2', status: 'partially_refunded', 'Refunded Amount': '5.00' },
      { order_id: 'o3', status: 'partially_shipped' },
      { order_id: 'o4', status: 'paid in part', shipping_status: 'partially returned' },
    ),
  },
  total_row: {
    raises: purchases(
      { order_id: 'Summe' },
      { product_id: 'x', user_id: 'Grand Total:' },
      { product_name: 'TOTAL' },
      { order_id: 'o1', product_name: 'Mug', amount: '3.00' },
      { order_id: 'o1', product_name: 'Pot', amount: '4.50' },
      { order_id: 'o1', product_name: 'Total', amount: '7.50' },
    ),
    rows: 2,
    names: /look like totals of other rows/,
    right: purchases(
      { order_id: 'total-1', product_name: 'Total Body Lotion', user_id: 'summer' },
      { product_id: 'sum-41', category: 'Total' },
      { order_id: 'o2', product_name: 'Total' },
      ...['1', '2', '4'].map((amount) => ({ product_name: 'Total', amount })),
      { event_type: 'view_product', product_name: 'Total' },
    ),
  },
  zero_quantity: {
    raises: purchases(
      { amount: null, price: '5', quantity: 0 },
      { amount: '0.00', price: '4', quantity: 0 },
      { amount: null, items: [{ product_id: 'p1', price: '5', quantity: '0' }] },
    ),
    rows: 3,
    names: /quantity of 0/,
    right: purchases(
      { price: '39.80', quantity: 1 },
      { amount: null, price: '0', quantity: 0 },
      { amount: '4', price: '4', quantity: 0 },
      { amount: '0.00', price: '0.00', quantity: 0 },
      { amount: null, price: '5' },
      { amount: null, items: [{ product_id: 'p1', price: '0', quantity: 0 }] },
    ),
  },
  units_assumed: {
    raises: purchases({ order_id: 'o1' }, { order_id: 'o2', price: '39.80', quantity: 1 }, {}),
    rows: 2,
    names: /one piece per order/,
    right: [
      ...purchases({ order_id: 'o1', quantity: 3 }, { items: [{ product_id: 'p1' }] }),
      ...purchases({ event_type: 'refund' }),
      { ...VIEW },
    ],
    settings: { has_quantity: false },
    settledBy: {},
  },
  lines_without_total: {
    raises: purchases(
      { amount: null, discount: '5', items: [{ product_id: 'p1', price: '9.95', quantity: 2 }] },
      { amount: null, discount: '5.00', product_id: 'p1', price: '9.95' },
      { amount: null, shipping: 4.9, product_id: 'p1', price: '9.95' },
    ),
    rows: 2,
    names: /discount is not included/,
    right: purchases(
      { discount: '5', items: [{ product_id: 'p1', price: '22.40', quantity: 2 }] },
      { amount: null, discount: '0.00', shipping: 0, items: [{ product_id: 'p1', price: '9.95' }] },
      { amount: null, tax: '1', product_id: 'p1', price: '9.95' },
      { amount: null, discount: '5' },
    ),
  },
  total_of_order: {
    raises: purchases({ amount: null, order_total: '39.80', product_id: 'p1', price: '9.95', quantity: 2 }),
    rows: 1,
    names: /^order_total differs/,
    right: purchases(
      { amount: null, total: '19.90', product_id: 'p1', price: '9.95', quantity: 2 },
      { amount: '39.80', product_id: 'p1', price: '19.90', quantity: 2 },
    ),
  },
  price_of_line: {
    raises: purchases(
      { order_id: 'o1', product_id: 'tea', quantity: 2, price: '6.40', amount: null },
      { order_id: 'o2', product_id: 'tea', quantity: 1, price: '3.20', amount: null },
      { order_id: 'o3', product_id: 'cup', quantity: 3, price: '10.00', amount: null },
      { order_id: 'o4', product_id: 'cup', quantity: 1, price: '3.33', amount: null },
      { order_id: 'o5', product_id: 'pot', quantity: 1, price: '20', amount: null },
    ),
    rows: 2,
    names: /rises with the quantity/,
    right: purchases(
      { order_id: 'o1', product_id: 'tea', quantity: 2, price: '3.20', amount: null },
      { order_id: 'o2', product_id: 'tea', quantity: 1, price: '3.20', amount: null },
      { order_id: 'o3', product_id: 'cup', quantity: 10, price: '2.90', amount: null },
      { order_id: 'o4', product_id: 'cup', quantity: 1, price: '3.33', amount: null },
      { order_id: 'o5', product_id: 'pot', quantity: 2, price: '40', amount: '80' },
      { order_id: 'o6', product_id: 'pot', quantity: 1, price: '20', amount: '20' },
    ),
  },
  numbered_lines: {
    raises: purchases(
      { order_id: 'o1', product_1: 'Mug', qty_1: 2, product_2: 'Cap', qty_2: 1 },
      { order_id: 'o2', product_1: 'Mug', qty_1: 1, product_2: '', qty_2: null },
      { order_id: 'o3', extra: { 'Artikel 1': 'Tasse', 'Menge 1': '1' } },
    ),
    rows: 3,
    names: /side by side/,
    right: purchases(
      { order_id: 'o1', items: [{ product_id: 'p1', price: '39.80' }], product_1: 'Mug' },
      { order_id: 'o2', address_1: 'x', phone2: '5', qty_1: 0, product_1: '' },
      { event_type: 'refund', order_id: 'o2', product_1: 'Mug' },
      { event_type: 'view_product', amount: null, product_1: 'Mug' },
    ),
  },
  extra_line: {
    raises: purchases(
      { order_id: 'o1', product_name: 'Versandkosten', amount: '4.90' },
      { order_id: 'o2', product_name: 'Versandkosten', amount: '4.90' },
      { order_id: 'o2', product_id: 'Shipping and handling', amount: '3.90' },
      { order_id: 'o1', product_name: 'Remise : NOEL', amount: '-3' },
      {
        order_id: 'o3',
        items: [
          { name: 'Teekanne', price: '34.90' },
          { name: 'Versandkosten', price: '4.90' },
        ],
      },
    ),
    rows: 3,
    names: /with Versandkosten as (?:product_name|items)/,
    right: purchases(
      { order_id: 'o1', product_name: 'Versandtasche' },
      { order_id: 'o2', product_name: 'Gutschein 50 EUR', amount: '50' },
      { order_id: 'o3', product_name: 'Discount Tire', amount: '50' },
      { order_id: 'o4', product_name: 'Delivery Truck' },
      { event_type: 'refund', order_id: 'o1', product_name: 'Versand' },
      { event_type: 'refund', order_id: 'o1', items: [{ name: 'Versand', price: '39.80' }] },
      { order_id: 'o6', items: [{ name: 'Versandtasche', price: '39.80' }] },
      { order_id: 'o5', product_name: 'Envío' + ' de prueba' },
    ),
  },
  minor_units: {
    raises: purchases(
      { amount: { amount: 1999, currency: 'EUR' } },
      { amount: { value: 500, currency: 'EUR' } },
      { amount: null, items: [{ product_id: 'p1', price: { amount: 2500, currency: 'EUR' } }] },
    ),
    rows: 3,
    names: /were read as EUR/,
    right: purchases(
      { amount: { amount: 1999, currency: 'EUR' } },
      { amount: { value: '19.99', currency: 'EUR' } },
      { amount: { amount: 5, currency: 'EUR' } },
      { amount: 1999 },
    ),
    settledBy: { minor_units: false },
  },
} satisfies Readonly<Record<string, Example>>;

export type AmountCode = keyof typeof EXAMPLES;

testFindings(EXAMPLES);

test('prices of whole lines in a list are reported where the order has no total', () => {
  const of = (...orders: readonly (readonly [number, string])[]) =>
    findingsOf(
      purchases(
        ...orders.map(([quantity, price]) => ({ amount: null, items: [{ sku: 'tea', quantity, price }] })),
      ),
      {},
      INPUTS.lines!,
    ).map(({ code, rows }) => `${code} ${rows}`);
  assert.deepEqual(of([3, '9.60'], [1, '3.20'], [2, '6.40']), ['price_of_line 2']);
  assert.deepEqual(of([3, '3.20'], [1, '3.20'], [2, '3.20']), []);
});

test('whole amounts as texts may be in the smaller unit, too, but not in a currency that has none', () => {
  const of = (...amounts: object[]) =>
    findingsOf(purchases(...amounts.map((amount) => ({ amount, currency: null }))), {}, INPUTS.lines!).map(
      ({ code, rows }) => [code, rows],
    );
  assert.deepEqual(of({ value: '1999', currency: 'EUR' }, { value: '500', currency: 'EUR' }), [
    ['minor_units', 2],
  ]);
  assert.deepEqual(of({ value: '1999', currency: 'EUR' }, { value: '5.5', currency: 'EUR' }), []);
  assert.deepEqual(of({ amount: 1999, currency: 'JPY' }), []);
});

test('whole amounts that would be large may be in the smaller unit, unless some have decimals or nobody pays that in it', () => {
  const of = (amounts: readonly unknown[], members: object = {}, settings = {}) =>
    Object.values(INPUTS).map((toPieces) => {
      const sales = amounts.map((amount, n) => ({ amount, order_id: `o${n}`, ...members }));
      const found = findingsOf(purchases(...sales), { settings }, toPieces);
      return found.reduce((sum, { code, rows }) => sum + (code === 'minor_units' ? rows : 0), 0);
    });
  assert.deepEqual(of([4999, 2500, 799]), [3, 3]);
  assert.deepEqual(of(['4999', '2500', '12990']), [3, 3]);
  assert.deepEqual(of([4999, 2500, 799], { tax: '7.98' }), [3, 3], 'that tax has decimals settles nothing');
  const items = [{ product_id: 'p', price: 4999 }];
  assert.deepEqual(of([null, null, null], { items }), [3, 3]);
  assert.deepEqual(of([4999, 2500]), [0, 0], 'too few');
  assert.deepEqual(of([4999, 2500, 799.5]), [0, 0]);
  assert.deepEqual(of(['4999', '2500', '799.00']), [0, 0]);
  assert.deepEqual(of(['4999.0000', '2500.0000', '1799.0000']), [0, 0], 'as the log has them');
  assert.deepEqual(of([49, 120, 250, 1200]), [0, 0], 'an order costs that');
  assert.deepEqual(of([4999, 2500, 799], { currency: 'JPY' }), [0, 0]);
  assert.deepEqual(of([4999, 2500, 1799], { currency: 'HUF' }), [0, 0]);
  assert.deepEqual(of([4999, 2500, 799], {}, { minor_units: false }), [0, 0]);
  assert.deepEqual(of([4999, 2500, 799], {}, { minor_units: true }), [0, 0]);
});

test('a row without names that is the sum of the rows before it is reported', () => {
  const row = (n: number, amount: string) => ({ order_id: `o${n}`, amount });
  const of = (...rows: object[]) =>
    findingsOf(purchases(...(rows as Record<string, unknown>[])), {}, INPUTS.records!).filter(
      ({ code }) => code === 'total_row',
    );
  const rows = [row(1, '3.00'), row(2, '4.25'), row(3, '0.80')];
  const [found] = of(...rows, { amount: '8.05' });
  assert.deepEqual([found?.rows, found?.example], [1, 'amount 8.05']);
  assert.deepEqual(of(...rows, { amount: '8.06' }), []);
  assert.deepEqual(of(...rows, row(4, '8.05')), [], 'it has an order of its own');
  assert.equal(of({ amount: '8.05' }, ...rows)[0]?.message.includes('the sum of the rows behind it'), true);
  assert.deepEqual(of({ amount: '8.05' }, ...rows, row(5, '1.00')), []);
  const ofOrder = (product_name: string, amount: string, order_id = 'o1') => ({
    order_id,
    product_name,
    amount,
  });
  const lines = [ofOrder('Mug', '3.00'), ofOrder('Pot', '4.50')];
  assert.equal(of(ofOrder('Summe', '7.50'), ...lines, ofOrder('Mug', '3.00', 'o2')).length, 1);
  assert.equal(of(ofOrder('Summe', '7.50', 'o2'), ...lines).length, 0, 'another order');
  assert.equal(of(ofOrder('Summe', '7.60'), ...lines).length, 0, 'a product of that name');
  const nameless = ['1', '1', '1'].map((amount) => ({ amount }));
  assert.deepEqual(of(...nameless, { amount: '3' }), [], 'few amounts may add up by chance');
  assert.equal(of(...nameless, ...nameless, { amount: '6' }).length, 1);
});
