import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { caseRecords } from '../../test/support/case-records.ts';
import {
  type Event,
  eventOf,
  normalized,
  notesOf,
  PURCHASE,
  rejection,
} from '../../test/support/normalized.ts';
import { FIELDS } from '../event/fields.ts';
import { Normalizer } from './normalize.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';

const sum = (events: Event[]) => events.reduce((total, { amount }) => total + Number(amount ?? 0), 0);

describe('records of real sources', () => {
  it('with other names of event types: the sales are purchases', () => {
    const events = caseRecords('json-names').map((record) => eventOf(record));
    assert.deepEqual(
      events.map(({ event_type }) => event_type),
      [
        ...['view_product', 'view_page', 'view_product', 'add_to_cart', 'add_to_cart', 'add_to_cart'],
        ...['checkout', 'checkout', 'purchase', 'purchase', 'purchase', 'purchase', 'purchase', 'purchase'],
        ...['purchase', 'refund', 'purchase'],
      ],
    );
  });

  it('half in camelCase: 5 orders of 199.00 EUR by 1 user', () => {
    const events = caseRecords('json-camel-half').map((record) => eventOf(record));
    const orders = new Map(events.map((event) => [event.order_id, event]));
    assert.equal(sum([...orders.values()]), 199);
    assert.deepEqual(new Set(events.map(({ user_id }) => user_id)), new Set(['u']));
    assert.deepEqual(new Set(events.map(({ event_id }) => event_id)).size, 5);
    assert.ok(events.every(({ extra }) => extra === undefined));
  });

  it('with odd types: no purchase is rejected because of an optional field', () => {
    const records = caseRecords('json-types');
    const broken = records.splice(
      records.findIndex(({ amount }) => amount === false),
      1,
    );
    assert.equal(rejection(broken[0]!), 'wrong_type amount');
    const events = records.map((record) => eventOf(record));
    assert.ok(Math.abs(sum(events) - 22 * 39.8) < 1e-9);
    assert.ok(events.every(({ event_type, currency }) => event_type === 'purchase' && currency === 'EUR'));
    assert.equal(events[1]!.user_id, '9007199254740993');
    assert.equal(events[1]!.product_id, '18446744073709551615');
    assert.deepEqual(
      events.slice(2, 6).map(({ quantity }) => quantity),
      Array(4).fill('2.0000'),
    );
    assert.deepEqual(
      events.flatMap(({ extra }) => (extra?.invalid ? [extra.invalid] : [])),
      [
        { user_id: { id: 7 } },
        { user_id: true },
        { product_id: ['p1', 'p2'] },
        { user_id: 1.5 },
        { category: ['a', 'b'] },
      ],
    );
    assert.deepEqual(events.at(-1)!.extra, { big: '12345678901234567890', f: 0.12345678901234568 });
  });

  it('with broken characters: different ids stay different', () => {
    const events = caseRecords('json-unicode').map((record) => eventOf(record));
    assert.deepEqual(
      events.map(({ user_id }) => user_id),
      ['uü', undefined, undefined, undefined, '😀', undefined, undefined, 'cafe\u0301', 'caf\u00e9'],
    );
    assert.deepEqual(events[5]!.extra, { invalid: { user_id: 'a\ufffdb' } });
    assert.deepEqual(events[6]!.extra, { note: 'a\ufffdb' });
    const odd = { ...PURCHASE, product_name: 'Shoe \ud83d', note: { 'a\0': ['\udc00', '\\u0000'] } };
    assert.equal(eventOf(odd).product_name, 'Shoe \ufffd');
    assert.deepEqual(eventOf(odd).extra, { note: { 'a\ufffd': ['\ufffd', '\\u0000'] } });
    assert.ok(notesOf(odd).includes('replaced_character product_name'));
    assert.equal(rejection({ ...PURCHASE, event_type: 'a\0' }), 'nul_character event_type');
  });

  it('past limits: 557.20 EUR of 14 purchases', () => {
    const records = caseRecords('limits');
    const events = records.map((record) => eventOf(record));
    assert.equal(events.length, 14);
    assert.ok(Math.abs(sum(events) - 557.2) < 1e-9);
    for (const event of events) {
      for (const { name, bytesMax = Number.POSITIVE_INFINITY } of FIELDS) {
        if (event[name] !== undefined) assert.ok(Buffer.byteLength(String(event[name])) <= bytesMax, name);
      }
    }
    assert.equal(events[0]!.quantity, '0.3500');
    assert.equal(events[1]!.quantity, '1.5000');
    assert.equal(eventOf({ ...records[1], amount: 39.8 }, { decimal: ',' }).quantity, '1500.0000');
    assert.equal(events[8]!.response_time, '88');
    assert.deepEqual(
      events.flatMap(({ extra }) => Object.keys(extra?.invalid ?? {})),
      ['status_code', 'response_time', 'quantity', 'status_code', 'price'],
    );
  });

  it('of guests: a placeholder is not a user', () => {
    for (const record of caseRecords('guests')) assert.equal(eventOf(record).user_id, undefined);
    const guest = { ...PURCHASE, user_id: 'Guest' };
    assert.equal(eventOf(guest, { null_users: ['nobody'] }).user_id, 'Guest');
    assert.equal(eventOf({ ...PURCHASE, user_id: ' NOBODY' }, { null_users: ['nobody'] }).user_id, undefined);
    assert.equal(eventOf({ ...PURCHASE, product_id: '0' }).product_id, '0');
  });

  it('with negative amounts: they keep their sign', () => {
    const records = caseRecords('b-negative');
    const amounts = records.map((record) => eventOf(record).amount);
    assert.deepEqual(amounts, ['39.8000', '-39.8000', '39.8000', '-39.8000', '0.0000']);
    assert.equal(eventOf({ ...PURCHASE, event_type: 'refund', quantity: -2 }).quantity, '-2.0000');
    assert.deepEqual(eventOf({ ...PURCHASE, quantity: -2 }).extra, { invalid: { quantity: -2 } });
    // A price alone says nothing of how much was paid.
    const line = { ...PURCHASE, amount: null, price: 10 };
    assert.equal(rejection({ ...line, quantity: -2 }), 'number_out_of_range quantity');
    assert.equal(rejection({ ...line, quantity: 'two' }), 'bad_number quantity');
    assert.equal(eventOf({ ...line, event_type: 'view_product', quantity: -2 }).price, '10.0000');
  });

  it('with lines, inside of the order or one by one: 398.00 EUR of 30 pieces', () => {
    const orders = caseRecords('b-lineitems').map((record) => eventOf(record));
    assert.ok(Math.abs(sum(orders) - 398) < 1e-9);
    assert.ok(
      orders.every(({ quantity, items }) => quantity === '3.0000' && (items as unknown[]).length === 2),
    );
    const rows = caseRecords('b-lineitems-exploded');
    const lines = rows.map((record) => eventOf(record));
    const value = ({ amount, price, quantity }: Event) => Number(amount ?? Number(price) * Number(quantity));
    assert.ok(Math.abs(lines.reduce((total, line) => total + value(line), 0) - 398) < 1e-9);
    assert.ok(rows.every((record) => notesOf(record).includes('total_of_order order_total')));
  });
});

