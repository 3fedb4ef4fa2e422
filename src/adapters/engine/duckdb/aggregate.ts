import { windowEndMs, windowStartMs } from '../../../domain/window.ts';
import type { Metric } from '../../../metrics/definition.ts';
import { type Connection, identifier } from './database.ts';
import {
  additiveValues,
  baseSql,
  deltaSql,
  distinctLimitsSql,
  distinctSql,
  distinctValues,
  histogramBaseSql,
  histogramDeltaSql,
  histogramTable,
  identityColumns,
  identityList,
  type Keep,
  keyNames,
  pointsTable,
  quantileSql,
  quantileValues,
  setBaseSql,
  setDeltaSql,
  setTable,
  windowIndex,
} from './render.ts';
import { latestSql, limitsTable, STATE } from './state.ts';

/** Rows to aggregate: relations for the two inputs of the catalogue. */
export interface Inputs {
  events: string;
  quality: string;
}

/**
 * Aggregates rows into temp tables of the connection, one set per metric: `d_<metric>` (additive values per window),
 * `dh_<metric>` (histogram), `ds_<metric>_<value>` (hashes). Batches of the log and rows of the archive go the same way.
 */
export class Aggregator {
  readonly #connection: Connection;
  readonly #timeZone: string;
  /** Local days known to the table `days`: [from, to) in ms. */
  #daysFromMs = 0;
  #daysToMs = 0;

  constructor(connection: Connection, timeZone: string) {
    this.#connection = connection;
    this.#timeZone = timeZone;
  }

  /** Makes the deltas of `metrics`. `keepOf` says which windows of a metric are wanted. */
  async aggregate(
    metrics: readonly Metric[],
    inputs: Inputs,
    keepOf: (metric: Metric) => Keep,
  ): Promise<void> {
    for (const metric of metrics) {
      const input = inputs[metric.input];
      await this.#temp(`b_${metric.name}`, baseSql(metric, input));
      if (quantileValues(metric).length > 0)
        await this.#temp(`bh_${metric.name}`, histogramBaseSql(metric, input));
      for (const { name } of distinctValues(metric)) {
        await this.#temp(`bs_${metric.name}_${name}`, setBaseSql(metric, name, input));
      }
    }
    await this.#makeSlots(metrics);
    for (const metric of metrics) {
      const keep = keepOf(metric);
      await this.#temp(`d_${metric.name}`, deltaSql(metric, `b_${metric.name}`, keep));
      if (quantileValues(metric).length > 0) {
        await this.#temp(`dh_${metric.name}`, histogramDeltaSql(metric, `bh_${metric.name}`, keep));
      }
      for (const { name } of distinctValues(metric)) {
        const base = `${metric.name}_${name}`;
        await this.#temp(`ds_${base}`, setDeltaSql(metric, `bs_${base}`, keep));
      }
    }
  }

