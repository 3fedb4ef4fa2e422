import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { recordOf } from '../../test/support/case-records.ts';
import { anyJson, nested, pick, shortText, valueFor } from '../../test/support/value-arbitraries.ts';
import { LineChecker } from '../event/check-line.ts';
import { FIELDS } from '../event/fields.ts';
import { FINDINGS } from './finding-catalogue.ts';
import { FIELD_ALIASES, ITEM_NAMES } from './names.ts';
import { Normalizer } from './normalize.ts';
import { isFate } from './order-status.ts';
import { EVENT_TYPES } from './values/event-types.ts';
import { isAmountForm } from './values/read-money.ts';

const NOW_MS = Date.UTC(2026, 10, 23);
/** Notes besides findings, from which the observer makes some. */
const OTHER_NOTES = /^(unused|day_month_\w+|goods_returned|line_price|status_given)$/;
const checker = new LineChecker('UTC');

/** JSON text as a value, the way formats give it. */
function jsonAs(json: string): unknown {
  try {
    return recordOf(`{"x":${json}}`).x;
  } catch {
    return json;
  }
}

const oddText = fc.oneof(
  shortText,
  pick(
    '',
    ' ',
    '-',
    'NULL',
    'None',
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff',
    '\ufeff',
    '1,234',
    '39,80 €',
    '\\u0000',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer({ min: 60, max: 5000 }).map((length) => 'ü"\\\n'.repeat(length).slice(0, length)),
);
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  anyJson.map(jsonAs),
  nested.map(jsonAs),
  fc.double(),
  fc.bigInt(),
  fc.date(),
  fc.object({ maxDepth: 3 }),
  fc.constant(undefined),
);
const spelling = (name: string) =>
  pick(name, name, name.toUpperCase(), name.replaceAll('_', ' '), `${name}_`, `x${name}`);
const names = pick(
  ...FIELDS.map(({ name }) => name),
  ...Object.values(FIELD_ALIASES).flat(),
  ...['extra', 'invalid', '__proto__', 'note', '', 'constructor', 'a\0b', '\ud800'],
).chain(spelling);

const item = fc.dictionary(
  pick(...Object.values(ITEM_NAMES).flat(), 'variant'),
  fc.oneof(pick<unknown>('p1', 2, '9.95', '1,5', null, 0), oddValue),
);
const fieldValue = FIELDS.map((field) => valueFor(field).map(jsonAs));
const member = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(names, oddValue) },
  {
    weight: 5,
    arbitrary: fc
      .nat(FIELDS.length - 1)
      .chain((index) => fc.tuple(spelling(FIELDS[index]!.name), fieldValue[index]!)),
  },
  { weight: 1, arbitrary: fc.tuple(pick('items', 'products'), fc.array(item, { maxLength: 4 })) },
);
const usual = fc.record({
  timestamp: pick<unknown>('2024-11-01T10:00:00Z', '2024-11-01 10:00:00.123456', 1730455200.5, '11/13/2024'),
  event_type: pick(
    ...EVENT_TYPES.map(({ name }) => name),
    'purchase',
    'purchase',
    'refund',
    'Order Completed',
    'odd',
  ),
});
const record = fc
  .tuple(usual, fc.array(member, { maxLength: 12 }))
  .map(([base, members]) => Object.defineProperties({ ...base } as Record<string, unknown>, own(members)));

/** Members as properties of their own, `__proto__` as well. */
function own(members: [string, unknown][]): PropertyDescriptorMap {
  const map: PropertyDescriptorMap = Object.create(null) as PropertyDescriptorMap;
  for (const [name, value] of members) {
    map[name] = { value, enumerable: true, configurable: true, writable: true };
  }
  return map;
}

const settings = fc.record(
  {
    time_zone: pick('UTC', 'America/New_York'),
    date_order: pick<'mdy' | 'dmy' | 'ymd'>('mdy', 'dmy', 'ymd'),
    decimal: pick<'.' | ','>('.', ','),
    dollar: pick('USD', 'CAD'),
    currency: fc.constant('EUR'),
    minor_units: fc.boolean(),
    null_words: fc.array(shortText, { maxLength: 3 }),
    event_types: fc.constant({ odd: 'purchase' }),
  },
  { requiredKeys: [] },
);

describe('any record', () => {
  it('becomes a canonical line or a reason, and the canonical line becomes itself', () => {
    fc.assert(
      fc.property(record, settings, (fields, chosen) => {
        const result = new Normalizer(chosen).normalize(fields, NOW_MS);
        for (const { code } of result.notes)
          assert.ok(code in FINDINGS || isAmountForm(code) || isFate(code) || OTHER_NOTES.test(code), code);
        if ('reason' in result) return;
        const text = result.line.toString();
        const reason = checker.check(result.line, 0, result.line.length, NOW_MS);
        assert.equal(reason, null, `${reason} ${checker.field}: ${text}`);
        assert.equal(checker.canonical().toString(), text);
        const again = new Normalizer({
          null_words: [],
          null_users: [],
          mark_bots: false,
          decimal: '.',
        }).normalize(JSON.parse(text) as Record<string, unknown>, NOW_MS);
        assert.ok('line' in again, JSON.stringify(again));
        assert.equal(again.line.toString(), text);
      }),
      { numRuns: 500 },
    );
  });

  it('is not rejected because of optional fields', () => {
    const decides = new Set(['timestamp', 'event_type', 'amount', 'currency', 'items']);
    const optional = fc.oneof(
      ...FIELDS.flatMap(({ name }, index) =>
        decides.has(name) ? [] : [fc.tuple(fc.constant(name), fc.oneof(oddValue, fieldValue[index]!))],
      ),
    );
    const normalizer = new Normalizer();
    const normalize = (fields: Record<string, unknown>, nowMs: number) => normalizer.normalize(fields, nowMs);
    fc.assert(
      fc.property(fc.array(optional, { maxLength: 8 }), (members) => {
        const base = {
          timestamp: '2024-11-01T10:00:00Z',
          event_type: 'purchase',
          amount: '39.80',
          currency: 'EUR',
        };
        const fields = Object.defineProperties({ ...base } as Record<string, unknown>, own(members));
        const result = normalize(fields, NOW_MS);
        if ('reason' in result) {
          // Amounts in another currency, and lines of JSON that is too deep, are doubts about the event.
          assert.ok(['too_deep', 'bad_currency'].includes(result.reason), result.reason);
          return;
        }
        const event = JSON.parse(result.line.toString()) as Record<string, unknown>;
        assert.equal(event.amount, '39.8000');
        assert.equal(event.event_type, 'purchase');
      }),
      { numRuns: 300 },
    );
  });
});
