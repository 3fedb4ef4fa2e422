import assert from 'node:assert/strict';
import { REASONS } from '../../src/event/reasons.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import type { WindowSize } from '../../src/metrics/window.ts';
import type { Scene } from './grafana.ts';
import type { Product } from './product.ts';

/** What a panel must show: a number a series, points a series, or rows. */
export type Wanted =
  | Map<string, number>
  | Map<string, [number, number][]>
  | Record<string, string | number>[];

type Row = MetricRow;
const MINUTE_MS = 60_000;
const SIZE_MS: Record<WindowSize, number> = { '1m': MINUTE_MS, '1h': 3_600_000, '1d': 86_400_000 };
const STEPS = ['view_product', 'add_to_cart', 'checkout', 'purchase'];

/** The rows of our own query API for the range and variables of a dashboard. */
class View {
  readonly #product: Product;
  readonly #scene: Scene;
  readonly window: WindowSize;

  constructor(product: Product, scene: Scene) {
    this.#product = product;
    this.#scene = scene;
    this.window = scene.variables.window as WindowSize;
  }

  async rows(metric: string, tags: string[] = []): Promise<Row[]> {
    const { fromMs, toMs } = this.#scene;
    return this.#ask(metric, this.window, fromMs, toMs, tags);
  }

  /** Of the last window that is over; a second of tolerance is part of the promise. */
  async whole(metric: string, window = this.window, tags: string[] = []): Promise<Row[]> {
    const end = this.#scene.toMs + 1001 - SIZE_MS[window];
    const rows = await this.#ask(metric, window, end - SIZE_MS[window], end, tags);
    assert.ok(new Set(rows.map(({ start }) => start)).size <= 1);
    return rows;
  }

  async recent(metric: string, tags: string[]): Promise<Row[]> {
    const end = this.#scene.toMs - MINUTE_MS;
    return this.#ask(metric, '1m', end - 5 * MINUTE_MS, end, tags);
  }

  variable(name: string): string {
    return this.#scene.variables[name] as string;
  }

  async #ask(
    metric: string,
    window: WindowSize,
    fromMs: number,
    toMs: number,
    tags: string[],
  ): Promise<Row[]> {
    const path = `/v1/metrics/${metric}?window=${window}&from=${fromMs}&to=${toMs}`;
    const { status, text, json } = await this.#product.request<{ rows: Row[] }>('GET', path);
    assert.equal(status, 200, text);
    return json.rows.filter((row) =>
      tags.every((tag) => {
        const chosen = this.#scene.variables[tag];
        return chosen === undefined || chosen === '$__all' || [chosen].flat().includes(String(row[tag]));
      }),
    );
  }
}

const sum = (rows: readonly Row[], value: string) =>
  rows.reduce((total, row) => total + Number(row[value]), 0);
const has = (value: string) => (row: Row) => row[value] !== null && row[value] !== undefined;
type Name = (row: Row) => string;
const by =
  (key: string): Name =>
  (row) =>
    String(row[key]);
const called =
  (name: string): Name =>
  () =>
    name;

function totals(rows: readonly Row[], value: string, name: Name): Map<string, number> {
  const groups = Map.groupBy(rows.filter(has(value)), name);
  return new Map([...groups].map(([key, group]) => [key, sum(group, value)]));
}

/** Sum over sum; none where there is nothing to divide by. */
function ratios(rows: readonly Row[], of: string, to: string, name: Name): Map<string, number> {
  const result = new Map<string, number>();
  for (const [key, group] of Map.groupBy(rows, name)) {
    if (sum(group, to) > 0) result.set(key, sum(group, of) / sum(group, to));
  }
  return result;
}

/** The same for the rows of each window. */
function perWindow(
  rows: readonly Row[],
  of: (rows: Row[]) => Map<string, number>,
): Map<string, [number, number][]> {
  const result = new Map<string, [number, number][]>();
  const windows = [...Map.groupBy(rows, ({ start }) => start)].sort(
    ([a], [b]) => Date.parse(a) - Date.parse(b),
  );
  for (const [start, group] of windows) {
    for (const [name, value] of of(group)) {
      const points = result.get(name) ?? [];
      points.push([Date.parse(start), value]);
      result.set(name, points);
    }
  }
  return result;
}

