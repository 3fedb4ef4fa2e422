import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DashboardLink, GridPos } from '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen';
import { parse } from 'csv-parse/sync';
import type { Connections } from '../../tools/dev-services/server.ts';
import { PROJECT_DIR } from './product.ts';

const DASHBOARDS_DIR = join(PROJECT_DIR, 'deploy', 'grafana', 'dashboards');

export interface Target {
  refId: string;
  datasource: { type: string; uid: string };
  query?: string;
  alias?: string;
  resultFormat?: string;
  expr?: string;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: GridPos;
  targets?: Target[];
  datasource?: { type: string; uid: string };
  options?: object;
  fieldConfig?: { defaults: { unit?: string; custom?: object }; overrides: object[] };
}

export interface Variable {
  name: string;
  type: string;
  query: string | { query: string };
  datasource?: { uid: string };
  options?: { value: string }[];
  current: { value: string };
}

export interface Dashboard {
  file: string;
  uid: string;
  title: string;
  tags: string[];
  time: { from: string; to: string };
  links: DashboardLink[];
  panels: Panel[];
  templating: { list: Variable[] };
}

export function readDashboards(): Dashboard[] {
  return readdirSync(DASHBOARDS_DIR, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({ ...JSON.parse(readFileSync(join(DASHBOARDS_DIR, file), 'utf8')), file }));
}

export interface Scene {
  fromMs: number;
  toMs: number;
  /** Values of the variables; '$__all' where all are chosen. */
  variables: Record<string, string | string[]>;
}

/** Whatever a query gives: points by the name that Grafana shows, or the rows of a table. */
export interface Result {
  series: Map<string, [timeMs: number, value: number][]>;
  rows: Record<string, string | number>[];
}

