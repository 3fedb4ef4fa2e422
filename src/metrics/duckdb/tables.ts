import { type Aggregate, DISTINCT_EXACT_MAX, type Metric } from '../definition.ts';
import { additiveType, GAMMA, ZERO_BUCKET } from '../pass-sql.ts';
import type { AdditivePass, HistogramPass, Pass, Plan } from '../plan.ts';
import { WINDOWS, type WindowSize } from '../window.ts';
import { identifier } from './database.ts';
import { DUCKDB_DIALECT } from './dialect.ts';

/**
 * The tables of aggregates per window, and how the rows of a metric are read from them:
 *
 *   sums_PASS   counts, sums and maxima by the keys of an additive pass
 *   histograms  number of rows by bucket, of all histogram passes
 *   hashes      hashes of all distinct passes, none of which repeats within a window and keys
 *   sketches    what follows from the two: quantiles (newest version), number of hashes (sum), and the largest useful hash
 *
 * Each has win (index of the size in WINDOWS), start (minutes since 1970) and version (of the store, when the row came). Rows are
 * appended, and merged when they are read or compacted.
 */

export function windowIndex(size: WindowSize): number {
  return WINDOWS.indexOf(size);
}

export function keyNames(metric: Metric): string[] {
  return metric.keys.map((key) => identifier(key.name));
}

/** `win, start` and the keys: the identity of a row. */
export function identityColumns(metric: Metric): string[] {
  return ['win', 'start', ...keyNames(metric)];
}

export function identityList(metric: Metric): string {
  return identityColumns(metric).join(', ');
}

function valuesOf<K extends Aggregate['kind']>(metric: Metric, ...kinds: K[]) {
  return Object.entries(metric.values)
    .filter(([, { kind }]) => (kinds as string[]).includes(kind))
    .map(([name, of]) => ({ name, of: of as Extract<Aggregate, { kind: K }> }));
}

export const additiveValues = (metric: Metric) => valuesOf(metric, 'count', 'sum', 'max');
export const quantileValues = (metric: Metric) => valuesOf(metric, 'quantile');
export const distinctValues = (metric: Metric) => valuesOf(metric, 'distinct');

export function valueType(aggregate: Aggregate): string {
  const { types } = DUCKDB_DIALECT;
  if (aggregate.kind === 'quantile') return types.double;
  return aggregate.kind === 'distinct' ? types.count : types[additiveType(aggregate)];
}

/** A relation for each table of aggregates. */
export type Relations = (table: string) => string;

export const HISTOGRAMS = 'histograms';
export const HASHES = 'hashes';
export const SKETCHES = 'sketches';
export const sumsTable = (pass: AdditivePass) => `sums_${pass.name}`;

export interface AggregateTable {
  name: string;
  /** With their types; `version` is the last one. */
  columns: { name: string; type: string }[];
}

/** Merges values of an additive pass; `where` as a Source has it. */
export function mergedSql(of: Aggregate, column: string, where?: string): string {
  const filter = where === undefined ? '' : ` FILTER (WHERE ${where})`;
  if (of.kind === 'max') return `max(${column})${filter}`;
  return `CAST(coalesce(sum(${column})${filter}, 0) AS ${valueType(of)})`;
}

/** The plan as tables of DuckDB. */
export class Tables {
  readonly plan: Plan;
  readonly all: readonly AggregateTable[];
  /** Columns of keys that all sketch passes share: as many as any of them has. */
  readonly sketchKeys: readonly string[];
  readonly quantiles: readonly string[];

