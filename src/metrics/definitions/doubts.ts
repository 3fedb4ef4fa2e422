import { ORDER_EVENT_TYPES } from '../../event/fields.ts';

/** Events that a doubt may be about. */
export const DOUBTED = `event_type IN (${ORDER_EVENT_TYPES.map((type) => `'${type}'`).join(', ')})`;

const HAS_VALUE = '(amount IS NOT NULL OR price IS NOT NULL)';

/**
 * Doubts about events that count, of which the row alone tells: the codes of findings (src/ingest/finding-catalogue.ts), and over the
 * columns of the table `events` the condition for such a row among those of DOUBTED.
 */
export const DOUBTS = {
  purchase_without_value: `NOT ${HAS_VALUE}`,
  negative_purchase: "event_type = 'purchase' AND COALESCE(amount, price) < 0",
  // A purchase without an order_id is a new order, one without a product or without an amount a line. A line that follows the report of
  // the whole does not show by itself.
  order_told_again:
    "event_type = 'purchase' AND NOT new_order AND amount IS NOT NULL AND (coalesce(product_id, product_name) IS NULL OR items IS NOT NULL)",
  currency_unknown: `${HAS_VALUE} AND currency IS NULL`,
} as const;
