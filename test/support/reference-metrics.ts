import { FUNNEL_STEPS } from '../../src/domain/fields.ts';
import { formatMoney } from '../../src/domain/values.ts';
import { WINDOWS, type WindowSize, windowStartMs } from '../../src/domain/window.ts';
import type { MetricRow } from '../../src/ports/metrics-store.ts';
import type { AllRows } from './metrics-harness.ts';

/** What a line says; money in 1/10000. */
export interface ReferenceEvent {
  timeMs: number;
  eventType: string;
  eventId: string | null;
  userId: string | null;
  sessionId: string | null;
  productId: string | null;
  quantity: number | null;
  price: bigint | null;
  amount: bigint | null;
  currency: string | null;
  deviceType: string | null;
  responseTimeMs: number | null;
  statusCode: number | null;
}

/** A line with its verdict: an event, or the reason why it is a bad row. */
export type ReferenceLine = { receivedAtMs: number } & ({ event: ReferenceEvent } | { reason: string });

const DAY_MS = 86_400_000;
const LATE: [string, number][] = [
  ['late_30d', 30 * DAY_MS],
  ['late_7d', 7 * DAY_MS],
  ['late_1d', DAY_MS],
  ['late_1h', 3_600_000],
  ['late_5m', 300_000],
];

/**
 * The rows of all metrics, computed by brute force and exactly: the catalogue in plain loops, which shares no code with
 * any engine. Quantiles are those of the nearest rank.
 */
export function referenceRows(lines: readonly ReferenceLine[], timeZone: string): AllRows {
  const counted: (ReferenceEvent & { receivedAtMs: number })[] = [];
  const quality: { atMs: number; reason: string; minute: number | null }[] = [];
  const lastReceived = new Map<string, number>();
  for (const line of lines) {
    const atMs = line.receivedAtMs;
    if ('reason' in line) {
      quality.push({ atMs, reason: line.reason, minute: null });
      continue;
    }
    const id = line.event.eventId;
    const before = id === null ? undefined : lastReceived.get(id);
    if (id !== null) lastReceived.set(id, atMs);
    if (before !== undefined && atMs - before <= DAY_MS) {
      quality.push({ atMs, reason: 'duplicate', minute: null });
      continue;
    }
    counted.push({ ...line.event, receivedAtMs: atMs });
    const late = LATE.find(([, fromMs]) => atMs - line.event.timeMs >= fromMs);
    if (late) quality.push({ atMs, reason: late[0], minute: Math.floor(line.event.timeMs / 60_000) });
  }
  const all: AllRows = Object.fromEntries(
    ['traffic', 'responses', 'latency', 'audience', 'funnel', 'revenue', 'products', 'quality'].map(
      (name) => [name, {}],
    ),
  );
  const startOf = memoizedStart(timeZone);
  for (const size of WINDOWS) {
    const windows = Map.groupBy(counted, (event) => startOf(size, event.timeMs));
    const put = (metric: string, rowsOf: (events: ReferenceEvent[]) => Omit<MetricRow, 'start'>[]) => {
      all[metric]![size] = [...windows]
        .sort(([a], [b]) => a - b)
        .flatMap(([startMs, events]) =>
          rowsOf(events).map((row) => ({ start: iso(startMs), ...row }) as MetricRow),
        );
    };
    put('traffic', traffic);
    put('responses', responses);
    put('latency', latency);
    put('audience', (events) => [
      { users: distinct(events, 'userId'), sessions: distinct(events, 'sessionId') },
    ]);
    if (size !== '1m') put('funnel', funnel);
    put('revenue', revenue);
    if (size !== '1m') put('products', products);
    const byWindow = Map.groupBy(quality, ({ atMs }) => startOf(size, atMs));
    all.quality![size] = [...byWindow]
      .sort(([a], [b]) => a - b)
      .flatMap(([startMs, rows]) =>
        grouped(rows, ({ reason }) => [reason]).map(([[reason], group]) => {
          const minutes = new Set(group.flatMap(({ minute }) => (minute === null ? [] : [minute])));
          return { start: iso(startMs), reason: reason!, rows: group.length, windows: minutes.size };
        }),
      );
  }
  return all;
}

function traffic(events: ReferenceEvent[]) {
  return grouped(events, (event) => [event.eventType, event.deviceType ?? 'unknown']).map(
    ([[event_type, device_type], group]) => ({
      event_type: event_type!,
      device_type: device_type!,
      events: group.length,
    }),
  );
}

function responses(events: ReferenceEvent[]) {
  const statusClass = ({ statusCode }: ReferenceEvent) =>
    statusCode === null ? 'unknown' : `${Math.min(5, Math.floor(statusCode / 100))}xx`;
  const errorsOf = (group: ReferenceEvent[]) =>
    group.filter(({ statusCode }) => statusCode !== null && statusCode >= 400).length;
  const withStatus = (group: ReferenceEvent[]) =>
    group.filter(({ statusCode }) => statusCode !== null).length;
  return grouped(events, (event) => [event.eventType, statusClass(event)]).map(
    ([[event_type, status_class], group]) => {
      const ofType = events.filter((event) => event.eventType === event_type);
      return {
        event_type: event_type!,
        status_class: status_class!,
        events: group.length,
        with_status: withStatus(group),
        errors: errorsOf(group),
        error_share: withStatus(ofType) === 0 ? null : errorsOf(ofType) / withStatus(ofType),
      };
    },
  );
}

