import { WINDOWS, type WindowSize } from '../../../domain/window.ts';
import {
  type Aggregate,
  DISTINCT_EXACT_MAX,
  LATE_CLASSES,
  type Metric,
  QUANTILE_ERROR,
} from '../../../metrics/definition.ts';
import { identifier, quote } from './database.ts';

/**
 * The catalogue as DuckDB SQL. Every metric goes through the same steps:
 *
 *   input rows -> base (per slot of minutes and keys) -> delta (per window and keys) -> points
 *
 * and the same again for its sketches: histogram buckets for quantiles, hashes for distinct counts. Window starts are
 * minutes since 1970; `win` is the index of the size in WINDOWS.
 */

/** Ratio of neighbouring bucket bounds of DDSketch for QUANTILE_ERROR. */
const GAMMA = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR);
/** Bucket of the values that are 0, which has no logarithm. */
const ZERO_BUCKET = -1;

export function windowIndex(size: WindowSize): number {
  return WINDOWS.indexOf(size);
}

export function keyNames(metric: Metric): string[] {
  return metric.keys.map((key) => identifier(key.name));
}

/** `win, start` and the keys: the identity of a point. */
export function identityColumns(metric: Metric): string[] {
  return ['win', 'start', ...keyNames(metric)];
}

export function identityList(metric: Metric, alias?: string): string {
  return identityColumns(metric)
    .map((name) => (alias ? `${alias}.${name}` : name))
    .join(', ');
}

type Additive = Extract<Aggregate, { kind: 'count' | 'sum' | 'max' }>;
type Quantile = Extract<Aggregate, { kind: 'quantile' }>;
type Distinct = Extract<Aggregate, { kind: 'distinct' }>;

function valuesOf<T extends Aggregate>(metric: Metric, kinds: readonly string[]): { name: string; of: T }[] {
  return Object.entries(metric.values)
    .filter(([, value]) => kinds.includes(value.kind))
    .map(([name, value]) => ({ name, of: value as T }));
}

export const additiveValues = (metric: Metric) => valuesOf<Additive>(metric, ['count', 'sum', 'max']);
export const quantileValues = (metric: Metric) => valuesOf<Quantile>(metric, ['quantile']);
export const distinctValues = (metric: Metric) => valuesOf<Distinct>(metric, ['distinct']);

/** Names of the state tables of a metric. */
export const pointsTable = (metric: Metric) => `points_${metric.name}`;
export const histogramTable = (metric: Metric) => `hist_${metric.name}`;
export const setTable = (metric: Metric, value: string) => `set_${metric.name}_${value}`;

export function valueType(aggregate: Aggregate): string {
  if (aggregate.kind === 'quantile') return 'DOUBLE';
  return aggregate.kind === 'sum' && aggregate.type === 'money' ? 'DECIMAL(38,4)' : 'BIGINT';
}

/** Minutes per slot of the base: days of every time zone begin on a quarter of an hour. */
function slotMinutes(metric: Metric): number {
  return metric.windows.includes('1m') ? 1 : 15;
}

const slot = (metric: Metric) =>
  slotMinutes(metric) === 1 ? 'minute' : `minute // ${slotMinutes(metric)} * ${slotMinutes(metric)}`;

function keySql(metric: Metric): string[] {
  return metric.keys.map((key) => `coalesce(${key.sql}, 'unknown') AS ${identifier(key.name)}`);
}

const whereSql = (...conditions: (string | undefined)[]) => {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length > 0 ? `WHERE ${given.map((condition) => `(${condition})`).join(' AND ')}` : '';
};

/** Additive values per slot and keys. `input` has the metric's columns and `minute`. */
export function baseSql(metric: Metric, input: string): string {
  const values = additiveValues(metric).map(({ name, of }) => `${additiveSql(of)} AS ${identifier(name)}`);
  return `SELECT ${[`${slot(metric)} AS m`, ...keySql(metric), ...values].join(', ')}
    FROM ${input} ${whereSql(metric.where)} GROUP BY ALL`;
}

