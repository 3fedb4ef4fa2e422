import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import type { Aggregate, Metric } from '../../../metrics/definition.ts';
import { derive } from '../../../metrics/derive.ts';
import type {
  ChangedPoint,
  Changes,
  ChangesCursor,
  ChangesPage,
  MetricQuery,
  MetricResult,
  MetricRow,
  MetricsStore,
} from '../../../ports/metrics-store.ts';
import { type Connection, identifier, quote } from './database.ts';
import {
  additiveValues,
  distinctSql,
  distinctValues,
  histogramTable,
  identityList,
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

/** Whose points the store gives: what it needs to know of who writes them. */
export interface StoredState {
  /** Another state has another id. */
  readonly stateId: string;
  version(): number;
  /** Largest received-at that has been computed, ms. */
  frontierMs(): number;
}

/** The metrics store in the engine's own file, read over connections of its own: a question has one for itself. */
export class DuckDbStore implements MetricsStore {
  readonly #idle: Connection[];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #engine: StoredState;
  readonly #catalogue: ReadonlyMap<string, Metric>;
  readonly #timeZone: string;

  constructor(
    connections: Connection[],
    engine: StoredState,
    catalogue: readonly Metric[],
    timeZone: string,
  ) {
    this.#idle = connections;
    this.#engine = engine;
    this.#catalogue = new Map(catalogue.map((metric) => [metric.name, metric]));
    this.#timeZone = timeZone;
  }

  get id(): string {
    return this.#engine.stateId;
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

  changes(
    version: number,
    metrics: readonly string[],
    windows: readonly WindowSize[],
    page?: ChangesPage,
  ): Promise<Changes> {
    const after = page?.after ?? null;
    return this.#snapshot(async (connection) => {
      const row = await connection.row<{ version: number }>(`SELECT version FROM ${STATE}.engine`);
      const now = after?.version ?? row.version;
      const points: ChangedPoint[] = [];
      if (now <= version) return { version: now, points, next: null };
      for (const name of metrics.slice(after ? metrics.indexOf(after.metric) : 0)) {
        const from = after?.metric === name ? after : null;
        const pointsMax = page ? page.pointsMax - points.length : Number.POSITIVE_INFINITY;
        points.push(
          ...(await this.#changed(connection, this.#metric(name), version, windows, from, pointsMax)),
        );
        const last = points.at(-1);
        if (page && last && points.length >= page.pointsMax) {
          const startMinutes = Date.parse(last.row.start) / 60_000;
          const { metric, window } = last;
          return { version: now, points, next: { version: now, metric, window, startMinutes } };
        }
      }
      return { version: now, points, next: null };
    });
  }

  /** All rows of the windows of a metric that changed after `version` and lie behind `from`, in their order. */
  async #changed(
    connection: Connection,
    metric: Metric,
    version: number,
    windows: readonly WindowSize[],
    from: ChangesCursor | null,
    pointsMax: number,
  ): Promise<ChangedPoint[]> {
    const table = `${STATE}.${pointsTable(metric)}`;
    const behind = from ? `AND (win, start) > (${windowIndex(from.window)}, ${from.startMinutes})` : '';
    const changed = `(SELECT DISTINCT win, start FROM ${table}
      WHERE version > ${version} AND win IN (${windows.map(windowIndex).join(', ')}) ${behind})`;
    const rows = await connection.rows<Row & { win: number }>(
      `SELECT ${['win', 'start', ...keyNames(metric), ...rowValues(metric, false)].join(', ')} FROM (
         ${latestSql(metric, `(SELECT * FROM ${table} SEMI JOIN ${firstSql(metric, table, changed, pointsMax)} USING (win, start))`)}
       ) ORDER BY win, start`,
    );
    return WINDOWS.flatMap((window) => {
      const ofSize = rows.filter((row) => row.win === windowIndex(window));
      for (const row of ofSize) delete (row as Row).win;
      return finishRows(metric, ofSize).map((row) => ({ metric: metric.name, window, row }));
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

/** The first of the `windows`, until they hold so many points; at least one window. */
function firstSql(metric: Metric, table: string, windows: string, pointsMax: number): string {
  if (pointsMax === Number.POSITIVE_INFINITY) return windows;
  const identities = `SELECT DISTINCT ${identityList(metric)} FROM ${table} SEMI JOIN ${windows} USING (win, start)`;
  return `(SELECT win, start FROM (
      SELECT win, start, n, sum(n) OVER (ORDER BY win, start) AS reached
      FROM (SELECT win, start, count(*) AS n FROM (${identities}) GROUP BY win, start)
    ) WHERE reached - n < ${pointsMax})`;
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
