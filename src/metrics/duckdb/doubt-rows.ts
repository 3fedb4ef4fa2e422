import pLimit from 'p-limit';
import {
  CANCEL_EVENT_TYPE,
  EXCLUDED,
  NEW_ORDER_EVENT_TYPE,
  ORDER_IDENTITY,
  PRODUCT,
  UNSIGNED,
} from '../../decode/identity.ts';
import { EVENT_TIME_COLUMN } from '../../event/columns.ts';
import { ORDER_EVENT_TYPES } from '../../event/fields.ts';
import { GIVEN_ID } from '../../event/given-id.ts';
import type { ArchivedDoubt, ArchivedSale, Arrival, ArrivalSummary, DoubtReader } from '../doubt-reader.ts';
import { EMPTY_EVENTS, FILES_MAX, instant, tempOfFiles } from './archive-rows.ts';
import { type Connection, quote } from './database.ts';
import { POSITION } from './identity-sql.ts';
import { readingFiles } from './parquet-files.ts';

const IS_UNNAMED = `regexp_full_match(event_id, ${quote(GIVEN_ID)}) AND NOT (${EXCLUDED})`;

const isOf = ({ source, sinceMs }: Arrival) =>
  `coalesce(source = ${quote(source)} AND received_at >= ${instant(sinceMs)}, false)`;
const HAS_ORDER = `event_type IN (${ORDER_EVENT_TYPES.map(quote).join(', ')}) AND order_id IS NOT NULL AND NOT (${EXCLUDED})`;
const IS_CANCEL = `event_type = ${quote(CANCEL_EVENT_TYPE)} AND order_id IS NOT NULL AND NOT (${EXCLUDED})`;
/** What spellings of one order have in common: `#1001` is `1001`. */
const spelledSql = (order: string) =>
  `CASE WHEN starts_with(${order}, '#') THEN trim(substr(${order}, 2)) ELSE ${order} END`;
const IS_SALE = `event_type = ${quote(NEW_ORDER_EVENT_TYPE)}`;
const IS_REFUND = `event_type = ${quote(UNSIGNED.eventType)}`;
/** Name of the column that tells the file of a row: other programs may have added one that is called `filename`. */
const PATH = 'tillstream_path';
/** The order in which rows were decided. */
const ARRIVED = `(received_at, ${POSITION})`;

export class DuckDbDoubtReader implements DoubtReader {
  readonly #connection: Connection;
  readonly #oneByOne = pLimit(1);

