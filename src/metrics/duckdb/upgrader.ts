import type { ArchiveTable } from '../../archive/archive.ts';
import type { ParquetFile, Upgrader } from '../../archive/parquet-tool.ts';
import { DATE_COLUMN, EVENT_COLUMNS } from '../../event/columns.ts';
import { eachFiles } from './archive-rows.ts';
import { type Connection, identifier } from './database.ts';
import {
  FOUND_COLUMNS,
  gapSql,
  identitiesSql,
  identityHashSql,
  isPurchaseSql,
  isWithinSql,
  KIND,
  numberedSql,
  orderHashSql,
  POSITION,
  READ_COLUMNS,
} from './identity-sql.ts';
import { readAnyFiles } from './parquet-files.ts';

/** Identities of orders in all files, and of the other events of a date; and the rows that repeat one of each. */
const TABLES = ['old_orders', 'old_events', 'old_order_repeats', 'old_event_repeats'] as const;
const COLUMNS = EVENT_COLUMNS.filter(({ name }) => name !== DATE_COLUMN);

/** Writes the rows of a relation, all of one date, into one file. */
export type WriteSelected = (
  table: ArchiveTable,
  date: string,
  relation: string,
  dir: string,
) => Promise<ParquetFile[]>;

/** `writeSelected` of parquet.ts; `connection` is that which it writes on, as temp tables are its own. */
export function createUpgrader(connection: Connection, writeSelected: WriteSelected): Upgrader {
  const make = (name: (typeof TABLES)[number], sql: string) =>
    connection.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`);
  const clear = (name: (typeof TABLES)[number]) =>
    connection.run(`CREATE OR REPLACE TEMP TABLE ${name} (${FOUND_COLUMNS})`);

  async function add(table: 'old_orders' | 'old_events', files: readonly string[]): Promise<void> {
    const isOf = table === 'old_events' ? '=' : '<>';
    const columns = [...READ_COLUMNS, 'received_at', 'source', POSITION].join(', ');
    await eachFiles(connection, files, (relation) => {
      const rows = `(SELECT ${identityHashSql(identifier)} AS identity, ${orderHashSql(identifier)} AS order_hash, ${columns} FROM ${relation})`;
      return `INSERT INTO ${table} BY NAME SELECT * FROM ${identitiesSql(rows, 'true')} WHERE kind ${isOf} ${KIND.event}`;
    });
  }

  /** Rows that repeat one before them. Only what occurs more than once is sorted. */
  const repeats = (table: string) => `SELECT kind, ${POSITION} FROM (
      SELECT *, ${gapSql('received_ms')} AS gap_ms FROM ${numberedSql(
        `(FROM ${table} SEMI JOIN (SELECT hash FROM ${table} GROUP BY hash HAVING count(*) > 1) USING (hash))`,
        null,
      )}
    ) WHERE ${isWithinSql('kind', 'gap_ms')}`;

  async function rewrite(date: string, files: readonly string[], dir: string): Promise<ParquetFile[]> {
    await make('old_order_repeats', repeats('old_orders'));
    await make('old_event_repeats', repeats('old_events'));
    const known = `(SELECT ${POSITION}, bool_or(kind <> ${KIND.order}) AS is_duplicate, true AS repeats
      FROM (FROM old_order_repeats UNION ALL FROM old_event_repeats) GROUP BY ALL)`;
    const written: ParquetFile[] = [];
    for (const [n, file] of files.entries()) {
      // What is decided stays.
      const rows = `(SELECT * EXCLUDE (is_duplicate, repeats) REPLACE (coalesce(duplicate, is_duplicate, false) AS duplicate,
            CASE WHEN duplicate IS NOT NULL THEN new_order WHEN ${isPurchaseSql(identifier)} THEN repeats IS NULL END AS new_order)
        FROM ${readAnyFiles([file], COLUMNS)} LEFT JOIN ${known} USING (${POSITION}))`;
      for (const of of await writeSelected('events', date, rows, `${dir}/${n}`)) written.push(of);
    }
    return written;
  }

  return {
    begin: () => clear('old_orders'),
    addOrders: (files) => add('old_orders', files),
    beginDate: () => clear('old_events'),
    addEvents: (files) => add('old_events', files),
    rewrite,
    async end() {
      for (const table of TABLES) await connection.run(`DROP TABLE IF EXISTS ${table}`);
    },
  };
}
