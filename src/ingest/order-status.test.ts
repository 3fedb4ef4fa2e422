import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fateOf } from './order-status.ts';

const fate = (word: string) => fateOf('status', word)?.fate ?? null;

test('a status says that an order was taken back, or never was a sale, in the words of many systems', () => {
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

test('a status of an order that is a sale, or may become one, says nothing', () => {
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

test('a list of refunds in an order says that a part of it was given back', () => {
  assert.equal(fateOf('refunds', [{ total: '-25.00' }])?.fate, 'partly_refunded');
  assert.equal(fateOf('refunds', []), null);
  assert.equal(fateOf('refunds', 0), null);
});