function additiveSql(aggregate: Additive): string {
  const filter = 'where' in aggregate && aggregate.where ? ` FILTER (WHERE ${aggregate.where})` : '';
  if (aggregate.kind === 'count') return `count(*)${filter}`;
  if (aggregate.kind === 'max') return `CAST(max(${aggregate.of}) AS BIGINT)`;
  return `CAST(coalesce(sum(${aggregate.of})${filter}, 0) AS ${valueType(aggregate)})`;
}

const mergeSql = (aggregate: Additive, column: string) =>
  `CAST(${aggregate.kind === 'max' ? 'max' : 'sum'}(${column}) AS ${valueType(aggregate)})`;

/** Histogram buckets of the metric's quantiles per slot and keys. */
export function histogramBaseSql(metric: Metric, input: string): string {
  const of = quantileValues(metric)[0]!.of.of;
  const bucket = `CAST(CASE WHEN ${of} <= 0 THEN ${ZERO_BUCKET} ELSE ceil(ln(${of}) / ln(${GAMMA})) END AS SMALLINT)`;
  return `SELECT ${[`${slot(metric)} AS m`, ...keySql(metric), `${bucket} AS bucket`, 'count(*) AS n'].join(', ')}
    FROM ${input} ${whereSql(metric.where)} GROUP BY ALL`;
}

/** Hashes of a distinct value per slot and keys. */
export function setBaseSql(metric: Metric, value: string, input: string): string {
  const of = distinctValues(metric).find(({ name }) => name === value)!.of.of;
  return `SELECT DISTINCT ${[`${slot(metric)} AS m`, ...keySql(metric), `hash(${of}) AS h`].join(', ')}
    FROM ${input} ${whereSql(metric.where, `${of} IS NOT NULL`)}`;
}

/**
 * A base per window instead of per slot: `values` are SQL aggregates, `group` further columns to group by.
 * `keep(size, start)` gives the condition on a window's start under which the window is wanted.
 */
function perWindowSql(
  metric: Metric,
  base: string,
  columns: string[],
  values: string[],
  keep: (size: WindowSize, start: string) => string,
): string {
  const groups = [...keyNames(metric), ...columns].map((name) => `base.${name}`);
  return metric.windows
    .map((size) => {
      const start = { '1m': 'slots.m', '1h': 'slots.h', '1d': 'slots.d' }[size];
      const list = [`${windowIndex(size)}::TINYINT AS win`, `${start} AS start`, ...groups, ...values].join(
        ', ',
      );
      return `SELECT ${list} FROM ${base} AS base JOIN slots ON base.m = slots.m WHERE ${keep(size, start)} GROUP BY ALL`;
    })
    .join(' UNION ALL ');
}

export type Keep = (size: WindowSize, start: string) => string;

export function deltaSql(metric: Metric, base: string, keep: Keep): string {
  const values = additiveValues(metric).map(
    ({ name, of }) => `${mergeSql(of, identifier(name))} AS ${identifier(name)}`,
  );
  return perWindowSql(metric, base, [], values, keep);
}

export function histogramDeltaSql(metric: Metric, base: string, keep: Keep): string {
  return perWindowSql(metric, base, ['bucket'], ['CAST(sum(n) AS BIGINT) AS n'], keep);
}

export function setDeltaSql(metric: Metric, base: string, keep: Keep): string {
  return perWindowSql(metric, base, ['h'], [], keep);
}

/**
 * Quantiles per `groups` from histogram rows (bucket, n), by the nearest-rank rule. A bucket stands for the value
 * 2 g^i / (g + 1), which is within QUANTILE_ERROR of all that fell into it.
 */
export function quantileSql(metric: Metric, groups: string[], histogram: string): string {
  const by = groups.join(', ');
  const over = groups.length > 0 ? `PARTITION BY ${by} ` : '';
  const list = groups.map((group) => `${group}, `).join('');
  const values = quantileValues(metric).map(
    ({ name, of }) =>
      `min(CASE WHEN bucket = ${ZERO_BUCKET} THEN 0 ELSE 2 * pow(${GAMMA}, bucket) / (${GAMMA} + 1) END)
         FILTER (WHERE reached >= ceil(${of.q} * all_n)) AS ${identifier(name)}`,
  );
  return `SELECT ${list}${values.join(', ')} FROM (
      SELECT ${list}bucket, sum(n) OVER (${over}ORDER BY bucket) AS reached,
        sum(n) OVER (${over}ORDER BY bucket ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS all_n
      FROM (SELECT ${list}bucket, sum(n) AS n FROM ${histogram} GROUP BY ALL)
    ) ${groups.length > 0 ? `GROUP BY ${by}` : ''}`;
}

