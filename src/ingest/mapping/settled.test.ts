/** Doubts that a mapping settles by what it says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineValidator } from '../line-validator.ts';
import { Normalizer } from '../normalize.ts';
import { Observer } from '../observer.ts';
import { compileMapping } from './compile.ts';
import { mapperOf } from './map-records.ts';
import { mappingSchema } from './schema.ts';

/** Codes of the findings about records that a mapping reads. */
async function codes(spec: object, ...records: readonly object[]): Promise<string[]> {
  const mapper = mapperOf(compileMapping('test', mappingSchema.parse(spec)));
  const json = Buffer.from(records.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const { decoded } = await mapper.map([{ kind: 'json', bytes: json, places: { first: 1 } }]);
  const validator = new LineValidator({
    normalizer: new Normalizer(mapper.settings),
    timeZone: 'UTC',
    lineBytesMax: 100_000,
    storedBytesMax: 200_000,
    now: () => Date.UTC(2026, 10, 23),
  });
  return validator
    .validate(decoded, new Observer({ zone: 'UTC' }))
    .tally.list()
    .map(({ code }) => code);
}

test('a type that the mapping names raises no finding, even if no metric uses it; one that looks like a typo does', async () => {
  const record = { at: '2026-11-01T10:00:00Z', kind: 'ping', user: 'u1' };
  const of = (event_type: unknown) =>
    codes({ fields: { timestamp: 'at', event_type, user_id: 'user' } }, record);
  assert.deepEqual(await of({ value: 'newsletter_opened' }), []);
  assert.deepEqual(await of({ from: 'kind', values: { ping: 'heartbeat_seen' } }), []);
  assert.deepEqual(await of({ cases: [{ when: { kind: 'ping' }, value: 'goal' }], default: 'x' }), []);
  assert.deepEqual(await of('kind'), ['unknown_event_type']);
  assert.deepEqual(await of({ value: 'purhcase' }), ['unknown_event_type']);
});

test('amounts are subtracted from another, whatever their sign; an unreadable one rejects the order', async () => {
  const fields = {
    timestamp: 'at',
    event_type: { value: 'purchase' },
    amount: { from: 'total', less: ['off', 'points'], decimal: ',' },
    currency: { value: 'EUR' },
  };
  const { map } = compileMapping('test', mappingSchema.parse({ fields }));
  const amountOf = (record: object) =>
    map({ at: '2026-11-01T10:00:00Z', ...record }).events[0]!.fields.amount;
  assert.equal(amountOf({ total: '50,00', off: '5,50', points: '-0,50' }), '44.0000');
  assert.equal(amountOf({ total: '50,00 EUR', off: '' }), '50.0000 EUR');
  assert.equal(amountOf({ total: '1,00', off: '3' }), '-2.0000');
  assert.equal(amountOf({ total: '50,00', off: 'ten' }), '50,00 less ten');
  assert.equal(amountOf({ total: 'n. a.', off: '5' }), 'n. a.');
  assert.equal(amountOf({ off: '5' }), undefined);
});

test('an order may cost less than its lines where the mapping left some of them out, and not more', async () => {
  const spec = {
    fields: {
      timestamp: 'at',
      event_type: { value: 'purchase' },
      order_id: 'id',
      amount: 'total',
      currency: { value: 'EUR' },
    },
    items: {
      each: 'lines[*]',
      where: { type: { not: ['promotion'] } },
      fields: { product_id: 'product_id', quantity: 'quantity', price: 'price' },
    },
  };
  const order = (total: number, ...lines: readonly object[]) => ({
    id: '1',
    at: '2026-11-01T10:00:00Z',
    total,
    lines,
  });
  const product = { type: 'product', product_id: 'p1', quantity: 1, price: 50 };
  const promotion = { type: 'promotion', quantity: 1, price: -10 };
  assert.deepEqual(await codes(spec, order(40, product, promotion)), []);
  assert.deepEqual(await codes(spec, order(60, product, promotion)), ['total_and_lines']);
  assert.deepEqual(await codes(spec, order(40, product)), ['total_and_lines']);
});
