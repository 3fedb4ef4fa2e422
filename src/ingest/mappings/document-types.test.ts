import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { proposed } from './fake-table.ts';
import { proposeMapping } from './propose.ts';

test('a document type that separates refunds from sales becomes the event type; other documents are not sales', () => {
  const of = (name: string, ...kinds: readonly string[]) => {
    const rows = kinds.map((kind, n) => `${n};2026-11-13;${kind};5.00`);
    const { fields, where } = proposed(`Order ID;Order Date;${name};Total`, ...rows);
    return [(fields as Record<string, unknown>).event_type, where];
  };
  assert.deepEqual(of('Art', 'Rechnung', 'Gutschrift', 'Storno'), [
    { from: 'Art', values: { Rechnung: 'purchase', Gutschrift: 'refund' } },
    { Art: { not: ['Storno'] } },
  ]);
  assert.deepEqual(of('Type de document', 'Facture', 'Avoir', 'Devis'), [
    { from: 'Type de document', values: { Facture: 'purchase', Avoir: 'refund' } },
    { 'Type de document': { not: ['Devis'] } },
  ]);
  assert.deepEqual(of('Transaction Type', 'Sale', 'Refund', 'Void', 'Chargeback'), [
    { from: 'Transaction Type', values: { Chargeback: 'refund' } },
    { 'Transaction Type': { not: ['Void'] } },
  ]);
  assert.deepEqual(of('Tipo', 'Factura', 'Abono'), [
    { from: 'Tipo', values: { Factura: 'purchase', Abono: 'refund' } },
    undefined,
  ]);
  assert.deepEqual(of('Belegart', 'Rechnung', 'Lieferschein'), [
    { value: 'purchase' },
    { Belegart: { not: ['Lieferschein'] } },
  ]);
  assert.deepEqual(of('Order Type', 'Pickup', 'Delivery', 'Return'), [{ value: 'purchase' }, undefined]);
});

test('payouts and transfers of a payment service are left out instead of read as refunds', () => {
  const of = (...kinds: readonly string[]) => {
    const rows = kinds.map((kind, n) => `${n};2026-11-13;${kind};${n < 2 ? '' : '-'}5.00`);
    return proposed('Rechnungsnummer;Datum;Typ;Brutto', ...rows);
  };
  const german = ['Allgemeine Zahlung', 'PayPal Express-Zahlung', 'Rückzahlung', 'Allgemeine Abbuchung'];
  const { fields, where } = of(...german, 'Einbehaltung für Konfliktklärung');
  assert.deepEqual((fields as Record<string, unknown>).event_type, {
    from: 'Typ',
    values: { [german[0]!]: 'purchase', [german[1]!]: 'purchase', Rückzahlung: 'refund' },
  });
  assert.deepEqual(where, { Typ: { not: ['Allgemeine Abbuchung', 'Einbehaltung für Konfliktklärung'] } });
  const english = of(
    'Website Payment',
    'General Payment',
    'Payment Reversal',
    'General Withdrawal',
    'Payment Fee',
  );
  assert.deepEqual(english.where, { Typ: { not: ['General Withdrawal', 'Payment Fee'] } });
  const french = of(
    'Paiement sur site',
    'Paiement Express',
    'Remboursement de paiement',
    'Virement standard',
  );
  assert.deepEqual(french.where, { Typ: { not: ['Virement standard'] } });
  const spanish = of('Pago de sitio web', 'Pago exprés', 'Reembolso de pago', 'Retirada general');
  assert.deepEqual(spanish.where, { Typ: { not: ['Retirada general'] } });
  const held: Record<string, readonly string[]> = {
    'Express-Kaufabwicklung': [
      'Allgemeine Autorisierung',
      'Rückbuchung von ACH-Gutschrift',
      'Warenkorbartikel',
    ],
    'Paiement DCC': [
      'Suspension de paiement',
      'Déblocage de paiement',
      'Solde suspendu pour enquête sur un litige',
    ],
    'Pago con Pago exprés': ['Autorización general', 'Depósito bancario en cuenta PayPal'],
    'Zahlung im Einzugsverfahren mit Zahlungsrechnung': ['Allgemeine interne Kontobewegung', 'Reservierung'],
  };
  for (const [sale, words] of Object.entries(held)) {
    const found = of(sale, sale, ...words);
    assert.deepEqual(found.where, { Typ: { not: words } }, sale);
    assert.deepEqual((found.fields as Record<string, unknown>).event_type, {
      from: 'Typ',
      values: { [sale]: 'purchase' },
    });
  }
  const adyen = of('Settled', 'Settled', 'Refunded', 'MerchantPayout');
  assert.deepEqual(adyen.where, { Typ: { not: ['MerchantPayout'] } });
  assert.equal(of('Verkauf', 'Verkauf', 'Erstattung').where, undefined);
  assert.deepEqual(of('Zahlung', 'Zahlung', 'Abbuchung').where, { Typ: { not: ['Abbuchung'] } });
  const ways = proposed(
    'Bestellnr;Datum;Zahlungsart;Summe',
    '1;2026-11-13;Barzahlung;5.00',
    '2;2026-11-13;Überweisung;5.00',
  );
  assert.deepEqual(
    [ways.where, (ways.fields as Record<string, unknown>).event_type],
    [undefined, { value: 'purchase' }],
  );
});

