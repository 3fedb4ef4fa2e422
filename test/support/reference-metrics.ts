import { FUNNEL_STEPS } from '../../src/event/fields.ts';
import { formatMoney } from '../../src/event/values.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import { WINDOWS, type WindowSize, windowStartMs } from '../../src/metrics/window.ts';
import type { AllRows } from './metrics-harness.ts';

/** What a line says; money in 1/10000. */
export interface ReferenceEvent {
  timeMs: number;
  eventType: string;
  eventId: string | null;
  orderId: string | null;
  userId: string | null;
  visitorId?: string | null;
  sessionId: string | null;
  productId: string | null;
  /** Left out where the line has none. */
  lineId?: string | null;
  quantity: number | null;
  price: bigint | null;
  amount: bigint | null;
  currency: string | null;
  deviceType: string | null;
  responseTimeMs: number | null;
  statusCode: number | null;
  productName?: string | null;
  /** Lines of the order. */
  items?: readonly ReferenceItem[];
  /** A test order, or a bot. */
  isExcluded?: boolean;
  /** It counts, but a field of it could not be read. */
  hasInvalidField?: boolean;
}

export type ReferenceItem = Pick<ReferenceEvent, 'productId' | 'quantity' | 'price'>;

/** A line with its result: an event, or the reason why it is a bad row. */
export type ReferenceLine = { receivedAtMs: number; isHistory?: boolean; source?: string } & (
  | { event: ReferenceEvent }
  | { reason: string }
);

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
export function referenceRows(
  lines: readonly ReferenceLine[],
  timeZone: string,
  flags: readonly (ReferenceFlags | null)[] = referenceFlags(lines),
): AllRows {
  const counted: (ReferenceEvent & { receivedAtMs: number; isNewOrder: boolean })[] = [];
  const quality: { atMs: number; reason: string; minute: number | null }[] = [];
  for (const [i, line] of lines.entries()) {
    const atMs = line.receivedAtMs;
    if ('reason' in line) {
      quality.push({ atMs, reason: line.reason, minute: null });
      continue;
    }
    const { duplicate, newOrder } = flags[i]!;
    if (duplicate) {
      quality.push({ atMs, reason: 'duplicate', minute: null });
      continue;
    }
    if (!line.event.isExcluded)
      counted.push({ ...line.event, receivedAtMs: atMs, isNewOrder: newOrder === true });
    if (line.event.hasInvalidField) quality.push({ atMs, reason: 'invalid_field', minute: null });
    for (const reason of doubtsOf(line.event, newOrder === true))
      quality.push({ atMs, reason, minute: null });
    const late = !line.isHistory && LATE.find(([, fromMs]) => atMs - line.event.timeMs >= fromMs);
    if (late) quality.push({ atMs, reason: late[0], minute: Math.floor(line.event.timeMs / 60_000) });
  }
  const all: AllRows = Object.fromEntries(
    ['traffic', 'responses', 'latency', 'audience', 'funnel', 'revenue', 'products', 'sales', 'quality'].map(
      (name) => [name, {}],
    ),
  );
  const startOf = memoizedStart(timeZone);
  for (const size of WINDOWS) {
    const windows = Map.groupBy(counted, (event) => startOf(size, event.timeMs));
    const put = (
      metric: string,
      rowsOf: (events: (ReferenceEvent & { isNewOrder: boolean })[]) => Omit<MetricRow, 'start'>[],
    ) => {
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
      {
        users: distinct(events, ({ userId, visitorId }) => userId ?? visitorId),
        sessions: distinct(events, ({ sessionId }) => sessionId),
      },
    ]);
    if (size !== '1m') put('funnel', funnel);
    put('revenue', revenue);
    if (size !== '1m') put('products', products);
    if (size !== '1m') put('sales', sales);
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

/** What is doubtful in an event that counts. */
function doubtsOf(event: ReferenceEvent, isNewOrder: boolean): string[] {
  const { eventType, amount, price, currency, productId, productName = null, items } = event;
  if (eventType !== 'purchase' && eventType !== 'refund') return [];
  const value = amount ?? price;
  if (value === null) return ['purchase_without_value'];
  return [
    ...(eventType === 'purchase' && value < 0n ? ['negative_purchase'] : []),
    ...(eventType === 'purchase' &&
    !isNewOrder &&
    amount !== null &&
    ((productId ?? productName) === null || (items?.length ?? 0) > 0)
      ? ['order_told_again']
      : []),
    ...(currency === null ? ['currency_unknown'] : []),
  ];
}

export interface ReferenceFlags {
  duplicate: boolean;
  newOrder: boolean | null;
}

/** The rule of src/decode/identity.ts in plain loops; the lines are in the order in which they are decoded. */
export function referenceFlags(lines: readonly ReferenceLine[]): (ReferenceFlags | null)[] {
  const lastReceived = new Map<string, number>();
  const inBlock = new Map<string, number>();
  const orders = new Map<string, number>();
  return lines.map((line) => {
    if ('reason' in line) return null;
    const { event, receivedAtMs: atMs, source = '' } = line;
    const { eventType, orderId, productId, eventId, lineId = null, isExcluded = false } = event;
    const tellsOrder = (eventType === 'purchase' || eventType === 'refund') && orderId !== null;
    let identity: string | null = null;
    if (tellsOrder) {
      const { amount, quantity, price } = event;
      const product = productId ?? event.productName ?? null;
      const isRefund = eventType === 'refund';
      const unsigned = (value: bigint | number | null) =>
        String(value).slice(isRefund && value !== null && value < 0 ? 1 : 0);
      const ofLine = product !== null || amount === null ? [unsigned(quantity), unsigned(price)] : [];
      identity = JSON.stringify([eventType, orderId, product, unsigned(amount), ...ofLine]);
      if (lineId !== null) identity += ` line ${lineId}`;
      else if (product !== null && eventId === null) {
        const block = `${identity} ${source} ${atMs}`;
        const nth = (inBlock.get(block) ?? 0) + 1;
        inBlock.set(block, nth);
        if (nth > 1) identity += nth;
      }
    } else if (eventId !== null) identity = JSON.stringify([eventId, eventType, event.timeMs]);
    if (identity !== null && isExcluded) identity += ' excluded';
    const before = identity === null ? undefined : lastReceived.get(identity);
    const withinMs = tellsOrder ? 30 * DAY_MS : DAY_MS;
    const duplicate = before !== undefined && atMs - before <= withinMs;
    if (identity !== null) lastReceived.set(identity, Math.max(before ?? 0, atMs));
    if (eventType !== 'purchase') return { duplicate, newOrder: null };
    const orderKey = `${orderId} ${isExcluded}`;
    const order = orderId === null ? undefined : orders.get(orderKey);
    if (orderId !== null) orders.set(orderKey, Math.max(order ?? 0, atMs));
    return { duplicate, newOrder: !duplicate && (order === undefined || atMs - order > 30 * DAY_MS) };
  });
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
        .flatMap(({ userId, visitorId, sessionId }) => userId ?? visitorId ?? sessionId ?? []),
    ).size;
  const steps = FUNNEL_STEPS.filter((step) => events.some(({ eventType }) => eventType === step));
  return [...steps].sort().map((step) => {
    const before = FUNNEL_STEPS[FUNNEL_STEPS.indexOf(step) - 1];
    const usersBefore = before === undefined ? 0 : usersAt(before);
    return { step, users: usersAt(step), conversion: usersBefore === 0 ? null : usersAt(step) / usersBefore };
  });
}

