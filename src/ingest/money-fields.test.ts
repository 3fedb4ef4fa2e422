import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { caseRecords } from '../../test/support/case-records.ts';
import { eventOf, notesOf, PURCHASE, rejection } from '../../test/support/normalized.ts';

describe('the currency', () => {
  it("is a code, or unknown if it can't be read", () => {
    const records = caseRecords('b-currencies');
    const events = records.map((record) => eventOf(record));
    assert.deepEqual(
      events.map(({ currency }) => currency),
      [
        ...['KWD', 'KWD', 'JPY', 'EUR', 'USD', 'EUR', 'EUR', 'EUR', 'EUR', undefined, undefined, 'GBP'],
        ...[undefined, undefined],
      ],
    );
    assert.deepEqual(
      events.map(({ amount }) => amount),
      [...['1.2345', '1.2346', '5000.0000', ...Array(8).fill('39.8000'), '0.3000'], ...['0.0000', '0.0001']],
    );
    const unknown = records.filter((record) => notesOf(record).includes('invalid_field currency'));
    assert.deepEqual(
      unknown.map(({ currency }) => currency),
      ['EUROS', 'BTC', 'BTC'],
    );
    assert.equal(eventOf(records[9]!, { currency: 'chf' }).currency, 'CHF');
    assert.equal(rejection({ ...PURCHASE, currency: '039.80' }), 'bad_currency currency');
    assert.equal(rejection({ ...PURCHASE, amount: '5 USD' }), 'bad_currency currency');
    assert.equal(eventOf({ ...PURCHASE, amount: '¥5', currency: 'CNY' }).currency, 'CNY');
  });

  it('of a purchase must not differ from the signs beside its amounts and prices', () => {
    const of = (amount: string, currency?: string) => ({ ...PURCHASE, amount, currency });
    for (const [amount, currency] of [
      ['$12', 'EUR'],
      ['12 kr', 'USD'],
      ['Fr. 12', 'GBP'],
    ] as const) {
      assert.equal(rejection(of(amount, currency)), 'bad_currency currency', `${amount} ${currency}`);
      assert.equal(rejection(of(amount), { currency }), 'bad_currency currency', `${amount} ${currency}`);
    }
    assert.equal(rejection({ ...PURCHASE, shipping: '$4', currency: 'EUR' }), 'bad_currency currency');
    assert.equal(rejection(of('12 €', '$')), 'bad_currency currency');
    for (const [amount, currency] of [
      ['$12', 'MXN'],
      ['12 kr', 'SEK'],
      ['Fr. 12', 'CHF'],
    ] as const) {
      assert.equal(eventOf(of(amount, currency)).currency, currency);
      assert.equal(eventOf(of(amount), { currency }).currency, currency);
    }
    assert.equal(eventOf(of('12', '$'), { currency: 'CAD' }).currency, 'CAD');
    assert.equal(
      eventOf({ event_type: 'view_page', timestamp: PURCHASE.timestamp, price: '$12', currency: 'EUR' })
        .currency,
      'EUR',
    );
  });

  it('stands beside the prices of an order, too', () => {
    const of = (price: string) => ({
      ...PURCHASE,
      amount: undefined,
      currency: undefined,
      items: [{ sku: 'p', price, quantity: 2 }],
    });
    const event = eventOf(of('€9.95'));
    assert.deepEqual([event.amount, event.currency], ['19.9000', 'EUR']);
    assert.equal(eventOf({ ...of('$9.95'), currency: 'USD' }).amount, '19.9000');
    assert.equal(rejection({ ...of('$9.95'), currency: 'EUR' }), 'bad_currency currency');
    assert.equal(rejection({ ...of('€9.95'), currency: 'USD' }), 'bad_currency currency');
    const items = [{ sku: 'p', price: 12, currency: 'usd' }];
    assert.equal(rejection({ ...PURCHASE, amount: undefined, items }), 'bad_currency currency');
    assert.equal(eventOf({ ...PURCHASE, amount: undefined, currency: undefined, items }).currency, 'USD');
  });
});

