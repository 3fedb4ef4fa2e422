import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toNdjson } from './batches.ts';
import { stream } from './stream.ts';
import { Truth, type TruthReport, type TruthWindow } from './truth.ts';

const ZONE = 'Europe/Berlin';
// A week around the end of summer time, so that one local day has 25 hours.
const OPTIONS = { seed: 11, startMs: Date.UTC(2026, 9, 22, 20), eventsPerSecond: 0.03, count: 16_000 };
const RATES = {
  malformed: 0.02,
  duplicate: 0.03,
  late: 0.03,
  veryLate: 0.01,
  segmentNames: 0.2,
  refund: 0.3,
};

function simulated(): { truth: Truth; lines: { line: string; receivedAtMs: number }[] } {
  const truth = new Truth({ timeZone: ZONE });
  const all = [...stream({ ...OPTIONS, rates: RATES })];
  for (const line of all) truth.add(line);
  const texts = toNdjson(all).toString('latin1').split('\n').slice(0, -1);
  assert.equal(texts.length, all.length);
  return { truth, lines: texts.map((line, i) => ({ line, receivedAtMs: all[i]!.receivedAtMs })) };
}

type Row = Record<string, unknown>;

/** Reads only what an event must have to be one; knows nothing of the simulator. */
function parse(line: string): Row | null {
  try {
    const text = new TextDecoder('utf8', { fatal: true }).decode(Buffer.from(line, 'latin1'));
    return JSON.parse(text) as Row;
  } catch {
    return null;
  }
}

const NAMES: Row = {
  'Product Viewed': 'view_product',
  'Product List Viewed': 'view_list',
  'Products Searched': 'search',
  'Product Added': 'add_to_cart',
  'Product Removed': 'remove_from_cart',
  'Cart Viewed': 'view_cart',
  'Checkout Started': 'checkout',
  'Order Completed': 'purchase',
  'Order Refunded': 'refund',
};

/** The events of the stream by brute force: rows that are not bad and whose id was not seen within 24 hours. */
function naiveEvents(truth: Truth): { type: string; timeMs: number; row: Row }[] {
  const { lines } = simulated();
  const lastSeenMs = new Map<string, number>();
  const events: { type: string; timeMs: number; row: Row }[] = [];
  const bad = badLineNumbers();
  let duplicates = 0;
  let excluded = 0;
  lines.forEach(({ line, receivedAtMs }, number) => {
    if (bad.has(number)) return;
    const row = parse(line)!;
    const id = row.event_id as string | undefined;
    const beforeMs = id === undefined ? undefined : lastSeenMs.get(id);
    if (id !== undefined) lastSeenMs.set(id, receivedAtMs);
    if (beforeMs !== undefined && receivedAtMs - beforeMs <= 86_400_000) {
      duplicates++;
      return;
    }
    if (/bot|crawler|python/i.test(String(row.user_agent))) {
      excluded++;
      return;
    }
    const stamp = row.timestamp as string | number;
    const timeMs = typeof stamp === 'string' ? Date.parse(stamp) : stamp < 1e11 ? stamp * 1000 : stamp;
    events.push({ type: (NAMES[row.event_type as string] ?? row.event_type) as string, timeMs, row });
  });
  assert.equal(truth.summary().duplicates, duplicates);
  assert.equal(truth.summary().excluded, excluded);
  assert.equal(truth.summary().bad, bad.size);
  return events;
}

function badLineNumbers(): Set<number> {
  const numbers = new Set<number>();
  let number = 0;
  for (const line of stream({ ...OPTIONS, rates: RATES })) {
    if (line.kind === 'bad') numbers.add(number);
    number++;
  }
  return numbers;
}

const distinct = (values: unknown[]) => new Set(values.filter((value) => value !== undefined)).size;

/** Money by text, not by number: "19.90" is 199000n. */
const money = (value: unknown) => {
  const [whole, cents = ''] = String(value).split('.');
  return BigInt(whole + cents.padEnd(4, '0'));
};

