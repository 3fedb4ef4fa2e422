/**
 * Every query of every dashboard on InfluxDB, run against a real server: each finds something, the two languages find
 * the same, and it is what our own query API gives. Grafana itself is not there: its macros are replaced as it does it.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { stream } from '../../tools/simulator/index.ts';
import { testNow } from '../support/clock.ts';
import {
  type Dashboard,
  GrafanaInflux,
  type Panel,
  type Result,
  readDashboards,
  type Scene,
} from '../support/grafana.ts';
import { expectedOf, type Wanted } from '../support/grafana-expected.ts';
import { followed, Influx } from '../support/influx.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { sharedService } from '../support/services.ts';

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];
/** What the links of the dashboards set for a size of window: how far back, and to where that is rounded. */
const RANGE_MS = {
  '1m': [2 * HOUR_MS, MINUTE_MS],
  '1h': [DAY_MS, HOUR_MS],
  '1d': [30 * DAY_MS, DAY_MS],
} as const;
type Size = keyof typeof RANGE_MS;
/** Needs escaping in a regular expression. */
const ODD_TYPE = 'a/b (1.5)';

const boards = readDashboards().filter(({ file }) => !file.startsWith('prometheus/'));
const flavours = Map.groupBy(boards, ({ file }) => file.split('/')[1]!);

describe('Grafana dashboards on InfluxDB', () => {
  let product: Product;
  let influx: GrafanaInflux;
  let endMs: number;

  before(async () => {
    const server = new Influx(await sharedService('influxdb'));
    await server.query('CREATE DATABASE "boards"');
    const store = { kind: 'influxdb', ...server.info, bucket: 'boards/autogen' };
    // Days of this zone begin at no hour of UTC's days.
    const config = { time_zone: 'Asia/Kolkata', stores: [store] };
    product = await startProduct({ dataDir: temporaryDir(), config });
    await load(product);
    await followed(product);
    influx = new GrafanaInflux(server.info, 'boards');
    endMs = testNow();
  });

  const sceneOf = (window: Size, board: Dashboard, chosen: Scene['variables'] = {}): Scene => {
    const [backMs, unitMs] = RANGE_MS[window];
    const variables = Object.fromEntries(
      board.templating.list.map(({ name, current }) => [name, current.value]),
    );
    const fromMs = Math.floor((endMs - backMs) / unitMs) * unitMs;
    return { fromMs, toMs: endMs, variables: { ...variables, window, ...chosen } };
  };

  it('there are three, in two languages, with the same panels', () => {
    assert.equal(boards.length, 6);
    for (const [name, pair] of flavours) {
      const [one, other] = pair.map(({ panels }) =>
        panels.map(({ id, type, title, gridPos, fieldConfig }) => ({
          id,
          type,
          title,
          gridPos,
          fieldConfig,
        })),
      );
      assert.deepEqual(one, other, name);
    }
  });

  for (const [file, pair] of flavours) {
    const windows = pair[0]!.templating.list.find(({ name }) => name === 'window')!.options!;
    for (const window of windows.map(({ value }) => value as Size)) {
      it(`${file}: every panel shows what the query API gives, windows of ${window}`, async () => {
        const checked = await checkPanels(pair, sceneOf(window, pair[0]!));
        assert.ok(checked > 0);
      });
    }
  }

  it('chosen values of the variables restrict the panels', async () => {
    const chosen = {
      currency: ['EUR', 'GBP'],
      event_type: ['purchase', ODD_TYPE],
      device_type: ['mobile'],
      latency_type: 'purchase',
    };
    for (const pair of flavours.values()) {
      const has = Object.entries(chosen).filter(([name]) =>
        pair[0]!.templating.list.some((variable) => variable.name === name),
      );
      await checkPanels(pair, sceneOf('1h', pair[0]!, Object.fromEntries(has)));
    }
  });

  it('every variable offers the values that there are', async () => {
    const wanted: Record<string, [metric: string, key: string]> = {
      currency: ['revenue', 'currency'],
      event_type: ['traffic', 'event_type'],
      device_type: ['traffic', 'device_type'],
      latency_type: ['latency', 'event_type'],
    };
    for (const board of boards) {
      const scene = sceneOf('1d', board);
      for (const variable of board.templating.list.filter(({ type }) => type === 'query')) {
        const [metric, key] = wanted[variable.name]!;
        const path = `/v1/metrics/${metric}?window=1d&from=${endMs - 300 * DAY_MS}&to=${endMs}`;
        const { json } = await product.request<{ rows: Record<string, string>[] }>('GET', path);
        const names = [...new Set(json.rows.map((row) => row[key]!))].sort();
        assert.ok(names.length > 1, variable.name);
        const values = await influx.values(variable, { ...scene, fromMs: endMs - 300 * DAY_MS });
        assert.deepEqual(values.sort(), names, `${board.file} ${variable.name}`);
      }
    }
  });

  async function checkPanels(pair: Dashboard[], scene: Scene): Promise<number> {
    let queries = 0;
    for (const board of pair) {
      for (const panel of board.panels.filter(({ type }) => type !== 'row')) {
        const where = `${board.file}, panel ${panel.id} "${panel.title}"`;
        const result = await resultOf(panel, scene);
        queries += panel.targets!.length;
        assertSame(result, await expectedOf(panel.title, product, scene), panel.type, where);
      }
    }
    return queries;
  }

  /** All queries of a panel together. */
  async function resultOf(panel: Panel, scene: Scene): Promise<Result> {
    const all: Result = { series: new Map(), rows: [] };
    for (const target of panel.targets!) {
      const { series, rows } = await influx.run(target, scene);
      all.rows.push(...rows);
      for (const [name, points] of series) {
        assert.ok(!all.series.has(name), `${panel.title}: two series are called ${name}`);
        all.series.set(name, points);
      }
    }
    return all;
  }
});