  constructor(plan: Plan) {
    this.plan = plan;
    const sketched = plan.passes.filter(({ kind }) => kind !== 'additive');
    const most = (numbers: number[]) => numbers.reduce((a, b) => Math.max(a, b), 0);
    const columns = (letter: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
    this.sketchKeys = columns('k', most(sketched.map(({ keys }) => keys.length)));
    this.quantiles = columns('q', most(this.ofKind('histogram').map(({ quantiles }) => quantiles.length)));
    const typed = (type: string) => (name: string) => ({ name, type });
    const window = [typed('TINYINT')('win'), typed('INTEGER')('start')];
    const version = typed('BIGINT')('version');
    const identity = [typed('TINYINT')('pass'), ...window, ...this.sketchKeys.map(typed('VARCHAR'))];
    this.all = [
      ...this.ofKind('additive').map((pass) => ({
        name: sumsTable(pass),
        columns: [
          ...window,
          ...pass.keys.map(({ column }) => typed('VARCHAR')(identifier(column))),
          ...pass.values.map(({ column, of }) => typed(valueType(of))(identifier(column))),
          version,
        ],
      })),
      {
        name: HISTOGRAMS,
        columns: [...identity, typed('SMALLINT')('bucket'), typed('BIGINT')('n'), version],
      },
      { name: HASHES, columns: [...identity, typed('BIGINT')('h'), version] },
      {
        name: SKETCHES,
        columns: [
          ...identity,
          ...['n', 'kth'].map(typed('BIGINT')),
          ...this.quantiles.map(typed('DOUBLE')),
          version,
        ],
      },
    ];
  }

  ofKind<K extends Pass['kind']>(kind: K, passes = this.plan.passes): Extract<Pass, { kind: K }>[] {
    return passes.filter((pass): pass is Extract<Pass, { kind: K }> => pass.kind === kind);
  }

  /** Columns of a table without version. */
  columnsOf(table: string): string[] {
    return this.all
      .find(({ name }) => name === table)!
      .columns.slice(0, -1)
      .map(({ name }) => name);
  }

  /** Pass, window and keys: the identity of a sketch. */
  get sketchIdentity(): string {
    return ['pass', 'win', 'start', ...this.sketchKeys].join(', ');
  }

  /** Index of a sketch pass in its tables. */
  idOf(pass: Pass): number {
    return this.plan.passes.indexOf(pass);
  }

  /** The rows of a metric: window, keys, values, version. */
  rows(metric: Metric, of: Relations): string {
    const { additive, keys, values, sketches } = this.#of(metric);
    const names = keyNames(metric);
    const columns: Record<string, string> = {};
    const sums = additiveValues(metric).map(({ name, of: value }) => {
      const { column, where } = values[name]!;
      columns[name] = `sums.${identifier(name)}`;
      return `${mergedSql(value, identifier(column), where)} AS ${identifier(name)}`;
    });
    const list = ['win', 'start', ...keys.map((column, index) => `${identifier(column)} AS ${names[index]}`)];
    const by = list.map((_, index) => index + 1).join(', ');
    const base = `SELECT ${[...list, ...sums, 'max(version) AS version'].join(', ')}
      FROM ${of(sumsTable(additive))} WHERE ${this.#counts(metric)} GROUP BY ${by}`;
    const joins: string[] = [];
    for (const pass of new Set(Object.values(sketches))) {
      const alias = `sketch_${this.idOf(pass)}`;
      const value =
        pass.kind === 'distinct'
          ? `${distinctSql('sum(n)', 'min(kth)')} AS n`
          : pass.quantiles.map((_, index) => `arg_max(q${index + 1}, version) AS q${index + 1}`).join(', ');
      joins.push(`LEFT JOIN (SELECT win, start, ${this.#named(metric)}${value} FROM ${of(SKETCHES)}
        WHERE pass = ${this.idOf(pass)} GROUP BY ${by}) AS ${alias} USING (${identityList(metric)})`);
    }
    for (const { name, of: value } of quantileValues(metric)) {
      const pass = sketches[name] as HistogramPass;
      columns[name] = `sketch_${this.idOf(pass)}.q${pass.quantiles.indexOf(value.q) + 1}`;
    }
    for (const { name } of distinctValues(metric))
      columns[name] = `coalesce(sketch_${this.idOf(sketches[name]!)}.n, 0)`;
    const shown = Object.keys(metric.values).map((name) => `${columns[name]} AS ${identifier(name)}`);
    return `(SELECT ${[identityList(metric), ...shown, 'sums.version'].join(', ')} FROM (${base}) AS sums ${joins.join(' ')})`;
  }

  /** Rows of the windows and keys of which the metric has rows, unmerged: window, keys, version. */
  identities(metric: Metric, of: Relations): string {
    const { additive, keys } = this.#of(metric);
    const names = keyNames(metric);
    const list = keys.map((column, index) => `${identifier(column)} AS ${names[index]}, `).join('');
    return `(SELECT win, start, ${list}version FROM ${of(sumsTable(additive))} WHERE ${this.#counts(metric)})`;
  }

  /** Rows of the histogram of the metric's quantiles: window, keys, bucket, n. */
  histogram(metric: Metric, of: Relations): string {
    const pass = this.#of(metric).sketches[quantileValues(metric)[0]!.name]!;
    return `(SELECT win, start, ${this.#named(metric)}bucket, n FROM ${of(HISTOGRAMS)} WHERE pass = ${this.idOf(pass)})`;
  }

  /** Rows of the hashes of a distinct value: window, keys, h. */
  hashes(metric: Metric, value: string, of: Relations): string {
    const pass = this.#of(metric).sketches[value]!;
    return `(SELECT win, start, ${this.#named(metric)}h FROM ${of(HASHES)} WHERE pass = ${this.idOf(pass)})`;
  }

  #of(metric: Metric) {
    return this.plan.metrics.get(metric.name)!;
  }

