import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RawEvent } from '../../decode/batch.ts';
import type { MetricRow } from '../../metrics/metrics-store.ts';
import {
  type MetricSchema,
  measurementOf,
  metricPoints,
  RAW_MEASUREMENT,
  RAW_TAGS,
  rawLine,
  tagNames,
} from './layout.ts';
import { type Line, lineOf, type Point } from './line-protocol.ts';
import { RequestBody } from './request-body.ts';
import { TagValues } from './tag-values.ts';

const START = '2026-11-23T00:00:00Z';
const asIs = (_tag: string, value: string) => value;

const traffic: MetricSchema = {
  name: 'traffic',
  keys: ['event_type'],
  values: [
    { name: 'events', type: 'integer', merge: 'sum' },
    { name: 'share', type: 'float', merge: null },
    { name: 'max', type: 'float', merge: 'max' },
  ],
};
const products: MetricSchema = {
  name: 'products',
  keys: ['product_id'],
  values: [
    { name: 'views', type: 'integer', merge: 'sum' },
    { name: 'purchases', type: 'integer', merge: 'sum' },
    { name: 'revenue', type: 'float', merge: 'sum' },
  ],
};

const text = ({ series, fields, time }: Line) => `${series} ${fields} ${time}`;
const noFile = { read: async () => null, write: async () => {} };

describe('The layout of metrics', () => {
  it('types fields as they are declared, whatever their values are', () => {
    const rows: MetricRow[] = [{ start: START, event_type: 'view', events: 2, share: 1, max: 7 }];
    assert.deepEqual(metricPoints(traffic, '1h', rows, asIs).map(lineOf).map(text), [
      'tillstream_traffic,window=1h,event_type=view events=2i,share=1,max=7 1795392000000000000',
    ]);
    assert.equal(measurementOf('traffic'), 'tillstream_traffic');
    assert.deepEqual(tagNames(traffic), ['window', 'event_type']);
    assert.deepEqual(tagNames(products), ['window', 'rank']);
  });

  it('leaves out what has no value', () => {
    const rows: MetricRow[] = [
      { start: START, event_type: 'view', events: 2, share: null, max: null },
      { start: START, event_type: 'none', events: null, share: null, max: null },
    ];
    assert.deepEqual(metricPoints(traffic, '1h', rows, asIs).map(lineOf).map(text), [
      'tillstream_traffic,window=1h,event_type=view events=2i 1795392000000000000',
    ]);
  });

  it('ranks products by revenue, purchases, views and id, and adds up the rest', () => {
    const rows: MetricRow[] = Array.from({ length: 24 }, (_, i) => ({
      start: START,
      product_id: `p${String(i).padStart(2, '0')}`,
      views: i < 2 ? 5 : 1,
      purchases: i === 3 ? 1 : 0,
      revenue: i === 9 ? '9.0000' : '0.1000',
    }));
    const points = metricPoints(products, '1d', rows, asIs);
    const ids = points.map(({ tags, fields }) => [tags[1]![1], fields[0]![1].value]);
    assert.deepEqual(ids.slice(0, 5), [
      ['01', 'p09'],
      ['02', 'p03'],
      ['03', 'p00'],
      ['04', 'p01'],
      ['05', 'p02'],
    ]);
    assert.equal(points.length, 21);
    assert.equal(
      text(lineOf(points.at(-1)!)),
      'tillstream_products,window=1d,rank=other product_id="other",views=4i,purchases=0i,revenue=0.4 1795392000000000000',
    );
  });

  it('writes values of a tag beyond the cap as "other", added up, and keeps the choice', async () => {
    let saved: unknown = null;
    const file = {
      read: async () => saved,
      write: async (value: object) => {
        saved = structuredClone(value);
      },
    };
    const rows = ['a', 'b', 'c', 'd'].map((event_type, i) => ({
      start: START,
      event_type,
      events: i + 1,
      share: 0.5,
      max: i,
    }));
    const values = await TagValues.open(file, 'here', 2);
    const points = metricPoints(traffic, '1h', rows, values.admit).map(lineOf).map(text);
    assert.deepEqual(points, [
      'tillstream_traffic,window=1h,event_type=a events=1i,share=0.5,max=0 1795392000000000000',
      'tillstream_traffic,window=1h,event_type=b events=2i,share=0.5,max=1 1795392000000000000',
      'tillstream_traffic,window=1h,event_type=other events=7i,max=3 1795392000000000000',
    ]);
    await values.save();
    const again = await TagValues.open(file, 'here', 2);
    assert.deepEqual(
      metricPoints(traffic, '1h', rows.toReversed(), again.admit).map(lineOf).map(text).sort(),
      points.sort(),
    );
    const elsewhere = await TagValues.open(file, 'there', 2);
    assert.equal(elsewhere.admit('event_type', 'd'), 'd');
  });

  it('adds up values that are the same as a tag', () => {
    const rows = ['a b', 'a\nb', 'a b\\'].map((event_type) => ({
      start: START,
      event_type,
      events: 1,
      share: 0.5,
      max: 1,
    }));
    assert.deepEqual(metricPoints(traffic, '1h', rows, asIs).map(lineOf).map(text), [
      'tillstream_traffic,window=1h,event_type=a\\ b events=3i,max=1 1795392000000000000',
    ]);
  });
});

