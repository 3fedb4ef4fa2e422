/** Findings about orders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Example, findingsOf, INPUTS, purchases, testFindings } from './fake-findings.ts';

const line = (id: string) => ({
  order_id: 'o1',
  product_id: 'p1',
  price: '9.95',
  amount: '9.95',
  event_id: id,
});

const EXAMPLES = {
  order_told_again: {
    raises: purchases(
      { order_id: 'o1', amount: '119' },
      { order_id: 'o1', amount: '100' },
      { order_id: 'o2', amount: '30' },
      { order_id: 'o2', product_id: 'p1', amount: '20' },
      { order_id: 'o2', product_id: 'p2', amount: '10' },
      { order_id: 'o3', product_id: 'p1', amount: null, price: '20' },
      { order_id: 'o3', amount: '20', items: [{ product_id: 'p1', price: 20 }] },
    ),
    rows: 4,
    names: /different amounts, or as a whole and line by line/,
    right: purchases(
      { order_id: 'o1', amount: '119' },
      { order_id: 'o1', amount: '119', quantity: 3 },
      { order_id: 'o1', amount: '119.00', items: [{ product_id: 'p1', price: 119 }] },
      { order_id: 'o2', product_id: 'p1', amount: '20' },
      { order_id: 'o2', product_id: 'p2', amount: '10' },
      { order_id: 'o2', amount: null },
      { amount: '1' },
      { amount: '2' },
      { event_type: 'refund', order_id: 'o1', amount: '19' },
    ),
  },
  equal_rows: {
    raises: purchases(
      { timestamp: '2026-11-01T10:00:00Z', product_id: 'p1' },
      { timestamp: '2026-11-01T10:00:00Z', product_id: 'p1' },
      { timestamp: '2026-11-01T10:00:00Z', product_id: 'p1', event_id: '0123456789ab-7-01234567' },
      { timestamp: '2026-11-01T10:00:00Z', product_id: 'p2' },
      { timestamp: '2026-11-01T11:30:00Z', event_type: 'refund' },
      { timestamp: '2026-11-01T11:30:00Z', event_type: 'refund' },
      { timestamp: '2026-11-01T12:45:00Z' },
    ),
    rows: 3,
    names: /Each one counts/,
    right: purchases(
      { timestamp: '2026-11-01T10:00:00Z', user_id: 'u1' },
      { timestamp: '2026-11-01T10:00:00Z', user_id: 'u2' },
      { timestamp: '2026-11-01T10:00:01Z', user_id: 'u2' },
      { timestamp: '2026-11-01T11:00:00Z', order_id: 'o1' },
      { timestamp: '2026-11-01T11:00:00Z', order_id: 'o1' },
      { timestamp: '2026-11-01T12:00:00Z', event_id: 'e1' },
      { timestamp: '2026-11-01T12:00:00Z', event_id: 'e1' },
      { event_type: 'view_product', amount: null },
      { event_type: 'view_product', amount: null },
    ),
  },
  line_changed: {
    raises: purchases(
      { ...line('e1'), quantity: 1 },
      { ...line('e1'), quantity: 2, amount: '19.90' },
      { ...line('e2'), product_id: 'p2' },
      { ...line('e2'), product_id: 'p2', price: '8', amount: '8' },
    ),
    rows: 2,
    names: /a different quantity, price or amount/,
    right: purchases(
      { ...line('e1'), quantity: 1 },
      { ...line('e1'), quantity: '1.0' },
      { ...line('e2'), quantity: 3, amount: '29.85' },
      { ...line('e1'), product_id: 'p2', quantity: 2, amount: '19.90' },
      { ...line('e1'), event_type: 'refund', quantity: 2, amount: '19.90' },
    ),
  },
  order_spelled: {
    raises: purchases(
      { order_id: '#1001' },
      { order_id: '1001' },
      { order_id: '1001' },
      { order_id: '#1001' },
    ),
    rows: 1,
    names: /two orders/,
    right: purchases(
      { order_id: '#1001' },
      { order_id: '#1002' },
      { order_id: '1003' },
      { order_id: 'A#1003' },
    ),
  },
  returned_twice: {
    raises: purchases(
      { event_type: 'return', order_id: '2003', user_id: 'u1', amount: '60.40' },
      { event_type: 'refund', order_id: '2004', user_id: 'u1', amount: '-60.40' },
      { event_type: 'refund', order_id: 'o5', amount: '12' },
      { event_type: 'return', order_id: 'o5', amount: '15' },
      { event_type: 'refund', amount: '7.30' },
      { event_type: 'return', amount: '7.30' },
    ),
    rows: 3,
    names: /Refunds with the type "return"/,
    right: purchases(
      { event_type: 'return', order_id: 'o1', amount: '60.40' },
      { event_type: 'refund', order_id: 'o1', amount: '60.40' },
      { event_type: 'return', order_id: 'o2', user_id: 'u2', amount: '20' },
      { event_type: 'refund', order_id: 'o3', user_id: 'u3', amount: '20' },
      { event_type: 'return', order_id: 'o4', user_id: 'u4', amount: '8' },
      { event_type: 'return', order_id: 'o5', user_id: 'u4', amount: '8' },
      { event_type: 'refund', order_id: 'o6', user_id: 'u4', amount: '8', timestamp: '2026-08-01T10:00:00Z' },
      { event_type: 'refund', order_id: 'o7', user_id: 'u7', amount: '5' },
      { event_type: 'refund', order_id: 'o8', user_id: 'u7', amount: '5' },
    ),
  },
  status_missing: {
    raises: purchases(
      { order_id: 'o1', Status: 'Complete' },
      { order_id: 'o2', Status: '' },
      { order_id: 'o3', Status: 'Processing' },
      { order_id: 'o4', Status: ' ', amount: '99' },
    ),
    rows: 2,
    names: /have no Status, while others have one/,
    right: purchases(
      { order_id: 'o1', Status: 'Complete' },
      { order_id: 'o1', Status: '', product_id: 'p2' },
      { order_id: 'o2', Status: 'Complete', State: '' },
      { order_id: 'o3', Status: 'Complete', 'Refund Status': '' },
      { order_id: 'o4', Status: 'Complete', fulfillment_status: null },
    ),
  },
  equal_refunds: {
    raises: purchases(
      { event_type: 'refund', order_id: 'o1', amount: '5', event_id: 'r1' },
      { event_type: 'refund', order_id: 'o1', amount: '5', event_id: 'r2' },
    ),
    rows: 1,
    names: /different event_ids/,
    right: purchases(
      { event_type: 'refund', order_id: 'o1', amount: '5', event_id: 'r1' },
      { event_type: 'refund', order_id: 'o1', amount: '5', event_id: 'r1' },
      { event_type: 'refund', order_id: 'o1', amount: '6', event_id: 'r2' },
      { event_type: 'refund', order_id: 'o2', amount: '5', event_id: 'r3' },
      { event_type: 'refund', order_id: 'o3', amount: '5', event_id: 'r4', line_id: 'r4' },
      { event_type: 'refund', order_id: 'o3', amount: '5', event_id: 'r5', line_id: 'r5' },
      { order_id: 'o4', amount: '5', event_id: 'e1' },
      { order_id: 'o4', amount: '5', event_id: 'e2' },
    ),
  },
  order_id_reused: {
    raises: purchases(
      { order_id: '1', amount: '5', timestamp: '2026-01-02T10:00:00Z' },
      { order_id: '1', amount: '5', timestamp: '2026-02-02T10:00:00Z' },
      { order_id: '2', product_id: 'p1', price: '5', amount: null, timestamp: '2026-01-02T10:00:00Z' },
      { order_id: '2', product_id: 'p2', price: '5', amount: null, timestamp: '2026-01-12T10:00:00Z' },
    ),
    rows: 2,
    names: /4 days apart/,
    right: purchases(
      { order_id: '1', amount: '5', timestamp: '2026-01-02T10:00:00Z' },
      { order_id: '1', amount: '5', timestamp: '2026-01-05T10:00:00Z' },
      { order_id: 'N/A', amount: '5', timestamp: '2026-02-02T10:00:00Z' },
      { order_id: 'n/a', amount: '5', timestamp: '2026-03-02T10:00:00Z' },
      { event_type: 'refund', order_id: '1', amount: '5', timestamp: '2026-03-02T10:00:00Z' },
    ),
  },
  refund_column: {
    raises: purchases(
      { order_id: 'o0', 'Refunded Amount': '0.00' },
      { order_id: 'o1', 'Refunded Amount': '10.00' },
      { order_id: 'o2', extra: { refund: 5 } },
      { order_id: 'o4', Rückerstattungsbetrag: '54,90' },
      { order_id: 'o5', 'Montant remboursé': '5.00' },
    ),
    rows: 1,
    names: /(Refunded Amount|refund|Rückerstattungsbetrag|Montant remboursé) holds refunded amounts/,
    right: purchases(
      { order_id: 'o1', 'Refunded Amount': '0.00' },
      { order_id: 'o2', refunds: [], refundable: 1, refund_days: 30, Gutschrift: '' },
      { order_id: 'o2', Reembolsado: '2026-11-02', Rückerstattungsfrist: '14' },
      { event_type: 'refund', order_id: 'o1', amount: '5' },
      { event_type: 'refund', order_id: 'o3', amount: '5', total_refunded: 5 },
      { order_id: 'o3', total_refunded: 5 },
      { event_type: 'view_product', refund: 5, amount: null },
    ),
  },
  order_repeated: {
    raises: purchases({ order_id: 'o1', product_id: 'p1' }, { order_id: 'o1', product_id: 'p2' }),
    rows: 1,
    names: /join/,
    right: [
      ...purchases({ order_id: 'o1', product_id: 'p1' }, { order_id: 'o1', product_id: 'p1' }),
      ...purchases(
        { order_id: 'o2', product_id: 'p1', price: '5', amount: null },
        { order_id: 'o2', product_id: 'p2', price: '5', amount: null },
        { order_id: 'o3', product_id: 'p1' },
        { order_id: 'o4', product_id: 'p2' },
      ),
    ],
  },
  equal_lines: {
    raises: purchases(line('e1'), line('e2')),
    rows: 1,
    names: /count once/,
    right: purchases(
      line('e1'),
      line('e1'),
      { ...line('e3'), product_id: 'p2' },
      { ...line('e4'), order_id: 'o2' },
    ),
  },
  total_and_lines: {
    raises: purchases(
      { items: [{ product_id: 'p1', price: '9.95', quantity: 2 }] },
      { price: '9.95', quantity: 2 },
      { price: '50', quantity: 1 },
    ),
    rows: 3,
    names: /amount/,
    right: purchases(
      { price: '19.90', quantity: 2 },
      { price: '50', quantity: 1, coupon: 'X' },
      { price: '50', quantity: 1, discount: '10.20' },
      { price: '34.90', shipping: '4.90' },
      { price: '33.45', tax: '6.35' },
      { items: [{ product_id: 'p1', price: '9.95', quantity: 4 }] },
      { items: [{ product_id: 'p1', price: '37.80' }], fee_lines: [{ name: 'COD', total: '2.00' }] },
      { items: [{ product_id: 'p1', price: '44.80' }], extra: { gift_card: '-5' } },
      { price: '37.30', Trinkgeld: '2,50' },
    ),
  },
  order_currencies: {
    raises: purchases(
      { order_id: 'o1', amount: '20' },
      { order_id: 'o1', amount: '20.00', currency: 'USD' },
      { order_id: 'o2', amount: '20', currency: 'CHF' },
      { order_id: 'o2', amount: '21', currency: 'EUR' },
      { order_id: 'o3', product_id: 'p1', amount: null, price: '5' },
      { order_id: 'o3', product_id: 'p2', amount: null, price: '5', currency: 'SEK' },
      { event_type: 'refund', order_id: 'o1', amount: '20', currency: 'USD' },
      { event_type: 'refund', order_id: 'o4', amount: '20' },
      { event_type: 'refund', order_id: 'o4', amount: '20', currency: 'USD' },
    ),
    rows: 5,
    names: /more than one currency/,
    right: purchases(
      { order_id: 'o1', amount: '20' },
      { order_id: 'o1', amount: '20', currency: ' eur' },
      { order_id: 'o1', amount: '20', currency: null },
      { order_id: 'o2', amount: '20', currency: null },
      { order_id: 'o2', amount: '20', currency: 'USD' },
      { event_type: 'refund', order_id: 'o1', amount: '20' },
      { event_type: 'refund', order_id: 'o1', amount: '5', currency: null },
      { event_type: 'refund', order_id: 'o4', amount: '5', currency: null },
      { event_type: 'refund', order_id: 'o4', amount: '5', currency: 'USD' },
    ),
  },
  refund_document: {
    raises: purchases(
      { order_id: 'o1', Belegart: 'Gutschrift' },
      { order_id: 'o2', Belegart: 'Gutschrift' },
      { order_id: 'o2', event_type: 'refund', Belegart: 'Gutschrift' },
      { order_id: 'o3', 'Transaction Type': 'Partial refund' },
      { order_id: 'o4', type: 'Credit Note' },
      { order_id: 'o5', 'Type de document': "Facture d'avoir" },
      { order_id: 'o6', extra: { Tipo: 'Devolución' } },
      { order_id: 'o7', transaction: { kind: 'x', type: 'chargeback' } },
    ),
    rows: 2,
    names: /"Belegart: Gutschrift" look like returns, but count as sales/,
    right: purchases(
      { order_id: 'o1', Belegart: 'Rechnung' },
      { order_id: 'o2', event_type: 'refund', Belegart: 'Gutschrift' },
      { order_id: 'o3', type: 'Sale', 'Payment method': 'Gutschrift' },
      { order_id: 'o4', type: 'returning customer' },
      { order_id: 'o5', Tipo: 'Pedido', 'Order Type': 'Refundable' },
      { event_type: 'view_product', type: 'refund' },
    ),
  },
  order_cancelled: {
    raises: purchases(
      { order_id: 'o1' },
      { order_id: 'o1', status: 'Cancelled' },
      { order_id: 'o1', status: 'Cancelled' },
      { order_id: 'o2', amount: '7' },
      { event_type: 'Order Cancelled', order_id: 'o2', amount: null },
      { order_id: 'o3', amount: '8' },
      { order_id: 'o3', amount: '8', 'Cancelled at': '2026-11-02' },
      { order_id: 'o4' },
      { order_id: 'o4', payment_status: 'refunded' },
    ),
    rows: 4,
    names: /cancelled, returned or deleted/,
    right: purchases(
      { order_id: 'o1' },
      { order_id: 'o1', status: 'Cancelled' },
      { order_id: 'o1', event_type: 'refund' },
      { order_id: 'o2', amount: '7', fulfillment_status: 'cancelled' },
      { order_id: 'o2', amount: '7', status: 'paid', cancelled: false, 'Cancelled at': '' },
      { event_type: 'cancel', order_id: 'o3', amount: null },
      { order_id: 'o3' },
      { event_type: 'cancel', amount: null },
    ),
  },
  cancelled_purchase: {
    raises: purchases(
      { order_id: 'o1', status: 'cancelled' },
      { order_id: 'o2', status: 'cancelled' },
      { status: 'cancelled' },
      { order_id: 'o3', order_status: 'refunded' },
      { order_id: 'o4', is_cancelled: true },
      { order_id: 'o5', Bestellstatus: 'Storniert' },
      { order_id: 'o6', state: 'failed' },
      { order_id: 'o7', cancel_reason: 'customer' },
      { order_id: 'o8', order: { status: 'cancelled' } },
      { order_id: 'o9', refundedAt: '2026-11-02' },
      { order_id: 'p1', status: 'Cancelled by request' },
      { order_id: 'p2', status: 'Fully refunded' },
      { order_id: 'p3', status: 'cancelled - payment failed' },
    ),
    rows: 3,
    names: /"status: cancelled" count as sales/,
    right: purchases(
      { order_id: 'o1', status: 'paid' },
      { order_id: 'o2', status: 'cancelled' },
      { order_id: 'o2', event_type: 'refund' },
      { order_id: 'o3', status: 'partially_refunded', is_cancelled: 'no', cancelled_at: '0000-00-00' },
      { order_id: 'o4', shipping_status: 'returned', note: 'cancelled', status_code: 200 },
      { event_type: 'view_product', status: 'cancelled' },
      { order_id: 'o5', state: 'failed' },
      { order_id: 'o5', state: 'paid' },
      { order_id: 'o5', state: 'failed' },
      { order_id: 'o6', cancel_reason: 'none', refunded: false, subscription: { status: 'cancelled' } },
      { order_id: 'o7', payment: { status: 'paid', method: 'declined' }, status: 'pending' },
      { order_id: 'o8', status: 'cancellation period over' },
      { order_id: 'o9', status: 'cancel_requested' },
      { order_id: 'p1', status: 'Refund requested' },
      { order_id: 'p2', status: 'Stornierung beantragt' },
      { order_id: 'p3', status: 'return_window_open' },
      { order_id: 'p4', status: 'annulation demandée' },
    ),
  },
} satisfies Readonly<Record<string, Example>>;

export type OrderCode = keyof typeof EXAMPLES;

testFindings(EXAMPLES);

test('each way to say that a purchase is not a sale is a finding of its own', () => {
  const ways: Record<string, object> = {
    'payment_state: chargeback': { payment_state: 'chargeback' },
    voided_at: { voided_at: '2026-11-02' },
    canceled: { canceled: 'true' },
    'orderStatus: CANCELED': { orderStatus: 'CANCELED' },
    'financialStatus: REFUNDED': { financialStatus: 'REFUNDED' },
    refunded: { refunded: true },
    cancel_reason: { cancel_reason: 'customer' },
    'order.status: cancelled': { order: { status: 'cancelled' } },
    'state: failed': { state: 'failed' },
    'Statut: Annulée': { Statut: 'Annulée' },
    'Estado del pedido: anulado': { 'Estado del pedido': 'anulado' },
    stornogrund: { stornogrund: 'Kunde' },
    'Art: Storno': { Art: 'Storno' },
    'Document Type: Quotation': { 'Document Type': 'Quotation' },
    'Tipo de documento: Presupuesto': { 'Tipo de documento': 'Presupuesto' },
  };
  for (const [way, members] of Object.entries(ways))
    for (const toPieces of Object.values(INPUTS)) {
      const found = findingsOf(purchases({ order_id: 'o1', ...members }), {}, toPieces);
      assert.deepEqual(
        found.map(({ code }) => code),
        ['cancelled_purchase'],
        way,
      );
      assert.ok(found[0]!.message.includes(`"${way}"`), found[0]!.message);
    }
});

test('prices of a line that differ by their names are reported with the names', () => {
  const line = { product_id: 'p1', quantity: 1 };
  const of = (members: object) =>
    findingsOf(purchases({ amount: null, items: [{ ...line, ...members }] }), {}, INPUTS.lines!);
  const [found] = of({ item_price: '6', unit_price: '5' });
  assert.equal(found?.code, 'alias_chosen');
  assert.match(found.message, /items\.price .*: unit_price, item_price\./);
  assert.deepEqual(of({ item_price: '5', unit_price: 5 }), []);
  assert.deepEqual(of({ price: '5', unit_price: '6', sku: 's1', id: 7 }), []);
});