/** Days of little, so that there are windows of a day; hours of much, so that the last minutes and hours have all there is. */
async function load(product: Product): Promise<void> {
  const seed = testSeed('grafana');
  const rates = { late: 0.05, veryLate: 0.002, malformed: 0.02, duplicate: 0.02, refund: 0.1 };
  const now = testNow();
  const lines = [
    ...stream({ seed, startMs: now - 3 * DAY_MS, endMs: now - 2.5 * HOUR_MS, eventsPerSecond: 0.02, rates }),
    ...stream({ seed: seed + 1, startMs: now - 2.5 * HOUR_MS, endMs: now, eventsPerSecond: 1.5, rates }),
  ].map(({ line }) => Buffer.from(line));
  for (let i = 1; i <= 60; i++) {
    const event = {
      timestamp: now - i * MINUTE_MS,
      device_type: 'mobile',
      response_time: i,
      status_code: 200,
    };
    lines.push(Buffer.from(JSON.stringify({ ...event, event_type: ODD_TYPE, user_id: `u${i}` })));
    const order = { event_type: 'purchase', amount: `${i}.25`, currency: ['EUR', 'GBP', 'JPY'][i % 3] };
    lines.push(
      Buffer.from(JSON.stringify({ ...event, ...order, user_id: `u${i}`, product_id: `p${i % 7}` })),
    );
  }
  const LINES = 2000;
  for (let from = 0; from < lines.length; from += LINES) {
    const body = Buffer.concat(lines.slice(from, from + LINES).flatMap((line) => [line, Buffer.from('\n')]));
    assert.equal((await product.send(body)).status, 200);
  }
}

function assertSame(result: Result, wanted: Wanted, type: string, where: string): void {
  if (Array.isArray(wanted)) {
    assert.ok(wanted.length > 0, `${where} has nothing to show`);
    const names = Object.keys(wanted[0]!);
    const inOrder = result.rows.toSorted((a, b) => (String(a.rank) < String(b.rank) ? -1 : 1));
    const rows = inOrder.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
    assert.deepEqual(rounded(rows), rounded(wanted), where);
    return;
  }
  assert.ok(wanted.size > 0, `${where} has nothing to show`);
  // A number or a gauge shows the last value of each series.
  const isChart = type === 'timeseries';
  const shown = new Map(
    [...result.series]
      .filter(([, points]) => points.length > 0)
      .map(([name, points]) => [name, isChart ? points : points.at(-1)![1]]),
  );
  assert.deepEqual(rounded(sorted(shown)), rounded(sorted(wanted)), where);
}

const sorted = (of: Map<string, unknown>) => [...of].sort(([a], [b]) => (a < b ? -1 : 1));

/** Sums of floats differ in their last digits by the order of what is added. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item) =>
      typeof item === 'number' && !Number.isInteger(item) ? Number(item.toPrecision(10)) : item,
    ),
  );
}
