import {
  EVENT_IDENTITY,
  type Identity,
  NAMED_LINE_IDENTITY,
  NEW_ORDER_EVENT_TYPE,
  ORDER_IDENTITY,
  ORDER_LINE_IDENTITY,
  PRODUCT,
  UNSIGNED,
} from '../../decode/identity.ts';
import { EVENT_COLUMNS, FORMER_TYPES } from '../../event/columns.ts';
import { ORDER_EVENT_TYPES } from '../../event/fields.ts';
import { identifier, quote } from './database.ts';

/** The rule of src/decode/identity.ts as SQL, over the columns of the table `events` or others named by `column`. */

/** `kind` of a row of the table `identities`. */
export const KIND = { orderLine: 0, event: 1, order: 2, decoded: 3 } as const;

const PLACE_COLUMNS = 'log_partition INTEGER, log_offset BIGINT, log_line INTEGER';
const COMMON_COLUMNS = `received_ms BIGINT, source VARCHAR, ${PLACE_COLUMNS}`;
/** What is kept of every identity of a row. */
export const IDENTITY_COLUMNS = `kind TINYINT, hash UBIGINT, nth INTEGER, ${COMMON_COLUMNS}, repeats BOOLEAN`;
/** What `identitiesSql` gives. */
export const FOUND_COLUMNS = `kind TINYINT, hash UBIGINT, lines BOOLEAN, ${COMMON_COLUMNS}`;

/** Columns of events that `identitiesSql` reads, besides the row's origin. */
export const READ_COLUMNS = ['event_type', 'order_id', 'event_id', ...PRODUCT, 'line_id'];

/** Where a row was in the log. */
export const POSITION = 'log_partition, log_offset, log_line';

type Named = (column: string) => string;

/** Of a column that had another type before, in files that have not been rewritten: its hash must be the same. */
function typed(name: string, column: Named): string {
  const type =
    FORMER_TYPES[name] === undefined ? undefined : EVENT_COLUMNS.find((each) => each.name === name)!.duckType;
  return type === undefined ? column(name) : `CAST(${column(name)} AS ${type})`;
}

function hashed(name: string | readonly string[], column: Named): string {
  if (typeof name !== 'string') return firstSql(name, column);
  const value = typed(name, column);
  if (!UNSIGNED.columns.some((each) => each === name)) return value;
  return `CASE WHEN ${column('event_type')} = ${quote(UNSIGNED.eventType)} THEN abs(${value}) ELSE ${value} END`;
}

const firstSql = (names: readonly string[], column: Named) => `coalesce(${names.map(column).join(', ')})`;

function hashSql({ columns, lineColumns = [] }: Identity, column: Named): string {
  const isLine = `${firstSql(PRODUCT, column)} IS NOT NULL OR ${column('amount')} IS NULL`;
  const values = [
    ...columns.map((name) => hashed(name, column)),
    ...lineColumns.map((name) => `CASE WHEN ${isLine} THEN ${hashed(name, column)} END`),
  ];
  return `hash(${values.join(', ')}, ${excludedSql(column)})`;
}

/** True, or NULL as most rows are. */
const excludedSql = (column: Named) => `CASE WHEN ${column('test')} OR ${column('bot')} THEN true END`;

const isOrderLineSql = (column: Named) =>
  `${column('event_type')} IN (${ORDER_EVENT_TYPES.map(quote).join(', ')}) AND ${column('order_id')} IS NOT NULL`;

export const isPurchaseSql = (column: Named) => `${column('event_type')} = ${quote(NEW_ORDER_EVENT_TYPE)}`;

/** Hash of the identity of an event; NULL where it has none. */
export function identityHashSql(column: Named): string {
  return `CASE WHEN ${isOrderLineSql(column)} AND ${column('line_id')} IS NOT NULL THEN ${hashSql(NAMED_LINE_IDENTITY, column)}
      WHEN ${isOrderLineSql(column)} THEN ${hashSql(ORDER_LINE_IDENTITY, column)}
      WHEN ${column('event_id')} IS NOT NULL THEN ${hashSql(EVENT_IDENTITY, column)} END`;
}

