/** Numbers of a shop that does not exist: seeded, so that every run sees the same, and moving with the clock. */
import { realNow } from '../support/clock.ts';

const HOUR = 3_600_000;
export type Window = '1m' | '1h' | '1d';
export type Values = Record<string, string | number | null>;

/** 0 to 1, the same for the same text. */
function chance(text: string): number {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 4294967296;
}

/** Events of an hour for a share of the shop: quiet nights, busy evenings, slow growth, a sale now and then. */
function hourly(key: string, hour: number, share: number): number {
  const local = new Date(hour + HOUR);
  const day = 0.35 + 0.65 * Math.exp(-(((local.getUTCHours() - 19.5) / 5.5) ** 2));
  const week = [1.2, 0.9, 0.9, 0.95, 1, 1.05, 1.15][local.getUTCDay()]!;
  const growth = 0.6 + 0.4 * Math.min(1, Math.max(0, (hour - Date.UTC(2026, 0, 1)) / (365 * 24 * HOUR)));
  const sale = chance(`sale${Math.floor(hour / (24 * HOUR))}`) > 0.93 ? 1.6 : 1;
  return 5200 * share * day * week * growth * sale * (0.85 + 0.3 * chance(`${key}${hour}`));
}

export class FakeShop {
  readonly #now: () => number;
  constructor(now: () => number = realNow) {
    this.#now = now;
  }

