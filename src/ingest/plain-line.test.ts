import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pick } from '../../test/support/value-arbitraries.ts';
import { FIELDS } from '../event/fields.ts';
import type { Decoded } from './format.ts';
import { LineValidator } from './line-validator.ts';
import { FIELD_ALIASES } from './names.ts';
import { Normalizer } from './normalize.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';
import { Observer } from './observer.ts';
import { parseRecord } from './parse-record.ts';

const NOW_MS = Date.UTC(2026, 10, 23);

function validate(settings: NormalizeSettingsInput, pieces: readonly Decoded[]) {
  const timeZone = settings.time_zone ?? 'UTC';
  const validator = new LineValidator({
    normalizer: new Normalizer(settings),
    timeZone,
    lineBytesMax: 100_000,
    storedBytesMax: 200_000,
    now: () => NOW_MS,
  });
  const result = validator.validate(pieces, new Observer({ zone: timeZone }));
  const stored = Buffer.concat(result.bytes).toString();
  return { ...result, stored };
}

const asLines = (json: readonly string[]): Decoded[] => [
  { kind: 'json', bytes: Buffer.from(json.map((line) => `${line}\n`).join('')), places: { first: 1 } },
];
const asRecords = (json: readonly string[]): Decoded[] => [
  {
    kind: 'records',
    records: json.map((line, n) => ({ fields: parseRecord(line), raw: Buffer.from(line), place: n + 1 })),
  },
];

/** The stored lines in one writing: bytes that are fine stay as they are, 39.8 beside 39.8000. */
const inOneWriting = (stored: string) =>
  validate({}, asRecords(stored.trimEnd().split('\n').filter(Boolean))).stored;

const text = pick('u1', 'p17', '0', '-', 'guest', 'n/a', ' x ', 'ü', 'a\\b', 'null');
const number = pick<unknown>(
  1,
  2,
  0,
  -1,
  2.5,
  '2',
  '39.80',
  '-0',
  '1.234',
  '1,234',
  39.8,
  1e-7,
  'x',
  '19.90',
  9.95,
);
const valuesOf: Record<string, fc.Arbitrary<unknown>> = {
  timestamp: pick<unknown>(
    '2024-11-01T10:00:00Z',
    1_730_455_200,
    '11/1/2024',
    '2024-11-01 10:00:00',
    '31.12.2024',
    45_597,
  ),
  event_type: pick(
    'purchase',
    'refund',
    'view_product',
    'Order Completed',
    'addToCart',
    'viewproduct',
    'x',
    'cart',
  ),
  currency: pick<unknown>('EUR', 'eur', ' EUR', '€', 'BTC', 'XXQ', '978', 978, '$', 'EUROS', null),
  url: pick(
    'https://a.example/?utm_source=n&utm_campaign=c',
    'https://a.example/p/1',
    '/p?utm_term=',
    'utm_',
  ),
  user_agent: pick('Mozilla/5.0', 'Googlebot/2.1', 'curl/8.0'),
  items: pick<unknown>([], [{ sku: 'p1', qty: 2, price: '9.95' }], 'x', [{ product_id: 'p1' }]),
  test: pick<unknown>(true, false, 'true', 'no', 1),
  bot: pick<unknown>(true, false),
};
const anyValue = (name: string) =>
  valuesOf[name] ?? fc.oneof(text, number, fc.constant(null), fc.constant([1]), fc.constant(true));
const known = FIELDS.map(({ name }) => name);
const member = fc.oneof(
  {
    weight: 6,
    arbitrary: pick(...known, 'price', 'quantity', 'amount', 'currency').chain((name) =>
      fc.tuple(fc.constant(name), anyValue(name)),
    ),
  },
  {
    weight: 2,
    arbitrary: pick(
      ...Object.entries(FIELD_ALIASES).flatMap(([name, aliases]) =>
        aliases.map((alias) => [name, alias] as const),
      ),
    ).chain(([name, alias]) => fc.tuple(fc.constant(alias), anyValue(name))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      pick('note', 'user_idd', 'amuont', 'id', 'x', 'User ID', 'ü', 'plan"', 'extra'),
      fc.oneof(text, number),
    ),
  },
);
const record = fc
  .tuple(
    fc.record({
      timestamp: fc.oneof({ weight: 3, arbitrary: fc.constant('2024-11-01T10:00:00Z') }, valuesOf.timestamp!),
      event_type: fc.oneof({ weight: 3, arbitrary: pick('purchase', 'refund') }, valuesOf.event_type!),
    }),
    fc.array(member, { maxLength: 5 }),
  )
  .map(([deciding, others]) => JSON.stringify({ ...deciding, ...Object.fromEntries(others) }));
