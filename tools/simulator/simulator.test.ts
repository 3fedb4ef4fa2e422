import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { LineChecker } from '../../src/event/check-line.ts';
import { toNdjson } from './batches.ts';
import { oldDataset } from './dataset.ts';
import { MALFORMED_KINDS } from './malformed.ts';
import { Random } from './random.ts';
import { dailyFactor, Shop, startBefore } from './shop.ts';
import { CLEAN_RATES, DEFAULT_RATES, type SimulatedLine, type StreamOptions, stream } from './stream.ts';

const START_MS = Date.UTC(2026, 4, 1, 10);
const OPTIONS: StreamOptions = { seed: 7, startMs: START_MS, eventsPerSecond: 50, count: 20_000 };

function digest(options: StreamOptions): string {
  return createHash('sha256')
    .update(toNdjson([...stream(options)]))
    .digest('hex');
}

test('the same options give the same bytes, another seed or start gives others', () => {
  const first = digest(OPTIONS);
  assert.equal(digest(OPTIONS), first);
  assert.notEqual(digest({ ...OPTIONS, seed: 8 }), first);
  const ids = new Set([...stream(OPTIONS)].map((line) => line.event?.eventId));
  for (const line of stream({ ...OPTIONS, startMs: START_MS + 1000 })) {
    assert.ok(line.event?.eventId == null || !ids.has(line.event.eventId), 'ids differ between runs');
  }
});

test('the start of a longer stream is the shorter stream', () => {
  const short = [...stream({ ...OPTIONS, count: 500 })];
  const long = [...stream({ ...OPTIONS, count: 600 })];
  assert.deepEqual(toNdjson(long.slice(0, 500)), toNdjson(short));
});

test('the random numbers are even and the same on every machine', () => {
  const random = new Random(1);
  assert.deepEqual([random.uint32(), random.uint32()], KNOWN_NUMBERS);
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) buckets[Math.floor(random.next() * 10)]!++;
  for (const n of buckets) assert.ok(Math.abs(n - 10_000) < 500, `bucket of ${n}`);
});
const KNOWN_NUMBERS = [1255283919, 2949602648];

test('amounts in yen are whole, those in other currencies are not', () => {
  const events = [...stream({ ...OPTIONS, rates: CLEAN_RATES })].flatMap(({ event }) => event ?? []);
  const fractions = (yen: boolean) =>
    events.flatMap(({ currency, priceCents, amountCents }) =>
      currency !== null && (currency === 'JPY') === yen
        ? [(priceCents ?? 0) % 100, (amountCents ?? 0) % 100]
        : [],
    );
  assert.ok(fractions(true).length > 100);
  assert.deepEqual(new Set(fractions(true)), new Set([0]));
  assert.ok(new Set(fractions(false)).size > 50);
});

test('shares are what was asked for', () => {
  const rates = {
    ...CLEAN_RATES,
    late: 0.05,
    veryLate: 0.01,
    duplicate: 0.02,
    malformed: 0.03,
    withoutEventId: 0.04,
  };
  const lines = [...stream({ ...OPTIONS, count: 50_000, rates })];
  const share = (name: string, want: (line: SimulatedLine) => boolean, expected: number) => {
    const found = lines.filter(want).length / lines.length;
    assert.ok(Math.abs(found - expected) < expected * 0.15, `${name}: ${found}, wanted ${expected}`);
  };
  const lag = (line: SimulatedLine) => line.receivedAtMs - (line.event?.timeMs ?? line.receivedAtMs);
  share('malformed', (line) => line.kind === 'bad', 0.03);
  share('without id', (line) => line.event?.eventId === null, 0.04);
  const fresh = (line: SimulatedLine) => line.kind === 'event';
  share('late', (line) => fresh(line) && lag(line) >= 60_000 && lag(line) < 5 * 86_400_000, 0.05);
  share('very late', (line) => fresh(line) && lag(line) >= 30 * 86_400_000, 0.01);
  // Some copies are due only after the end of the stream.
  const copies = lines.filter((line) => line.kind === 'duplicate').length / lines.length;
  assert.ok(copies > 0.01 && copies < 0.022, `duplicates: ${copies}`);
  const rate = lines.length / ((lines.at(-1)!.receivedAtMs - START_MS) / 1000) / 50;
  assert.ok(rate > 0.9 && rate < 1.8, `events per second: ${rate} of the mean, at a busy hour`);
});

test('time of receipt only grows, ids are never used for two events', () => {
  const seen = new Map<string, string>();
  let lastMs = 0;
  for (const { line, event, kind, receivedAtMs } of stream(OPTIONS)) {
    assert.ok(receivedAtMs >= lastMs);
    lastMs = receivedAtMs;
    if (event?.eventId == null) continue;
    assert.equal(kind, seen.has(event.eventId) ? 'duplicate' : 'event');
    assert.equal(seen.get(event.eventId) ?? line, line);
    seen.set(event.eventId, line.toString());
  }
});

