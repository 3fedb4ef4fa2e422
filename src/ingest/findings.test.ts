import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from './finding.ts';
import type { FindingCode } from './finding-catalogue.ts';
import type { Decoded } from './format.ts';
import { LineValidator } from './line-validator.ts';
import { Normalizer } from './normalize.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';
import { Observer } from './observer.ts';

const NOW_MS = Date.UTC(2026, 10, 23);
type Record_ = Readonly<Record<string, unknown>>;

interface Example {
  readonly raises: readonly Record_[];
  /** How many rows have the doubt. */
  readonly rows: number;
  /** What the message must name. */
  readonly names: RegExp;
  /** The nearest thing that is right. */
  readonly right: readonly Record_[];
  readonly settings?: NormalizeSettingsInput;
  /** Settles the doubt of the same records. */
  readonly settledBy?: NormalizeSettingsInput;
  readonly currencies?: readonly string[];
}

const SALE = { timestamp: '2026-11-01T10:00:00Z', event_type: 'purchase', amount: '39.80', currency: 'EUR' };
const VIEW = { timestamp: '2026-11-01T10:00:00Z', event_type: 'view_product' };
const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
const sales = (...members: Record_[]) => members.map((each) => ({ ...SALE, ...each }));
const views = (...members: Record_[]) => members.map((each) => ({ ...VIEW, ...each }));
const line = (id: string) => ({
  order_id: 'o1',
  product_id: 'p1',
  price: '9.95',
  amount: '9.95',
  event_id: id,
});

