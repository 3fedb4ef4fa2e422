import type { Metric } from '../definition.ts';
import type { RebuildDifference, RebuildResult } from '../engine.ts';
import { WINDOWS } from '../window.ts';
import { type Connection, identifier } from './database.ts';
import { newTable, stateTable } from './merge.ts';
import { identityColumns, identityList, type Tables, valueType } from './tables.ts';

const EXAMPLES_MAX = 20;

/** Compares the rows of the selected windows with those that were computed again, and adds to `result`. */
export async function compareRows(
  connection: Connection,
  tables: Tables,
  metrics: readonly Metric[],
  result: RebuildResult,
): Promise<void> {
  for (const metric of metrics) {
    const stored = tables.rows(
      metric,
      (table) => `(SELECT * FROM ${stateTable(table)} SEMI JOIN selected USING (win, start))`,
    );
    const values = Object.entries(metric.values).map(([name, value]) => ({
      column: identifier(name),
      value,
      name,
    }));
    const differs = values.map(({ column }) => `stored.${column} IS DISTINCT FROM rebuilt.${column}`);
    const text = (alias: string) =>
      values.map(({ column, name, value }) => {
        const shown = valueType(value).startsWith('DECIMAL')
          ? `CAST(${alias}.${column} AS VARCHAR)`
          : `${alias}.${column}`;
        return `${shown} AS ${identifier(`${alias}_${name}`)}`;
      });
    await connection.run(`CREATE OR REPLACE TEMP TABLE compared AS
      SELECT ${identityColumns(metric).join(', ')}, stored.version IS NOT NULL AS is_stored, rebuilt.here IS NOT NULL AS is_rebuilt,
        ${[...text('stored'), ...text('rebuilt')].join(', ')}, ${differs.map((each) => `(${each})`).join(' OR ')} OR stored.version IS NULL OR rebuilt.here IS NULL AS differs
      FROM ${stored} AS stored
      FULL JOIN (SELECT *, true AS here FROM ${tables.rows(metric, newTable)}) AS rebuilt USING (${identityColumns(metric).join(', ')})`);
    const counts = await connection.row<{ windows: number; differences: number }>(
      `SELECT count(*) AS windows, coalesce(sum(n), 0)::BIGINT AS differences
       FROM (SELECT win, start, count_if(differs) AS n FROM compared GROUP BY win, start)`,
    );
    result.windows += counts.windows;
    result.differences += counts.differences;
    if (counts.differences === 0 || result.examples.length >= EXAMPLES_MAX) continue;
    const rows = await connection.rows<Record<string, string | number | null>>(
      `SELECT * FROM compared WHERE differs ORDER BY ${identityList(metric)} LIMIT ${EXAMPLES_MAX - result.examples.length}`,
    );
    for (const row of rows) result.examples.push(example(metric, row));
  }
}

function example(metric: Metric, row: Record<string, string | number | null>): RebuildDifference {
  const side = (alias: string) =>
    row[`is_${alias}`]
      ? Object.fromEntries(Object.keys(metric.values).map((name) => [name, row[`${alias}_${name}`] ?? null]))
      : null;
  return {
    metric: metric.name,
    window: WINDOWS[row.win as number]!,
    start: new Date((row.start as number) * 60_000).toISOString(),
    keys: Object.fromEntries(metric.keys.map((key) => [key.name, String(row[key.name])])),
    stored: side('stored'),
    rebuilt: side('rebuilt'),
  };
}