describe('a record', () => {
  it('has its fields under any name, the most certain first', () => {
    const event = eventOf({
      'Event Time': '2024-11-01T10:00:00Z',
      'EVENT-TYPE': 'Purchase',
      customerId: 7,
      grand_total: '5',
      Currency: 'eur',
      sku: 's1',
      product_id: 'p1',
      colour: 'red',
    });
    assert.equal(event.event_type, 'purchase');
    assert.equal(event.amount, '5.0000');
    assert.deepEqual(
      [event.user_id, event.product_id, event.extra],
      ['7', 'p1', { sku: 's1', colour: 'red' }],
    );
    assert.equal(eventOf({ ...PURCHASE, product_id: ' ', sku: 's1' }).product_id, 's1');
    const twice = { ...PURCHASE, userId: 'a', user_id: 'b' };
    assert.equal(eventOf(twice).user_id, 'b');
    assert.deepEqual(eventOf(twice).extra, { userId: 'a' });
    assert.deepEqual(notesOf(twice), ['names_conflict user_id']);
    assert.deepEqual(notesOf({ ...PURCHASE, userId: 5, user_id: '5' }), []);
    assert.deepEqual(notesOf({ ...PURCHASE, Amount: 5 }), ['names_conflict amount']);
    assert.deepEqual(notesOf({ ...PURCHASE, total: '39.8' }), []);
    assert.deepEqual(notesOf({ ...PURCHASE, coupn: 'x' }), ['near_name coupn']);
  });

  it('without a deciding field is rejected', () => {
    assert.equal(rejection({}), 'missing_field timestamp');
    assert.equal(rejection({ timestamp: 'soon' }), 'missing_field event_type');
    assert.equal(rejection({ ...PURCHASE, timestamp: 'NULL' }), 'missing_field timestamp');
    assert.equal(rejection({ ...PURCHASE, timestamp: 'soon' }), 'bad_timestamp timestamp');
    assert.equal(rejection({ ...PURCHASE, timestamp: '31/1/2024' }), 'date_order timestamp');
    assert.equal(
      rejection({ ...PURCHASE, timestamp: '2026-11-23T00:06:00Z' }),
      'timestamp_in_future timestamp',
    );
    assert.equal(rejection({ ...PURCHASE, event_type: ['x'] }), 'wrong_type event_type');
    assert.equal(rejection({ ...PURCHASE, event_type: 'x'.repeat(65) }), 'text_too_long event_type');
    assert.equal(rejection({ ...PURCHASE, amount: '1,234' }), 'ambiguous_number amount');
    assert.equal(rejection({ ...PURCHASE, amount: undefined, price: 'gratis' }), 'bad_number price');
    assert.equal(rejection({ ...PURCHASE, tillstream_bad: 1 }), 'reserved_field');
    assert.equal(eventOf({ ...PURCHASE, event_type: 'view', amount: 'x' }).amount, undefined);
  });

  it('keeps unknown fields and its own members in `extra`', () => {
    const event = eventOf({
      ...PURCHASE,
      invalid: 1,
      note: null,
      extra: { a: [1], note: 'x', invalid: { ip: 5 } },
      ...(JSON.parse('{"__proto__": {"x": 1}}') as object),
    });
    assert.deepEqual(event.extra?.invalid, { ip: 5, invalid: 1 });
    assert.deepEqual(event.extra?.note, 'x');
    assert.deepEqual(Object.keys(event.extra!), ['a', 'note', '__proto__', 'invalid']);
    assert.deepEqual(eventOf(event), event, 'an event again is the same event');
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    eventOf({ ...PURCHASE, deep: nested(31) });
    assert.equal(rejection({ ...PURCHASE, deep: nested(32) }), 'too_deep');
    assert.equal(rejection({ ...PURCHASE, deep: nested(100_000 / 20) }), 'too_deep');
  });

  it('has texts cut at a character boundary, and ids that stay different', () => {
    const name = `${'x'.repeat(1022)}€€`;
    assert.equal(eventOf({ ...PURCHASE, product_name: name }).product_name, 'x'.repeat(1022));
    assert.deepEqual(notesOf({ ...PURCHASE, product_name: name }), ['cut_text product_name']);
    const cut = (end: string) =>
      eventOf({ ...PURCHASE, order_id: `${'ü'.repeat(200)}${end}` }).order_id as string;
    assert.notEqual(cut('1'), cut('2'));
    assert.equal(cut('1'), cut('1'));
    assert.ok(Buffer.byteLength(cut('1')) <= 256 && cut('1').startsWith('ü'.repeat(100)));
  });

  it('is marked as a test or a bot, and takes the campaign from its URL', () => {
    const bot = {
      ...PURCHASE,
      user_agent: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    };
    assert.equal(eventOf(bot).bot, true);
    assert.equal(eventOf(bot, { mark_bots: false }).bot, undefined);
    assert.equal(eventOf({ ...PURCHASE, is_test: 'yes', bot: 'false' }).test, true);
    assert.equal(eventOf({ ...PURCHASE, test: 0 }).test, undefined);
    const event = eventOf({
      ...PURCHASE,
      url: 'https://shop.example/?utm_source=news%20letter&utm_campaign=a&utm_medium=(none)#utm_term=x',
      utm_campaign: 'own',
    });
    assert.deepEqual([event.utm_source, event.campaign, event.utm_medium], ['news letter', 'own', undefined]);
    assert.equal(event.utm_term, undefined);
  });

  it('has its doubts noted', () => {
    const notes = (record: object, settings: NormalizeSettingsInput = {}) =>
      notesOf({ ...PURCHASE, ...record }, settings);
    assert.deepEqual(notes({ timestamp: '2024-11-01 10:00' }), ['zone_assumed timestamp']);
    assert.deepEqual(notes({ timestamp: { string: '2024-11-01T10:00:00Z' } }), [], "a union of Avro's JSON");
    assert.deepEqual(notes({ timestamp: '1/2/2024' }), [
      'zone_assumed timestamp',
      'day_month_both_small timestamp',
    ]);
    assert.deepEqual(notes({ timestamp: '1/22/2024' }), [
      'zone_assumed timestamp',
      'day_month_certain timestamp',
    ]);
    const unknown = normalized({ ...PURCHASE, event_type: 'purhcase' }).notes;
    assert.deepEqual(unknown, [
      { code: 'unknown_event_type', field: 'event_type', value: 'purhcase', nearest: 'purchase' },
    ]);
    assert.deepEqual(notes({ event_type: 'Kauf' }, { event_types: { KAUF: 'purchase' } }), []);
  });

  it('refuses contradictory settings', () => {
    for (const settings of [
      { time_zone: 'Mars' },
      { time_format: 'YYYY-MM-DD' },
      { time_format: 'HH:mm' },
      { time_format: 'yyyy ooo MM' },
      { dollar: 'dollars' },
      { event_types: { a: '\ud800' } },
      { zone: 'UTC' },
    ]) {
      assert.throws(() => new Normalizer(settings as NormalizeSettingsInput), JSON.stringify(settings));
    }
  });
});
