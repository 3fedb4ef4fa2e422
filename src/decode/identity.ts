import { EVENT_TYPE_ALIASES, ORDER_EVENT_TYPES } from '../event/fields.ts';

/**
 * By what an event is known: two rows of the same identity are one event that came twice. The one declaration of the
 * rule; the SQL that decides, the keys of the log's records and the docs follow from it.
 *
 * A row is a duplicate when a row with its identity, whether it counts or not, was received at most `withinMs` before
 * it. Rows are decided in the order in which they are decoded: batch by batch, and within a batch by received_at,
 * partition, offset and line.
 */
export interface Identity {
  /** Columns of the table `events`; of several in one place, the first that has a value. */
  readonly columns: readonly (string | readonly string[])[];
  /** Further ones, which count in lines of an order: rows with a product, or without an amount. */
  readonly lineColumns?: readonly string[];
  readonly withinMs: number;
}

const HOUR_MS = 3_600_000;

/** The type of the events that begin an order. */
export const NEW_ORDER_EVENT_TYPE = 'purchase';

/** The type of the events that say that an order was cancelled. */
export const CANCEL_EVENT_TYPE = 'cancel';

/** What says of which product a line is: some exports have names alone. */
export const PRODUCT: readonly string[] = ['product_id', 'product_name'];

/** Systems write refunds with either sign, so the sign of their money and pieces is no part of the identity. */
export const UNSIGNED = { eventType: 'refund', columns: ['amount', 'quantity', 'price'] } as const;

/**
 * A purchase or refund with an order_id, whatever its event_id. What it says of an order as a whole is its amount: two systems that
 * report one order seldom agree on the number of pieces, so that counts in its lines only. Those with a product and no event_id are lines of an export:
 * equal ones that were received together (same source, same received_at) are several lines, told apart by their number among
 * these. An event_id would be another for each of them; equal ones that have one are one line that was told several times, unless they
 * have a `line_id` each.
 */
export const ORDER_LINE_IDENTITY: Identity = {
  columns: ['event_type', 'order_id', PRODUCT, 'amount'],
  lineColumns: ['quantity', 'price'],
  withinMs: 30 * 24 * HOUR_MS,
};

/** A purchase or refund with an order_id and a line_id: of equal lines of an order each with its own line_id counts. */
export const NAMED_LINE_IDENTITY: Identity = {
  ...ORDER_LINE_IDENTITY,
  columns: [...ORDER_LINE_IDENTITY.columns, 'line_id'],
};

/** Any other event with an event_id. An event with neither is known by nothing, and never a duplicate. */
export const EVENT_IDENTITY: Identity = {
  columns: ['event_id', 'event_type', 'event_time'],
  withinMs: 24 * HOUR_MS,
};

/**
 * Of a purchase with an order_id, besides its own: it begins a new order (`new_order`) unless a purchase with its
 * order_id was received within the time before. A purchase without an order_id is an order of its own.
 */
export const ORDER_IDENTITY: Identity = {
  columns: ['order_id'],
  withinMs: ORDER_LINE_IDENTITY.withinMs,
};

/** Longest time for which an identity is of use. */
export const IDENTITIES_KEPT_MS = Math.max(EVENT_IDENTITY.withinMs, ORDER_LINE_IDENTITY.withinMs);

/** Whether an event type, as it was sent, is one that tells of an order. */
export function isOrderEvent(eventType: string): boolean {
  return ORDER_EVENT_TYPES.includes(EVENT_TYPE_ALIASES[eventType] ?? eventType);
}

/**
 * Rows that are archived and left out of the metrics: test orders and known bots. They and the others are never duplicates of each
 * other, and neither begins an order for the other.
 */
export const EXCLUDED = 'coalesce(test, false) OR coalesce(bot, false)';

/**
 * What the archive says of an event, as columns in SQL that every engine reads. A row that another program has added is
 * not decided yet: it counts.
 */
export const DECISIONS = `coalesce(duplicate, false) AS duplicate,
  coalesce(new_order, duplicate IS NULL AND event_type = '${NEW_ORDER_EVENT_TYPE}') AS new_order,
  (${EXCLUDED}) AS excluded`;

/** Condition, over these, for the rows that the metrics count. */
export const COUNTED = 'NOT duplicate AND NOT excluded';