/** Of units of 1/10000 each. */
const times = (price: bigint, quantity: number) =>
  dividedHalfAway(price * BigInt(Math.round(quantity * 10_000)), 10_000n);
const worthOf = ({ amount, price, quantity }: Pick<ReferenceEvent, 'amount' | 'price' | 'quantity'>) =>
  amount ?? (price === null ? 0n : times(price, quantity ?? 1));
const absolute = (event: ReferenceEvent) => {
  const worth = worthOf(event);
  return worth < 0n ? -worth : worth;
};
const unitsOf = (events: readonly ReferenceEvent[]) =>
  events.reduce((units, { quantity }) => units + Math.round((quantity ?? 1) * 10_000), 0) / 10_000;
/** A row for each line of an order. */
const linesOf = (events: readonly ReferenceEvent[]): ReferenceEvent[] =>
  events.flatMap((event) => {
    const { items = [] } = event;
    if (items.length === 0) return [event];
    return items.map((item) => ({ ...event, ...item, amount: items.length === 1 ? event.amount : null }));
  });
const sum = (events: ReferenceEvent[]) => events.reduce((total, event) => total + worthOf(event), 0n);

function revenue(events: (ReferenceEvent & { isNewOrder: boolean })[]) {
  const sales = events.filter(({ eventType }) => eventType === 'purchase' || eventType === 'refund');
  return grouped(sales, ({ currency }) => [currency ?? 'unknown']).map(([[currency], group]) => {
    const purchases = group.filter(({ eventType }) => eventType === 'purchase');
    const refunds = group.filter(({ eventType }) => eventType === 'refund');
    const total = sum(purchases);
    const refunded = refunds.reduce((all, event) => all + absolute(event), 0n);
    const orders = purchases.filter(({ isNewOrder }) => isNewOrder).length;
    return {
      currency: currency!,
      orders,
      units: unitsOf(purchases),
      revenue: formatMoney(total),
      refunds: refunds.length,
      refunded: formatMoney(refunded),
      average_order: orders === 0 ? null : formatMoney(dividedHalfAway(total, BigInt(orders))),
      net: formatMoney(total - refunded),
    };
  });
}

function products(events: ReferenceEvent[]) {
  const about = linesOf(events).filter(
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

function sales(events: ReferenceEvent[]) {
  const sold = linesOf(events).filter(
    ({ productId, eventType }) => productId !== null && eventType === 'purchase',
  );
  return grouped(sold, ({ currency, productId }) => [currency ?? 'unknown', productId!]).map(
    ([[currency, product_id], group]) => ({
      currency: currency!,
      product_id: product_id!,
      orders: group.length,
      units: unitsOf(group),
      revenue: formatMoney(sum(group)),
    }),
  );
}

function dividedHalfAway(of: bigint, by: bigint): bigint {
  const half = (of < 0n ? -of : of) * 2n + by;
  return (of < 0n ? -1n : 1n) * (half / (by * 2n));
}

function distinct(
  events: ReferenceEvent[],
  of: (event: ReferenceEvent) => string | null | undefined,
): number {
  return new Set(events.flatMap((event) => of(event) ?? [])).size;
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
