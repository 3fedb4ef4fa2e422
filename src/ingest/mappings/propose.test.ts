import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { proposed } from './fake-table.ts';
import { proposeMapping } from './propose.ts';

const fieldsOf = (...table: readonly string[]) => proposed(...table).fields as Record<string, unknown>;

test('time, type and currency are recognized by their values if no name identifies them', () => {
  const fields = fieldsOf(
    'Stamped;what;sku;value;Geld',
    '2026-11-03 10:00;view;S1;;',
    '2026-11-03 10:05;buy;S1;10,50;EUR',
    '2026-11-03 10:09;buy;S2;9,00;$',
  );
  assert.deepEqual([fields.timestamp, fields.event_type, fields.currency], ['Stamped', 'what', 'Geld']);
});

test('values alone turn no number into a time, no single word into a type and no digits into a currency', () => {
  const row = '1;2026-11-03;40;email;978';
  const fields = fieldsOf('order;Stamped;Points;Source;Weight', row, row.replace('40', '1793700000'));
  assert.deepEqual(Object.keys(fields).sort(), ['event_type', 'order_id', 'timestamp']);
  assert.equal(fields.timestamp, 'Stamped');
});

test('orders with a status that is not a sale are left out', () => {
  const table = ['N° commande;Date de commande;Total TTC;Statut', 'F-1;03/11/2026;10,00;Payée'];
  const none = proposed(...table);
  assert.equal(none.where, undefined);
  const { where, fields } = proposed(
    ...table,
    'F-2;14/11/2026;10,00;Annulée',
    'F-3;14/11/2026;5,00;Remboursée',
  );
  assert.deepEqual(where, { Statut: { not: ['Annulée'] } });
  assert.deepEqual((fields as Record<string, unknown>).event_type, { value: 'purchase' });
});

test('a column with a status is not taken for the event type', () => {
  const { fields, where } = proposed(
    'Order ID;Order Date;Order Status;Total',
    '1;2026-11-13;paid;5.00',
    '2;2026-11-13;refunded;5.00',
    '3;2026-11-13;wc-cancelled;5.00',
  );
  assert.deepEqual((fields as Record<string, unknown>).event_type, { value: 'purchase' });
  assert.deepEqual(where, { 'Order Status': { not: ['wc-cancelled'] } });
});

test('several columns may hold a status; a shipping status does not decide about a sale', () => {
  const { where } = proposed(
    'Order ID;Order Date;Financial Status;Order State.us Status;Fulfillment Status;Total',
    '1;2026-11-13;voided;x;pending;5.00',
    '2;2026-11-13;paid;cancelled;pending;5.00',
  );
  assert.deepEqual(where, {
    'Financial Status': { not: ['voided'] },
    '"Order State.us Status"': { not: ['cancelled'] },
  });
});

test('orders that are not sales by a flag, a date or the document type are left out', () => {
  const { where } = proposed(
    'Order ID;Order Date;is_cancelled;Cancelled at;Transaction Type;Total',
    '1;2026-11-13;false;;Sale;5.00',
    '2;2026-11-13;true;2026-11-14;Void;5.00',
    '3;2026-11-13;false;;Quote;5.00',
    '4;2026-11-13;false;;Rental;5.00',
  );
  assert.deepEqual(where, {
    is_cancelled: { not: ['true'] },
    'Cancelled at': { exists: false },
    'Transaction Type': { not: ['Void', 'Quote'] },
  });
  const states = [
    'Order cancelled',
    'payment failed',
    'unpaid',
    'Chargeback',
    'awaiting payment',
    'complete',
  ];
  const told = proposed(
    'Order;Date;État;Total',
    ...states.map((state, n) => `${n};2026-11-13;${state};5.00`),
  );
  assert.deepEqual(told.where, { État: { not: states.slice(0, -1) } });
});

test('a transaction type whose values are all events is the event type', () => {
  const fields = fieldsOf(
    'Order ID;Order Date;Transaction Type;Total',
    '1;2026-11-13;Sale;5.00',
    '2;2026-11-13;Refund;5.00',
  );
  assert.match(JSON.stringify(fields.event_type), /Transaction Type/);
});

test('rows with negative numbers are refunds', () => {
  const fields = fieldsOf(
    'Bestellnr;Datum;Art.-Menge;Menge;Einzelpreis',
    '1;13.11.2026;1;2;4,50',
    '1;14.11.2026;1;-1;4,50',
  );
  assert.deepEqual(fields.event_type, {
    cases: [{ when: { Menge: { match: '^ *-' } }, value: 'refund' }],
    value: 'purchase',
  });
});