test('a void removes the other row of its order; unknown words are reported', () => {
  const rows = [
    { order: '1', date: '2026-11-13', type: 'Sale', total: '5.00' },
    { order: '2', date: '2026-11-13', type: 'Refund', total: '5.00' },
    { order: '1', date: '2026-11-13', type: 'Void', total: '5.00' },
    { order: '3', date: '2026-11-13', type: 'Rental', total: '5.00' },
  ];
  const text = proposeMapping(rows)!;
  const { fields, where } = parse(text);
  assert.deepEqual([fields.event_type, where], [{ from: 'type', values: { Void: 'refund' } }, undefined]);
  assert.match(text, /# Words of type that are not known, .*: Rental\n/);
});

test('a credit next to sales is a refund; an unpaid invoice is a sale', () => {
  const of = (rows: readonly string[]) =>
    proposed('Order ID;Order Date;Transaction Type;Status;Total', ...rows);
  const braintree = of([
    '1;2026-11-13;sale;settled;5.00',
    '2;2026-11-13;sale;processor_declined;5.00',
    '3;2026-11-13;sale;gateway_rejected;5.00',
    '1;2026-11-14;credit;settled;2.00',
  ]);
  assert.deepEqual((braintree.fields as Record<string, unknown>).event_type, {
    from: 'Transaction Type',
    values: { credit: 'refund' },
  });
  assert.deepEqual(braintree.where, { Status: { not: ['processor_declined', 'gateway_rejected'] } });
  const bank = of(['1;2026-11-13;Credit;booked;5.00', '2;2026-11-13;Debit;booked;5.00']);
  assert.deepEqual((bank.fields as Record<string, unknown>).event_type, { value: 'purchase' });
  const invoices = of([
    '1;2026-11-13;Rechnung;offen;5.00',
    '2;2026-11-13;Rechnung;storniert;5.00',
    '3;2026-11-14;Gutschrift;offen;2.00',
  ]);
  assert.deepEqual(invoices.where, { Status: { not: ['storniert'] } });
});

test('an open payment next to paid ones is not a sale; an open order is', () => {
  const of = (...statuses: readonly string[]) =>
    proposed('ID;Date;Status;Amount', ...statuses.map((status, n) => `${n};2026-11-1${n};${status};5.00`))
      .where;
  assert.deepEqual(of('paid', 'open', 'paidout'), { Status: { not: ['open'] } });
  assert.equal(of('open', 'archived', 'shipped'), undefined);
  assert.deepEqual(of('succeeded', 'requires_payment_method'), {
    Status: { not: ['requires_payment_method'] },
  });
});

test('a column with one letter for yes or no is read as a boolean', () => {
  for (const [yes, no] of [
    ['J', 'N'],
    ['O', 'N'],
    ['S', 'N'],
  ])
    assert.deepEqual(
      proposed('Bestellnr;Datum;Storniert;Summe', `1;2026-11-13;${yes};5.00`, `2;2026-11-13;${no};5.00`)
        .where,
      { Storniert: { not: [yes] } },
    );
});

test('an unknown word is a sale if all other words are refunds', () => {
  const of = (...kinds: readonly string[]) => {
    const rows = kinds.map((kind, n) => `${n};2026-11-13;${kind};5.00`);
    return (proposed('Order ID;Order Date;Transaction Type;Total', ...rows).fields as Record<string, unknown>)
      .event_type;
  };
  assert.deepEqual(of('Standardvorgang', 'Gutschrift'), {
    from: 'Transaction Type',
    values: { Standardvorgang: 'purchase', Gutschrift: 'refund' },
  });
  assert.deepEqual(of('Authorization w/ Auto Capture', 'Credit'), {
    from: 'Transaction Type',
    values: { 'Authorization w/ Auto Capture': 'purchase', Credit: 'refund' },
  });
});

test('goods that came back are left out where another row gives the same money back', () => {
  const of = (...rows: readonly string[]) => {
    const { fields, where } = proposed('Auftrags-ID;Erstellt am;Auftragstyp;Rechnungsbetrag brutto', ...rows);
    return [(fields as { event_type: { values: unknown } }).event_type.values, where];
  };
  const sales = ['1;2026-11-13;Auftrag;60.40', '2;2026-11-14;Auftrag;14.90'];
  const leftOut = { Auftragstyp: { not: ['Retoure'] } };
  const values = { Auftrag: 'purchase', Gutschrift: 'refund' };
  const ofAmount = of(...sales, '3;2026-11-20;Retoure;60.40', '4;2026-11-21;Gutschrift;-60.40');
  assert.deepEqual(ofAmount, [values, leftOut]);
  const ofOrder = of(...sales, '1;2026-11-20;Retoure;60.40', '1;2026-11-21;Gutschrift;55.40');
  assert.deepEqual(ofOrder, [values, leftOut]);
  const others = of(...sales, '3;2026-11-20;Retoure;60.40', '4;2026-11-21;Gutschrift;14.90');
  assert.deepEqual(others, [{ ...values, Retoure: 'refund' }, undefined], 'nothing ties them');
  const alone = of(...sales, '3;2026-11-20;Retoure;60.40');
  assert.deepEqual(alone, [{ Auftrag: 'purchase', Retoure: 'refund' }, undefined]);
});
