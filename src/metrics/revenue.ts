import type { Metric } from './definition.ts';
import { ORDER_VALUE } from './keys.ts';

const PURCHASE = "event_type = 'purchase'";
const REFUND = "event_type = 'refund'";

export const revenue: Metric = {
  name: 'revenue',
  title: 'Revenue',
  description:
    'Orders and money by currency. A purchase event is one order; refunds are counted beside, not taken off.',
  input: 'events',
  where: "event_type IN ('purchase', 'refund')",
  keys: [{ name: 'currency', sql: 'currency', description: 'ISO 4217 code.' }],
  windows: ['1m', '1h', '1d'],
  values: {
    orders: { kind: 'count', where: PURCHASE, description: 'Purchases.' },
    units: {
      kind: 'sum',
      of: 'COALESCE(quantity, 1)',
      type: 'integer',
      where: PURCHASE,
      description: 'Pieces sold; a purchase without a quantity is one.',
    },
    revenue: {
      kind: 'sum',
      of: ORDER_VALUE,
      type: 'money',
      where: PURCHASE,
      description: 'Sum of the purchases.',
    },
    refunds: { kind: 'count', where: REFUND, description: 'Refunds.' },
    refunded: {
      kind: 'sum',
      of: ORDER_VALUE,
      type: 'money',
      where: REFUND,
      description: 'Sum of the refunds.',
    },
  },
  derived: {
    average_order: { kind: 'ratio', of: 'revenue', to: 'orders', description: 'Revenue per order.' },
  },
  mergeable: false,
};