const sumsPerWindow = (rows: readonly Row[], value: string, name: Name) =>
  perWindow(rows, (group) => totals(group, value, name));

function fieldsPerWindow(rows: readonly Row[], fields: string[]): Map<string, [number, number][]> {
  return new Map(fields.flatMap((field) => [...sumsPerWindow(rows, field, called(field))]));
}

const ofSteps = (rows: readonly Row[], value: string) => totals(rows, value, by('step'));

function conversion(rows: readonly Row[]): Map<string, number> {
  const users = ofSteps(rows, 'users');
  return new Map([['Conversion', users.get('purchase')! / users.get('view_product')!]]);
}

/** The products of each window with their ranks. */
function ranked(rows: readonly Row[]): Row[] {
  return [...Map.groupBy(rows, ({ start }) => start).values()].flatMap((group) =>
    group
      .sort((a, b) => {
        for (const value of ['revenue', 'purchases', 'views']) {
          if (Number(a[value]) !== Number(b[value])) return Number(b[value]) - Number(a[value]);
        }
        return String(a.product_id) < String(b.product_id) ? -1 : 1;
      })
      .map((row, at) => ({ ...row, rank: at < 20 ? String(at + 1).padStart(2, '0') : 'other' })),
  );
}

function productTable(rows: readonly Row[]): Record<string, string | number>[] {
  return [...Map.groupBy(ranked(rows), by('rank'))].map(([rank, group]) => ({
    rank,
    product_id: rank === 'other' ? 'other' : String(group[0]!.product_id),
    views: sum(group, 'views'),
    carts: sum(group, 'carts'),
    purchases: sum(group, 'purchases'),
    revenue: sum(group, 'revenue'),
  }));
}

const byRank = (value: string) => async (view: View) =>
  sumsPerWindow(ranked(await view.rows('products')), value, ({ rank }) =>
    /^0[1-5]$/.test(String(rank)) ? String(rank) : 'all others',
  );

const isBad = ({ reason }: Row) => String(reason) in REASONS;
const CURRENCY = ['currency'];
const TYPE = ['event_type'];
const TRAFFIC = ['event_type', 'device_type'];
const money = (value: string) => async (view: View) =>
  totals(await view.rows('revenue', CURRENCY), value, by('currency'));
const moneyPerWindow = (value: string) => async (view: View) =>
  sumsPerWindow(await view.rows('revenue', CURRENCY), value, by('currency'));
const number = (title: string, metric: string, value: string, tags: string[]) => async (view: View) =>
  totals(await view.rows(metric, tags), value, called(title));
const people = (title: string, value: string) => async (view: View) =>
  totals(await view.whole('audience'), value, called(title));
const inOrder = (of: Map<string, number>, names: string[]) =>
  new Map(names.flatMap((name): [string, number][] => (of.has(name) ? [[name, of.get(name)!]] : [])));

