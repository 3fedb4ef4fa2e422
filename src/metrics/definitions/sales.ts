import type { Metric } from '../definition.ts';
import { CURRENCY_KEY, ORDER_VALUE, UNITS } from '../keys.ts';

const PURCHASE = "event_type = 'purchase'";

/** Apart from `products`: views and carts of a product have no currency, and money of several can't be added. */
export const sales: Metric = {
  name: 'sales',
  title: 'Sales by product',
  description:
    'Purchases of each product by currency. Unlike in `products`, amounts of different currencies are not mixed.',
  input: 'lines',
  where: ['product_id IS NOT NULL', PURCHASE],
  keys: [CURRENCY_KEY, { name: 'product_id', sql: 'product_id', description: 'The product.' }],
  windows: ['1h', '1d'],
  values: {
    orders: { kind: 'count', description: 'Purchases; for an order with items, its lines.' },
    units: {
      kind: 'sum',
      of: UNITS,
      type: 'decimal',
      description: 'Pieces sold. A purchase without a quantity is one piece.',
    },
    revenue: { kind: 'sum', of: ORDER_VALUE, type: 'money', description: 'Sum of the purchases.' },
  },
  mergeable: false,
};
