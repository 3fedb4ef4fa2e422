import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import type { Aggregate, Metric } from '../../../metrics/definition.ts';
import { derive } from '../../../metrics/derive.ts';
import type {
  ChangedPoint,
  MetricQuery,
  MetricResult,
  MetricRow,
  MetricsStore,
} from '../../../ports/metrics-store.ts';
import { type Connection, identifier, quote } from './database.ts';
import type { DuckDbEngine } from './engine.ts';
import {
  additiveValues,
  distinctSql,
  distinctValues,
  histogramTable,
  keyNames,
  pointsTable,
  quantileSql,
  quantileValues,
  setTable,
  windowIndex,
} from './render.ts';
import { latestSql, STATE } from './state.ts';

type Value = string | number | null;
type Row = Record<string, Value>;

/** The metrics store in the engine's own file, read over connections of its own: a question has one for itself. */
export class DuckDbStore implements MetricsStore {
  readonly #idle: Connection[];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #engine: DuckDbEngine;
  readonly #catalogue: ReadonlyMap<string, Metric>;
  readonly #timeZone: string;

  constructor(
    connections: Connection[],
    engine: DuckDbEngine,
    catalogue: readonly Metric[],
    timeZone: string,
  ) {
    this.#idle = connections;
    this.#engine = engine;
    this.#catalogue = new Map(catalogue.map((metric) => [metric.name, metric]));
    this.#timeZone = timeZone;
  }

  version(): number {
    return this.#engine.version();
  }

  query(query: MetricQuery): Promise<MetricResult> {
    return this.#snapshot((connection) => this.#query(connection, query));
  }

  async #query(connection: Connection, query: MetricQuery): Promise<MetricResult> {
    const metric = this.#metric(query.metric);
    const { version } = await connection.row<{ version: number }>(`SELECT version FROM ${STATE}.engine`);
    const top = query.top && query.total ? await this.#topKeys(connection, metric, query) : undefined;
    const points = this.#points(metric, query, top);
    const keys = keyNames(metric);
    const rows = await connection.rows<Row>(
      `SELECT ${['start', ...keys, ...rowValues(metric, top !== undefined)].join(', ')} FROM ${points}
       ${top ? `GROUP BY ${['start', ...keys].join(', ')}` : ''} ORDER BY ${['start', ...keys].join(', ')}`,
    );
    const result: MetricResult = { version, rows: finishRows(metric, rows) };
    if (query.total) {
      result.total = await this.#total(connection, metric, query, keys, points);
      derive(metric, result.total, () => null);
      if (top) sortAs(top, metric.keys.at(-1)?.name ?? '', result.total);
      result.overall = metric.mergeable
        ? ((await this.#total(connection, metric, query, [], points))[0] ?? null)
        : null;
      if (result.overall) derive(metric, [result.overall], () => null);
    }
    return result;
  }

  /** The newest points of the range, with keys beyond the top N renamed to 'other'. */
  #points(metric: Metric, query: MetricQuery, top?: string[]): string {
    const range = `win = ${windowIndex(query.window)} AND start >= ${query.fromMs / 60_000} AND start < ${query.toMs / 60_000}`;
    const latest = latestSql(metric, `(SELECT * FROM ${STATE}.${pointsTable(metric)} WHERE ${range})`);
    if (!top) return `(${latest})`;
    const key = keyNames(metric).at(-1)!;
    const list = top.map(quote).join(', ') || `''`;
    return `(SELECT * REPLACE (CASE WHEN ${key} IN (${list}) THEN ${key} ELSE 'other' END AS ${key}) FROM (${latest}))`;
  }

