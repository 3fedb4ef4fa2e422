/**
 * Records a CPU second of a mapping, beside what it takes to parse them: node bench/mapping.ts [COUNT]
 * The records are calls of Segment with 15 fields that its preset reads; what is made of them is checked.
 */
import assert from 'node:assert/strict';
import { readMapping } from '../src/ingest/mappings/read.ts';
import { Normalizer } from '../src/ingest/normalize.ts';
import { Random } from '../tools/simulator/random.ts';

const count = Number(process.argv[2] ?? 200_000);
const ROUNDS = 5;
const random = new Random(1);
const START_MS = Date.UTC(2026, 10, 1);

const texts = Array.from({ length: count }, (_, n) =>
  JSON.stringify({
    type: 'track',
    event: 'Order Completed',
    messageId: `m-${n}`,
    userId: `u${random.integer(1, 5000)}`,
    anonymousId: `a${random.integer(1, 9000)}`,
    timestamp: new Date(START_MS + n * 100).toISOString(),
    context: {
      ip: '203.0.113.7',
      userAgent:
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36',
      page: { url: 'https://shop.example/checkout', referrer: 'https://shop.example/cart' },
      campaign: { name: 'autumn', source: 'mail' },
    },
    properties: {
      order_id: `o${n}`,
      total: 39.8,
      currency: 'EUR',
      coupon: 'TEN',
      tax: 6.35,
      shipping: 4.9,
      product_id: 'p1',
    },
  }),
);

const mapping = readMapping('segment', '');
const normalizer = new Normalizer({ time_zone: 'UTC', ...mapping.settings });

/** CPU time of this thread: what else the machine does is not counted. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Records a second of the best round; `made` of a round is what was made of all. */
function rate(work: (text: string) => number): { perSecond: number; made: number } {
  let [best, made] = [Number.POSITIVE_INFINITY, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const began = cpuMs();
    made = 0;
    for (const text of texts) made += work(text);
    best = Math.min(best, cpuMs() - began);
  }
  return { perSecond: Math.round((count / best) * 1000), made };
}

const parsed = rate((text) => Object.keys(JSON.parse(text) as object).length);
const mapped = rate((text) => mapping.map(JSON.parse(text) as Record<string, unknown>).events.length);
const whole = rate((text) => {
  const [event] = mapping.map(JSON.parse(text) as Record<string, unknown>).events;
  return 'line' in normalizer.normalize(event!.fields, START_MS + 86_400_000 * 365) ? 1 : 0;
});
assert.deepEqual([mapped.made, whole.made], [count, count], 'each record becomes an event');

const { events } = mapping.map(JSON.parse(texts[0]!) as Record<string, unknown>);
const fields = Object.keys(events[0]!.fields).filter((name) => name !== 'extra').length;
const records = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
let alone = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round++) {
  const began = cpuMs();
  for (const record of records) mapping.map(record);
  alone = Math.min(alone, cpuMs() - began);
}
console.table({
  'JSON.parse (floor)': { 'records/s': parsed.perSecond, 'of the floor': 1 },
  [`mapping alone, ${fields} fields`]: {
    'records/s': Math.round((count / alone) * 1000),
    'of the floor': '',
  },
  'parsed and mapped': {
    'records/s': mapped.perSecond,
    'of the floor': (mapped.perSecond / parsed.perSecond).toFixed(2),
  },
  'parsed, mapped and normalized': {
    'records/s': whole.perSecond,
    'of the floor': (whole.perSecond / parsed.perSecond).toFixed(2),
  },
});
