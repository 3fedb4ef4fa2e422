import type { Metric } from '../definition.ts';
import { CURRENCY_KEY, ORDER_VALUE, UNITS } from '../keys.ts';

const PURCHASE = "event_type = 'purchase'";
const REFUND = "event_type = 'refund'";

export const revenue: Metric = {
  name: 'revenue',
  title: 'Revenue',
  description: 'Orders and money by currency. Refunds are counted separately, and subtracted in `net`.',
  input: 'events',
  where: ["event_type IN ('purchase', 'refund')"],
  keys: [CURRENCY_KEY],
  windows: ['1m', '1h', '1d'],
  values: {
    orders: {
      kind: 'count',
      where: 'new_order',
      description:
        'Distinct order ids, each counted at its first purchase. A purchase without an order_id is one order.',
    },
    units: {
      kind: 'sum',
      of: UNITS,
      type: 'decimal',
      where: PURCHASE,
      description: 'Pieces sold. A purchase without a quantity is one piece.',
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
      of: `ABS(${ORDER_VALUE})`,
      type: 'money',
      where: REFUND,
      description: 'Sum of the refunds, whatever their sign.',
    },
  },
  derived: {
    average_order: { kind: 'ratio', of: 'revenue', to: 'orders', description: 'Revenue per order.' },
    net: {
      kind: 'difference',
      of: 'revenue',
      minus: 'refunded',
      description: 'Revenue minus refunds.',
    },
  },
  mergeable: false,
};
