import { randomUUID } from 'node:crypto';
import type { WindowSize } from '../../../domain/window.ts';
import { DISTINCT_EXACT_MAX, DUPLICATE_WITHIN_MS, type Metric } from '../../../metrics/definition.ts';
import type { Connection } from './database.ts';
import {
  distinctLimitsSql,
  distinctValues,
  histogramTable,
  identityColumns,
  identityList,
  keyNames,
  pointsTable,
  quantileValues,
  setTable,
  valueType,
  windowIndex,
} from './render.ts';

/** Changes with every change of tables or meaning; state of another version is deleted and rebuilt. */
export const STATE_VERSION = 2;

/** Name under which the state file is attached. */
export const STATE = 'metrics';

/** A table is folded when it has grown by this many rows, or doubled, whichever is more. */
const FOLD_ROWS_MIN = 2_000_000;

interface StateTable {
  name: string;
  columns: string;
  /** Query over the table that gives its folded form; `hotFrom` in minutes. */
  folded(hotFrom: Record<WindowSize, number>, frontierMs: number): string;
}

/** All tables that grow with the input. They have no primary key: deltas are appended and folded now and then. */
export function stateTables(catalogue: readonly Metric[]): StateTable[] {
  const tables: StateTable[] = [];
  for (const metric of catalogue) {
    const keys = keyNames(metric).map((name) => `${name} VARCHAR, `);
    const identity = `win TINYINT, start INTEGER, ${keys.join('')}`;
    const values = Object.entries(metric.values).map(([name, value]) => `"${name}" ${valueType(value)}, `);
    tables.push({
      name: pointsTable(metric),
      columns: `${identity}${values.join('')}version BIGINT`,
      folded: () => `${latestSql(metric, `${STATE}.${pointsTable(metric)}`)} ORDER BY win, start`,
    });
    const list = identityList(metric);
    if (quantileValues(metric).length > 0) {
      const name = histogramTable(metric);
      tables.push({
        name,
        columns: `${identity}bucket SMALLINT, n BIGINT`,
        folded: (hotFrom) => `SELECT ${list}, bucket, CAST(sum(n) AS BIGINT) AS n FROM ${STATE}.${name}
          WHERE ${hotSql(hotFrom)} GROUP BY ALL ORDER BY win, start`,
      });
    }
    for (const value of distinctValues(metric)) {
      const name = setTable(metric, value.name);
      tables.push({
        name,
        columns: `${identity}h UBIGINT`,
        // One hash more than the estimate needs is kept: it tells that the window is crowded.
        folded: (hotFrom) => `SELECT ${list}, h FROM ${STATE}.${name}
          LEFT JOIN (${distinctLimitsSql(identityColumns(metric), `${STATE}.${name}`, DISTINCT_EXACT_MAX + 1)}) AS limits
            USING (${list})
          WHERE ${hotSql(hotFrom)} AND (kth IS NULL OR h <= kth) ORDER BY win, start`,
      });
    }
  }
  tables.push({
    name: 'seen',
    columns: 'id_hash UBIGINT, received_ms BIGINT',
    // An id that came twice may stay twice: grouping millions of ids to save a few rows would cost the most memory of all.
    folded: (_, frontierMs) => `SELECT * FROM ${STATE}.seen
      WHERE received_ms >= ${frontierMs - DUPLICATE_WITHIN_MS}`,
  });
  return tables;
}

/**
 * Largest useful hash of each crowded window of a set table: only a filter that saves work, so it lives in memory and
 * is empty after a start.
 */
export const limitsTable = (set: string) => `limits_${set}`;

export async function createLimits(connection: Connection, catalogue: readonly Metric[]): Promise<void> {
  for (const metric of catalogue) {
    for (const { name } of distinctValues(metric)) {
      const keys = keyNames(metric).map((key) => `${key} VARCHAR, `);
      await connection.run(
        `CREATE TEMP TABLE ${limitsTable(setTable(metric, name))} (win TINYINT, start INTEGER, ${keys.join('')}kth UBIGINT)`,
      );
    }
  }
}

/** The newest version of each point in `points`. */
export function latestSql(metric: Metric, points: string): string {
  return `SELECT * FROM ${points} QUALIFY row_number() OVER (PARTITION BY ${identityList(metric)} ORDER BY version DESC) = 1`;
}

/** Sketches of 1m and 1h windows go when the window is cold; those of days stay, so that ranges of days can be merged. */
function hotSql(hotFrom: Record<WindowSize, number>): string {
  return `(win = ${windowIndex('1d')} OR (win = ${windowIndex('1m')} AND start >= ${hotFrom['1m']})
    OR (win = ${windowIndex('1h')} AND start >= ${hotFrom['1h']}))`;
}

/** Creates the tables of an empty state file. */
export async function createState(
  connection: Connection,
  tables: StateTable[],
  catalogue: string,
): Promise<void> {
  await connection.transaction(async () => {
    for (const table of tables)
      await connection.run(`CREATE TABLE ${STATE}.${table.name} (${table.columns})`);
    await connection.run(
      `CREATE TABLE ${STATE}.dirty (win TINYINT, start INTEGER, past BIGINT, log_partition INTEGER, marked_ms BIGINT)`,
    );
    await connection.run(`CREATE TABLE ${STATE}.engine (state_version INTEGER, catalogue VARCHAR, version BIGINT,
      frontier_ms BIGINT, positions VARCHAR, ledger VARCHAR, id VARCHAR)`);
    await connection.run(
      `INSERT INTO ${STATE}.engine VALUES (${STATE_VERSION}, '${catalogue}', 0, 0, '{}', '{}', '${randomUUID()}')`,
    );
  });
  await connection.run(`CHECKPOINT ${STATE}`);
}

/**
 * Rewrites tables that have grown, one by one: keeps the newest points, merges sketches, forgets what is cold. A new
 * table instead of deletes, because DuckDB's memory grows with upserts and deletes (duckdb/duckdb#25162).
 */
export class Folder {
  readonly #connection: Connection;
  readonly #tables: StateTable[];
  readonly #rowsMin: number;
  readonly #rows = new Map<string, { folded: number; now: number }>();

  constructor(connection: Connection, tables: StateTable[], rowsMin = FOLD_ROWS_MIN) {
    this.#connection = connection;
    this.#tables = tables;
    this.#rowsMin = rowsMin;
  }

  /** Folds what needs it. Must run outside of a transaction. */
  async foldGrown(hotFrom: Record<WindowSize, number>, frontierMs: number): Promise<void> {
    let folded = false;
    for (const table of this.#tables) {
      const counts = this.#rows.get(table.name) ?? { folded: 0, now: 0 };
      counts.now = await this.#count(table);
      if (counts.now - counts.folded > Math.max(this.#rowsMin, counts.folded)) {
        await this.#connection.run(
          `CREATE OR REPLACE TABLE ${STATE}.${table.name} AS ${table.folded(hotFrom, frontierMs)}`,
        );
        counts.folded = await this.#count(table);
        folded = true;
      }
      this.#rows.set(table.name, counts);
    }
    // The WAL must not keep the new tables: replaying DDL after a crash has failed for others.
    if (folded) await this.#connection.run(`CHECKPOINT ${STATE}`);
  }

  async #count(table: StateTable): Promise<number> {
    return (await this.#connection.row<{ n: number }>(`SELECT count(*) AS n FROM ${STATE}.${table.name}`)).n;
  }
}
