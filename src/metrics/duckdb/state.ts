import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DISTINCT_EXACT_MAX } from '../definition.ts';
import type { WindowSize } from '../window.ts';
import { type Connection, quote } from './database.ts';
import { IDENTITY_COLUMNS } from './identity-sql.ts';
import {
  distinctLimitsSql,
  HASHES,
  HISTOGRAMS,
  mergedSql,
  SKETCHES,
  sumsTable,
  type Tables,
  windowIndex,
} from './tables.ts';

/** Changes with every change of tables or meaning; state of another version is deleted and rebuilt. */
export const STATE_VERSION = 6;

/** Name under which the state file is attached. */
export const STATE = 'metrics';

/** A table is compacted when it has grown by this many rows, or doubled, whichever is more. */
export const COMPACT_ROWS_MIN = 1_000_000;
const FOLD_ROWS_MIN_OF: Readonly<Record<string, number>> = {
  [SKETCHES]: 200_000,
  [HASHES]: 4_000_000,
};
/** Batches after which it is looked whether tables have grown. */
const LOOK_BATCHES = 60;

/** Creates the tables of an empty state file. */
export async function createState(connection: Connection, tables: Tables, catalogue: string): Promise<void> {
  await connection.transaction(async () => {
    for (const { name, columns } of tables.all) {
      const list = columns.map((column) => `${column.name} ${column.type}`).join(', ');
      await connection.run(`CREATE TABLE ${STATE}.${name} (${list})`);
      if (name !== SKETCHES) await connection.run(`CREATE TABLE ${STATE}.late_${name} (${list})`);
    }
    await connection.run(`CREATE TABLE ${STATE}.identities (${IDENTITY_COLUMNS})`);
    await connection.run(
      `CREATE TABLE ${STATE}.dirty (win TINYINT, start INTEGER, past BIGINT, log_partition INTEGER, marked_ms BIGINT)`,
    );
    await connection.run(`CREATE TABLE ${STATE}.engine (state_version INTEGER, catalogue VARCHAR, version BIGINT,
      frontier_ms BIGINT, positions VARCHAR, ledger VARCHAR, id VARCHAR, sketches_from VARCHAR)`);
    await connection.run(
      `INSERT INTO ${STATE}.engine VALUES (${STATE_VERSION}, '${catalogue}', 0, 0, '{}', '{}', '${randomUUID()}', '{}')`,
    );
  });
  await connection.run(`CHECKPOINT ${STATE}`);
}

/** Writes the WAL into the state file. DuckDB refuses while another connection is writing, which is over soon. */
export async function checkpointState(connection: Connection): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await connection.run(`CHECKPOINT ${STATE}`);
    } catch (error) {
      if (!/other (write )?transactions/.test((error as Error).message) || tries >= CHECKPOINT_TRIES_MAX)
        throw error;
      await sleep(CHECKPOINT_WAIT_MS);
    }
  }
}

const CHECKPOINT_WAIT_MS = 50;
const CHECKPOINT_TRIES_MAX = 600;

/** Deletes what the state holds, but for its row in `engine`. */
export async function emptyState(connection: Connection, tables: Tables): Promise<void> {
  const late = tables.all.filter(({ name }) => name !== SKETCHES).map(({ name }) => `late_${name}`);
  for (const name of [...tables.all.map((table) => table.name), ...late, 'dirty'])
    await connection.run(`DELETE FROM ${STATE}.${name}`);
}

/** First starts of the 1m and 1h windows whose histograms and hashes are all there. */
export async function sketchesFrom(connection: Connection): Promise<Record<'1m' | '1h', number>> {
  const row = await connection.row<{ sketches_from: string }>(`SELECT sketches_from FROM ${STATE}.engine`);
  return { '1m': 0, '1h': 0, ...JSON.parse(row.sketches_from) };
}

/** Histograms and hashes of 1m and 1h windows go when the window is closed; those of days stay, so that ranges of days can be merged. */
function openSql(openFrom: Record<WindowSize, number>): string {
  return `(win = ${windowIndex('1d')} OR (win = ${windowIndex('1m')} AND start >= ${openFrom['1m']})
    OR (win = ${windowIndex('1h')} AND start >= ${openFrom['1h']}))`;
}

/**
 * Rewrites tables that have grown, one by one: merges rows, forgets what is closed. A new table instead of deletes, because
 * DuckDB's memory grows with upserts and deletes (duckdb/duckdb#25162).
 */
export class Compactor {
  readonly #connection: Connection;
  readonly #tables: Tables;
  readonly #rowsMin: number | undefined;
  readonly #compacted = new Map<string, number>();
  /** Since the rows were counted. */
  #batches = LOOK_BATCHES;
  #lines = 0;

