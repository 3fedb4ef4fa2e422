import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fateOf } from './order-status.ts';

const fate = (word: string) => fateOf('status', word)?.fate ?? null;

test('a status shows that an order was reversed or never was a sale, in the words of many systems', () => {
  const words = {
    withdrawn: [
      'Canceled',
      'Reversed',
      'Geannuleerd',
      'Anulowane',
      'Avbruten',
      'Widerrufen',
      'Gelöscht',
      'Abgebrochen',
      'Suspected Fraud',
      'Retourniert',
      'Deleted',
      '[8.1] Storniert',
      '8 Storniert durch Kunden',
    ],
    unsold: [
      'Payment error',
      'Erreur de paiement',
      'Error de pago',
      'Denied',
      'Refused',
      'Incomplete',
      'Nicht bezahlt',
    ],
  };
  for (const [expected, all] of Object.entries(words))
    for (const word of all) assert.equal(fate(word), expected, word);
});

test('a sale that was not finished, or not let through, never was one', () => {
  assert.equal(fateOf('completed', 'false')?.fate, 'unsold');
  assert.equal(fateOf('is_completed', false)?.fate, 'unsold');
  assert.equal(fateOf('Abgeschlossen', 'N')?.fate, 'unsold');
  for (const word of [
    'processor_declined',
    'authorization expired',
    'NOT_FINISHED',
    'requires_payment_method',
  ])
    assert.equal(fate(word), 'unsold', word);
  for (const [name, value] of [
    ['completed', true],
    ['completed', '2026-11-01'],
    ['Abgeschlossen', 'J'],
    ['completed_orders', 0],
  ] as const)
    assert.equal(fateOf(name, value), null, `${name} ${value}`);
});

test('a status of an order that is or may become a sale is ignored', () => {
  for (const word of [
    'Completed',
    'paid',
    'Bezahlt',
    'Payée',
    'shipped',
    'Canceled_Reversal',
    'Return requested',
    'Pending',
    'Terminé',
    'Enviado',
    'Processing',
  ])
    assert.equal(fate(word), null, word);
});

test('an order is not a sale where none of its payments is one', () => {
  const shopware = (...names: readonly string[]) =>
    fateOf(
      'transactions',
      names.map((technicalName) => ({ id: 'x', stateMachineState: { technicalName } })),
    )?.fate ?? null;
  assert.equal(shopware('refunded'), 'withdrawn');
  assert.equal(shopware('cancelled', 'refunded_partially'), 'partly_refunded');
  assert.equal(shopware('failed'), 'unsold');
  assert.equal(fateOf('payments', [{ status: 'voided' }])?.text, 'payments.status: voided');
  assert.equal(shopware('failed', 'paid'), null);
  assert.equal(shopware('paid'), null);
  assert.equal(shopware(), null);
  assert.equal(fateOf('transactions', [5, { status: 'refunded' }]), null);
  assert.equal(fateOf('tenders', [{ type: 'CARD', status: 'COMPLETED' }]), null);
});

test('a list of refunds in an order shows that a part of it was refunded', () => {
  assert.equal(fateOf('refunds', [{ total: '-25.00' }])?.fate, 'partly_refunded');
  assert.equal(fateOf('refunds', []), null);
  assert.equal(fateOf('refunds', 0), null);
});

test('a number that is not a status, or a mark of deletion, shows that nothing was sold', () => {
  assert.equal(fateOf('order_status_id', '0')?.fate, 'unsold');
  assert.equal(fateOf('Order Status ID', 0)?.fate, 'unsold');
  assert.equal(fateOf('order_status_id', '10'), null);
  assert.equal(fateOf('order_status', '0'), null);
  assert.equal(fateOf('deleted_at', '2026-11-03 10:00:00')?.fate, 'withdrawn');
  assert.equal(fateOf('__deleted', 'true')?.fate, 'withdrawn');
  assert.equal(fateOf('is_deleted', 0), null);
  assert.equal(fateOf('deleted', 'false'), null);
});