  /** `connection`: of its own, as its temporary tables are. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async summary(files: readonly string[], arrival: Arrival): Promise<ArrivalSummary> {
    const dates = new Set<string>();
    let [hasOrders, unnamedRows] = [false, 0];
    for (let at = 0; at < files.length; at += FILES_MAX) {
      const part = files.slice(at, at + FILES_MAX);
      const found = await readingFiles(part, (relation) =>
        this.#connection.row<{ orders: number; unnamed: number }>(
          `SELECT count_if(${HAS_ORDER}) AS orders, count_if(${IS_UNNAMED}) AS unnamed FROM ${relation} WHERE ${isOf(arrival)}`,
        ),
      );
      hasOrders ||= found.orders > 0;
      unnamedRows += found.unnamed;
      if (found.unnamed > 0) for (const date of await this.#unnamedDates(part, arrival)) dates.add(date);
    }
    return { hasOrders, unnamedRows, unnamedDates: [...dates] };
  }

  /** Asked for by itself: most arrivals have no such rows, and a date of each row takes longer than all else. */
  async #unnamedDates(files: readonly string[], arrival: Arrival): Promise<readonly string[]> {
    const rows = await readingFiles(files, (relation) =>
      this.#connection.rows<{ date: string }>(
        `SELECT DISTINCT CAST(CAST(${EVENT_TIME_COLUMN} AT TIME ZONE 'UTC' AS DATE) AS VARCHAR) AS date
         FROM ${relation} WHERE ${isOf(arrival)} AND ${IS_UNNAMED}`,
      ),
    );
    return rows.map(({ date }) => date);
  }

  sales(files: readonly string[], limit: number): Promise<readonly ArchivedSale[]> {
    return readingFiles(files, (relation) =>
      this.#connection.rows<ArchivedSale>(
        `SELECT * EXCLUDE (received_at, ${POSITION}) FROM (
           SELECT ${IS_REFUND} AS "isRefund", order_id AS "order",
             CASE WHEN items IS NULL THEN coalesce(${PRODUCT.join(', ')}) END AS product, CAST(amount AS VARCHAR) AS amount,
             CAST(price AS VARCHAR) AS price, currency, epoch_us(${EVENT_TIME_COLUMN}) AS micros, received_at, ${POSITION}
           FROM ${relation} WHERE ${HAS_ORDER} AND NOT coalesce(duplicate, false)
           ORDER BY ${ARRIVED} DESC LIMIT ${limit}
         ) ORDER BY ${ARRIVED}`,
      ),
    );
  }

  /** Files in which none of the orders is are read no further: the orders of an arrival are in few of them. */
  ofOrders(
    files: readonly string[],
    arrived: readonly string[],
    arrival: Arrival,
    withdrawn: readonly string[],
  ): Promise<readonly ArchivedDoubt[]> {
    return this.#exclusive(['wanted', 'holding', 'told', 'cancels'], async () => {
      const holding = await this.#holding(files, arrived, arrival, withdrawn);
      return holding.length === 0 ? [] : this.#doubtsOfOrders(holding, arrival, withdrawn);
    });
  }

  /** The files that hold rows of the orders; none where the arrival has each of its orders once, and nobody else has one of them. */
  async #holding(
    files: readonly string[],
    arrived: readonly string[],
    arrival: Arrival,
    withdrawn: readonly string[],
  ): Promise<readonly string[]> {
    await tempOfFiles(
      this.#connection,
      'wanted',
      `SELECT '' AS spelled, true AS is_known`,
      arrived,
      (from) =>
        `SELECT ${spelledSql('order_id')}, bool_or(${IS_REFUND} OR duplicate OR NOT new_order) FROM ${from}
         WHERE ${isOf(arrival)} AND ${HAS_ORDER} GROUP BY 1`,
    );
    if (withdrawn.length > 0)
      await this.#connection.run(
        `INSERT INTO wanted SELECT ${spelledSql('id')}, true FROM (VALUES ${withdrawn.map((id) => `(${quote(id)})`).join(', ')}) AS ids (id)`,
      );
    await tempOfFiles(
      this.#connection,
      'holding',
      `SELECT '' AS path, true AS has_others`,
      files,
      (from) =>
        `SELECT ${PATH}, bool_or(NOT ${isOf(arrival)}) FROM ${from}
         WHERE order_id IS NOT NULL AND ${spelledSql('order_id')} IN (SELECT spelled FROM wanted) GROUP BY ${PATH}`,
      `, filename = ${quote(PATH)}`,
    );
    const rows = await this.#connection.rows<{ path: string }>(
      'SELECT path FROM holding WHERE (SELECT bool_or(is_known) FROM wanted) OR (SELECT bool_or(has_others) FROM holding)',
    );
    return rows.map(({ path }) => path);
  }

  async #doubtsOfOrders(
    files: readonly string[],
    arrival: Arrival,
    withdrawn: readonly string[],
  ): Promise<readonly ArchivedDoubt[]> {
    const orders = withdrawn.length === 0 ? 'NULL' : withdrawn.map(quote).join(', ');
    const isRecent = `received_at >= ${instant(arrival.sinceMs - ORDER_IDENTITY.withinMs)}`;
    const isWanted = `${spelledSql('order_id')} IN (SELECT spelled FROM wanted)`;
    const select = (relation: string) =>
      `SELECT order_id, amount, currency, ${isOf(arrival)} AS is_mine, ${isRecent} AS is_recent, ${IS_REFUND} AS is_refund,
         ${IS_SALE} AND NOT coalesce(duplicate, false) AS counts, amount IS NOT NULL OR price IS NOT NULL AS has_value,
         amount IS NOT NULL AND (coalesce(${PRODUCT.join(', ')}) IS NULL OR items IS NOT NULL) AS is_whole, coalesce(${PRODUCT.join(', ')}) AS product, ${EVENT_TIME_COLUMN} AS moment, received_at, ${POSITION}
       FROM ${relation}`;
    const selectCancels = (relation: string) =>
      `SELECT order_id, ${EVENT_TIME_COLUMN} AS moment, ${isOf(arrival)} AS is_mine FROM ${relation}`;
    const where = `WHERE ${HAS_ORDER} AND (${isRecent} OR order_id IN (${orders})) AND ${isWanted}`;
    return this.#found(
      [
        {
          name: 'told',
          like: select(`(${EMPTY_EVENTS})`),
          files,
          select: (from) => `${select(from)} ${where}`,
        },
        {
          name: 'cancels',
          like: selectCancels(`(${EMPTY_EVENTS})`),
          files,
          select: (from) => `${selectCancels(from)} WHERE ${IS_CANCEL} AND ${isWanted}`,
        },
      ],
      `WITH
        recent AS (FROM told WHERE is_recent AND has_value),
        orders AS (
          SELECT order_id, count(DISTINCT amount) FILTER (is_whole AND counts) AS wholes,
            count_if(NOT is_whole AND counts) AS lines, arg_min(is_mine, ${ARRIVED}) FILTER (NOT is_refund) AS begins_mine,
            arg_min(currency, ${ARRIVED}) FILTER (currency IS NOT NULL) AS first_currency
          FROM recent GROUP BY order_id HAVING bool_or(is_mine)),
        each_order AS (
          SELECT order_id, wholes > 1 OR (wholes > 0 AND lines > 0) AS is_told_again, any_value(begins_mine) AS begins_mine,
            count_if(is_mine AND currency <> first_currency) AS others,
            count_if(is_mine AND counts AND (currency IS NULL OR currency = first_currency)) AS mine
          FROM orders JOIN recent USING (order_id) GROUP BY ALL),
        changed AS (
          SELECT min(order_id) AS order_id, count_if(is_mine) AS n FROM recent WHERE counts AND NOT is_whole AND product IS NOT NULL
          GROUP BY order_id, product HAVING bool_or(is_mine) AND NOT bool_and(is_mine)),
        again AS (SELECT order_id, mine - CASE WHEN begins_mine THEN 1 ELSE 0 END AS n FROM each_order WHERE is_told_again)
       SELECT 'order_told_again' AS code, coalesce(sum(n), 0)::BIGINT AS rows, 'order_id ' || min(order_id) AS example FROM again WHERE n > 0
       UNION ALL
       SELECT 'line_changed', coalesce(sum(n), 0)::BIGINT, 'order_id ' || min(order_id) FROM changed
       UNION ALL
       SELECT 'order_spelled', count(DISTINCT marked.order_id), 'order_id ' || min(marked.order_id)
       FROM recent AS marked JOIN recent AS bare ON bare.order_id = trim(substr(marked.order_id, 2))
       WHERE starts_with(marked.order_id, '#') AND marked.counts AND bare.counts AND marked.is_mine <> bare.is_mine
       UNION ALL
       SELECT 'order_currencies', coalesce(sum(others), 0)::BIGINT, 'order_id ' || min(order_id) FROM each_order WHERE others > 0
       UNION ALL
       SELECT 'order_cancelled', count(DISTINCT order_id), 'order_id ' || min(order_id) FROM told
       WHERE counts AND order_id IN (${orders}) AND received_at < ${instant(arrival.sinceMs)}
         AND order_id NOT IN (SELECT order_id FROM told WHERE is_refund)
       UNION ALL
       -- Cancelled before the sale came. Of a cancellation some systems have the day alone.
       SELECT 'order_cancelled', count(DISTINCT sale.order_id), 'order_id ' || min(sale.order_id) FROM told AS sale
       JOIN cancels ON cancels.order_id = sale.order_id AND NOT cancels.is_mine AND cancels.moment >= date_trunc('day', sale.moment)
       WHERE sale.is_mine AND sale.counts AND sale.order_id NOT IN (SELECT order_id FROM told WHERE is_refund)`,
    );
  }

  async refundedOf(files: readonly string[], orders: readonly string[]): Promise<readonly string[]> {
    const found = new Set<string>();
    for (let at = 0; at < files.length; at += FILES_MAX) {
      const rows = await readingFiles(files.slice(at, at + FILES_MAX), (relation) =>
        this.#connection.rows<{ id: string }>(
          `SELECT DISTINCT order_id AS id FROM ${relation}
           WHERE ${HAS_ORDER} AND ${IS_REFUND} AND order_id IN (${orders.map(quote).join(', ')})`,
        ),
      );
      for (const { id } of rows) found.add(id);
    }
    return [...found];
  }

  /** Only rows that equal one of the arrival are held in memory. */
  ofUnnamedRows(files: readonly string[], arrival: Arrival): Promise<readonly ArchivedDoubt[]> {
    const select = (relation: string) =>
      `SELECT event_type, ${EVENT_TIME_COLUMN} AS moment, split_part(event_id, '-', 3) AS content, split_part(event_id, '-', 1) AS file,
         ${isOf(arrival)} AS is_mine, received_at, ${POSITION} FROM ${relation}`;
    const like = select(`(${EMPTY_EVENTS})`);
    const content = 'event_type, moment, content';
    const unnamed = (relation: string) => `${select(relation)} WHERE ${IS_UNNAMED}`;
    const find = () =>
      this.#found(
        [
          {
            name: 'mine',
            like: `SELECT ${content} FROM (${like})`,
            files,
            select: (from) => `SELECT DISTINCT ${content} FROM (${unnamed(from)}) WHERE is_mine`,
          },
          {
            name: 'unnamed',
            like,
            files,
            select: (from) => `SELECT * FROM (${unnamed(from)}) SEMI JOIN mine USING (${content})`,
          },
        ],
        `WITH repeated AS (
         SELECT ${content}, arg_min(file, ${ARRIVED}) AS first_file FROM unnamed GROUP BY ALL HAVING count(DISTINCT file) > 1)
       SELECT 'rows_loaded_before' AS code, count(*) AS rows, min(event_type || ' at ' || strftime(moment, '%Y-%m-%dT%H:%M:%SZ')) AS example
       FROM unnamed JOIN repeated USING (${content}) WHERE is_mine AND file <> first_file`,
      );
    return this.#exclusive(['mine', 'unnamed'], find);
  }

  /** What `sql` finds in tables that are made of files, some files at a time. */
  async #found(
    tables: readonly {
      name: string;
      like: string;
      files: readonly string[];
      select(files: string): string;
    }[],
    sql: string,
  ): Promise<readonly ArchivedDoubt[]> {
    for (const { name, like, files, select } of tables)
      await tempOfFiles(this.#connection, name, like, files, select);
    const rows = await this.#connection.rows<ArchivedDoubt>(sql);
    return rows.filter((each) => each.rows > 0);
  }

  /** One after the other, as temp tables are the connection's; drops `tables` at the end. */
  #exclusive<T>(tables: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#oneByOne(async () => {
      try {
        return await work();
      } finally {
        for (const name of tables) await this.#connection.run(`DROP TABLE IF EXISTS ${name}`);
      }
    });
  }
}
