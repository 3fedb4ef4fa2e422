import type { Metric } from '../definition.ts';
import { ORDER_VALUE } from '../keys.ts';

export const products: Metric = {
  name: 'products',
  title: 'Products',
  description: 'Views, carts and purchases of each product.',
  input: 'lines',
  where: ['product_id IS NOT NULL', "event_type IN ('view_product', 'add_to_cart', 'purchase')"],
  keys: [{ name: 'product_id', sql: 'product_id', description: 'The product.' }],
  windows: ['1h', '1d'],
  values: {
    views: { kind: 'count', where: "event_type = 'view_product'", description: 'Views.' },
    carts: { kind: 'count', where: "event_type = 'add_to_cart'", description: 'Additions to a cart.' },
    purchases: {
      kind: 'count',
      where: "event_type = 'purchase'",
      description: 'Purchases; for an order with items, its lines.',
    },
    revenue: {
      kind: 'sum',
      of: ORDER_VALUE,
      type: 'money',
      where: "event_type = 'purchase'",
      description: 'Sum of the purchases, whatever their currency.',
    },
  },
  mergeable: true,
};
