/** The mapping language: what a mapping makes of records, and what is said of one that is wrong. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Decoded } from '../../src/ingest/format.ts';
import { mapperOf } from '../../src/ingest/mapping/map-records.ts';
import { readMapping } from '../../src/ingest/mappings/read.ts';
import { Normalizer } from '../../src/ingest/normalize.ts';

const dir = mkdtempSync(join(tmpdir(), 'tillstream-test-'));

function mappingOf(yaml: string, name = 'shop.yaml') {
  writeFileSync(join(dir, name), yaml);
  return readMapping(`./${name}`, dir);
}

/** The events of a record as they are stored; the reason of one that is none. */
function eventsOf(yaml: string, record: Record<string, unknown>, beside?: Record<string, unknown>) {
  const mapping = mappingOf(yaml);
  const normalizer = new Normalizer({ time_zone: 'UTC', ...mapping.settings });
  const { events, leftOut } = mapping.map(record, beside);
  return {
    leftOut,
    events: events.map(({ fields }) => {
      const made = normalizer.normalize(fields, Date.UTC(2026, 10, 28));
      return 'line' in made ? JSON.parse(made.line.toString()) : made.reason;
    }),
  };
}

const FIELDS = 'fields: {timestamp: at, event_type: {value: view_page}}';
const AT = { at: '2026-11-01T10:00:00Z' };
const PAGE = { timestamp: '2026-11-01T10:00:00.000Z', event_type: 'view_page' };

