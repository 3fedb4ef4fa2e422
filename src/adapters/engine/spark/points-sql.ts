import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metric } from '../../../metrics/definition.ts';
import { identifier, quote } from '../duckdb/database.ts';
import {
  histogramTable,
  identityColumns,
  pointsTable,
  quantileSql,
  quantileValues,
  valueType,
  windowIndex,
} from '../duckdb/render.ts';
import { latestSql, STATE } from '../duckdb/state.ts';
import type { SortedRecords } from './point-records.ts';

/** SQL that takes points of Spark into the tables of the metrics store. */

/** Windows that are computed from the archive since a line came for them when they were cold; Spark lacks that line. */
export const COLD = `${STATE}.cold`;
/** Of those, the ones that Spark sent again; they are computed once more from `due_ms` on. */
export const LATER = `${STATE}.later`;

export const EXTRA_TABLES = [
  `CREATE TABLE IF NOT EXISTS ${COLD} (win TINYINT, start INTEGER)`,
  `CREATE TABLE IF NOT EXISTS ${LATER} (win TINYINT, start INTEGER, due_ms BIGINT)`,
];

const newTable = (metric: Metric) => `new_${metric.name}`;
const newHistogram = (metric: Metric) => `newh_${metric.name}`;
const newFile = (dir: string, table: string) => join(dir, `${table}.ndjson`);

/** Values that come from Spark; quantiles follow from the histogram. */
const sentValues = (metric: Metric) =>
  Object.entries(metric.values).filter(([, { kind }]) => kind !== 'quantile');

export interface NewTable {
  table: string;
  metric: Metric;
  isHistogram: boolean;
  /** Makes it of the file. */
  create(dir: string): string;
}

/** Leaves rows out that lack a line, see COLD. */
const NOT_COLD = `ANTI JOIN ${COLD} USING (win, start)`;

/** The temp tables that new points are read into; `only` chooses among their rows. */
export function newTables(metric: Metric, only = metric.input === 'events' ? NOT_COLD : ''): NewTable[] {
  const keys = metric.keys.map(({ name }) => `${quote(name)}: 'VARCHAR'`);
  const identity = ["'win': 'TINYINT'", "'start': 'INTEGER'", ...keys];
  const create = (table: string, columns: string[]) => (dir: string) =>
    `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT * FROM read_json(${quote(newFile(dir, table))},
      format = 'newline_delimited', columns = {${[...identity, ...columns].join(', ')}}) ${only}`;
  const values = sentValues(metric).map(([name, of]) => `${quote(name)}: ${quote(valueType(of))}`);
  const points = newTable(metric);
  const tables: NewTable[] = [{ table: points, metric, isHistogram: false, create: create(points, values) }];
  if (quantileValues(metric).length > 0) {
    const table = newHistogram(metric);
    const columns = ["'bucket': 'SMALLINT'", "'n': 'BIGINT'"];
    tables.push({ table, metric, isHistogram: true, create: create(table, columns) });
  }
  return tables;
}

/** Rows of a table in the windows of the new points; a branch per size, so that each skips what is outside of its time. */
function touched(metric: Metric, table: string): string {
  const news = newTables(metric).map((each) => `SELECT win, start FROM ${each.table}`);
  const branches = metric.windows.map((size) => {
    const win = windowIndex(size);
    return `SELECT * FROM ${STATE}.${table} WHERE win = ${win} AND start IN (SELECT start FROM (${news.join(' UNION ')}) WHERE win = ${win})`;
  });
  return `(${branches.join(' UNION ALL ')})`;
}

/** Statements that take the temp tables into the state. What is there already is not written again. */
export function takeSql(metric: Metric, version: number): string[] {
  const columns = [...identityColumns(metric), ...Object.keys(metric.values).map(identifier)].join(', ');
  const latest = `(${latestSql(metric, touched(metric, pointsTable(metric)))})`;
  const write = (rows: string) =>
    `INSERT INTO ${STATE}.${pointsTable(metric)} SELECT ${columns}, ${version} FROM (SELECT ${columns} FROM ${rows} EXCEPT SELECT ${columns} FROM ${latest})`;
  if (quantileValues(metric).length === 0) return [write(newTable(metric))];
  const identity = identityColumns(metric).join(', ');
  const histogram = touched(metric, histogramTable(metric));
  return [
    // The table holds what is to be added up, so that it gets the difference.
    `INSERT INTO ${STATE}.${histogramTable(metric)} SELECT ${identity}, bucket, n - coalesce(had, 0) FROM ${newHistogram(metric)}
      LEFT JOIN (SELECT ${identity}, bucket, CAST(sum(n) AS BIGINT) AS had FROM ${histogram} GROUP BY ALL) USING (${identity}, bucket)
      WHERE n <> coalesce(had, 0)`,
    write(`(${newPointsSql(metric)})`),
  ];
}

/** Writes the files that the temp tables are made of. */
export async function writeNew(
  dir: string,
  tables: readonly NewTable[],
  { points, histograms }: SortedRecords,
): Promise<void> {
  for (const { table, metric, isHistogram } of tables) {
    const rows = (isHistogram ? histograms : points).get(metric.name) ?? [];
    await writeFile(newFile(dir, table), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }
}

/** The points that the temp tables hold, quantiles with them. */
export function newPointsSql(metric: Metric): string {
  const columns = [...identityColumns(metric), ...Object.keys(metric.values).map(identifier)].join(', ');
  if (quantileValues(metric).length === 0) return `SELECT ${columns} FROM ${newTable(metric)}`;
  const identity = identityColumns(metric);
  return `SELECT ${columns} FROM ${newTable(metric)}
    LEFT JOIN (${quantileSql(metric, identity, newHistogram(metric))}) USING (${identity.join(', ')})`;
}

/** Statements that put the temp tables into the state, where there is nothing of their windows. */
export function putSql(metric: Metric, version: number): string[] {
  const puts = [
    `INSERT INTO ${STATE}.${pointsTable(metric)} SELECT *, ${version} FROM (${newPointsSql(metric)})`,
  ];
  if (quantileValues(metric).length > 0) {
    const columns = [...identityColumns(metric), 'bucket', 'n'].join(', ');
    puts.push(
      `INSERT INTO ${STATE}.${histogramTable(metric)} SELECT ${columns} FROM ${newHistogram(metric)}`,
    );
  }
  return puts;
}

/** Notes the windows of a file that are computed from the archive, to be computed again. */
export function againSql(metric: Metric, dir: string, table: string, dueMs: number): string {
  return `INSERT INTO ${LATER} SELECT DISTINCT win, start, ${dueMs} FROM read_json(${quote(newFile(dir, table))},
    format = 'newline_delimited', columns = {'win': 'TINYINT', 'start': 'INTEGER'}) SEMI JOIN ${COLD} USING (win, start)
    WHERE ${metric.input === 'events'}`;
}
