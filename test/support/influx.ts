import assert from 'node:assert/strict';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import { WINDOWS, type WindowSize } from '../../src/metrics/window.ts';
import type { Connections } from '../../tools/dev-services/server.ts';
import { testNow } from './clock.ts';
import { type Product, until } from './product.ts';

type Info = Connections['influxdb'];
export type InfluxRow = Record<string, string | number | boolean | null>;

const DAY_MS = 86_400_000;
const RANKS = 20;

/** Asks InfluxDB 1.8 by its own language, as the user of the service. */
export class Influx {
  readonly info: Info;

  constructor(info: Info) {
    this.info = info;
  }

  get password(): string {
    return this.info.token.split(':')[1]!;
  }

  /** Rows of one statement; times in nanoseconds, as texts. */
  async query(statement: string, database = 'tillstream'): Promise<InfluxRow[]> {
    const { url, token } = this.info;
    const answer = await fetch(`${url}/query?epoch=ns&db=${database}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(token).toString('base64')}` },
      body: new URLSearchParams({ q: statement }),
      signal: AbortSignal.timeout(30_000),
    });
    // Nanoseconds are past what a number holds.
    const text = (await answer.text()).replace(/\[(\d{16,})(?=[,\]])/g, '["$1"');
    const { results, error } = JSON.parse(text) as {
      results?: { error?: string; series?: { columns: string[]; values?: InfluxRow[string][][] }[] }[];
      error?: string;
    };
    const failure = error ?? results?.[0]?.error;
    assert.equal(failure, undefined, `${statement}: ${failure}`);
    return (results![0]!.series ?? []).flatMap(({ columns, values }) =>
      (values ?? []).map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null]))),
    );
  }

  /** Points of a measurement; 0 where it is not there. */
  async count(measurement: string, field: string, database?: string): Promise<number> {
    const rows = await this.query(`SELECT count("${field}") AS n FROM "${measurement}"`, database);
    return Number(rows[0]?.n ?? 0);
  }
}

/** What is asked of the product here. */
export type Asked = Pick<Product, 'request' | 'settled'>;

/** Waits until the store of the product has all that the product has. */
export async function followed(product: Asked, msMax = 60_000): Promise<void> {
  await product.settled();
  await until(
    async () => {
      const [status, text] = [await statusOf(product), (await product.request('GET', '/metrics')).text];
      const behind = /^tillstream_store_behind_seconds\{store="influxdb"\} (\S+)$/m.exec(text)?.[1];
      return (status.lag['influxdb raw'] ?? 0) === 0 && behind === '0';
    },
    'InfluxDB has all',
    msMax,
  );
}

interface StatusSeen {
  parts: Record<string, { state: string; message: string }>;
  lag: Record<string, number>;
}

export async function statusOf(product: Asked): Promise<StatusSeen> {
  return (await product.request<StatusSeen>('GET', '/v1/status')).json;
}

/** Every metric in InfluxDB is what the query API gives, point for point. Gives the number of points. */
export async function assertMetricsEqual(product: Asked, influx: Influx, database?: string): Promise<number> {
  let points = 0;
  for (const metric of CATALOGUE) {
    const keys = metric.keys.map((key) => key.name);
    for (const window of WINDOWS.filter((size) => metric.windows.includes(size))) {
      const rows = await apiRows(product, metric.name, window);
      const wanted = (keys.includes('product_id') ? ranked(rows) : rows).map((row) =>
        canonical(row, [...keys, 'rank']),
      );
      const found = await influx.query(
        `SELECT * FROM "tillstream_${metric.name}" WHERE "window" = '${window}'`,
        database,
      );
      const given = found.map(({ time, window: _, ...row }) => {
        const start = new Date(Number(BigInt(String(time)) / 1_000_000n)).toISOString().replace('.000Z', 'Z');
        return canonical({ start, ...row } as MetricRow, [...keys, 'rank']);
      });
      const [isWanted, isGiven] = [new Set(wanted), new Set(given)];
      const [has, lacks] = [
        given.filter((row) => !isWanted.has(row)),
        wanted.filter((row) => !isGiven.has(row)),
      ];
      assert.deepEqual(
        { has: has.slice(0, 5), lacks: lacks.slice(0, 5) },
        { has: [], lacks: [] },
        `${metric.name} ${window}`,
      );
      assert.equal(given.length, wanted.length, `${metric.name} ${window}`);
      points += wanted.length;
    }
  }
  return points;
}

/** The API limits how many windows a question may span. */
const SPAN_DAYS = { '1m': 30, '1h': 2000, '1d': 40_000 };
/** The simulated shop's events are at most some months late. */
const DAYS_BACK = 1500;

/** All rows of a metric that the query API gives of the last years. */
export async function apiRows(product: Asked, metric: string, window: WindowSize): Promise<MetricRow[]> {
  const rows: MetricRow[] = [];
  const stepMs = SPAN_DAYS[window] * DAY_MS;
  const endMs = Math.floor(testNow() / DAY_MS + 2) * DAY_MS;
  for (let toMs = endMs; toMs > endMs - DAYS_BACK * DAY_MS; toMs -= stepMs) {
    const path = `/v1/metrics/${metric}?window=${window}&from=${Math.max(0, toMs - stepMs)}&to=${toMs}`;
    const answer = await product.request<{ rows: MetricRow[] }>('GET', path);
    assert.equal(answer.status, 200, answer.text);
    rows.push(...answer.json.rows);
  }
  return rows;
}

function canonical(row: MetricRow, keys: string[]): string {
  const entries = Object.entries(row)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [
      name === 'units' ? 'units_decimal' : name,
      name === 'start' || keys.includes(name) ? String(value) : Number(value),
    ]);
  return JSON.stringify(entries.sort());
}

/** The best 20 products of each window by revenue, then purchases, views and id; the sum of the rest. */
function ranked(rows: MetricRow[]): MetricRow[] {
  const number = (row: MetricRow, name: string) => Number(row[name]);
  const place = ({ start, currency }: MetricRow) => `${start} ${currency ?? ''}`;
  return [...Map.groupBy(rows, place).values()].flatMap((group) => {
    const { start, currency } = group[0]!;
    const sorted = group.sort(
      (a, b) =>
        number(b, 'revenue') - number(a, 'revenue') ||
        number(b, 'purchases') - number(a, 'purchases') ||
        number(b, 'views') - number(a, 'views') ||
        (String(a.product_id) < String(b.product_id) ? -1 : 1),
    );
    const best = sorted.slice(0, RANKS).map((row, i) => ({ ...row, rank: String(i + 1).padStart(2, '0') }));
    const rest = sorted.slice(RANKS);
    if (rest.length === 0) return best;
    const sum = (name: string) =>
      rest.reduce((total, row) => total + Math.round(number(row, name) * 10_000), 0) / 10_000;
    const other: MetricRow = { start, product_id: 'other', rank: 'other', ...(currency ? { currency } : {}) };
    for (const name of ['views', 'carts', 'purchases', 'orders', 'units', 'revenue'])
      if (name in rest[0]!) other[name] = sum(name);
    return [...best, other];
  });
}