test('every kind of broken line has the reason that the line checker gives, every other line is an event', () => {
  const checker = new LineChecker('Europe/Berlin');
  const reasons = new Set<string>();
  const check = (line: string | Buffer, receivedAtMs: number) => {
    const bytes = typeof line === 'string' ? Buffer.from(line) : line;
    assert.ok(!bytes.includes(10), 'one line');
    return isUtf8(bytes) ? checker.check(bytes, 0, bytes.length, receivedAtMs) : 'not_utf8';
  };
  for (const line of stream({ ...OPTIONS, rates: { malformed: 0.3, tooLong: 0.0001, segmentNames: 0.2 } })) {
    if (line.reason === 'line_too_long') assert.ok(line.line.length > 1024 * 1024);
    else assert.equal(check(line.line, line.receivedAtMs), line.reason, line.line.toString().slice(0, 500));
    if (line.reason !== null) reasons.add(line.reason);
  }
  assert.deepEqual(
    [...reasons].sort(),
    [...new Set(MALFORMED_KINDS.map((kind) => kind.reason)), 'line_too_long'].sort(),
  );
});

test('incidents: slow answers, errors and fewer purchases', () => {
  const shop = new Shop({ seed: 3, startMs: START_MS, eventsPerSecond: 40, incidentEveryHours: 0.5 });
  const all = {
    calm: { events: 0, errors: 0, times: 0, purchases: 0 },
    incident: { events: 0, errors: 0, times: 0, purchases: 0 },
  };
  for (let i = 0; i < 200_000; i++) {
    shop.advance();
    const sums = all[shop.presentIncident() === null ? 'calm' : 'incident'];
    const event = shop.nextEvent();
    sums.events++;
    if (event.statusCode === 500) sums.errors++;
    if (event.eventType === 'purchase') sums.purchases++;
    sums.times += event.responseTimeMs ?? 0;
  }
  const per = (name: 'errors' | 'times' | 'purchases', of: keyof typeof all) =>
    all[of][name] / all[of].events;
  assert.ok(all.incident.events > 5000);
  assert.ok(per('errors', 'incident') > 20 * per('errors', 'calm'));
  assert.ok(per('times', 'incident') > 2 * per('times', 'calm'));
  assert.ok(per('purchases', 'incident') < 0.9 * per('purchases', 'calm'));
});

test('the day has a rhythm with a mean of one', () => {
  const factors = Array.from({ length: 24 * 60 }, (_, minute) => dailyFactor(minute * 60_000));
  assert.ok(Math.abs(factors.reduce((sum, factor) => sum + factor, 0) / factors.length - 1) < 0.001);
  assert.ok(Math.max(...factors) > 5 * Math.min(...factors));
});

test('a past that is simulated ends shortly before now, at any hour', () => {
  const count = 20_000;
  for (let hour = 0; hour < 24; hour += 3) {
    const endMs = Date.UTC(2026, 10, 24, hour, 30);
    for (const eventsPerSecond of [2, 0.1]) {
      const startMs = startBefore(endMs, count, eventsPerSecond);
      let lastMs = 0;
      for (const { receivedAtMs } of stream({ ...OPTIONS, startMs, eventsPerSecond, count }))
        lastMs = receivedAtMs;
      assert.ok(lastMs < endMs && endMs - lastMs < (endMs - startMs) / 4, `${hour} h, ${eventsPerSecond}/s`);
    }
  }
});

test('few products make most of the views, and every rate has a default', () => {
  const views = new Map<string, number>();
  for (const { event } of stream(OPTIONS)) {
    if (event?.eventType === 'view_product')
      views.set(event.productId!, (views.get(event.productId!) ?? 0) + 1);
  }
  const counts = [...views.values()].sort((a, b) => b - a);
  const total = counts.reduce((sum, n) => sum + n, 0);
  assert.ok(counts.slice(0, 20).reduce((sum, n) => sum + n, 0) > total / 3);
  assert.ok(counts.length > 500);
  for (const rate of Object.values(DEFAULT_RATES)) assert.ok(rate >= 0 && rate < 0.1);
});

test('the old data set: 4,000 entries over 19 days in exactly the old shape', () => {
  const events = oldDataset({ seed: 1 });
  assert.deepEqual(oldDataset({ seed: 1 }), events);
  assert.equal(events.length, 4000);
  assert.equal(new Set(events.map((event) => event.timestamp)).size, 19);
  const values = (name: 'event_type' | 'status_code' | 'device_type') =>
    [...new Set(events.map((e) => e[name]))].sort();
  assert.deepEqual(values('event_type'), ['add_to_cart', 'checkout', 'purchase', 'view_product']);
  assert.deepEqual(values('status_code'), [200, 404, 500]);
  assert.deepEqual(values('device_type'), ['desktop', 'mobile']);
  const names = 'timestamp,user_id,event_type,product_id,response_time,status_code,device_type';
  for (const event of events) {
    assert.equal(Object.keys(event).join(), names);
    assert.match(event.timestamp, /^4\/(1\d|[1-9])\/2023$/);
    assert.ok(Number.isInteger(event.response_time));
  }
});
