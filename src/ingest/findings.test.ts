import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Example,
  findingsOf,
  INPUTS,
  purchases,
  testFindings,
  times,
  VIEW,
  views,
} from './fake-findings.ts';
import type { FindingCode } from './finding-catalogue.ts';
import type { AmountCode } from './findings-amounts.test.ts';
import type { OrderCode } from './findings-orders.test.ts';

/** Only show beside the archive (test/integration/load-doubts.slow.test.ts), in mappings (mapping/unscaled.test.ts), or in a load (test/integration/load-hints.slow.test.ts). */
type OtherCode = 'rows_loaded_before' | 'scale_assumed' | 'mapping_fits';

const EXAMPLES: Readonly<Record<Exclude<FindingCode, OrderCode | AmountCode | OtherCode>, Example>> = {
  purchase_without_value: {
    raises: purchases({ amount: null }, { amount: '' }, {}),
    rows: 2,
    names: /neither an amount nor a price/,
    right: [...purchases({ amount: 0 }, { amount: null, price: '5' }), VIEW],
  },
  negative_purchase: {
    raises: purchases({ amount: '-39.80' }, { amount: null, price: -5 }, {}),
    rows: 2,
    names: /negative/,
    right: purchases(
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
      { event_date: '20261101', user_ip: '203.0.113.7', total_text: 'x', orderIp: 'y' },
      { 'Order Updated': '2026-11-02', product_1: 'Mug', product_2: 'Cap' },
    ),
  },
  names_conflict: {
    raises: views({ user_id: 'u1', userId: 'u2' }),
    rows: 1,
    names: /user_id/,
    right: views({ user_id: 'u1', userId: 'u1' }, { user_id: null, userId: 'u2' }),
  },
  alias_chosen: {
    raises: purchases(
      { amount: null, total: '39.80', grand_total: '45.00' },
      { amount: null, grand_total: '45.00', total: '39.80' },
    ),
    rows: 2,
    names: /names of amount have different values.*total, grand_total/,
    right: [
      ...purchases(
        { amount: null, total: '39.80', grand_total: 39.8 },
        { amount: null, total: null, grand_total: '39.80' },
      ),
      { event_time: '2026-11-01T10:00:00Z', ts: 1_793_527_203_000, event_type: 'view_product' },
    ],
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
      ...purchases({ event_id: 2, order_id: 'o1' }, { event_id: 2, order_id: 'o2' }),
    ],
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
    names: /Day and month may be swapped/,
    // Days change more often than months.
    right: times(10, (n) => ({ ...VIEW, timestamp: `03/0${(n % 9) + 1}/2024` })),
    settledBy: { date_order: 'mdy' },
  },
  test_marked: {
    raises: purchases(
      { order_id: 'o1', environment: 'Sandbox' },
      { order_id: 'o2', environment: 'Sandbox' },
      { order_id: 'o3', livemode: false },
      { order_id: 'o4', 'Payment Gateway': '(for testing) Bogus Gateway' },
      { order_id: 'o5', payment_gateway_names: ['bogus'] },
      { order_id: 'o6', order: { test: true } },
      { ...VIEW, amount: null, extra: { test_mode: 'yes' } },
    ),
    rows: 2,
    names: /"environment: Sandbox" are treated as tests/,
    right: purchases(
      { order_id: 'o1', environment: 'production', livemode: true, test_mode: 0 },
      { order_id: 'o2', mode: 'dark', 'Payment Method': 'card', group: 'test' },
      { order_id: 'o3', livemode: false, test: false },
      { order_id: 'o4', test: true },
      { order_id: 'o5', environment: 'staging' },
    ),
  },
  test_likely: {
    raises: purchases(
      { order_id: 'o1', environment: 'staging' },
      { order_id: 'o2', environment: 'staging' },
      { order_id: 'o3', Zahlungsart: 'Test' },
    ),
    rows: 2,
    names: /"environment: staging" may be tests, but count/,
    right: purchases(
      { order_id: 'o1', environment: 'production', 'Payment Method': 'Testament & Co' },
      { order_id: 'o2', environment: 'staging', test: false },
      { ...VIEW, environment: 'staging', amount: null },
      { order_id: 'o3', environment: 'staging', sandbox: true },
    ),
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
  bot_sales: {
    raises: [
      ...times(20, (n) => ({ ...VIEW, user_id: `u${n}` })),
      ...purchases(
        { order_id: 'b1', user_agent: 'axios/1.6.2' },
        { order_id: 'b2', user_agent: 'axios/1.6.2', note: 'x' },
        { order_id: 'b3', user_agent: 'axios/1.6.2', bot: false },
      ),
    ],
    rows: 3,
    names: /"axios\/1\.6\.2".*left out of the metrics/,
    right: [
      { ...VIEW, user_agent: 'axios/1.6.2' },
      ...purchases(
        { order_id: 'b4', user_agent: 'Mozilla/5.0 (X11)' },
        { order_id: 'b5', bot: true, user_agent: 'Mozilla/5.0 (X11)' },
        { order_id: 'b6', bot: true },
        { order_id: 'b7', test: true, user_agent: 'axios/1.6.2' },
        { order_id: 'b8' },
      ),
    ],
    settledBy: { mark_bots: false },
  },
  only_tests: {
    raises: purchases(...times(11, (n) => ({ order_id: `t-${n}`, test: n % 2 ? true : 'true' }))),
    rows: 11,
    names: /left out of the metrics/,
    right: purchases(...times(11, (n) => ({ order_id: `t-${n}`, test: true })), { order_id: 'real' }),
  },
  zone_assumed: {
    raises: views({ timestamp: '2026-11-01 10:00:00' }),
    rows: 1,
    names: /times in UTC/,
    right: views({ timestamp: '2026-11-01 10:00:00+01' }, { timestamp: 1_790_000_000 }),
    settledBy: { time_zone: 'Europe/Berlin' },
  },
  zone_column: {
    raises: views(
      { timestamp: '2026-11-01 10:00:00', TimeZone: 'Europe/Madrid' },
      { timestamp: '2026-11-02T10:00:00', TimeZone: 'America/Lima', order_id: 'o1' },
      { timestamp: '2026-11-02T10:00:00', extra: { zeitzone: '+02:00' } },
    ),
    rows: 2,
    names: /^(?:TimeZone|zeitzone) looks like the time zone of the timestamps, such as/,
    right: views(
      { timestamp: '2026-11-01T10:00:00Z', TimeZone: 'Europe/Madrid' },
      { timestamp: '2026-11-01 10:00:00', TimeZone: 'UTC' },
      { timestamp: '2026-11-01 10:00:00', tz: 'Hammond', user_timezone: 'Europe/Madrid' },
    ),
    settledBy: { time_zone: 'Europe/Berlin' },
  },
  base_currency: {
    raises: purchases(
      { order_id: 'o1', currency: 'USD', currency_value: '1.10000000' },
      { order_id: 'o2', event_type: 'refund', currency_value: 0.93 },
    ),
    rows: 2,
    names: /^currency_value is an exchange rate other than 1/,
    right: [
      ...purchases({ order_id: 'o1', currency_value: '1.00000000' }, { order_id: 'o2', currency_value: '' }),
      ...purchases({ order_id: 'o3', currency_position: '2' }),
      ...views({ currency_value: '1.1' }),
    ],
  },
  currency_unknown: {
    raises: purchases({ currency: null }, { currency: '$' }, { currency: null, amount: '39,80 $' }),
    rows: 3,
    names: /no readable currency/,
    right: [
      ...purchases({ order_id: 'o1' }, { order_id: 'o1', currency: null }),
      ...purchases({ order_id: 'o2', event_id: 'e1' }, { order_id: 'o2', event_id: 'e1', currency: null }),
      ...purchases(
        { currency: '€' },
        { currency: null, amount: '39,80 €' },
        { amount: null, currency: null },
      ),
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
    raises: purchases(...['EUR', 'SEK', 'CHF', 'GBP', 'GBP'].map((currency) => ({ currency }))),
    rows: 5,
    names: /GBP/,
    right: purchases(...['EUR', 'CHF', 'GBP', ' eur'].map((currency) => ({ currency }))),
  },
  unexpected_currency: {
    raises: purchases({ currency: 'SEK' }, {}),
    rows: 1,
    names: /SEK/,
    right: purchases(...['EUR', 'CHF', 'GBP', 'USD'].map((currency) => ({ currency }))),
    currencies: ['EUR', 'CHF', 'GBP', 'USD'],
  },
  response_seconds: {
    raises: views({ response_time: 0.123 }, { response_time: '0,9' }, { response_time: 2.5 }),
    rows: 2,
    names: /may be seconds/,
    right: views(
      { response_time: 123 },
      { response_time: 1.4 },
      { duration_ms: 0.4 },
      { response_time: 0 },
      { response_time: '1.0' },
      { response_time: 0.2 },
      { response_time: 300 },
    ),
  },
  old_time: {
    raises: views({ timestamp: '1999-01-01T00:00:00Z' }, { timestamp: 860_000_000 }),
    rows: 2,
    names: /20 years/,
    right: views({ timestamp: '2007-01-01T00:00:00Z' }),
  },
};

testFindings(EXAMPLES);

test('day and month are in doubt over more than 12 days, and if the first part changes more often than the second', () => {
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
