import type { Aggregate, Key, Metric } from '../definition.ts';
import { derive } from '../derive.ts';
import type {
  ChangedRow,
  Changes,
  ChangesCursor,
  ChangesPage,
  MetricQuery,
  MetricResult,
  MetricRow,
  MetricsStore,
} from '../metrics-store.ts';
import { planOf } from '../plan.ts';
import { openFromMs, WINDOWS, type WindowSize } from '../window.ts';
import { type Connection, identifier, quote } from './database.ts';
import { countFolded, crowdedKeys, foldedSql, REST, rowsOfWindowMax } from './folded.ts';
import { stateTable } from './merge.ts';
import { STATE } from './state.ts';
import {
  additiveValues,
  distinctCountsSql,
  distinctValues,
  identityList,
  keyNames,
  mergedSql,
  quantileSql,
  quantileValues,
  type Relations,
  Tables,
  windowIndex,
} from './tables.ts';

type Value = string | number | null;
type Row = Record<string, Value>;

/** Which part of the changes of a metric is asked for. */
interface Wanted {
  windows: readonly WindowSize[];
  from: ChangesCursor | null;
  pointsMax: number;
  named: boolean;
}

/** Whose points the store gives: what it needs to know of who writes them. */
export interface StoredState {
  /** Another state has another id. */
  readonly stateId: string;
  version(): number;
  /** Largest received-at that has been computed, ms. */
  maxReceivedAtMs(): number;
}

/** The metrics store in the engine's own file, read over connections of its own: a question has one for itself. */
export class DuckDbStore implements MetricsStore {
  readonly #idle: Connection[];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #engine: StoredState;
  readonly #catalogue: ReadonlyMap<string, Metric>;
  readonly #tables: Tables;
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
    this.#tables = new Tables(planOf(catalogue));
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
    const rowsSql = this.#tables.rows(metric, rangeOf(query));
    // Without keys there is one row, and nothing to choose from.
    const hasTop = query.top !== undefined && query.total === true && metric.keys.length > 0;
    const crowded = (
      await crowdedKeys(connection, metric, this.#tables.identities(metric, rangeOf(query)))
    ).filter((key) => !(hasTop && key === metric.keys.at(-1)));
    const fold = (relation: string, within: readonly string[]) =>
      foldedSql(metric, relation, crowded, rowsSql, within);
    const top = hasTop ? await this.#topKeys(connection, metric, query, fold(rowsSql, [])) : undefined;
    const isMerged = hasTop || crowded.length > 0;
    const mixed = [...crowded, ...(hasTop ? metric.keys.slice(-1) : [])].find((key) => key.separatesMoney);
    const keys = keyNames(metric);
    const rows = await connection.rows<Row>(
      `SELECT ${['start', ...keys, ...rowValues(metric, isMerged, mixed)].join(', ')} FROM ${withTop(metric, fold(rowsSql, ['start']), top)}
       ${isMerged ? `GROUP BY ${['start', ...keys].join(', ')}` : ''} ORDER BY ${['start', ...keys].join(', ')}
       ${query.rowsMax === undefined ? '' : `LIMIT ${query.rowsMax + 1}`}`,
    );
    const result: MetricResult = { version, rows: finishRows(metric, rows) };
    // Nobody takes it: the totals need not be computed.
    if (query.rowsMax !== undefined && rows.length > query.rowsMax) return result;
    if (query.total) {
      const merged = (relation: string) => withTop(metric, fold(relation, []), top);
      result.total = await this.#total(connection, metric, query, keys, merged, mixed);
      derive(metric, result.total, () => null);
      if (top) sortAs(top, metric, result.total);
      result.overall = metric.mergeable
        ? ((await this.#total(connection, metric, query, [], (relation) => relation))[0] ?? null)
        : null;
      if (result.overall) derive(metric, [result.overall], () => null);
    }
    if (crowded.length > 0) {
      const inRows = await countFolded(connection, metric, crowded, rowsSql, ['start']);
      const inTotal = query.total ? await countFolded(connection, metric, crowded, rowsSql, []) : {};
      const names = Object.keys({ ...inRows, ...inTotal });
      if (names.length > 0)
        result.folded = Object.fromEntries(
          names.map((name) => [name, Math.max(inRows[name] ?? 0, inTotal[name] ?? 0)]),
        );
    }
    return result;
  }

  async #topKeys(
    connection: Connection,
    metric: Metric,
    query: MetricQuery,
    rowsSql: string,
  ): Promise<TopKey[]> {
    const columns = topColumns(metric);
    const [list, within] = [columns.join(', '), columns.slice(0, -1)];
    const order = additiveValues(metric)
      .map(({ name }) => name)
      .sort((a, b) => Number(b === 'revenue') - Number(a === 'revenue'))
      .map((name) => `sum(${identifier(name)}) DESC`);
    const rows = await connection.rows<Record<string, string>>(
      `SELECT ${list} FROM ${rowsSql} GROUP BY ${list}
       QUALIFY row_number() OVER (${within.length > 0 ? `PARTITION BY ${within.join(', ')}` : ''} ORDER BY ${[...order, list].join(', ')}) <= ${query.top}
       ORDER BY ${[...within, ...order, list].join(', ')}`,
    );
    return rows.map((row) => Object.values(row));
  }

  /** Values merged over the windows of the range, per `keys`, some of which `merged` replaces by REST. */
  async #total(
    connection: Connection,
    metric: Metric,
    query: MetricQuery,
    keys: string[],
    merged: (relation: string) => string,
    mixed?: Key,
  ): Promise<Row[]> {
    const additive = additiveValues(metric).map(
      ({ name, of }) =>
        `${shown(of, ofOneMoney(of, mergedSql(of, `points.${identifier(name)}`), keys.length > 0 ? mixed : undefined, 'points.'))} AS ${identifier(name)}`,
    );
    const by = keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : '';
    const joins: string[] = [];
    const values: string[] = [...additive];
    const sketches = await this.#sketchesCover(connection, metric, query);
    const using = keys.length > 0 ? `USING (${keys.join(', ')})` : 'ON true';
    if (quantileValues(metric).length > 0) {
      const histogram = this.#tables.histogram(metric, rangeOf(query));
      const rows = merged(`(SELECT * FROM ${histogram}${sketches ? '' : ' WHERE false'})`);
      const quantiles = quantileValues(metric).map(({ name, of }) => ({ q: of.q, name }));
      joins.push(`LEFT JOIN (${quantileSql(quantiles, keys, rows)}) AS quantiles ${using}`);
      for (const { name } of quantileValues(metric))
        values.push(`any_value(quantiles.${identifier(name)}) AS ${identifier(name)}`);
    }
    for (const { name } of distinctValues(metric)) {
      const columns = [...keys, 'h'].join(', ');
      const rows = `(SELECT DISTINCT ${columns} FROM ${merged(this.#tables.hashes(metric, name, rangeOf(query)))})`;
      joins.push(`LEFT JOIN (${distinctCountsSql(keys, rows)}) AS distinct_${name} ${using}`);
      values.push(
        sketches
          ? `coalesce(any_value(distinct_${name}.n), 0) AS ${identifier(name)}`
          : `max(NULL::BIGINT) AS ${identifier(name)}`,
      );
    }
    // Without keys, no points at all would still give a row, of nulls.
    return connection.rows<Row>(
      `SELECT ${[...keys.map((key) => `points.${key}`), ...values].join(', ')} FROM ${merged(this.#tables.rows(metric, rangeOf(query)))} AS points ${joins.join(' ')}
       ${by.replaceAll(/"(\w+)"/g, 'points."$1"')} HAVING count(*) > 0 ORDER BY ALL`,
    );
  }

