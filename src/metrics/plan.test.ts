import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CATALOGUE } from './catalogue.ts';
import type { Metric } from './definition.ts';
import { products } from './definitions/products.ts';
import { DEVICE_TYPE_KEY, EVENT_TYPE_KEY } from './keys.ts';
import { passSql } from './pass-sql.ts';
import { type Pass, planOf } from './plan.ts';

const metric = (name: string, rest: Partial<Metric>): Metric => ({
  name,
  title: name,
  description: name,
  input: 'events',
  keys: [],
  windows: ['1h', '1d'],
  values: { n: { kind: 'count', description: '' } },
  mergeable: true,
  ...rest,
});
const summary = ({ name, slotMinutes, keys }: Pass) =>
  `${name} ${slotMinutes}: ${keys.map(({ column }) => column).join(', ')}`;

describe('the plan', () => {
  it('of the catalogue has one pass for all small keys and one for everything else', () => {
    assert.deepEqual(planOf(CATALOGUE).passes.map(summary), [
      'events 1: event_type, device_type, status_class, currency',
      'lines_by_product_id 15: product_id, currency, event_type',
      'quality_by_reason 1: reason',
      'latency_histogram 1: event_type',
      'audience_users 1: ',
      'audience_sessions 1: ',
      'funnel_users 15: step',
      'quality_windows 1: reason',
    ]);
  });

  it('keeps a key with many values out of the pass for small keys', () => {
    const coupon = { name: 'coupon', sql: 'coupon', description: '' };
    const { passes, metrics } = planOf([
      ...CATALOGUE,
      metric('coupons', { keys: [coupon], where: ["event_type = 'purchase'", 'coupon IS NOT NULL'] }),
    ]);
    const small = passes.find(({ name }) => name === 'events')!;
    assert.ok(!small.keys.some(({ column }) => column === 'coupon'));
    const { additive, rows, values } = metrics.get('coupons')!;
    assert.equal(summary(additive), 'events_by_coupon 15: coupon');
    assert.equal(additive.where, "(event_type = 'purchase') AND (coupon IS NOT NULL)");
    assert.deepEqual([rows, values.n], [{ column: 'rows' }, { column: 'rows' }]);
  });

  it('opens another pass for small keys with too many combinations', () => {
    const few = (name: string) => ({ name, sql: name, description: '', few: true as const });
    const { passes } = planOf([
      metric('a', { keys: ['a', 'b', 'c', 'd'].map(few) }),
      metric('b', { keys: ['e', 'f'].map(few) }),
      metric('c', { keys: [few('g')], windows: ['1m'] }),
    ]);
    assert.deepEqual(passes.map(summary), ['events 15: a, b, c, d, e, f', 'events__2 1: g']);
  });

  it('filters rows of the pass by the type of the event alone, and rows of the input by anything else', () => {
    const { metrics } = planOf([
      metric('all', { keys: [EVENT_TYPE_KEY, DEVICE_TYPE_KEY] }),
      metric('some', {
        where: ["event_type IN ('a', 'b')", 'price > 1'],
        values: {
          n: { kind: 'count', where: "event_type = 'a'", description: '' },
          top: { kind: 'max', of: 'price', description: '' },
          odd: { kind: 'count', where: "event_type = 'a' OR device_type = 'tv'", description: '' },
        },
      }),
    ]);
    const { additive, rows, values } = metrics.get('some')!;
    const late = "event_type IN ('a', 'b')";
    assert.equal(additive.where, undefined, 'the other metric takes all rows');
    assert.deepEqual(rows, { column: 'some_rows', where: late });
    assert.deepEqual(values.n, { column: 'some_rows', where: `(${late}) AND (event_type = 'a')` });
    assert.deepEqual(values.top, { column: 'some_top', where: late });
    assert.deepEqual(values.odd, { column: 'some_odd', where: late });
    const odd = additive.values.find(({ column }) => column === 'some_odd')!.of;
    assert.equal(odd.where, "(price > 1) AND (event_type = 'a' OR device_type = 'tv')");
  });

  it('keeps columns with the same name apart', () => {
    const { passes } = planOf([
      metric('a', { keys: [{ ...EVENT_TYPE_KEY, sql: 'lower(event_type)' }, EVENT_TYPE_KEY] }),
      metric('b', { keys: [products.keys[0]!, { ...products.keys[0]!, sql: 'category' }] }),
    ]);
    assert.deepEqual(passes.map(summary), [
      'events 15: event_type, event_type_2',
      'events_by_product_id_by_product_id 15: product_id, product_id_2',
    ]);
  });
});

describe('the SQL of a pass', () => {
  it('is the same for all engines except for their dialect', () => {
    const told: string[] = [];
    const note = (name: string) => (sql: string) => {
      told.push(name);
      return `${name}(${sql})`;
    };
    const dialect = {
      minuteOf: note('minute'),
      millisecondsBetween: (from: string, to: string) => `between(${from}, ${to})`,
      divide: (number: string, by: number) => `div(${number}, ${by})`,
      hash: note('hash63'),
      items: note('items'),
      length: note('length'),
      list: (items: readonly string[]) => `list(${items.join(', ')})`,
      hasAny: note('hasAny'),
      explode: note('explode'),
      identifier: (name: string) => `[${name}]`,
      text: (value: string) => `<${value}>`,
      types: { text: 'T', small: 'S', minute: 'M', count: 'C', money: 'D', double: 'F' },
    };
    const { passes } = planOf(CATALOGUE);
    const sql = (name: string) =>
      passSql(passes.find((pass) => pass.name === name)!, dialect, { events: 'e', lines: 'l', quality: 'q' });
    assert.equal(
      sql('funnel_users'),
      "SELECT DISTINCT CAST(div(minute, 15) * 15 AS M) AS m, coalesce(CAST(event_type AS T), 'unknown') AS [step], " +
        'hash63(COALESCE(COALESCE(user_id, visitor_id), session_id)) AS h FROM e ' +
        "WHERE (event_type IN ('view_product', 'add_to_cart', 'checkout', 'purchase')) AND (COALESCE(COALESCE(user_id, visitor_id), session_id) IS NOT NULL)",
    );
    assert.equal(
      sql('quality_by_reason'),
      "SELECT CAST(minute AS M) AS m, coalesce(CAST(reason AS T), 'unknown') AS [reason], CAST(count(*) AS C) AS [rows] FROM q GROUP BY 1, 2",
    );
    assert.deepEqual(told, ['hash63']);
  });
});