const anySettings: fc.Arbitrary<NormalizeSettingsInput> = fc.record(
  {
    time_zone: pick('Europe/Berlin', 'America/New_York'),
    date_order: pick('dmy', 'mdy'),
    decimal: pick(',', '.'),
    currency: fc.constant('SEK'),
    dollar: fc.constant('USD'),
    minor_units: fc.boolean(),
    null_words: fc.constant(['n/a']),
    null_users: fc.constant(['u1']),
    event_types: fc.constant({ x: 'purchase', cart: 'view_cart' }),
    mark_bots: fc.boolean(),
    time_unit: pick('s', 'excel'),
    time_format: fc.constant('dd.MM.yyyy'),
  },
  { requiredKeys: [] },
);

const plainSettings: fc.Arbitrary<NormalizeSettingsInput> = fc.record(
  { time_zone: pick('Europe/Berlin'), date_order: pick('dmy', 'mdy'), mark_bots: fc.boolean() },
  { requiredKeys: [] },
);
const settings = fc.oneof(plainSettings, anySettings);

const PURCHASE = {
  timestamp: '2024-11-01T10:00:00Z',
  event_type: 'purchase',
  amount: '39.80',
  currency: 'EUR',
};

function assertSame(given: NormalizeSettingsInput, json: readonly string[]): void {
  // Each twice: what was learned of the first must not change the second.
  const lines = json.flatMap((line) => [line, line]);
  const fromBytes = validate(given, asLines(lines));
  const fromValues = validate(given, asRecords(lines));
  assert.deepEqual(fromBytes.reasons, fromValues.reasons);
  assert.deepEqual(fromBytes.invalidFields, fromValues.invalidFields);
  assert.deepEqual(fromBytes.errors, fromValues.errors);
  assert.deepEqual(fromBytes.tally.list(), fromValues.tally.list());
  assert.equal(inOneWriting(fromBytes.stored), inOneWriting(fromValues.stored));
}

test('what only the values show is also recognized in lines whose bytes are valid', () => {
  for (const members of [
    { currency: 'BTC' },
    { quantity: -1 },
    { amount: '1.234' },
    { tax: '1.234' },
    { amount: 1.234 },
    { price: '9.95', quantity: 1 },
    { price: '9.95', quantity: 4, shipping: '4.90' },
    { url: 'https://shop.example/?utm_source=news&utm_campaign=may' },
    { qty: 2 },
    { amount: undefined, total: '39.80' },
    { customer_id: 'u1' },
    { coupn: 'x', plan: 'pro' },
    { amount: '-0' },
    { user_agent: 'Googlebot/2.1' },
  ])
    assertSame({}, [JSON.stringify({ ...PURCHASE, ...members })]);
});

test('settings apply to lines whose bytes are valid', () => {
  const { currency: _, ...bare } = PURCHASE;
  const lines = [PURCHASE, bare, { ...PURCHASE, amount: 3980, user_id: 'n/a' }].map((each) =>
    JSON.stringify(each),
  );
  const settingsInTurn: NormalizeSettingsInput[] = [
    { currency: 'SEK' },
    { minor_units: true },
    { null_words: ['n/a'] },
    { null_users: ['n/a'] },
    { decimal: ',' },
    { time_format: 'dd.MM.yyyy' },
    { event_types: { purchase: 'refund' } },
  ];
  for (const given of settingsInTurn) assertSame(given, lines);
});

test('a line is read from its bytes as it is from its values, whatever is set', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 6 }), settings, (json, given) =>
      assertSame(given, json),
    ),
    { numRuns: 1000 },
  );
});