/**
 * Distinct counts `n` per `groups` from rows of hashes `h`, none of which repeats within a group. Up to
 * DISTINCT_EXACT_MAX hashes it is their number; above, the bottom-k estimate (k - 1) / (k-th smallest hash as a share of the
 * hash space).
 */
export function distinctSql(groups: string[], hashes: string): string {
  const list = groups.map((group) => `${group}, `).join('');
  const using = groups.length > 0 ? `USING (${groups.join(', ')})` : 'ON true';
  return `SELECT ${groups.map((group) => `counts.${group}, `).join('')}
      CASE WHEN limits.kth IS NULL THEN counts.n
        ELSE CAST(round(${DISTINCT_EXACT_MAX - 1} * (18446744073709551616.0::DOUBLE / limits.kth)) AS BIGINT) END AS n
    FROM (SELECT ${list}count(*) AS n FROM ${hashes} ${groups.length > 0 ? `GROUP BY ${groups.join(', ')}` : ''}) AS counts
    LEFT JOIN (${distinctLimitsSql(groups, hashes)}) AS limits ${using}`;
}

/** The k-th smallest hash of each group that has more than k: larger ones are of no use to its estimate. */
export function distinctLimitsSql(groups: string[], hashes: string, rank = DISTINCT_EXACT_MAX): string {
  const list = groups.map((group) => `${group}, `).join('');
  const by = groups.length > 0 ? `GROUP BY ${groups.join(', ')}` : '';
  const k = DISTINCT_EXACT_MAX;
  const crowded = `(SELECT ${list}count(*) AS n FROM ${hashes} ${by} HAVING count(*) > ${k})`;
  const ofCrowded =
    groups.length > 0
      ? `SEMI JOIN ${crowded} USING (${groups.join(', ')})`
      : `WHERE (SELECT count(*) FROM ${crowded}) > 0`;
  return `SELECT ${list}list_sort(list(h))[${rank}] AS kth FROM ${hashes} ${ofCrowded} ${by}`;
}

/** Columns of the events table that the metrics read. */
const METRIC_COLUMNS = `event_time, event_type, user_id, session_id, product_id, quantity, price, amount, currency,
  device_type, response_time, status_code, received_at`;

/**
 * Input of the metrics over events: `rows` has the columns of the events table. A subquery, as a table of it would cost
 * more than reading the rows anew for each metric, which takes the few columns that it needs.
 */
export function eventsInputSql(rows: string): string {
  return `(SELECT ${METRIC_COLUMNS}, CAST(epoch_us(event_time) // 60000000 AS INTEGER) AS minute FROM ${rows})`;
}

/**
 * Input of the metrics over quality, see metrics/quality.ts. `bad` has reason and received_at, `duplicates`
 * received_at, `events` received_at and event_time.
 */
export function qualityInputSql(bad: string, duplicates: string, events: string): string {
  const minute = 'CAST(epoch_us(received_at) // 60000000 AS INTEGER) AS minute';
  const lateMs = '(epoch_us(received_at) - epoch_us(event_time)) // 1000';
  const classes = [...LATE_CLASSES]
    .reverse()
    .map((late) => `WHEN ${lateMs} >= ${late.fromMs} THEN ${quote(late.name)}`)
    .join(' ');
  return `(
    SELECT ${minute}, reason, CAST(NULL AS BIGINT) AS corrected FROM ${bad}
    UNION ALL
    SELECT ${minute}, 'duplicate', NULL FROM ${duplicates}
    UNION ALL
    SELECT ${minute}, CASE ${classes} END, epoch_us(event_time) // 60000000 FROM ${events}
    WHERE ${lateMs} >= ${LATE_CLASSES[0].fromMs}
  )`;
}