  async #topKeys(connection: Connection, metric: Metric, query: MetricQuery): Promise<string[]> {
    const key = keyNames(metric).at(-1);
    if (!key) return [];
    const order = additiveValues(metric)
      .map(({ name }) => name)
      .sort((a, b) => Number(b === 'revenue') - Number(a === 'revenue'))
      .map((name) => `sum(${identifier(name)}) DESC`);
    const rows = await connection.rows<Record<string, string>>(
      `SELECT ${key} FROM ${this.#points(metric, query)} GROUP BY ${key} ORDER BY ${[...order, key].join(', ')} LIMIT ${query.top}`,
    );
    return rows.map((row) => Object.values(row)[0]!);
  }

  /** Values merged over the windows of the range, per `keys`. */
  async #total(
    connection: Connection,
    metric: Metric,
    query: MetricQuery,
    keys: string[],
    points: string,
  ): Promise<Row[]> {
    const additive = additiveValues(metric).map(
      ({ name, of }) => `${shown(of, mergeSql(of, name))} AS ${identifier(name)}`,
    );
    const by = keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : '';
    const joins: string[] = [];
    const values: string[] = [...additive];
    const sketches = await this.#sketchesCover(connection, metric, query);
    const range = `win = ${windowIndex(query.window)} AND start >= ${query.fromMs / 60_000} AND start < ${query.toMs / 60_000}`;
    const using = keys.length > 0 ? `USING (${keys.join(', ')})` : 'ON true';
    if (quantileValues(metric).length > 0) {
      const rows = `(SELECT * FROM ${STATE}.${histogramTable(metric)} WHERE ${sketches ? range : 'false'})`;
      joins.push(`LEFT JOIN (${quantileSql(metric, keys, rows)}) AS quantiles ${using}`);
      for (const { name } of quantileValues(metric))
        values.push(`any_value(quantiles.${identifier(name)}) AS ${identifier(name)}`);
    }
    for (const { name } of distinctValues(metric)) {
      const columns = [...keys, 'h'].join(', ');
      const rows = `(SELECT DISTINCT ${columns} FROM ${STATE}.${setTable(metric, name)} WHERE ${range})`;
      joins.push(`LEFT JOIN (${distinctSql(keys, rows)}) AS distinct_${name} ${using}`);
      values.push(
        sketches
          ? `coalesce(any_value(distinct_${name}.n), 0) AS ${identifier(name)}`
          : `max(NULL::BIGINT) AS ${identifier(name)}`,
      );
    }
    // Without keys, no points at all would still give a row, of nulls.
    return connection.rows<Row>(
      `SELECT ${[...keys.map((key) => `points.${key}`), ...values].join(', ')} FROM ${points} AS points ${joins.join(' ')}
       ${by.replaceAll(/"(\w+)"/g, 'points."$1"')} HAVING count(*) > 0 ORDER BY ALL`,
    );
  }

  /** Whether the sketches of all windows of the range are still there. Those of days always are. */
  async #sketchesCover(connection: Connection, metric: Metric, query: MetricQuery): Promise<boolean> {
    if (query.window === '1d') return true;
    const hotFrom = hotFromMs(query.window, this.#engine.frontierMs(), this.#timeZone) / 60_000;
    const { n } = await connection.row<{ n: number }>(
      `SELECT count(*) AS n FROM ${STATE}.${pointsTable(metric)} WHERE win = ${windowIndex(query.window)}
       AND start >= ${query.fromMs / 60_000} AND start < ${Math.min(query.toMs / 60_000, hotFrom)}`,
    );
    return n === 0;
  }

  async changes(
    version: number,
    metrics: readonly string[],
    windows: readonly WindowSize[],
  ): Promise<{ version: number; points: ChangedPoint[] }> {
    return this.#snapshot(async (connection) => {
      const now = (await connection.row<{ version: number }>(`SELECT version FROM ${STATE}.engine`)).version;
      const points: ChangedPoint[] = [];
      if (now <= version) return { version: now, points };
      for (const name of metrics) {
        const metric = this.#metric(name);
        const table = `${STATE}.${pointsTable(metric)}`;
        const sizes = windows.map(windowIndex).join(', ');
        const rows = await connection.rows<Row & { win: number }>(
          `SELECT ${['win', 'start', ...keyNames(metric), ...rowValues(metric, false)].join(', ')} FROM (
             ${latestSql(
               metric,
               `(SELECT * FROM ${table} SEMI JOIN (SELECT DISTINCT win, start FROM ${table}
               WHERE version > ${version} AND win IN (${sizes})) USING (win, start))`,
             )}
           ) ORDER BY win, start`,
        );
        for (const size of WINDOWS) {
          const ofSize = rows.filter((row) => row.win === windowIndex(size));
          for (const row of ofSize) delete (row as Row).win;
          points.push(...finishRows(metric, ofSize).map((row) => ({ metric: name, window: size, row })));
        }
      }
      return { version: now, points };
    });
  }

  /** Runs `work` on a connection of its own in one transaction, so that all that it reads belongs together. */
  async #snapshot<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection =
      this.#idle.pop() ?? (await new Promise<Connection>((resolve) => this.#waiting.push(resolve)));
    try {
      return await connection.transaction(() => work(connection));
    } finally {
      const next = this.#waiting.shift();
      if (next) next(connection);
      else this.#idle.push(connection);
    }
  }

  #metric(name: string): Metric {
    const metric = this.#catalogue.get(name);
    if (!metric) throw new Error(`unknown metric ${JSON.stringify(name)}`);
    return metric;
  }
}

/** Money leaves DuckDB as text: a double would not keep it. */
function shown(aggregate: Aggregate, sql: string): string {
  return aggregate.kind === 'sum' && aggregate.type === 'money' ? `CAST(${sql} AS VARCHAR)` : sql;
}

function mergeSql(aggregate: Aggregate, name: string): string {
  const column = `points.${identifier(name)}`;
  if (aggregate.kind === 'max') return `max(${column})`;
  return aggregate.kind === 'sum' && aggregate.type === 'money'
    ? `CAST(sum(${column}) AS DECIMAL(38,4))`
    : `CAST(sum(${column}) AS BIGINT)`;
}

function rowValues(metric: Metric, grouped: boolean): string[] {
  return Object.entries(metric.values).map(([name, of]) => {
    const column = identifier(name);
    if (!grouped) return `${shown(of, column)} AS ${column}`;
    return of.kind === 'count' || of.kind === 'sum' || of.kind === 'max'
      ? `${shown(of, mergeSql(of, name).replaceAll('points.', ''))} AS ${column}`
      : `NULL AS ${column}`;
  });
}

/** Window starts as ISO 8601, and the derived values. */
function finishRows(metric: Metric, rows: Row[]): MetricRow[] {
  for (const row of rows)
    row.start = new Date(Number(row.start) * 60_000).toISOString().replace('.000Z', 'Z');
  derive(metric, rows, (row) => row.start ?? null);
  return rows as MetricRow[];
}

/** Best first, what is left over last. */
function sortAs(top: readonly string[], key: string, rows: Row[]): void {
  const rank = (row: Row) => (top.includes(String(row[key])) ? top.indexOf(String(row[key])) : top.length);
  rows.sort((a, b) => rank(a) - rank(b));
}
