import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Normalizer } from './normalize.ts';

const NOW_MS = Date.UTC(2026, 10, 23);
const SALE = { timestamp: '2026-11-01T10:00:00Z', event_type: 'purchase', amount: '5', currency: 'EUR' };
const eventOf = (members: object) => {
  const made = new Normalizer().normalize({ ...SALE, order_id: 'o1', ...members }, NOW_MS);
  assert.ok('line' in made);
  return JSON.parse(made.line.toString()) as Record<string, unknown>;
};

test('an order is a test if a column states it without doubt, in the words of many systems', () => {
  for (const members of [
    { livemode: false },
    { 'Live mode': '0' },
    { Mode: 'test' },
    { Umgebung: 'Test' },
    { Entorno: 'pruebas' },
    { is_sandbox: 'true' },
    { testMode: true },
    { gateway: 'bogus' },
    { payment: { livemode: false } },
    { extra: { environment: 'sandbox' } },
  ]) {
    const event = eventOf(members);
    assert.equal(event.test, true, JSON.stringify(members));
    assert.ok(event.extra !== undefined, 'what said so is kept');
  }
});

test('an order counts where a column may only hint at a test, or the field says that it is not one', () => {
  for (const members of [
    { livemode: true },
    { livemode: null },
    { mode: 'tested' },
    { environment: 'development' },
    { test_mode: 'off' },
    { gateway: 'bogusta pay' },
    { variant: 'test', campaign: 'test' },
    { environment: 'test', test: false },
    { environment: 'test', is_test: 'no' },
  ])
    assert.equal(eventOf(members).test, undefined, JSON.stringify(members));
});