describe('The layout of events', () => {
  const event: RawEvent = {
    timeMs: Date.parse(START),
    partition: 0,
    offset: 0,
    line: 0,
    eventType: 'purchase',
    deviceType: 'mobile',
    statusCode: 200,
    userId: 'u"1',
    productId: null,
    responseTime: 12,
  };

  it('has the names of the old pipeline, and leaves out missing fields', () => {
    assert.equal(RAW_MEASUREMENT, 'ecommerce_event');
    assert.deepEqual(RAW_TAGS, ['event_type', 'device_type', 'status_code']);
    assert.equal(
      text(rawLine(event, asIs)),
      'ecommerce_event,event_type=purchase,device_type=mobile,status_code=200 events=1i,user_id="u\\"1",response_time=12i 1795392000000000000',
    );
    const bare = { ...event, deviceType: null, statusCode: null, userId: null, responseTime: null };
    assert.equal(
      text(rawLine(bare, asIs)),
      'ecommerce_event,event_type=purchase events=1i 1795392000000000000',
    );
  });

  it('gives events of one instant distinct times, in all partitions and all lines of a record', () => {
    const places = new Set<string>();
    let events = 0;
    const add = (partition: number, offset: number, line: number) => {
      const { series, time } = rawLine({ ...event, partition, offset, line }, asIs);
      places.add(`${series} ${time}`);
      events++;
    };
    for (let offset = 999_000; offset < 1_199_000; offset++) add(0, offset, 0);
    for (let offset = 999_000; offset < 1_009_000; offset++) add(1, offset, 0);
    for (let offset = 0; offset < 300; offset++) for (let line = 0; line < 1000; line++) add(2, offset, line);
    assert.equal(places.size, events);
  });

  it('stays within its millisecond, and is the same when it is sent again', () => {
    for (const timeMs of [event.timeMs, 1, 0, -1, Date.parse('0001-01-01T00:00:00Z')]) {
      for (const offset of [0, 1, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER - 1]) {
        const { time } = rawLine({ ...event, timeMs, offset }, asIs);
        const withinNs = BigInt(time) - BigInt(timeMs) * 1_000_000n;
        assert.ok(withinNs >= 0n && withinNs < 1_000_000n, time);
        assert.equal(rawLine({ ...event, timeMs, offset }, asIs).time, time);
      }
    }
  });
});

describe('A request', () => {
  it('keeps the later of two different points with equal tags and time, and reports the other: 4,000 events of the old pipeline are 19 days', () => {
    const body = new RequestBody();
    const overwritten: (string | null)[] = [];
    for (let i = 0; i < 4000; i++) {
      const timeMs = Date.parse(START) + (i % 19) * 86_400_000;
      const fields: Point['fields'] = [['user_id', { type: 'string', value: `u${i}` }]];
      overwritten.push(body.add(lineOf({ measurement: 'ecommerce_event', tags: [], fields, timeMs })));
    }
    assert.equal(overwritten.filter((line) => line !== null).length, 4000 - 19);
    assert.equal(overwritten[19], 'ecommerce_event user_id="u0" 1795392000000000000');
    assert.equal(body.lines.length, 19);
    assert.equal(body.lines[0], `ecommerce_event user_id="u${210 * 19}" 1795392000000000000`);
    assert.equal(
      body.length,
      body.lines.reduce((sum, line) => sum + line.length + 1, 0),
    );
  });

  it('takes the same point twice as one', () => {
    const body = new RequestBody();
    const line = { series: 'm', fields: 'f=1', time: '1' };
    assert.equal(body.add(line), null);
    assert.equal(body.add({ ...line }), null);
    assert.deepEqual(body.lines, ['m f=1 1']);
  });

  it('holds no number that InfluxDB can’t', async () => {
    const line = (type: 'integer' | 'float', value: number) =>
      lineOf({ measurement: 'm', tags: [], fields: [['f', { type, value }]], timeMs: 1 });
    assert.throws(() => line('float', Number.NaN), RangeError);
    assert.throws(() => line('integer', 1.5), RangeError);
    assert.equal((await TagValues.open(noFile, 's', 1)).admit('t', ''), '', 'an empty value is no value');
  });
});