test('negative discounts are not read as refunds', () => {
  const table = [
    'Bestellnr;Datum;Artikel;Menge;Preis',
    '1;13.11.2026;Tasse;2;4,50',
    '1;13.11.2026;Rabatt HERBST;1;-1,00',
  ];
  assert.deepEqual(fieldsOf(...table).event_type, { value: 'purchase' });
  assert.deepEqual(fieldsOf(...table, '2;14.11.2026;Kanne;1;-4,50').event_type, {
    cases: [{ when: { Preis: { match: '^ *-' }, Artikel: { not: ['Rabatt HERBST'] } }, value: 'refund' }],
    value: 'purchase',
  });
});

test('a discount or tax in percent is not read as an amount', () => {
  const row = '1;2026-11-13;18.00;10;19 %';
  const fields = fieldsOf('Bestellnr;Datum;Gesamtbetrag;Rabatt %;MwSt', row);
  assert.deepEqual([fields.discount, fields.tax, fields.amount], [undefined, undefined, 'Gesamtbetrag']);
  assert.equal(fieldsOf('Bestellnr;Datum;Gesamtbetrag;Rabatt', '1;2026-11-13;18.00;2.00').discount, 'Rabatt');
});

test('a proposal states that no column holds the pieces of an order', () => {
  const of = (...table: readonly string[]) => proposed(...table).has_quantity;
  assert.equal(of('Order ID;Order Date;Total', '1;2026-11-13;5.00'), false);
  assert.equal(of('Order ID;Order Date;Total;Items', '1;2026-11-13;5.00;2'), undefined);
  assert.equal(of('Order ID;Order Date;Event Type;Total', '1;2026-11-13;purchase;5.00'), undefined);
});

test('amounts are recognized with any blank between thousands, and with their unit in the name', () => {
  const fields = fieldsOf(
    'Commande;Date;Total TTC (EUR)',
    'F-1;13/11/2026;1\u202f234,50 €',
    'F-2;13/11/2026;9,00',
  );
  assert.deepEqual(fields.amount, { from: 'Total TTC (EUR)', decimal: ',' });
});

const days = (count: number, row: (day: string, n: number) => string) =>
  Array.from({ length: count }, (_, n) => row(`2026-10-${String(n + 1).padStart(2, '0')}`, n));