/** Replaces variables as Grafana's page does. All has the value `.*` on our dashboards, which is not escaped. */
function interpolated(text: string, { fromMs, toMs, variables }: Scene): string {
  const all: Scene['variables'] = { ...variables, __from: String(fromMs), __to: String(toMs) };
  return text.replace(/\$\{(\w+)(?::(\w+))?\}/g, (found, name: string, format: string | undefined) => {
    const value = all[name];
    assert.ok(value !== undefined, `${found} is no variable of the dashboard`);
    if (value === '$__all') return '.*';
    if (format === undefined) {
      assert.ok(typeof value === 'string', `${found} can have several values and has no format`);
      return value;
    }
    assert.equal(format, 'regex');
    const escaped = [value].flat().map((one) => one.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&'));
    return typeof value === 'string' ? escaped[0]! : `(${escaped.join('|')})`;
  });
}

/** No macro is left that somebody should have replaced. */
function assertReplaced(query: string): string {
  assert.doesNotMatch(query.replaceAll('$/', ''), /\$|\bv\./, `not replaced: ${query}`);
  return query;
}

/** Asks InfluxDB as the data sources of Grafana do. */
export class GrafanaInflux {
  readonly #info: Connections['influxdb'];
  readonly #database: string;

  constructor(info: Connections['influxdb'], database: string) {
    this.#info = info;
    this.#database = database;
  }

  run(target: Target, scene: Scene): Promise<Result> {
    const query = interpolated(target.query!, scene);
    return target.datasource.uid === 'tillstream-flux'
      ? this.#flux(query, scene)
      : this.#influxql(query, target, scene);
  }

  /** The values that a variable offers. */
  async values(variable: Variable, scene: Scene): Promise<string[]> {
    const query = interpolated(variable.query as string, scene);
    if (variable.datasource!.uid === 'tillstream-flux')
      return (await this.#fluxRows(query, scene)).map((row) => String(row._value));
    const results = await this.#influxqlSeries(query, scene);
    return results.flatMap(({ values }) => values.map((row) => String(row[1])));
  }

  async #influxql(query: string, { alias, resultFormat }: Target, scene: Scene): Promise<Result> {
    const result: Result = { series: new Map(), rows: [] };
    for (const { columns, tags, values } of await this.#influxqlSeries(query, scene)) {
      if (resultFormat === 'table') {
        result.rows.push(
          ...values.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]!]))),
        );
        continue;
      }
      for (const [at, column] of columns.entries()) {
        if (column === 'time') continue;
        const name = (alias ?? column)
          .replace('$col', column)
          .replace(/\$tag_(\w+)/, (_, tag: string) => tags?.[tag] ?? '');
        const points = values.filter((row) => row[at] !== null && row[at] !== undefined);
        assert.ok(!result.series.has(name), `two series are called ${name}: ${query}`);
        result.series.set(
          name,
          points.map((row) => [Number(row[0]), Number(row[at])]),
        );
      }
    }
    return result;
  }

  async #influxqlSeries(query: string, { fromMs, toMs }: Scene): Promise<InfluxSeries[]> {
    const { url, token } = this.#info;
    const q = assertReplaced(query.replaceAll('$timeFilter', `time >= ${fromMs}ms and time <= ${toMs}ms`));
    const parameters = new URLSearchParams({ db: this.#database, epoch: 'ms', q });
    const answer = await fetch(`${url}/query?${parameters}`, {
      headers: { authorization: `Token ${token}` },
      signal: AbortSignal.timeout(60_000),
    });
    const { results, error } = (await answer.json()) as {
      results?: { series?: InfluxSeries[]; error?: string }[];
      error?: string;
    };
    assert.equal(error ?? results?.[0]?.error, undefined, q);
    return results![0]!.series ?? [];
  }

  /**
   * Grafana makes a series of each table that has _time and _value: its name is _field, beside labels for columns that do not
   * begin with _. Without _value it shows a table.
   */
  async #flux(query: string, scene: Scene): Promise<Result> {
    const result: Result = { series: new Map(), rows: [] };
    for (const row of await this.#fluxRows(query, scene)) {
      const { result: _result, table: _table, ...rest } = row;
      if (!('_value' in rest)) {
        result.rows.push(rest);
        continue;
      }
      const labels = Object.keys(rest).filter((name) => !name.startsWith('_'));
      assert.deepEqual(labels, [], `labels would be part of the names: ${query}`);
      const points = result.series.get(String(rest._field)) ?? [];
      points.push([Number(rest._time), Number(rest._value)]);
      result.series.set(String(rest._field), points);
    }
    return result;
  }

  async #fluxRows(query: string, { fromMs, toMs }: Scene): Promise<Record<string, string | number>[]> {
    const { url, token, org } = this.#info;
    const flux = assertReplaced(
      query
        .replaceAll('v.timeRangeStart', new Date(fromMs).toISOString())
        .replaceAll('v.timeRangeStop', new Date(toMs).toISOString())
        .replaceAll('v.defaultBucket', `"${this.#database}/autogen"`),
    );
    const answer = await fetch(`${url}/api/v2/query?org=${org}`, {
      method: 'POST',
      headers: {
        authorization: `Token ${token}`,
        'content-type': 'application/json',
        accept: 'application/csv',
      },
      body: JSON.stringify({
        query: flux,
        type: 'flux',
        dialect: { annotations: ['datatype', 'group', 'default'], delimiter: ',', header: true },
      }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${flux}\n${text}`);
    return rowsOf(text, flux);
  }
}

interface InfluxSeries {
  columns: string[];
  tags?: Record<string, string>;
  values: (string | number | null)[][];
}

/** Annotated CSV: blocks with types, names and rows. */
function rowsOf(text: string, query: string): Record<string, string | number>[] {
  return text
    .split(/\r?\n\r?\n/)
    .filter((block) => block.trim() !== '')
    .flatMap((block) => {
      const lines = parse(block, { relax_column_count: true }) as string[][];
      const types = lines.find(([first]) => first === '#datatype') ?? [];
      const [names, ...rows] = lines.filter(([first]) => !first?.startsWith('#'));
      assert.ok(names && !names.includes('error'), `${query}\n${block}`);
      return rows.map((row) =>
        Object.fromEntries(
          names.flatMap((name, i): [string, string | number][] =>
            name === '' || row[i] === '' ? [] : [[name, parsed(row[i]!, types[i] ?? 'string')]],
          ),
        ),
      );
    });
}

function parsed(text: string, type: string): string | number {
  if (type.startsWith('dateTime')) return Date.parse(text);
  return /^(long|double|unsignedLong)$/.test(type) ? Number(text) : text;
}