describe('an order with lines', () => {
  it('has the amount and pieces of its lines', () => {
    const order = (items: unknown, more: object = {}) => ({
      ...PURCHASE,
      amount: undefined,
      line_items: items,
      ...more,
    });
    const lines = [
      { sku: 'p1', qty: '1.5', unit_price: '9.99', name: 'Rope' },
      { item_id: 2, price: { value: 5, currency: 'EUR' } },
    ];
    const expected = [
      { product_id: 'p1', name: 'Rope', quantity: '1.5000', price: '9.9900' },
      { product_id: '2', price: '5.0000' },
    ];
    assert.equal(eventOf(order(lines.slice(0, 1))).amount, '14.9850');
    const plain = [lines[0], { item_id: 2, price: 5 }];
    for (const value of [lines, plain, JSON.stringify(plain)]) {
      const event = eventOf(order(value));
      assert.deepEqual([event.items, event.amount, event.quantity], [expected, '19.9850', '2.5000']);
    }
    assert.deepEqual(notesOf(order(plain, { amount: 30 })), ['total_and_lines amount']);
    assert.deepEqual(
      notesOf(order(plain, { amount: '24.885', decimal: '.', shipping: '4.90' }), { decimal: '.' }),
      ['unused decimal'],
    );
    assert.equal(eventOf(order([{ sku: 'p1' }])).amount, undefined);
    assert.equal(rejection(order([{ sku: 'p1', price: 'x' }])), 'bad_number items');
    assert.equal(rejection(order('p1')), 'bad_number items');
    assert.deepEqual(eventOf(order('p1', { amount: 5 })).extra, { invalid: { items: 'p1' } });
    const view = eventOf(order([{ sku: 'p1', price: 'x', variant: 5 }], { event_type: 'view_list' }));
    assert.deepEqual([view.items, view.amount], [[{ product_id: 'p1' }], undefined]);
    assert.equal(eventOf(order(plain, { event_type: 'view_list' })).amount, undefined);
  });

  it('fits its amount with shipping, tax or a discount in columns that are not fields', () => {
    const items = [{ sku: 'p1', price: 30 }];
    const doubts = (more: object, settings = {}) =>
      notesOf({ ...PURCHASE, items, ...more }, settings).filter((note) => note.startsWith('total_and_lines'));
    for (const more of [
      { amount: '34.90', Versandkosten: '4.90' },
      { amount: '34.90', invoiceShipping: '4.90', extra: { remise: '0' } },
      { amount: '27.00', extra: { Rabatt: '3.00' } },
      { amount: '35.70', TVA: '5.70' },
    ])
      assert.deepEqual(doubts(more), [], JSON.stringify(more));
    const cents = { items: [{ sku: 'p1', price: 3000 }], amount: 3490, Versand: 490 };
    assert.deepEqual(doubts(cents, { minor_units: true }), []);
    for (const more of [
      { amount: '34.90', Versandart: '4.90' },
      { amount: '34.90', Versandkosten: '9.90' },
    ])
      assert.deepEqual(doubts(more), ['total_and_lines amount'], JSON.stringify(more));
  });

  it('has the smaller units of its currency', () => {
    const settings = { minor_units: true };
    const amount = (value: unknown, currency?: string) =>
      eventOf({ ...PURCHASE, amount: value, currency }, settings).amount;
    assert.equal(amount(3980, 'eur'), '39.8000');
    assert.equal(amount('3980', 'JPY'), '3980.0000');
    assert.equal(amount(3980, 'KWD'), '3.9800');
    assert.equal(rejection({ ...PURCHASE, amount: 39.8 }, settings), 'bad_number amount');
    assert.equal(
      rejection({ ...PURCHASE, amount: 3980, currency: 'BTC' }, settings),
      'bad_currency currency',
    );
    const items = [{ sku: 'p', price: 995, quantity: 2 }];
    assert.equal(eventOf({ ...PURCHASE, amount: undefined, items }, settings).amount, '19.9000');
  });
});