function latency(events: ReferenceEvent[]) {
  const timed = events.filter(({ responseTimeMs }) => responseTimeMs !== null);
  return grouped(timed, ({ eventType }) => [eventType]).map(([[event_type], group]) => {
    const times = group.map(({ responseTimeMs }) => responseTimeMs!).sort((a, b) => a - b);
    const rank = (q: number) => times[Math.ceil(q * times.length) - 1]!;
    return {
      event_type: event_type!,
      count: times.length,
      p50: rank(0.5),
      p95: rank(0.95),
      p99: rank(0.99),
      max: times.at(-1)!,
    };
  });
}

function funnel(events: ReferenceEvent[]) {
  const usersAt = (step: string) =>
    new Set(
      events
        .filter(({ eventType }) => eventType === step)
        .flatMap(({ userId, sessionId }) => userId ?? sessionId ?? []),
    ).size;
  const steps = FUNNEL_STEPS.filter((step) => events.some(({ eventType }) => eventType === step));
  return [...steps].sort().map((step) => {
    const before = FUNNEL_STEPS[FUNNEL_STEPS.indexOf(step) - 1];
    const usersBefore = before === undefined ? 0 : usersAt(before);
    return { step, users: usersAt(step), conversion: usersBefore === 0 ? null : usersAt(step) / usersBefore };
  });
}

const worthOf = ({ amount, price, quantity }: ReferenceEvent) =>
  amount ?? (price === null ? 0n : price * BigInt(quantity ?? 1));
const sum = (events: ReferenceEvent[]) => events.reduce((total, event) => total + worthOf(event), 0n);

function revenue(events: ReferenceEvent[]) {
  const sales = events.filter(({ eventType }) => eventType === 'purchase' || eventType === 'refund');
  return grouped(sales, ({ currency }) => [currency ?? 'unknown']).map(([[currency], group]) => {
    const purchases = group.filter(({ eventType }) => eventType === 'purchase');
    const refunds = group.filter(({ eventType }) => eventType === 'refund');
    const total = sum(purchases);
    return {
      currency: currency!,
      orders: purchases.length,
      units: purchases.reduce((units, { quantity }) => units + (quantity ?? 1), 0),
      revenue: formatMoney(total),
      refunds: refunds.length,
      refunded: formatMoney(sum(refunds)),
      average_order:
        purchases.length === 0 ? null : formatMoney(dividedHalfAway(total, BigInt(purchases.length))),
    };
  });
}

function products(events: ReferenceEvent[]) {
  const about = events.filter(
    ({ productId, eventType }) =>
      productId !== null && ['view_product', 'add_to_cart', 'purchase'].includes(eventType),
  );
  return grouped(about, ({ productId }) => [productId!]).map(([[product_id], group]) => {
    const of = (type: string) => group.filter(({ eventType }) => eventType === type);
    return {
      product_id: product_id!,
      views: of('view_product').length,
      carts: of('add_to_cart').length,
      purchases: of('purchase').length,
      revenue: formatMoney(sum(of('purchase'))),
    };
  });
}

function dividedHalfAway(of: bigint, by: bigint): bigint {
  const half = (of < 0n ? -of : of) * 2n + by;
  return (of < 0n ? -1n : 1n) * (half / (by * 2n));
}

function distinct(events: ReferenceEvent[], field: 'userId' | 'sessionId'): number {
  return new Set(events.flatMap((event) => event[field] ?? [])).size;
}

/** Groups in the order of their keys. */
function grouped<T>(items: readonly T[], keyOf: (item: T) => string[]): [string[], T[]][] {
  return [...Map.groupBy(items, (item) => JSON.stringify(keyOf(item)))]
    .map(([key, group]): [string[], T[]] => [JSON.parse(key), group])
    .sort(([a], [b]) => compareTexts(a, b));
}

function compareTexts(a: readonly string[], b: readonly string[]): number {
  for (const [i, text] of a.entries()) {
    const order = Buffer.compare(Buffer.from(text), Buffer.from(b[i]!));
    if (order !== 0) return order;
  }
  return 0;
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('.000Z', 'Z');
}

/** Day starts are asked for once per minute: they cost, and no window starts within one. */
function memoizedStart(timeZone: string): (size: WindowSize, epochMs: number) => number {
  const days = new Map<number, number>();
  return (size, epochMs) => {
    if (size !== '1d') return windowStartMs(size, epochMs, timeZone);
    const minute = Math.floor(epochMs / 60_000);
    const known = days.get(minute) ?? windowStartMs('1d', epochMs, timeZone);
    days.set(minute, known);
    return known;
  };
}