  /** Whether the sketches of all windows of the range are still there. Those of days always are. */
  async #sketchesCover(connection: Connection, metric: Metric, query: MetricQuery): Promise<boolean> {
    if (query.window === '1d') return true;
    const openFrom = openFromMs(query.window, this.#engine.maxReceivedAtMs(), this.#timeZone) / 60_000;
    const { n } = await connection.row<{ n: number }>(
      `SELECT count(*) AS n FROM ${this.#tables.identities(metric, rangeOf(query))} WHERE start < ${openFrom}`,
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
      const points: ChangedRow[] = [];
      if (now <= version) return { version: now, points, next: null };
      for (const name of metrics.slice(after ? metrics.indexOf(after.metric) : 0)) {
        const from = after?.metric === name ? after : null;
        const pointsMax = page ? page.pointsMax - points.length : Number.POSITIVE_INFINITY;
        const selected = { windows, from, pointsMax, named: page?.named ?? false };
        for (const point of await this.#changed(connection, this.#metric(name), version, selected))
          points.push(point);
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
    { windows, from, pointsMax, named }: Wanted,
  ): Promise<ChangedRow[]> {
    const identities = this.#tables.identities(metric, stateTable);
    const behind = from ? `AND (win, start) > (${windowIndex(from.window)}, ${from.startMinutes})` : '';
    const changed = `(SELECT DISTINCT win, start FROM ${identities}
      WHERE version > ${version} AND win IN (${windows.map(windowIndex).join(', ')}) ${behind})`;
    const first = firstSql(metric, identities, changed, pointsMax, named);
    const whole: Relations = (table) =>
      `(SELECT * FROM ${stateTable(table)} SEMI JOIN ${first} USING (win, start))`;
    const rowsSql = this.#tables.rows(metric, whole);
    const crowded = named
      ? await crowdedKeys(connection, metric, this.#tables.identities(metric, whole))
      : [];
    const identity = ['win', 'start', ...keyNames(metric)].join(', ');
    const rows = await connection.rows<Row & { win: number }>(
      `SELECT ${[
        identity,
        ...rowValues(
          metric,
          crowded.length > 0,
          crowded.find((key) => key.separatesMoney),
        ),
      ].join(', ')}
       FROM ${foldedSql(metric, rowsSql, crowded, rowsSql, ['win', 'start'])}
       ${crowded.length > 0 ? `GROUP BY ${identity}` : ''} ORDER BY win, start`,
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
function firstSql(metric: Metric, table: string, windows: string, pointsMax: number, named: boolean): string {
  if (pointsMax === Number.POSITIVE_INFINITY) return windows;
  const most = rowsOfWindowMax(metric);
  const n = named && Number.isFinite(most) ? `least(count(*), ${most})` : 'count(*)';
  const identities = `SELECT DISTINCT ${identityList(metric)} FROM ${table} SEMI JOIN ${windows} USING (win, start)`;
  return `(SELECT win, start FROM (
      SELECT win, start, n, sum(n) OVER (ORDER BY win, start) AS reached
      FROM (SELECT win, start, ${n} AS n FROM (${identities}) GROUP BY win, start)
    ) WHERE reached - n < ${pointsMax})`;
}

/** Money leaves DuckDB as text: a double would not keep it. Other decimals are numbers, whole ones without a point. */
function shown(aggregate: Aggregate, sql: string): string {
  if (aggregate.kind !== 'sum' || aggregate.type === 'integer') return sql;
  return `CAST(${sql} AS ${aggregate.type === 'money' ? 'VARCHAR' : 'DOUBLE'})`;
}

/** Money of several currencies can't be added: null in the row of REST of a key that separates money. */
function ofOneMoney(of: Aggregate, sql: string, mixed: Key | undefined, table: string): string {
  if (!mixed || of.kind !== 'sum' || of.type !== 'money') return sql;
  return `CASE WHEN ${table}${identifier(mixed.name)} = ${quote(REST)} THEN NULL ELSE ${sql} END`;
}

/** `mixed`: the key that separates money, where some of its values were replaced by REST. */
function rowValues(metric: Metric, merged: boolean, mixed?: Key): string[] {
  return Object.entries(metric.values).map(([name, of]) => {
    const column = identifier(name);
    if (!merged) return `${shown(of, column)} AS ${column}`;
    if (of.kind !== 'count' && of.kind !== 'sum' && of.kind !== 'max')
      return `CASE WHEN count(*) = 1 THEN any_value(${column}) END AS ${column}`;
    return `${shown(of, ofOneMoney(of, mergedSql(of, column), mixed, ''))} AS ${column}`;
  });
}

/** The windows that a query asks for. */
function rangeOf({ window, fromMs, toMs }: MetricQuery): Relations {
  const range = `win = ${windowIndex(window)} AND start >= ${fromMs / 60_000} AND start < ${toMs / 60_000}`;
  return (table) => `(SELECT * FROM ${stateTable(table)} WHERE ${range})`;
}

/** `relation` with the keys beyond the top N renamed to REST. */
function withTop(metric: Metric, relation: string, top?: TopKey[]): string {
  if (!top) return relation;
  const columns = topColumns(metric);
  const key = columns.at(-1)!;
  const list = top.map((values) => `(${values.map(quote).join(', ')})`).join(', ');
  const isTop = top.length > 0 ? `(${columns.join(', ')}) IN (${list})` : 'false';
  return `(SELECT * REPLACE (CASE WHEN ${isTop} THEN ${key} ELSE ${quote(REST)} END AS ${key}) FROM ${relation})`;
}

/** Window starts as ISO 8601, and the derived values. */
function finishRows(metric: Metric, rows: Row[]): MetricRow[] {
  for (const row of rows)
    row.start = new Date(Number(row.start) * 60_000).toISOString().replace('.000Z', 'Z');
  derive(metric, rows, (row) => row.start ?? null);
  return rows as MetricRow[];
}

/** Values of topColumns(). */
type TopKey = readonly string[];

/** The keys by which rows are ranked: the last one, and those before it within which it is. */
function topColumns(metric: Metric): string[] {
  const names = keyNames(metric);
  return metric.mergeable ? names.slice(-1) : names;
}

/** Best first, what is left over last. */
function sortAs(top: readonly TopKey[], metric: Metric, rows: Row[]): void {
  const names = metric.keys.map(({ name }) => name).slice(metric.mergeable ? -1 : 0);
  const ranks = new Map(top.map((values, index) => [JSON.stringify(values), index]));
  const rank = (row: Row) => ranks.get(JSON.stringify(names.map((name) => String(row[name])))) ?? top.length;
  rows.sort((a, b) => rank(a) - rank(b));
}