/** `scale_assumed` is of mappings: mapping/unscaled.test.ts. */
const EXAMPLES: Readonly<Record<Exclude<FindingCode, 'scale_assumed'>, Example>> = {
  purchase_without_value: {
    raises: sales({ amount: null }, { amount: '' }, {}),
    rows: 2,
    names: /Purchases without amount/,
    right: [...sales({ amount: 0 }, { amount: null, price: '5' }), VIEW],
  },
  negative_purchase: {
    raises: sales({ amount: '-39.80' }, { amount: null, price: -5 }, {}),
    rows: 2,
    names: /negative/,
    right: sales(
      { event_type: 'refund', amount: '-39.80' },
      { amount: '-0' },
      { amount: '0.00', price: '5', coupon: 'ALL' },
    ),
  },
  unknown_event_type: {
    raises: views({ event_type: 'purchace' }, { event_type: 'purchace' }),
    rows: 2,
    names: /purchace\. Did you mean purchase\?/,
    right: views(
      { event_type: 'Order Completed' },
      { event_type: 'ADD-TO-CART' },
      { event_type: 'view_page' },
    ),
  },
  near_name: {
    raises: views({ coupn: 'x' }, { prodcut_id: 'p1' }, { coupn: 'y' }),
    rows: 2,
    names: /coupn .*Did you mean coupon\?/,
    right: views(
      { ab_test: 'b', text: 'x', plan: 'pro', note: 'n', category_id: 7, items_total: 3 },
      { 'Product ID': 'p1', userId: 'u1', total: '5', coupon_type: 'fixed' },
    ),
  },
  names_conflict: {
    raises: views({ user_id: 'u1', userId: 'u2' }),
    rows: 1,
    names: /user_id/,
    right: views({ user_id: 'u1', userId: 'u1' }, { user_id: null, userId: 'u2' }),
  },
  invalid_field: {
    raises: views({ status_code: 'fine' }, { status_code: 99 }, { status_code: 200 }),
    rows: 2,
    names: /status_code/,
    right: views({ status_code: '200' }, { status_code: 404.0 }, { status_code: null }, { status_code: '-' }),
  },
  cut_text: {
    raises: views({ category: 'x'.repeat(257) }),
    rows: 1,
    names: /category/,
    right: views({ category: 'x'.repeat(256) }),
  },
  id_reused: {
    raises: views(
      { event_id: 1 },
      { event_id: 1, event_type: 'add_to_cart' },
      { event_id: 1, timestamp: 1_790_000_000 },
    ),
    rows: 2,
    names: /event_id/,
    right: [
      ...views({ event_id: 1 }, { event_id: 1 }),
      // Purchases are known by their order.
      ...sales({ event_id: 2, order_id: 'o1' }, { event_id: 2, order_id: 'o2' }),
    ],
  },
  order_told_again: {
    raises: sales(
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
    right: sales(
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
  equal_refunds: {
    raises: sales(
      { event_type: 'refund', order_id: 'o1', amount: '5', event_id: 'r1' },
      { event_type: 'refund', order_id: 'o1', amount: '5', event_id: 'r2' },
    ),
    rows: 1,
    names: /different event_ids/,
    right: sales(
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
    raises: sales(
      { order_id: '1', amount: '5', timestamp: '2026-01-02T10:00:00Z' },
      { order_id: '1', amount: '5', timestamp: '2026-02-02T10:00:00Z' },
      { order_id: '2', product_id: 'p1', price: '5', amount: null, timestamp: '2026-01-02T10:00:00Z' },
      { order_id: '2', product_id: 'p2', price: '5', amount: null, timestamp: '2026-01-12T10:00:00Z' },
    ),
    rows: 2,
    names: /4 days apart/,
    right: sales(
      { order_id: '1', amount: '5', timestamp: '2026-01-02T10:00:00Z' },
      { order_id: '1', amount: '5', timestamp: '2026-01-05T10:00:00Z' },
      { order_id: 'N/A', amount: '5', timestamp: '2026-02-02T10:00:00Z' },
      { order_id: 'n/a', amount: '5', timestamp: '2026-03-02T10:00:00Z' },
      { event_type: 'refund', order_id: '1', amount: '5', timestamp: '2026-03-02T10:00:00Z' },
    ),
  },
  refund_column: {
    raises: sales({ order_id: 'o1', 'Refunded Amount': '10.00' }, { order_id: 'o2', extra: { refund: 5 } }),
    rows: 1,
    names: /Refunded Amount has amounts|refund has amounts/,
    right: sales(
      { order_id: 'o1', 'Refunded Amount': '0.00' },
      { order_id: 'o2', refunds: [], refundable: 1, refund_days: 30, Gutschrift: '' },
      { event_type: 'refund', order_id: 'o1', amount: '5' },
    ),
  },
  order_repeated: {
    raises: sales({ order_id: 'o1', product_id: 'p1' }, { order_id: 'o1', product_id: 'p2' }),
    rows: 1,
    names: /join/,
    right: [
      ...sales({ order_id: 'o1', product_id: 'p1' }, { order_id: 'o1', product_id: 'p1' }),
      ...sales(
        { order_id: 'o2', product_id: 'p1', price: '5', amount: null },
        { order_id: 'o2', product_id: 'p2', price: '5', amount: null },
        { order_id: 'o3', product_id: 'p1' },
        { order_id: 'o4', product_id: 'p2' },
      ),
    ],
  },
  equal_lines: {
    raises: sales(line('e1'), line('e2')),
    rows: 1,
    names: /count once/,
    right: sales(
      line('e1'),
      line('e1'),
      { ...line('e3'), product_id: 'p2' },
      { ...line('e4'), order_id: 'o2' },
    ),
  },
  total_and_lines: {
    raises: sales(
      { items: [{ product_id: 'p1', price: '9.95', quantity: 2 }] },
      { price: '9.95', quantity: 2 },
      { price: '50', quantity: 1 },
    ),
    rows: 3,
    names: /amount/,
    right: sales(
      { price: '19.90', quantity: 2 },
      { price: '50', quantity: 1, coupon: 'X' },
      { price: '50', quantity: 1, discount: '10.20' },
      { price: '34.90', shipping: '4.90' },
      { price: '33.45', tax: '6.35' },
      { items: [{ product_id: 'p1', price: '9.95', quantity: 4 }] },
    ),
  },
  total_of_order: {
    raises: sales({ amount: null, order_total: '39.80', product_id: 'p1', price: '9.95', quantity: 2 }),
    rows: 1,
    names: /^order_total is not/,
    right: sales(
      { amount: null, total: '19.90', product_id: 'p1', price: '9.95', quantity: 2 },
      { amount: '39.80', product_id: 'p1', price: '19.90', quantity: 2 },
    ),
  },
  one_user: {
    raises: times(300, (n) => ({ ...VIEW, user_id: n % 3 === 0 ? 'shop' : `u${n}` })),
    rows: 100,
    names: /33 % .*user_id/,
    right: [
      ...times(300, (n) => ({ ...VIEW, user_id: `u${n % 10}` })),
      ...times(100, (n) => ({ ...VIEW, user_id: n % 2 ? null : 'guest' })),
    ],
  },
  day_month: {
    // A week of a shop that writes the day first.
    raises: times(7, (n) => ({ ...VIEW, timestamp: `0${n + 1}/03/2024` })),
    rows: 6,
    names: /day and month may be swapped/,
    // Days change more often than months.
    right: times(10, (n) => ({ ...VIEW, timestamp: `03/0${(n % 9) + 1}/2024` })),
    settledBy: { date_order: 'mdy' },
  },
  mostly_bots: {
    raises: [
      ...times(11, (n) => ({ ...VIEW, user_agent: 'curl/8.5', user_id: `u${n}` })),
      ...times(2, () => ({ ...VIEW, bot: true })),
      ...times(10, (n) => ({ ...VIEW, bot: n % 2 ? undefined : false, user_id: `v${n}` })),
    ],
    rows: 13,
    names: /left out of the metrics/,
    right: [
      ...times(10, (n) => ({ ...VIEW, user_agent: 'curl/8.5', user_id: `u${n}` })),
      ...times(10, (n) => ({
        ...VIEW,
        user_agent: n % 2 ? 'Mozilla/5.0' : 'Mozilla/5.0 (X11)',
        user_id: `v${n}`,
      })),
    ],
    settledBy: { mark_bots: false },
  },
  zone_assumed: {
    raises: views({ timestamp: '2026-11-01 10:00:00' }),
    rows: 1,
    names: /Europe\/Berlin/,
    right: views({ timestamp: '2026-11-01 10:00:00+01' }, { timestamp: 1_790_000_000 }),
    settings: { time_zone: 'Europe/Berlin' },
  },
  currency_unknown: {
    raises: sales({ currency: null }, { currency: '$' }, { currency: null, amount: '39,80 $' }),
    rows: 3,
    names: /no currency/,
    right: [
      ...sales({ currency: '€' }, { currency: null, amount: '39,80 €' }, { amount: null, currency: null }),
      VIEW,
    ],
    settledBy: { currency: 'USD', dollar: 'USD' },
  },
  ambiguous_number: {
    raises: views({ price: '1,234' }),
    rows: 1,
    names: /price/,
    right: views({ price: '1.234,50' }, { price: '1,23' }, { price: 1.234 }),
    settledBy: { decimal: ',' },
  },
  replaced_character: {
    raises: views({ category: 'x\ud800' }, { note: 'a\0b' }),
    rows: 1,
    names: /category/,
    right: views({ category: 'Küche & Bad 時計 🛒' }),
  },
  many_currencies: {
    raises: sales(...['EUR', 'SEK', 'CHF', 'GBP', 'GBP'].map((currency) => ({ currency }))),
    rows: 5,
    names: /GBP/,
    right: sales(...['EUR', 'CHF', 'GBP', ' eur'].map((currency) => ({ currency }))),
  },
  unexpected_currency: {
    raises: sales({ currency: 'SEK' }, {}),
    rows: 1,
    names: /SEK/,
    right: sales(...['EUR', 'CHF', 'GBP', 'USD'].map((currency) => ({ currency }))),
    currencies: ['EUR', 'CHF', 'GBP', 'USD'],
  },
  old_time: {
    raises: views({ timestamp: '1999-01-01T00:00:00Z' }, { timestamp: 860_000_000 }),
    rows: 2,
    names: /20 years/,
    right: views({ timestamp: '2007-01-01T00:00:00Z' }),
  },
};

function findingsOf(
  records: readonly Record_[],
  { settings = {}, currencies }: Pick<Example, 'settings' | 'currencies'>,
  toPieces: (json: readonly string[]) => Decoded[],
): Finding[] {
  const zone = settings.time_zone ?? 'UTC';
  const validator = new LineValidator({
    normalizer: new Normalizer(settings),
    timeZone: zone,
    lineBytesMax: 100_000,
    storedBytesMax: 200_000,
    now: () => NOW_MS,
  });
  const observer = new Observer({ zone, currencies });
  const { tally, reasons } = validator.validate(
    toPieces(records.map((each) => JSON.stringify(each))),
    observer,
  );
  assert.deepEqual(reasons, {}, 'a finding rejects nothing');
  observer.summarize(tally);
  return tally.list();
}

const INPUTS: Record<string, (json: readonly string[]) => Decoded[]> = {
  lines: (json) => [{ kind: 'json', bytes: Buffer.from(`${json.join('\n')}\n`), places: { first: 1 } }],
  records: (json) => [
    {
      kind: 'records',
      records: json.map((text, n) => ({ fields: JSON.parse(text), raw: Buffer.from(text), place: n + 1 })),
    },
  ],
};

for (const [code, example] of Object.entries(EXAMPLES)) {
  for (const [input, toPieces] of Object.entries(INPUTS)) {
    test(`${code} of ${input}: raised, with its rows, and not by what is right`, () => {
      const raised = findingsOf(example.raises, example, toPieces);
      const found = raised.filter((finding) => finding.code === code);
      const most = Math.max(0, ...found.map(({ rows }) => rows));
      assert.equal(most, example.rows, JSON.stringify(raised));
      assert.match(found[0]!.message, example.names);
      assert.ok(found[0]!.example.length > 0);
      const right = findingsOf(example.right, example, toPieces);
      const alarms = right.filter((finding) => finding.code === code);
      assert.deepEqual(alarms, []);
      if (example.settledBy) {
        const settled = findingsOf(example.raises, { ...example, settings: example.settledBy }, toPieces);
        assert.deepEqual(
          settled.filter((finding) => finding.code === code),
          [],
        );
      }
    });
  }
}

test('day and month are doubted over more than 12 days, and where the first part changes more often than the second', () => {
  const isDoubted = (count: number, dateOf: (n: number) => string) => {
    const records = times(count, (n) => ({ ...VIEW, timestamp: dateOf(n) }));
    return findingsOf(records, {}, Object.values(INPUTS)[0]!).some(({ code }) => code === 'day_month');
  };
  const everyDay = (n: number) => `${(n % 12) + 1}/${(n % 11) + 1}/2024`;
  assert.equal(isDoubted(40, everyDay), true);
  assert.equal(
    isDoubted(41, (n) => (n === 40 ? '10/13/2024' : everyDay(n))),
    false,
    'a day above 12',
  );
  assert.equal(
    isDoubted(9, (n) => `10/${n + 1}/2024`),
    false,
    'days of one month',
  );
  assert.equal(
    isDoubted(9, (n) => `${n + 1}/10/2024`),
    true,
    'the tenth of nine months, or nine days of October',
  );
  assert.equal(
    isDoubted(9, () => '1/2/2024'),
    false,
    'one day',
  );
});
