import { EXCLUDED, NEW_ORDER_EVENT_TYPE, ORDER_IDENTITY, PRODUCT, UNSIGNED } from '../../decode/identity.ts';
import { EVENT_TIME_COLUMN } from '../../event/columns.ts';
import { ORDER_EVENT_TYPES } from '../../event/fields.ts';
import type { ArchivedDoubt, ArchivedSale, Arrival, DoubtReader } from '../doubt-reader.ts';
import { instant } from './archive-rows.ts';
import { type Connection, quote } from './database.ts';
import { POSITION } from './identity-sql.ts';
import { readingFiles } from './parquet-files.ts';

/** Ids that `load` gives events that have none: of the beginning of the file, the number of the record, and its content. */
const GIVEN_ID = '^[0-9a-f]{12}-[0-9]+-[0-9a-f]{8}$';
const IS_UNNAMED = `regexp_full_match(event_id, ${quote(GIVEN_ID)}) AND NOT (${EXCLUDED})`;

const isOf = ({ source, sinceMs }: Arrival) =>
  `coalesce(source = ${quote(source)} AND received_at >= ${instant(sinceMs)}, false)`;
const HAS_ORDER = `order_id IS NOT NULL AND NOT (${EXCLUDED})`;
const IS_SALE = `event_type = ${quote(NEW_ORDER_EVENT_TYPE)} AND ${HAS_ORDER}`;
const IS_REFUND = `event_type = ${quote(UNSIGNED.eventType)}`;
/** The order in which rows were decided. */
const ARRIVED = `(received_at, ${POSITION})`;

export function createDoubtReader(connection: Connection): DoubtReader {
  const doubts = (files: readonly string[], sql: (relation: string) => string) =>
    readingFiles(files, async (relation) => {
      const rows = await connection.rows<ArchivedDoubt>(sql(relation));
      return rows.filter((each) => each.rows > 0);
    });

  return {
    summary: (files, arrival) =>
      readingFiles(files, async (relation) => {
        const { known, unnamed, dates } = await connection.row<{
          known: number;
          unnamed: number;
          dates: string | null;
        }>(
          `SELECT count_if(${HAS_ORDER} AND (${IS_REFUND} OR (${IS_SALE} AND (duplicate OR NOT new_order)))) AS known, count_if(${IS_UNNAMED}) AS unnamed,
             string_agg(DISTINCT CAST(CAST(${EVENT_TIME_COLUMN} AT TIME ZONE 'UTC' AS DATE) AS VARCHAR), ',') FILTER (${IS_UNNAMED}) AS dates
           FROM ${relation} WHERE ${isOf(arrival)}`,
        );
        const unnamedDates = dates === null ? [] : dates.split(',');
        return { hasKnownOrders: known > 0, unnamedRows: unnamed, unnamedDates };
      }),

    sales: (files, limit) =>
      readingFiles(files, (relation) =>
        connection.rows<ArchivedSale>(
          `SELECT * EXCLUDE (received_at, ${POSITION}) FROM (
             SELECT ${IS_REFUND} AS "isRefund", order_id AS "order",
               CASE WHEN items IS NULL THEN coalesce(${PRODUCT.join(', ')}) END AS product, CAST(amount AS VARCHAR) AS amount,
               CAST(price AS VARCHAR) AS price, currency, epoch_us(${EVENT_TIME_COLUMN}) AS micros, received_at, ${POSITION}
             FROM ${relation}
             WHERE event_type IN (${ORDER_EVENT_TYPES.map(quote).join(', ')}) AND order_id IS NOT NULL
               AND NOT coalesce(duplicate, false) AND NOT (${EXCLUDED})
             ORDER BY ${ARRIVED} DESC LIMIT ${limit}
           ) ORDER BY ${ARRIVED}`,
        ),
      ),

    ofOrders(files, arrival, withdrawn) {
      const sinceMs = arrival.sinceMs - ORDER_IDENTITY.withinMs;
      const orders = withdrawn.length === 0 ? 'NULL' : withdrawn.map(quote).join(', ');
      return doubts(
        files,
        (relation) => `WITH
          told AS MATERIALIZED (
            SELECT order_id, amount, currency, ${isOf(arrival)} AS is_mine, ${IS_REFUND} AS is_refund,
              NOT ${IS_REFUND} AND NOT coalesce(duplicate, false) AS counts,
              amount IS NOT NULL AND (coalesce(${PRODUCT.join(', ')}) IS NULL OR items IS NOT NULL) AS is_whole, received_at, ${POSITION}
            FROM ${relation}
            WHERE event_type IN (${ORDER_EVENT_TYPES.map(quote).join(', ')}) AND ${HAS_ORDER} AND received_at >= ${instant(sinceMs)} AND (amount IS NOT NULL OR price IS NOT NULL)),
          orders AS (
            SELECT order_id, count(DISTINCT amount) FILTER (is_whole AND counts) AS wholes,
              count_if(NOT is_whole AND counts) AS lines, arg_min(is_mine, ${ARRIVED}) FILTER (NOT is_refund) AS begins_mine,
              arg_min(currency, ${ARRIVED}) FILTER (currency IS NOT NULL) AS first_currency
            FROM told GROUP BY order_id HAVING bool_or(is_mine)),
          rows AS (
            SELECT order_id, wholes > 1 OR (wholes > 0 AND lines > 0) AS is_told_again, any_value(begins_mine) AS begins_mine,
              count_if(is_mine AND currency <> first_currency) AS others,
              count_if(is_mine AND counts AND (currency IS NULL OR currency = first_currency)) AS mine
            FROM orders JOIN told USING (order_id) GROUP BY ALL),
          again AS (SELECT order_id, mine - CASE WHEN begins_mine THEN 1 ELSE 0 END AS n FROM rows WHERE is_told_again)
          SELECT 'order_told_again' AS code, coalesce(sum(n), 0)::BIGINT AS rows, 'order_id ' || min(order_id) AS example FROM again WHERE n > 0
          UNION ALL
          SELECT 'order_currencies', coalesce(sum(others), 0)::BIGINT, 'order_id ' || min(order_id) FROM rows WHERE others > 0
          UNION ALL
          SELECT 'order_cancelled', count(DISTINCT order_id), 'order_id ' || min(order_id) FROM ${relation}
          WHERE ${IS_SALE} AND order_id IN (${orders}) AND received_at < ${instant(arrival.sinceMs)}
            AND order_id NOT IN (SELECT order_id FROM ${relation} WHERE ${IS_REFUND} AND order_id IN (${orders}))`,
      );
    },

    ofUnnamedRows: (files, arrival) =>
      doubts(
        files,
        (relation) => `WITH
          unnamed AS MATERIALIZED (
            SELECT event_type, ${EVENT_TIME_COLUMN} AS moment, split_part(event_id, '-', 3) AS content, split_part(event_id, '-', 1) AS file,
              ${isOf(arrival)} AS is_mine, received_at, ${POSITION}
            FROM ${relation} WHERE ${IS_UNNAMED}),
          repeated AS (
            SELECT event_type, moment, content, arg_min(file, ${ARRIVED}) AS first_file FROM unnamed
            GROUP BY ALL HAVING count(DISTINCT file) > 1)
          SELECT 'rows_loaded_before' AS code, count(*) AS rows, min(event_type || ' at ' || strftime(moment, '%Y-%m-%dT%H:%M:%SZ')) AS example
          FROM unnamed JOIN repeated USING (event_type, moment, content) WHERE is_mine AND file <> first_file`,
      ),
  };
}