describe('a mapping', () => {
  it('distinguishes equal lines of an order by their event_ids, where it says that they are distinct', () => {
    const fields = 'fields: {timestamp: at, event_type: type}';
    const line = {
      ...AT,
      type: 'purchase',
      order_id: 'o1',
      product_id: 'p1',
      event_id: 'e1',
      currency: 'EUR',
    };
    const made = (yaml: string, record: Record<string, unknown>) => eventsOf(yaml, record).events[0].line_id;
    const distinct = `${fields}\norder_lines: distinct`;
    assert.equal(made(distinct, line), 'e1');
    assert.equal(made(distinct, { ...line, line_id: 'l1' }), 'l1', 'its own comes first');
    for (const [yaml, record] of [
      [fields, line],
      [`${fields}\norder_lines: equal`, line],
      [distinct, { ...line, type: 'checkout' }],
      [distinct, { ...line, product_id: null }],
      [distinct, { ...line, order_id: null }],
      [distinct, { ...line, event_id: null }],
    ] as const)
      assert.equal(made(yaml, record), undefined, JSON.stringify([yaml, record]));
  });

  it('keeps nothing of what it drops, and everything else', () => {
    const record = { ...AT, key: 'k', user_id: 'u1', person: { mail: 'a@b', plan: 'gold' }, rest: 1 };
    const { events } = eventsOf(`${FIELDS}\ndrop: [key, user_id, person.mail]`, record);
    assert.deepEqual(events, [{ ...PAGE, extra: { person: { plan: 'gold' }, rest: 1 } }]);
    assert.throws(() => mappingOf(`${FIELDS}\ndrop: [a]\nextra: [b]`), /has extra and drop/);
  });

  it('extracts several events from a record, leaves others out, and reads values as configured', () => {
    const yaml = `
each: $.events[*]
where: {op: [c, u]}
fields:
  timestamp: {from: [event_time, created_at], zone: Europe/Berlin, order: dmy}
  event_type: {from: event, values: {view: view_product, transaction: purchase}, default: view_page}
  amount: {from: total, minor_units: true, decimal: ","}
  response_time: {from: request_time, unit: s}
  product_id: {from: request, match: "^GET /product/([^ ?]+)"}
  user_id: {from: [userId, customer.id], null: ["0"]}
  shop: {value: shop-eu}
items: {each: line_items, fields: {product_id: sku, quantity: qty, price: {from: price, minor_units: true}}}
currency: EUR
`;
    const { events, leftOut } = eventsOf(yaml, {
      events: [
        {
          ...{
            op: 'c',
            event: 'view',
            event_time: '05.11.2026 10:00',
            request: 'GET /product/p1?x=1 HTTP/1.1',
          },
          ...{ userId: '0', customer: { id: 'k1', plan: 'gold' }, request_time: 0.25 },
        },
        { op: 'd', event: 'view' },
        {
          ...{ op: 'u', event: 'transaction', created_at: '05.11.2026 11:00', total: '1234', userId: 7 },
          line_items: [{ sku: 'a', qty: 2, price: 617 }],
        },
      ],
    });
    assert.equal(leftOut, 1);
    assert.deepEqual(events, [
      {
        ...{
          timestamp: '2026-11-05T09:00:00.000Z',
          event_type: 'view_product',
          user_id: 'k1',
          product_id: 'p1',
        },
        ...{
          currency: 'EUR',
          response_time: '250',
          extra: { op: 'c', customer: { plan: 'gold' }, shop: 'shop-eu' },
        },
      },
      {
        ...{
          timestamp: '2026-11-05T10:00:00.000Z',
          event_type: 'purchase',
          user_id: '7',
          quantity: '2.0000',
        },
        ...{ amount: '12.3400', currency: 'EUR', extra: { op: 'u', shop: 'shop-eu' } },
        items: [{ product_id: 'a', quantity: '2.0000', price: '6.1700' }],
      },
    ]);
  });

  it('finds values by every kind of path', () => {
    const values: [string, unknown, unknown][] = [
      ['a.b', { a: { b: 'x' } }, 'x'],
      ['a.b', { 'a.b': 'column' }, 'column'],
      ['"a.b".c', { 'a.b': { c: 'x' } }, 'x'],
      ['a[1]', { a: ['x', 'y'] }, 'y'],
      ['a[*].b', { a: [{ c: 1 }, { b: 'x' }] }, 'x'],
      ['a || b', { a: '', b: 'x' }, 'x'],
      ['a | base64 | json | c', { a: Buffer.from('{"c":"x"}').toString('base64') }, 'x'],
      ['a | query | q', { a: 'https://shop.example/?q=red+shoes#top' }, 'red shoes'],
      ['a | pairs | c', { a: [{ key: 'c', value: { stringValue: 'x' } }] }, 'x'],
      ['Order ID', { 'Order ID': 'x' }, 'x'],
      ['^headers.x-topic', {}, 'orders/create'],
      ['a.b', { a: null }, undefined],
      ['constructor', {}, undefined],
      ['__proto__.x', {}, undefined],
    ];
    for (const [path, record, right] of values) {
      const yaml = `${FIELDS.slice(0, -1)}, search_term: '${path}'}\nextra: []`;
      const { events } = eventsOf(
        yaml,
        { ...AT, ...(record as object) },
        { headers: { 'x-topic': 'orders/create' } },
      );
      assert.deepEqual(events, [{ ...PAGE, ...(right === undefined ? {} : { search_term: right }) }], path);
    }
  });

  it('keeps unused values under any name, or only the listed ones', () => {
    const record = { ...AT, plan: 'gold', user: { id: 1, name: 'x' }, user_id: 'u1', __proto: 1 };
    const all = { plan: 'gold', user: { name: 'x' }, __proto: 1 };
    const yaml = `${FIELDS.slice(0, -1)}, session_id: user.id}`;
    assert.deepEqual(eventsOf(yaml, record).events, [
      { ...PAGE, user_id: 'u1', session_id: '1', extra: all },
    ]);
    assert.deepEqual(eventsOf(`${yaml}\nextra: [user.name]`, record).events, [
      { ...PAGE, session_id: '1', extra: { 'user.name': 'x' } },
    ]);
    const odd = JSON.parse('{"at":"2026-11-01T10:00:00Z","__proto__":{"x":1}}') as Record<string, unknown>;
    const [event] = eventsOf(FIELDS, odd).events;
    assert.equal(JSON.stringify(event.extra), '{"__proto__":{"x":1}}');
    assert.equal(({} as Record<string, unknown>).x, undefined);
  });

  it('changes what it extends', () => {
    mappingOf(`${FIELDS}\nwhere: {kind: page}`, 'base.yaml');
    const yaml = 'extends: ./base.yaml\nfields: {user_id: uid}';
    assert.deepEqual(eventsOf(yaml, { ...AT, kind: 'page', uid: 7 }).events, [
      { ...PAGE, user_id: '7', extra: { kind: 'page' } },
    ]);
    assert.equal(eventsOf(yaml, { ...AT, kind: 'other' }).leftOut, 1);
    assert.throws(() => mappingOf('extends: ./shop.yaml'), /extends itself/);
    for (const file of ['events.csv', './shop/2026.ndjson.gz', 'access.log'])
      assert.throws(
        () => mappingOf(`extends: ${file}`),
        ({ message }: Error) =>
          message.startsWith(`${file} is not a mapping.`) && message.endsWith(`tillstream load ${file}`),
      );
    assert.throws(
      () => mappingOf('extends: shop.json'),
      /There is no preset shop\.json\..* JavaScript file\.$/,
    );
    assert.throws(() => mappingOf('extends: segmnt'), /There is no preset segmnt\. Did you mean segment\?/);
  });

  it('that is wrong gets each mistake named, with its line and what was meant', () => {
    const wrong = `feilds:
  a: b
fields:
  amount: {form: total}
  user_id: 5
  product_id: {from: x, match: "(a"}
where: {op: {exist: true}}
`;
    assert.throws(
      () => mappingOf(wrong),
      (error: Error) => {
        for (const line of [
          'shop.yaml:1: feilds is not a setting. Did you mean fields?',
          'shop.yaml:4: fields.amount.form is not a setting. Did you mean from?',
          'shop.yaml:5: fields.user_id must be settings (name: value), not a number.',
          'shop.yaml:6: fields.product_id.match is not a regular expression',
          'shop.yaml:7: where.op.exist is not a setting. Did you mean exists?',
        ])
          assert.ok(error.message.includes(line), `${line}\n${error.message}`);
        return true;
      },
    );
    assert.throws(
      () => mappingOf('fields:\n  amuont: total'),
      /shop\.yaml:2: fields\.amuont is not a setting\. Did you mean amount\?/,
    );
  });

  it('names what was meant where a name is near, of filters and of conditions too', () => {
    const mistakes: Record<string, RegExp> = {
      'fields:\n  timestamp: {from: at, zoen: UTC}': /:2: fields\.timestamp\.zoen .* Did you mean zone\?/,
      'where:\n  - {a: {nto: x}}\n  - {b: {mach: x}}':
        /:2: where\[0\]\.a\.nto .* Did you mean not\?\n.*:3: where\[1\]\.b\.mach .* Did you mean match\?$/,
      'where: {a: {nto: x}}': /mistake:\n.*:1: where\.a\.nto .* Did you mean not\?$/,
      'where: {a: }': /:1: where\.a is empty/,
      'fields: {url: {from: a, match: "((a?){100}){9}"}}':
        /:1: fields\.url\.match is too large: it takes \d+ steps/,
      'where: []': /:1: where must not be empty/,
      'fields: {url: "a | jsno"}': /has the filter jsno, which does not exist\. Did you mean json\?/,
      'fields: {url: "a | base64 | b"}':
        /has the filter b, which does not exist\. The filters: append, base64/,
    };
    for (const [yaml, message] of Object.entries(mistakes)) assert.throws(() => mappingOf(yaml), { message });
    for (const yaml of ['fields: {url: "a | json | b.c | upper"}', 'fields: {url: \'"a | b"\'}'])
      mappingOf(yaml);
  });

  it('takes a record for which one of several sets of conditions holds', () => {
    const yaml = `where: [{state: done, kind: {not: [draft]}}, {test: true}]\n${FIELDS}`;
    const given = (more: object) => eventsOf(yaml, { ...AT, ...more }).events.length;
    assert.equal(given({ state: 'done' }), 1);
    assert.equal(given({ state: 'done', kind: 'draft' }), 0);
    assert.equal(given({ state: 'open', kind: 'draft', test: true }), 1);
    assert.equal(given({ state: 'open' }), 0);
  });

  it('counts what a filter of its list could not read', () => {
    const yaml = `each: records[*].data | base64 | json\n${FIELDS}`;
    const data = Buffer.from(JSON.stringify(AT)).toString('base64');
    const { events, leftOut } = eventsOf(yaml, { records: [{ data }, { data: '%%%' }, { data: 'bm8=' }] });
    assert.deepEqual([events, leftOut], [[PAGE], 2]);
    assert.equal(eventsOf(yaml, { records: [{ data: '%%%' }] }).leftOut, 1);
    assert.throws(
      () => mappingOf(`format: cvs\n${FIELDS}`),
      /shop\.yaml:1: format must be sequence-file, json-inside/,
    );
  });

  it('bears records that are made to harm', async () => {
    const many = mapperOf(mappingOf(`each: list[*]\n${FIELDS}`));
    const piece = (record: object): Decoded[] => [
      { kind: 'json', bytes: Buffer.from(JSON.stringify(record)), places: { first: 1 } },
    ];
    const bomb = await many.map(piece({ list: Array.from({ length: 100_000 }, () => AT) }));
    assert.deepEqual(
      bomb.decoded.map((each) => (each.kind === 'rejected' ? each.reason : each.kind)),
      ['mapping_failed'],
    );
    const began = performance.now();
    const evil = `${FIELDS.slice(0, -1)}, coupon: {from: c, match: "^(a+)+$"}}\nextra: []`;
    assert.deepEqual(eventsOf(evil, { ...AT, c: `${'a'.repeat(50_000)}b` }).events, [PAGE]);
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`) as Record<string, unknown>;
    assert.deepEqual(eventsOf(FIELDS, { ...AT, ...deep }).events, ['too_deep']);
    assert.ok(performance.now() - began < 20_000);
  });
});
