import type { Key, Metric } from '../definition.ts';
import { type Connection, identifier, quote } from './database.ts';
import { additiveValues } from './tables.ts';

/** What the values of a key beyond its `max` share. */
export const REST = 'other';

/** Keys of the metric that have more values in `rows` than an answer names. */
export async function crowdedKeys(connection: Connection, metric: Metric, rows: string): Promise<Key[]> {
  const crowded: Key[] = [];
  for (const key of metric.keys) {
    if (key.max === undefined) continue;
    const values = `SELECT DISTINCT ${identifier(key.name)} FROM ${rows} LIMIT ${key.max + 1}`;
    const { n } = await connection.row<{ n: number }>(`SELECT count(*) AS n FROM (${values})`);
    if (n > key.max) crowded.push(key);
  }
  return crowded;
}

/**
 * `relation` with the values of `keys` that are not named replaced by REST. Which ones are named follows from `points` alone,
 * per group of the columns `within`: first those that are always named, then the most frequent, then by name. So it is the
 * same in whatever order the lines came and whichever engine computed them.
 */
export function foldedSql(
  metric: Metric,
  relation: string,
  keys: readonly Key[],
  rowsSql: string,
  within: readonly string[],
): string {
  return keys.reduce((rows, key) => {
    const name = identifier(key.name);
    return `(SELECT r.* REPLACE (CASE WHEN n.${name} IS NULL THEN ${quote(REST)} ELSE r.${name} END AS ${name})
      FROM ${rows} AS r LEFT JOIN ${namedSql(metric, key, rowsSql, within)} AS n ON ${sameSql(name, within)})`;
  }, relation);
}

/** How many values of each of the `keys` are not named in some group. */
export async function countFolded(
  connection: Connection,
  metric: Metric,
  keys: readonly Key[],
  rowsSql: string,
  within: readonly string[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const key of keys) {
    const name = identifier(key.name);
    const { n } = await connection.row<{ n: number }>(
      `SELECT count(DISTINCT r.${name}) AS n FROM ${rowsSql} AS r
       LEFT JOIN ${namedSql(metric, key, rowsSql, within)} AS n ON ${sameSql(name, within)} WHERE n.${name} IS NULL`,
    );
    if (n > 0) counts[key.name] = n;
  }
  return counts;
}

/** Most rows of a window in an answer; infinite for a metric with a key that has no bound. */
export function rowsOfWindowMax(metric: Metric): number {
  return metric.keys.reduce((most, { max }) => most * ((max ?? Number.POSITIVE_INFINITY) + 1), 1);
}

function namedSql(metric: Metric, key: Key, rowsSql: string, within: readonly string[]): string {
  const columns = [...within, identifier(key.name)].join(', ');
  const first = ['unknown', ...(key.first ?? [])].map(quote).join(', ');
  const size = additiveValues(metric).find(({ of }) => of.kind === 'count');
  const order = [
    `${identifier(key.name)} IN (${first}) DESC`,
    ...(size ? [`sum(${identifier(size.name)}) DESC`] : []),
    identifier(key.name),
  ].join(', ');
  const by = within.length > 0 ? `PARTITION BY ${within.join(', ')} ` : '';
  return `(SELECT ${columns} FROM ${rowsSql} GROUP BY ${columns} QUALIFY row_number() OVER (${by}ORDER BY ${order}) <= ${key.max})`;
}

const sameSql = (name: string, within: readonly string[]) =>
  [...within, name].map((column) => `r.${column} = n.${column}`).join(' AND ');