  constructor(connection: Connection, tables: Tables, rowsMin?: number) {
    this.#connection = connection;
    this.#tables = tables;
    this.#rowsMin = rowsMin;
  }

  /** Notes that a batch is coming, and compacts what needs it. Must run outside of a transaction. */
  async beforeBatch(lines: number, openFrom: Record<WindowSize, number>): Promise<void> {
    const isDue = ++this.#batches > LOOK_BATCHES || this.#lines > (this.#rowsMin ?? COMPACT_ROWS_MIN) / 4;
    this.#lines += lines;
    if (isDue) await this.compactGrown(openFrom);
  }

  /** Folds what needs it. Must run outside of a transaction. */
  async compactGrown(openFrom: Record<WindowSize, number>): Promise<void> {
    this.#batches = 0;
    this.#lines = 0;
    const names = this.#tables.all.map(({ name }) => name);
    const counts = await this.#count(names);
    const grown = names.filter((name) => {
      const compacted = this.#compacted.get(name) ?? 0;
      const rowsMin = this.#rowsMin ?? FOLD_ROWS_MIN_OF[name] ?? COMPACT_ROWS_MIN;
      return counts[name]! - compacted > Math.max(rowsMin, compacted);
    });
    if (grown.length === 0) return;
    if (grown.includes(HISTOGRAMS) || grown.includes(HASHES)) await this.#noteForgotten(openFrom);
    for (const name of grown)
      await this.#connection.run(
        `CREATE OR REPLACE TABLE ${STATE}.${name} AS ${this.#compactedSql(name, openFrom)}`,
      );
    for (const [name, n] of Object.entries(await this.#count(grown))) this.#compacted.set(name, n);
    // The WAL must not keep the new tables: replaying DDL after a crash has failed for others.
    await checkpointState(this.#connection);
  }

  /** Before they are gone: what is lost at a crash is only that they are still there. */
  async #noteForgotten(openFrom: Record<WindowSize, number>): Promise<void> {
    const before = await sketchesFrom(this.#connection);
    const next = {
      '1m': Math.max(before['1m'], openFrom['1m']),
      '1h': Math.max(before['1h'], openFrom['1h']),
    };
    await this.#connection.run(`UPDATE ${STATE}.engine SET sketches_from = ${quote(JSON.stringify(next))}`);
  }

  #compactedSql(name: string, openFrom: Record<WindowSize, number>): string {
    const tables = this.#tables;
    const table = `${STATE}.${name}`;
    const identity = tables.sketchIdentity;
    switch (name) {
      case HISTOGRAMS:
        return `SELECT ${identity}, bucket, CAST(sum(n) AS BIGINT) AS n, 0::BIGINT AS version FROM ${table}
          WHERE ${openSql(openFrom)} GROUP BY ALL ORDER BY win, start`;
      // One hash more than the estimate needs is kept: it tells that the window is crowded.
      case HASHES:
        return `SELECT ${identity}, h, 0::BIGINT AS version FROM ${table}
          LEFT JOIN (${distinctLimitsSql(identity.split(', '), table, DISTINCT_EXACT_MAX + 1)}) AS limits USING (${identity})
          WHERE ${openSql(openFrom)} AND (kth IS NULL OR h <= kth) ORDER BY win, start`;
      case SKETCHES: {
        const quantiles = tables.quantiles.map((q) => `arg_max(${q}, version) AS ${q}, `).join('');
        return `SELECT ${identity}, CAST(sum(n) AS BIGINT) AS n, min(kth) AS kth, ${quantiles}max(version) AS version
          FROM ${table} GROUP BY ${identity} ORDER BY win, start`;
      }
      default: {
        const pass = tables.ofKind('additive').find((each) => sumsTable(each) === name)!;
        const columns = tables.columnsOf(name);
        const keys = columns.slice(0, columns.length - pass.values.length);
        const values = pass.values.map(({ of }, index) => {
          const column = columns[keys.length + index]!;
          return `${mergedSql(of, column)} AS ${column}, `;
        });
        return `SELECT ${keys.join(', ')}, ${values.join('')}max(version) AS version
          FROM ${table} GROUP BY ${keys.join(', ')} ORDER BY win, start`;
      }
    }
  }

  #count(names: readonly string[]): Promise<Record<string, number>> {
    const counts = names.map((name) => `(SELECT count(*) FROM ${STATE}.${name}) AS ${name}`);
    return this.#connection.row(`SELECT ${counts.join(', ')}`);
  }
}