  /** The table `slots`: minute of each base row, and the starts of its hour and its local day. */
  async #makeSlots(metrics: readonly Metric[]): Promise<void> {
    const minutes = metrics.map((metric) => `SELECT m FROM b_${metric.name}`).join(' UNION ALL ');
    await this.#temp('slot_minutes', `SELECT DISTINCT m FROM (${minutes})`);
    const range = await this.#connection.row<{ low: number | null; high: number | null }>(
      'SELECT min(m) AS low, max(m) AS high FROM slot_minutes',
    );
    await this.#extendDays((range.low ?? 0) * 60_000, (range.high ?? 0) * 60_000);
    await this.#temp(
      'slots',
      `SELECT s.m, s.m // 60 * 60 AS h, days.m AS d FROM slot_minutes s ASOF JOIN days ON s.m >= days.m`,
    );
  }

  /** Grows the table `days` (start minutes of local days) so that it holds the days of both instants. */
  async #extendDays(lowMs: number, highMs: number): Promise<void> {
    const starts: number[] = [];
    if (this.#daysToMs === 0) {
      await this.#temp('days', 'SELECT 0::INTEGER AS m LIMIT 0');
      this.#daysFromMs = windowStartMs('1d', highMs, this.#timeZone);
      this.#daysToMs = this.#daysFromMs;
    }
    while (this.#daysToMs <= highMs) {
      starts.push(this.#daysToMs);
      this.#daysToMs = windowEndMs('1d', this.#daysToMs, this.#timeZone);
    }
    while (this.#daysFromMs > lowMs) {
      this.#daysFromMs = windowStartMs('1d', this.#daysFromMs - 1, this.#timeZone);
      starts.push(this.#daysFromMs);
    }
    if (starts.length === 0) return;
    const values = starts.map((start) => `(${start / 60_000})`).join(', ');
    await this.#connection.run(`INSERT INTO days VALUES ${values}`);
  }

  async #temp(name: string, sql: string): Promise<void> {
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`);
  }
}

/**
 * Rows of a state table in the windows that the deltas of the metric touch. One branch per window size, so that each
 * skips the row groups outside of its own time range.
 */
function touched(metric: Metric, table: string): string {
  const branches = metric.windows.map((size) => {
    const win = windowIndex(size);
    return `SELECT * FROM ${STATE}.${table} WHERE win = ${win} AND start IN (SELECT start FROM d_${metric.name} WHERE win = ${win})`;
  });
  return `(${branches.join(' UNION ALL ')})`;
}

/** Statements that take the deltas of the temp tables into the sketches of the state. */
export function mergeSketchesSql(metric: Metric): string[] {
  const statements: string[] = [];
  const list = identityList(metric);
  if (quantileValues(metric).length > 0) {
    statements.push(
      `INSERT INTO ${STATE}.${histogramTable(metric)} SELECT ${list}, bucket, n FROM dh_${metric.name}`,
    );
  }
  for (const { name } of distinctValues(metric)) {
    const set = setTable(metric, name);
    const columns = [...identityColumns(metric), 'h'].join(', ');
    const useful = `(SELECT ${columns} FROM ds_${metric.name}_${name} LEFT JOIN ${limitsTable(set)} USING (${list})
      WHERE kth IS NULL OR h < kth)`;
    statements.push(
      `INSERT INTO ${STATE}.${set} SELECT ${columns} FROM ${useful} ANTI JOIN ${touched(metric, set)} USING (${columns})`,
    );
  }
  return statements;
}

/** Statements that note, after a merge, which hashes of a distinct value will be of no use to crowded windows. */
export function noteLimitsSql(metric: Metric, value: string): string[] {
  const set = setTable(metric, value);
  const columns = [...identityColumns(metric), 'kth'].join(', ');
  return [
    `CREATE OR REPLACE TEMP TABLE new_limits AS ${distinctLimitsSql(identityColumns(metric), touched(metric, set))}`,
    `DELETE FROM ${limitsTable(set)} AS old USING new_limits WHERE old.win = new_limits.win AND old.start = new_limits.start`,
    `INSERT INTO ${limitsTable(set)} SELECT ${columns} FROM new_limits`,
  ];
}

/** Statement that writes the points of `pointsSql` as `version`. */
export function writePointsSql(metric: Metric, onto: 'state' | 'nothing', version: number): string {
  return `INSERT INTO ${STATE}.${pointsTable(metric)} SELECT *, ${version} AS version FROM (${pointsSql(metric, onto)})`;
}

/**
 * The full value of each window touched by the deltas. `onto: 'state'`: the deltas are added to what the state holds (the
 * sketches hold them already); `'nothing'`: they are the whole value.
 */
export function pointsSql(metric: Metric, onto: 'state' | 'nothing'): string {
  const identity = identityColumns(metric);
  const using = `USING (${identity.join(', ')})`;
  const joins: string[] = [];
  const columns: Record<string, string> = {};
  if (onto === 'state')
    joins.push(`LEFT JOIN (${latestSql(metric, touched(metric, pointsTable(metric)))}) AS current ${using}`);
  for (const { name, of } of additiveValues(metric)) {
    const column = identifier(name);
    const delta = `d.${column}`;
    if (onto === 'nothing') columns[name] = delta;
    else if (of.kind === 'max') columns[name] = `greatest(current.${column}, ${delta})`;
    else columns[name] = `coalesce(current.${column}, 0) + ${delta}`;
  }
  if (quantileValues(metric).length > 0) {
    const rows = onto === 'state' ? touched(metric, histogramTable(metric)) : `dh_${metric.name}`;
    joins.push(`LEFT JOIN (${quantileSql(metric, identity, rows)}) AS quantiles ${using}`);
    for (const { name } of quantileValues(metric)) columns[name] = `quantiles.${identifier(name)}`;
  }
  for (const { name } of distinctValues(metric)) {
    const rows = onto === 'state' ? touched(metric, setTable(metric, name)) : `ds_${metric.name}_${name}`;
    joins.push(`LEFT JOIN (${distinctSql(identity, rows)}) AS distinct_${name} ${using}`);
    columns[name] = `coalesce(distinct_${name}.n, 0)`;
  }
  const values = Object.keys(metric.values).map((name) => `${columns[name]} AS ${identifier(name)}`);
  const list = ['win', 'start', ...keyNames(metric)].map((name) => `d.${name}`);
  return `SELECT ${[...list, ...values].join(', ')} FROM d_${metric.name} AS d ${joins.join(' ')}`;
}