/** By the title of the panel: a panel that is not here fails. */
const EXPECTED: Record<string, (view: View) => Promise<Wanted>> = {
  Revenue: money('revenue'),
  Refunded: money('refunded'),
  'Average order': async (view) =>
    ratios(await view.rows('revenue', CURRENCY), 'revenue', 'orders', by('currency')),
  Orders: number('Orders', 'revenue', 'orders', CURRENCY),
  Refunds: number('Refunds', 'revenue', 'refunds', CURRENCY),
  Units: number('Units', 'revenue', 'units', CURRENCY),
  Events: number('Events', 'traffic', 'events', TRAFFIC),
  Errors: number('Errors', 'responses', 'errors', TYPE),
  'Events/s': async (view) =>
    new Map([['Events/s', sum(await view.recent('traffic', TRAFFIC), 'events') / 300]]),
  'Error share': async (view) =>
    ratios(await view.rows('responses', TYPE), 'errors', 'with_status', called('Error share')),
  'Slowest answer': async (view) =>
    new Map([
      ['Slowest answer', Math.max(...(await view.rows('latency', TYPE)).map((row) => Number(row.max)))],
    ]),
  'Bad rows': async (view) => totals((await view.rows('quality')).filter(isBad), 'rows', called('Bad rows')),
  'Users, last whole window': people('Users', 'users'),
  'Sessions, last whole window': people('Sessions', 'sessions'),
  'Users and sessions per window': async (view) =>
    fieldsPerWindow(await view.rows('audience'), ['users', 'sessions']),
  'Events by type': async (view) =>
    sumsPerWindow(await view.rows('traffic', TRAFFIC), 'events', by('event_type')),
  Devices: async (view) => totals(await view.rows('traffic', TRAFFIC), 'events', by('device_type')),
  'Events by device': async (view) =>
    sumsPerWindow(await view.rows('traffic', TRAFFIC), 'events', by('device_type')),
  'Revenue by currency': moneyPerWindow('revenue'),
  'Orders by currency': moneyPerWindow('orders'),
  'Refunded by currency': moneyPerWindow('refunded'),
  'Average order by currency': async (view) =>
    perWindow(await view.rows('revenue', CURRENCY), (rows) =>
      ratios(rows, 'revenue', 'orders', by('currency')),
    ),
  'Answers by class of status': async (view) =>
    sumsPerWindow(await view.rows('responses', TYPE), 'events', by('status_class')),
  'Error share of each event type': async (view) =>
    ratios(await view.rows('responses', TYPE), 'errors', 'with_status', by('event_type')),
  'Error share by event type': async (view) =>
    perWindow(await view.rows('responses', TYPE), (rows) =>
      ratios(rows, 'errors', 'with_status', by('event_type')),
    ),
  'Latency p95 by event type': async (view) =>
    sumsPerWindow(await view.rows('latency', TYPE), 'p95', by('event_type')),
  'Latency p95, last whole window': async (view) =>
    totals(await view.whole('latency', view.window, TYPE), 'p95', by('event_type')),
  'Quantiles of ${latency_type}': async (view) => {
    const rows = await view.rows('latency');
    const type = view.variable('latency_type');
    return fieldsPerWindow(
      rows.filter((row) => row.event_type === type),
      ['p50', 'p95', 'p99', 'max'],
    );
  },
  'Conversion, last whole hour': async (view) => conversion(await view.whole('funnel', '1h')),
  'Conversion, last whole window': async (view) => conversion(await view.whole('funnel')),
  'Funnel, last whole hour': async (view) =>
    inOrder(ofSteps(await view.whole('funnel', '1h'), 'users'), STEPS),
  'Funnel, last whole window': async (view) => inOrder(ofSteps(await view.whole('funnel'), 'users'), STEPS),
  'Went on from the step before, last whole window': async (view) =>
    inOrder(ofSteps(await view.whole('funnel'), 'conversion'), STEPS),
  'Users at each step': async (view) => sumsPerWindow(await view.rows('funnel'), 'users', by('step')),
  'Conversion from the step before': async (view) =>
    sumsPerWindow(await view.rows('funnel'), 'conversion', by('step')),
  'Products by rank, last whole hour': async (view) => productTable(await view.whole('products', '1h')),
  'Products by rank, last whole window': async (view) => productTable(await view.whole('products')),
  'Revenue by rank': byRank('revenue'),
  'Purchases by rank': byRank('purchases'),
  'Data quality by reason': async (view) => totals(await view.rows('quality'), 'rows', by('reason')),
  'Bad rows by reason': async (view) =>
    sumsPerWindow((await view.rows('quality')).filter(isBad), 'rows', by('reason')),
  'Duplicates and late events': async (view) =>
    sumsPerWindow(
      (await view.rows('quality')).filter((row) => !isBad(row)),
      'rows',
      by('reason'),
    ),
  'Windows corrected by late events': async (view) =>
    sumsPerWindow(
      (await view.rows('quality')).filter(({ reason }) => String(reason).startsWith('late_')),
      'windows',
      by('reason'),
    ),
};

export async function expectedOf(title: string, product: Product, scene: Scene): Promise<Wanted> {
  const expected = EXPECTED[title];
  assert.ok(expected, `tell in test/support/grafana-expected.ts what "${title}" must show`);
  return expected(new View(product, scene));
}