test('daily totals are not read as events', () => {
  const refused = (...table: readonly string[]) => {
    try {
      proposed(...table);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(
    refused('Date;Orders;Revenue', ...days(4, (day, n) => `${day};${n};10.00`))!,
    /totals of days or months \(Date, Orders\)/,
  );
  assert.match(
    refused('Datum;Artikel;Anzahl Besucher;Umsatz', ...days(4, (day) => `${day};Tasse;1.204;10,00`))!,
    /Datum, Anzahl Besucher/,
  );
  assert.match(refused('Tag;Datum;Umsatz', ...days(9, (day) => `Mo;${day};10,00`))!, /\(Datum\)/);
  const atMidnight = days(4, (day) => `${day} 00:00:00;3;10.00`);
  assert.match(refused('Date;Orders;Revenue', ...atMidnight)!, /\(Date, Orders\)/);
  const months = ['01', '02', '03', '04', '05'].map((month) => `2026-${month}-01;10.00`);
  assert.match(refused('Date;Total', ...months)!, /\(Date\)/);
  const sales = ['2026-10-01', '2026-10-01', '2026-10-02', '2026-10-05', '2026-10-09'];
  assert.equal(refused('Date;Total', ...sales.map((day) => `${day};10.00`)), null, 'several on a day');
  assert.equal(refused('Date;Item;Total', ...days(9, (day) => `${day};Mug;10.00`)), null, 'of a product');
  assert.equal(
    refused('Date;Order ID;Total', ...days(9, (day, n) => `${day};${n};10.00`)),
    null,
    'of an order',
  );
  assert.equal(refused('Date;Total', ...days(9, (day) => `${day} 10:00;10.00`)), null, 'with a time of day');
});

test('a row with the sum of all others is left out', () => {
  const table = [
    'Order ID;Order Date;Item;Amount',
    'B1;2026-10-01;Mug;5.00',
    'B2;2026-10-01;Total Care;5.00',
  ];
  assert.equal(proposed(...table).where, undefined);
  assert.deepEqual(proposed(...table, ';2026-10-31;Grand Total:;10.00').where, {
    Item: { not: ['Grand Total:'] },
  });
  const withStatus = proposed(
    'Order ID;Order Date;Status;Amount',
    'B1;2026-10-01;failed;5.00',
    'Summe;2026-10-31;;5.00',
  );
  assert.deepEqual(withStatus.where, { Status: { not: ['failed'] }, 'Order ID': { not: ['Summe'] } });
});

test('a separate column with the time of day is joined to the date', () => {
  const fields = fieldsOf(
    'Bestellnr;Datum;Uhrzeit;Betrag',
    'B1;14.10.2026;08:05;5,00',
    'B2;14.10.2026;19:40;5,00',
  );
  assert.deepEqual(fields.timestamp, { join: ['Datum', 'Uhrzeit'], order: 'dmy' });
  const english = fieldsOf(
    'Order ID;Date;Time;Amount',
    'B1;2026-10-14;8:05 AM;5.00',
    'B2;2026-10-14;7:40:09 pm;5.00',
  );
  assert.deepEqual(english.timestamp, { join: ['Date', 'Time'] });
  const whole = fieldsOf('Order ID;Date;Pickup;Amount', 'B1;2026-10-14 10:00;8:05;5.00');
  assert.equal(whole.timestamp, 'Date', 'the date has its time');
});

test('the zone of a time is read from its column, or from its name', () => {
  const table = ['Date;Time;Time Zone;Order ID;Amount', '13/11/2026;10:15:00;CET;B1;5.00'];
  assert.deepEqual(fieldsOf(...table).timestamp, { join: ['Date', 'Time', 'Time Zone'], order: 'dmy' });
  const odd = fieldsOf(...table, '14/11/2026;10:15:00;Local;B2;5.00');
  assert.deepEqual(odd.timestamp, { join: ['Date', 'Time'], order: 'dmy' }, 'not all zones can be read');
  const whole = fieldsOf('created_at;zeitzone;order_id;total', '2026-11-13 10:15;Europe/Berlin;B1;5.00');
  assert.deepEqual(whole.timestamp, { join: ['created_at', 'zeitzone'] });
  const utc = fieldsOf('Order Date (UTC);Order ID;Total', '2026-11-13 10:15;B1;5.00');
  assert.deepEqual(utc.timestamp, { from: 'Order Date (UTC)', zone: 'UTC' });
  assert.equal(fieldsOf('Order Date;Order ID;Total', '2026-11-13 10:15;B1;5.00').timestamp, 'Order Date');
});

test('a status column with only sales is mentioned, because other words may appear later', () => {
  const text = proposeMapping([{ order_no: '1', created: '2026-10-01', status: 'paid', total: '5.00' }]);
  assert.match(text!, /# In the beginning, all are sales; .*: status \(paid\)/);
});

test('rows that repeat the order total are grouped; lines with their own amount are not', () => {
  const table = (total: string) => [
    { order: '1', date: '2026-11-13', sku: 'A', qty: '2', price: '10.00', total },
    { order: '1', date: '2026-11-13', sku: 'B', qty: '1', price: '5.00', total },
  ];
  const spec = parse(proposeMapping(table('29.90'), true)!) as Record<string, unknown>;
  assert.equal(spec.group, 'order');
  assert.deepEqual(spec.items, {
    each: '^rows[*]',
    fields: { product_id: 'sku', quantity: 'qty', price: 'price' },
  });
  assert.deepEqual(Object.keys(spec.fields as object), ['timestamp', 'event_type', 'order_id', 'amount']);
  assert.equal(parse(proposeMapping(table('29.90'))!).group, undefined, 'not of JSON');
  const lines = table('').map((row, n) => ({ ...row, total: n === 0 ? '20.00' : '5.00' }));
  assert.equal(parse(proposeMapping(lines, true)!).group, undefined);
  const equal = [0, 1].map(() => ({ ...table('10.00')[0]!, qty: '1' }));
  assert.equal(
    parse(proposeMapping(equal, true)!).group,
    undefined,
    'what the line costs differs from a total',
  );
});

test('a row without a product among the rows of an order is the order itself', () => {
  const row = { order: '1', date: '2026-11-13', sku: 'A', qty: '1', price: '10.00', total: '' };
  const table = [
    { ...row, sku: '', qty: '3', price: '30.00', total: '34.90' },
    row,
    { ...row, sku: 'B', qty: '2' },
  ];
  const { items, group } = parse(proposeMapping(table, true)!);
  assert.deepEqual([group, items.where], ['order', { sku: { exists: true } }]);
  const lines = parse(
    proposeMapping(
      [
        { ...row, total: '30.00' },
        { ...row, sku: 'B', qty: '2' },
      ],
      true,
    )!,
  );
  assert.deepEqual([lines.group, lines.items.where], ['order', undefined]);
});

test('a number of pieces is read as quantity, and a list of ids not as a product', () => {
  const fields = fieldsOf(
    'order;date;items;SKU;total',
    '1;2026-11-13;3;A-1,B-2;9.00',
    '2;2026-11-13;1;A-1;5.00',
  );
  assert.equal(fields.quantity, 'items');
  assert.equal(fields.product_id, undefined);
});

test('if several columns may hold the order total, the proposal names the others', () => {
  const text = proposeMapping([
    {
      order: '1',
      date: '2026-11-13',
      'Order Total': '9.00',
      'Adjusted Order Total': '4.00',
      'Items Sold': '3',
    },
  ])!;
  assert.match(
    text,
    /# What an order cost is read from Order Total\. Other columns with amounts: Adjusted Order Total\n/,
  );
});

test('an open order that is paid according to another column is a sale', () => {
  const table = ['Bestellnr;Datum;Status;Zahlung Status;Summe', '1;14.11.2026;Offen;bezahlt;5,00'];
  assert.equal(proposed(...table).where, undefined);
  const { where } = proposed(...table, '2;14.11.2026;Offen;offen;5,00');
  assert.deepEqual(where, { 'Zahlung Status': { not: ['offen'] } });
  const { where: none } = proposed('Order ID;Order Date;Status;Total', '1;2026-11-13;Awaiting Shipment;5.00');
  assert.equal(none, undefined);
});

test('whole amounts in a column named after the minor unit are read in it', () => {
  for (const name of ['amount_cents', 'Betrag (Cent)', 'total_pence', 'amountMinor', 'montant_centimes']) {
    const { amount } = fieldsOf(
      `created;order_id;${name}`,
      '2026-11-03 10:00;o1;1999',
      '2026-11-03 10:05;o2;3980',
    );
    assert.deepEqual(amount, { from: name, minor_units: true }, name);
    const { amount: whole } = fieldsOf(
      `created;order_id;${name}`,
      '2026-11-03 10:00;o1;19.99',
      '2026-11-03 10:05;o2;39.80',
    );
    assert.equal(whole, name);
  }
  assert.equal(fieldsOf('created;order_id;amount', '2026-11-03 10:00;o1;1999').amount, 'amount');
});

test('whole amounts of services that use minor units are read in them, including those of lines', () => {
  const klarna = {
    order_id: 'k1',
    order_amount: 4999,
    purchase_currency: 'EUR',
    created_at: '2026-11-01T10:00:00Z',
    order_lines: [{ reference: '75', name: 'Shirt', quantity: 1, unit_price: 4999 }],
  };
  const { fields, items } = parse(proposeMapping([klarna])!);
  assert.deepEqual(fields.amount, { from: 'order_amount', minor_units: true });
  assert.deepEqual(items.fields.price, { from: 'unit_price', minor_units: true });
  const { purchase_currency: currency, ...others } = klarna;
  const other = parse(proposeMapping([{ ...others, currency }])!);
  assert.deepEqual([other.fields.amount, other.items], ['order_amount', 'order_lines']);
  const stripe = {
    object: 'charge',
    livemode: true,
    id: 'ch_1',
    amount: 500,
    currency: 'eur',
    created: 1793527200,
  };
  assert.deepEqual(parse(proposeMapping([stripe])!).fields.amount, { from: 'amount', minor_units: true });
  const adyen = (eventCode: string) => ({
    pspReference: 'P1',
    eventCode,
    eventDate: '2026-11-01T10:00:00Z',
    merchantReference: 'A1',
    amount: { currency: 'EUR', value: 4999 },
  });
  assert.deepEqual(parse(proposeMapping(['AUTHORISATION', 'REFUND'].map(adyen))!).fields, {
    timestamp: 'eventDate',
    event_type: { from: 'eventCode', values: { AUTHORISATION: 'purchase' } },
    order_id: 'merchantReference',
    amount: { from: 'amount', minor_units: true },
  });
});

test('sizes and groups that look like currency codes are not currencies', () => {
  for (const word of ['All', 'Top', 'bob', 'Pen'])
    assert.equal(
      fieldsOf('created;order_id;total;Group', `2026-11-03 10:00;o1;5.00;${word}`).currency,
      undefined,
    );
});

test('an order is identified by its number rather than by a transaction', () => {
  const names = 'Sale Date;Transaction ID;Order Number;Total';
  assert.equal(fieldsOf(names, '2026-11-03 10:00;t1;12-1;5.00').order_id, 'Order Number');
  assert.equal(
    fieldsOf('Sale Date;Transaction ID;Total', '2026-11-03 10:00;t1;5.00').order_id,
    'Transaction ID',
  );
});

test('if no day is above 12, a decimal comma means that the day comes first', () => {
  const timeOf = (amount: string, date = '03/10/2026 10:11') =>
    (
      proposed('Pedido;Fecha;Importe', `P-1;${date};${amount}`, `P-2;04/10/2026 10:11;${amount}`)
        .fields as Record<string, unknown>
    ).timestamp;
  assert.deepEqual(timeOf('34,50'), { from: 'Fecha', order: 'dmy' });
  assert.equal(timeOf('34.50'), 'Fecha', 'a finding reports it');
  assert.deepEqual(timeOf('34,50', '10/24/2026 10:11'), { from: 'Fecha', order: 'mdy' });
});
