import { FUNNEL_STEPS } from '../../src/event/fields.ts';
import { formatMoney } from '../../src/event/values.ts';
import type { ShopEvent } from './event.ts';

/** What one window holds of one event type. Missing values are under the key ''. */
interface TypeCell {
  devices: Map<string, number>;
  statuses: Map<string, number>;
  users: Set<string>;
  /** How often each response time (ms) occurred: exact, and small because most times occur often. */
  times: Map<number, number>;
}

interface Sales {
  orders: number;
  units: number;
  /** In 1/10000 of the currency; safe integers, checked when told. */
  revenue: number;
  refunds: number;
  refunded: number;
}

interface ProductCell {
  views: number;
  carts: number;
  purchases: number;
  revenue: number;
}

/** The rows of one window, named as in the metrics catalogue; plain JSON. */
export interface TruthWindow {
  start: string;
  events: number;
  traffic: { event_type: string; device_type: string; events: number }[];
  /** status_class "2xx" ...; "" where the events have no status. */
  responses: { event_type: string; status_class: string; events: number }[];
  /** times: pairs of response time (ms) and how often it occurred, by time. */
  latency: { event_type: string; count: number; max: number; times: [number, number][] }[];
  users: number;
  sessions: number;
  funnel: { step: string; users: number }[];
  revenue: {
    currency: string;
    orders: number;
    units: number;
    revenue: string;
    refunds: number;
    refunded: string;
  }[];
  /** revenue: the sum over all currencies, since the metric's only key is product_id. */
  products: { product_id: string; views: number; carts: number; purchases: number; revenue: string }[];
}

/** All counts of one window. Cells add up, so hours and days are made from minutes. */
export class TruthCell {
  private readonly types = new Map<string, TypeCell>();
  private readonly sessions = new Set<string>();
  private readonly sales = new Map<string, Sales>();
  private readonly products = new Map<string, ProductCell>();

  add(event: ShopEvent): void {
    const cell = this.type(event.eventType);
    count(cell.devices, event.deviceType ?? '', 1);
    count(cell.statuses, event.statusCode === null ? '' : `${Math.floor(event.statusCode / 100)}xx`, 1);
    if (event.responseTimeMs !== null) count(cell.times, event.responseTimeMs, 1);
    if (event.userId !== null) cell.users.add(event.userId);
    if (event.sessionId !== null) this.sessions.add(event.sessionId);
    const amount = (event.amountCents ?? 0) * 100;
    if (event.eventType === 'purchase') {
      const sales = this.sale(event.currency ?? '');
      sales.orders++;
      sales.units += event.quantity ?? 0;
      sales.revenue += amount;
    } else if (event.eventType === 'refund') {
      const sales = this.sale(event.currency ?? '');
      sales.refunds++;
      sales.refunded += amount;
    }
    if (event.productId === null) return;
    if (event.eventType === 'view_product') this.product(event.productId).views++;
    else if (event.eventType === 'add_to_cart') this.product(event.productId).carts++;
    else if (event.eventType === 'purchase') {
      const product = this.product(event.productId);
      product.purchases++;
      product.revenue += amount;
    }
  }

  /** Adds all of another window to this one. */
  merge(other: TruthCell): void {
    for (const [name, theirs] of other.types) {
      const ours = this.type(name);
      for (const [key, n] of theirs.devices) count(ours.devices, key, n);
      for (const [key, n] of theirs.statuses) count(ours.statuses, key, n);
      for (const [ms, n] of theirs.times) count(ours.times, ms, n);
      for (const user of theirs.users) ours.users.add(user);
    }
    for (const session of other.sessions) this.sessions.add(session);
    for (const [currency, theirs] of other.sales) addAll(this.sale(currency), theirs);
    for (const [id, theirs] of other.products) addAll(this.product(id), theirs);
  }

  toJson(startMs: number): TruthWindow {
    const types = sorted(this.types);
    const users = new Set<string>();
    for (const cell of this.types.values()) for (const user of cell.users) users.add(user);
    const traffic = types.flatMap(([event_type, cell]) =>
      sorted(cell.devices).map(([device_type, events]) => ({ event_type, device_type, events })),
    );
    return {
      start: new Date(startMs).toISOString(),
      events: traffic.reduce((sum, row) => sum + row.events, 0),
      traffic,
      responses: types.flatMap(([event_type, cell]) =>
        sorted(cell.statuses).map(([status_class, events]) => ({ event_type, status_class, events })),
      ),
      latency: types.flatMap(([event_type, cell]) => latencyRow(event_type, cell.times)),
      users: users.size,
      sessions: this.sessions.size,
      funnel: FUNNEL_STEPS.map((step) => ({ step, users: this.types.get(step)?.users.size ?? 0 })),
      revenue: sorted(this.sales).map(([currency, sales]) => ({
        currency,
        orders: sales.orders,
        units: sales.units,
        revenue: money(sales.revenue),
        refunds: sales.refunds,
        refunded: money(sales.refunded),
      })),
      products: sorted(this.products).map(([product_id, cell]) => ({
        product_id,
        ...cell,
        revenue: money(cell.revenue),
      })),
    };
  }

  private type(name: string): TypeCell {
    let cell = this.types.get(name);
    if (cell === undefined) {
      cell = { devices: new Map(), statuses: new Map(), users: new Set(), times: new Map() };
      this.types.set(name, cell);
    }
    return cell;
  }

  private sale(currency: string): Sales {
    let sales = this.sales.get(currency);
    if (sales === undefined) {
      sales = { orders: 0, units: 0, revenue: 0, refunds: 0, refunded: 0 };
      this.sales.set(currency, sales);
    }
    return sales;
  }

  private product(id: string): ProductCell {
    let cell = this.products.get(id);
    if (cell === undefined) {
      cell = { views: 0, carts: 0, purchases: 0, revenue: 0 };
      this.products.set(id, cell);
    }
    return cell;
  }
}

export function count<K>(map: Map<K, number>, key: K, n: number): void {
  map.set(key, (map.get(key) ?? 0) + n);
}

function addAll<T extends { [K in keyof T]: number }>(into: T, from: T): void {
  for (const key in from) into[key] = (into[key] + from[key]) as T[typeof key];
}

export function sorted<V>(map: Map<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function money(units: number): string {
  if (!Number.isSafeInteger(units)) throw new RangeError('the sum of money is past what the truth can hold');
  return formatMoney(BigInt(units));
}

function latencyRow(event_type: string, map: Map<number, number>): TruthWindow['latency'] {
  if (map.size === 0) return [];
  const times = [...map].sort(([a], [b]) => a - b);
  return [{ event_type, count: times.reduce((sum, [, n]) => sum + n, 0), max: times.at(-1)![0], times }];
}