  /** Whole things that happened from `from` to `to`, not after now. Adding up the parts gives the whole. */
  amount(key: string, from: number, to: number, share: number): number {
    const until = (at: number) => {
      const hour = Math.floor(at / HOUR) * HOUR;
      return Math.floor((hourly(key, hour, share) * (at - hour)) / HOUR);
    };
    const end = Math.min(to, this.#now());
    let sum = 0;
    for (let hour = Math.floor(from / HOUR) * HOUR; hour < end; hour += HOUR) {
      const whole = Math.floor(hourly(key, hour, share));
      sum += (end >= hour + HOUR ? whole : until(end)) - (from > hour ? until(from) : 0);
    }
    return sum;
  }

  /** The values of a metric over one piece of time, as its rows or its total have them. */
  values(metric: string, from: number, to: number, top = 20): Values[] {
    const make = MAKERS[metric];
    if (!make) return [];
    const products = Math.min(top, PRODUCTS);
    return make((key, share) => this.amount(key, from, to, share), `${metric}${from}`, products);
  }
}

type Amount = (key: string, share: number) => number;
type Maker = (amount: Amount, seed: string, top: number) => Values[];

const TYPES = { view_product: 0.72, add_to_cart: 0.17, checkout: 0.07, purchase: 0.04 } as const;
const DEVICES = { mobile: 0.61, desktop: 0.33, tablet: 0.06 } as const;
const CLASSES = { '2xx': 0.972, '4xx': 0.021, '5xx': 0.007 } as const;
const BAD = {
  bad_timestamp: 8e-4,
  missing_field: 3e-4,
  not_json: 1.2e-4,
  number_out_of_range: 4e-5,
} as const;
const LATE = { late_5m: 4e-3, late_1h: 1.5e-3, late_1d: 4e-4, late_7d: 6e-5, late_30d: 1e-5 } as const;
const PRODUCTS = 50;
const CURRENCIES = { EUR: 0.6, CHF: 0.2, USD: 0.1, GBP: 0.06, JPY: 0.04 } as const;
const productOf = (rank: number) => `p${1 + Math.floor(chance(`p${rank}`) * 900)}-${rank}`;
const BUYERS = 0.035;
const money = (cents: number): string =>
  `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}00`;
const entries = (object: Record<string, number>) => Object.entries(object);

const MAKERS: Record<string, Maker> = {
  traffic: (amount) =>
    entries(TYPES).flatMap(([event_type, share]) =>
      entries(DEVICES).map(([device_type, part]) => ({
        event_type,
        device_type,
        events: amount(`${event_type}${device_type}`, share * part),
      })),
    ),
  responses: (amount) =>
    entries(TYPES).flatMap(([event_type, share]) =>
      entries(CLASSES).map(([status_class, part]) => ({
        event_type,
        status_class,
        events: amount(`${event_type}${status_class}`, share * part),
        error_share: status_class === '2xx' ? 0 : 1,
      })),
    ),
  latency: (amount, seed) =>
    entries(TYPES).map(([event_type, share]) => {
      const p50 = 60 + 30 * chance(`${seed}${event_type}`) + (event_type === 'checkout' ? 90 : 0);
      return {
        event_type,
        count: amount(`latency${event_type}`, share),
        p50: Math.round(p50),
        p95: Math.round(p50 * (2.4 + chance(`${seed}95`))),
        p99: Math.round(p50 * (4.4 + 2 * chance(`${seed}99`))),
        max: Math.round(p50 * 14),
      };
    }),
  audience: (amount) => [{ users: amount('users', 0.21), sessions: amount('sessions', 0.26) }],
  funnel: (amount) => {
    const steps: [string, number][] = [
      ['view_product', 0.2],
      ['add_to_cart', 0.093],
      ['checkout', 0.047],
      ['purchase', BUYERS],
    ];
    let last = 0;
    return steps.map(([step, share]) => {
      const users = amount(`funnel${step}`, share);
      const conversion = last > 0 ? users / last : null;
      last = users;
      return { step, users, conversion };
    });
  },
  revenue: (amount) =>
    entries(CURRENCIES).map(([currency, part]) => {
      const orders = amount(`orders${currency}`, BUYERS * part);
      const cents = amount(`cents${currency}`, BUYERS * part * 6374);
      const refunds = amount(`refunds${currency}`, BUYERS * part * 0.04);
      return {
        currency,
        orders,
        units: amount(`units${currency}`, BUYERS * part * 1.8),
        revenue: money(cents),
        average_order: orders > 0 ? money(Math.round(cents / orders)) : null,
        refunds,
        refunded: money(refunds * 5295),
        net: money(cents - refunds * 5295),
      };
    }),
  products: (amount, _seed, top) => {
    const best = Array.from({ length: top }, (_, rank) => {
      const share = 0.5 / (rank + 3);
      return {
        product_id: productOf(rank),
        views: amount(`v${rank}`, 0.72 * share),
        carts: amount(`c${rank}`, 0.17 * share),
        purchases: amount(`b${rank}`, BUYERS * share),
        revenue: money(amount(`r${rank}`, BUYERS * share * 6374)),
      };
    });
    const other = {
      product_id: 'other',
      views: amount('vo', 0.3),
      carts: amount('co', 0.07),
      purchases: amount('bo', 0.014),
      revenue: money(amount('ro', 0.014 * 6374)),
    };
    return [...best, other];
  },
  sales: (amount, _seed, top) =>
    entries(CURRENCIES).flatMap(([currency, part]) =>
      [...Array.from({ length: top }, (_, rank) => rank), null].map((rank) => {
        const share = (rank === null ? 0.014 : (BUYERS * 0.5) / (rank + 3)) * part;
        const orders = amount(`so${currency}${rank}`, share);
        return {
          currency,
          product_id: rank === null ? 'other' : productOf(rank),
          orders,
          units: orders,
          revenue: money(amount(`sr${currency}${rank}`, share * 6374)),
        };
      }),
    ),
  quality: (amount) => [
    ...entries(BAD).map(([reason, share]) => ({ reason, rows: amount(reason, share), windows: 0 })),
    { reason: 'duplicate', rows: amount('duplicate', 0.006), windows: 0 },
    ...entries(LATE).map(([reason, share]) => ({
      reason,
      rows: amount(reason, share),
      windows: amount(reason, share * 0.4),
    })),
  ],
};