function assertWindow(window: TruthWindow, events: { type: string; row: Row }[]): void {
  const of = (want: (type: string, row: Row) => boolean) => events.filter(({ type, row }) => want(type, row));
  assert.equal(window.events, events.length);
  for (const { event_type, device_type, events: n } of window.traffic) {
    assert.equal(n, of((type, row) => type === event_type && (row.device_type ?? '') === device_type).length);
  }
  for (const { event_type, status_class, events: n } of window.responses) {
    const status = (row: Row) => (row.status_code === undefined ? '' : `${String(row.status_code)[0]}xx`);
    assert.equal(n, of((type, row) => type === event_type && status(row) === status_class).length);
  }
  for (const { event_type, count, max, times } of window.latency) {
    const values = of((type, row) => type === event_type && row.response_time !== undefined)
      .map(({ row }) => row.response_time as number)
      .sort((a, b) => a - b);
    assert.equal(count, values.length);
    assert.equal(max, values.at(-1));
    assert.deepEqual(
      times.flatMap(([ms, n]) => new Array<number>(n).fill(ms)),
      values,
    );
  }
  assert.equal(window.users, distinct(events.map(({ row }) => row.user_id)));
  assert.equal(window.sessions, distinct(events.map(({ row }) => row.session_id)));
  for (const { step, users } of window.funnel) {
    assert.equal(users, distinct(of((type) => type === step).map(({ row }) => row.user_id)));
  }
  for (const { currency, ...sales } of window.revenue) {
    const purchases = of((type, row) => type === 'purchase' && row.currency === currency);
    const refunds = of((type, row) => type === 'refund' && row.currency === currency);
    assert.equal(sales.orders, distinct(purchases.map(({ row }) => row.order_id)));
    assert.equal(
      sales.units,
      purchases.reduce((sum, { row }) => sum + (row.quantity as number), 0),
    );
    assert.equal(
      money(sales.revenue),
      purchases.reduce((sum, { row }) => sum + money(row.amount), 0n),
    );
    assert.equal(sales.refunds, refunds.length);
    assert.equal(
      money(sales.refunded),
      refunds.reduce((sum, { row }) => sum + money(row.amount), 0n),
    );
  }
  for (const product of window.products) {
    const about = (wanted: string) =>
      of((type, row) => type === wanted && row.product_id === product.product_id);
    assert.equal(product.views, about('view_product').length);
    assert.equal(product.carts, about('add_to_cart').length);
    assert.equal(product.purchases, about('purchase').length);
    assert.equal(
      money(product.revenue),
      about('purchase').reduce((sum, { row }) => sum + money(row.amount), 0n),
    );
  }
}

test('the truth is what a naive reading of the raw lines gives, in every window', () => {
  const { truth, lines } = simulated();
  const events = naiveEvents(truth);
  const report = truth.toJson();
  assert.equal(report.lines, lines.length);
  assert.equal(report.events, events.length);
  assert.equal(report.lines, report.events + report.excluded + report.duplicates + report.bad);
  assert.equal(
    Object.values(report.badByReason).reduce((sum, n) => sum + n, 0),
    report.bad,
  );
  assert.ok(report.duplicates > 100 && report.bad > 100 && report.late['30d+'] > 50);
  const localDay = new Intl.DateTimeFormat('sv-SE', {
    timeZone: ZONE,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const keyOf = {
    '1m': (ms: number) => new Date(ms).toISOString().slice(0, 16),
    '1h': (ms: number) => new Date(ms).toISOString().slice(0, 13),
    '1d': (ms: number) => new Date(ms).toISOString().slice(0, 10),
    '1d_zone': (ms: number) => localDay.format(ms),
  };
  for (const size of ['1m', '1h', '1d', '1d_zone'] as const) {
    const groups = Map.groupBy(events, ({ timeMs }) => keyOf[size](timeMs));
    assert.equal(report.windows[size].length, groups.size, size);
    for (const window of report.windows[size])
      assertWindow(window, groups.get(keyOf[size](Date.parse(window.start)))!);
  }
  const autumn = report.windows['1d_zone'].map((window) => window.start);
  assert.ok(autumn.includes('2026-10-24T22:00:00.000Z') && autumn.includes('2026-10-25T23:00:00.000Z'));
});

test('the file is the same JSON, and hours can be had without minutes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'truth-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { truth } = simulated();
  truth.writeFile(join(folder, 'truth.json'));
  const read = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8')) as TruthReport;
  assert.deepEqual(read, JSON.parse(JSON.stringify(truth.toJson())));
  const coarse = new Truth({ timeZone: ZONE, finest: '1h' });
  for (const line of stream({ ...OPTIONS, rates: RATES })) coarse.add(line);
  assert.deepEqual(coarse.windows('1d_zone'), truth.windows('1d_zone'));
  assert.deepEqual(coarse.toJson().windows['1m'], []);
});