  /** Whether a row of the sums is one of the metric. */
  #counts(metric: Metric): string {
    const { additive, rows } = this.#of(metric);
    const conditions = [`${identifier(rows.column)} > 0`];
    if (rows.where !== undefined) conditions.push(`(${rows.where})`);
    if (metric.windows.length < additive.windows.length)
      conditions.push(`win IN (${metric.windows.map(windowIndex).join(', ')})`);
    return conditions.join(' AND ');
  }

  /** Key columns of a sketch table by their names in the metric. */
  #named(metric: Metric): string {
    return keyNames(metric)
      .map((name, index) => `${this.sketchKeys[index]} AS ${name}, `)
      .join('');
  }
}

/** Hashes are numbers below this one. */
const HASH_SPACE = '9223372036854775808.0::DOUBLE';

/**
 * A distinct count from the number of hashes that are kept, and the k-th smallest of them where there are more than k =
 * DISTINCT_EXACT_MAX: then the bottom-k estimate (k - 1) / (k-th smallest hash as a share of the hash space).
 */
function distinctSql(n: string, kth: string): string {
  return `CASE WHEN ${kth} IS NULL THEN CAST(${n} AS BIGINT)
    ELSE CAST(round(${DISTINCT_EXACT_MAX - 1} * (${HASH_SPACE} / ${kth})) AS BIGINT) END`;
}

/** Distinct counts `n` per `groups` from rows of hashes `h`, none of which repeats within a group. */
export function distinctCountsSql(groups: readonly string[], hashes: string): string {
  const list = groups.map((group) => `${group}, `).join('');
  const using = groups.length > 0 ? `USING (${groups.join(', ')})` : 'ON true';
  return `SELECT ${groups.map((group) => `counts.${group}, `).join('')}${distinctSql('counts.n', 'limits.kth')} AS n
    FROM (SELECT ${list}count(*) AS n FROM ${hashes} ${groups.length > 0 ? `GROUP BY ${groups.join(', ')}` : ''}) AS counts
    LEFT JOIN (${distinctLimitsSql(groups, hashes)}) AS limits ${using}`;
}

/** The k-th smallest hash of each group that has more than k: larger ones are of no use to its estimate. */
export function distinctLimitsSql(
  groups: readonly string[],
  hashes: string,
  rank = DISTINCT_EXACT_MAX,
): string {
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

/** So many rows are counted one by one for a quantile: of more, the counts of their buckets are added up. */
export const ROWS_ALONE_MAX = 10_000;

/** The value that bucket `bucket` stands for: 2 g^i / (g + 1), which is within QUANTILE_ERROR of all that fell into it. */
const bucketValueSql = (bucket: string) =>
  `CASE WHEN ${bucket} = ${ZERO_BUCKET} THEN 0 ELSE 2 * pow(${GAMMA}, ${bucket}) / (${GAMMA} + 1) END`;

type Quantiles = readonly { q: number; name: string }[];

/** Quantiles per `groups` from histogram rows (bucket, n), by the nearest-rank rule. */
export function quantileSql(quantiles: Quantiles, groups: readonly string[], histogram: string): string {
  const by = groups.join(', ');
  const over = groups.length > 0 ? `PARTITION BY ${by} ` : '';
  const list = groups.map((group) => `${group}, `).join('');
  const values = quantiles.map(
    ({ q, name }) =>
      `${bucketValueSql(`min(bucket) FILTER (WHERE reached >= ceil(${q} * all_n))`)} AS ${identifier(name)}`,
  );
  return `SELECT ${list}${values.join(', ')} FROM (
      SELECT ${list}bucket, sum(n) OVER (${over}ORDER BY bucket) AS reached,
        sum(n) OVER (${over}ORDER BY bucket ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS all_n
      FROM (SELECT ${list}bucket, sum(n) AS n FROM ${histogram} GROUP BY ALL)
    ) ${groups.length > 0 ? `GROUP BY ${by}` : ''}`;
}

/** The same of many groups, most of which have few rows: takes a third of the time. */
export function manyQuantilesSql(quantiles: Quantiles, groups: readonly string[], histogram: string): string {
  const by = groups.join(', ');
  const found = quantiles.map(({ q, name }) => `quantile_disc(bucket, ${q}) AS ${identifier(name)}`);
  const values = quantiles.map(({ name }) => `${bucketValueSql(identifier(name))} AS ${identifier(name)}`);
  return `WITH buckets AS MATERIALIZED (SELECT ${by}, bucket, CAST(sum(n) AS BIGINT) AS n FROM ${histogram} GROUP BY ALL),
      large AS MATERIALIZED (SELECT ${by} FROM buckets GROUP BY ALL HAVING sum(n) > ${ROWS_ALONE_MAX})
    SELECT ${by}, ${values.join(', ')} FROM (SELECT ${by}, ${found.join(', ')} FROM (
      SELECT ${by}, bucket, unnest(range(n)) FROM buckets ANTI JOIN large USING (${by})) GROUP BY ${by})
    UNION ALL
    ${quantileSql(quantiles, groups, `(SELECT * FROM buckets SEMI JOIN large USING (${by}))`)}`;
}