/** Hash of the order of a purchase that names one; else NULL. */
export function orderHashSql(column: Named): string {
  return `CASE WHEN ${isPurchaseSql(column)} AND ${column('order_id')} IS NOT NULL THEN ${hashSql(ORDER_IDENTITY, column)} END`;
}

/** `new_order` of an event of which nothing has come before. */
export function newOrderSql(column: Named): string {
  return `CASE WHEN ${isPurchaseSql(column)} THEN true END`;
}

/**
 * The identities of events, one or two a row: kind, hash, received_ms, source, the row's place, and `lines`: whether equal
 * ones of a block are told apart. `events` has `identity` and `order_hash` as above.
 */
export function identitiesSql(events: string, where: string, more: Record<string, string> = {}): string {
  const position = `epoch_ms(received_at) AS received_ms, source, log_partition, log_offset, log_line`;
  const further = (of: 'own' | 'order') =>
    Object.entries(more).map(([name, sql]) => `, ${sql.replaceAll('$of', quote(of))} AS ${identifier(name)}`);
  return `(
    SELECT CASE WHEN ${isOrderLineSql(identifier)} THEN ${KIND.orderLine} ELSE ${KIND.event} END AS kind, identity AS hash,
      ${isOrderLineSql(identifier)} AND ${firstSql(PRODUCT, identifier)} IS NOT NULL AND event_id IS NULL AND line_id IS NULL AS lines, ${position}${further('own').join('')}
    FROM ${events} WHERE identity IS NOT NULL AND ${where}
    UNION ALL
    SELECT ${KIND.order}, order_hash, false, ${position}${further('order').join('')} FROM ${events} WHERE order_hash IS NOT NULL AND ${where}
  )`;
}

/** Condition under which a row repeats one that was received `gap` ms before it. */
export function isWithinSql(kind: string, gap: string): string {
  return `${gap} <= CASE ${kind} WHEN ${KIND.event} THEN ${EVENT_IDENTITY.withinMs} ELSE ${ORDER_LINE_IDENTITY.withinMs} END`;
}

/** Condition for identities that may still be repeated when received-at has reached `atMs`. */
export function isRecentSql(atMs: number): string {
  return `received_ms >= ${atMs} - CASE kind WHEN ${KIND.event} THEN ${EVENT_IDENTITY.withinMs} ELSE ${ORDER_LINE_IDENTITY.withinMs} END`;
}

/**
 * Identities with `nth`: which of the equal lines of its block it is. Lines of a block that was cut count on from those in the
 * table `known`, where there is one.
 */
export function numberedSql(identities: string, known: string | null): string {
  const number = `row_number() OVER (PARTITION BY kind, hash, source, received_ms ORDER BY ${POSITION})`;
  if (!known)
    return `(SELECT *, CASE WHEN lines THEN ${number} ELSE 1 END::INTEGER AS nth FROM ${identities})`;
  const before = `(SELECT hash, source, received_ms, count(*) AS n FROM ${known}
      WHERE source IS NOT NULL AND hash IN (SELECT hash FROM ids WHERE lines) GROUP BY ALL)`;
  return `(WITH ids AS MATERIALIZED (FROM ${identities})
    SELECT ids.*, CASE WHEN lines THEN coalesce(before.n, 0) + ${number} ELSE 1 END::INTEGER AS nth
    FROM ids LEFT JOIN ${before} AS before USING (hash, source, received_ms))`;
}

/** How long before a row, at the most, one with its identity was received, in ms; NULL where there was none. `order` is a list of columns. */
export function gapSql(order: string): string {
  return `received_ms - max(received_ms) OVER (PARTITION BY kind, hash, nth
           ORDER BY ${order}, ${POSITION} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
}
