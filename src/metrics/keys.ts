import type { Key } from './definition.ts';

/** Keys that several metrics share. */
export const EVENT_TYPE: Key = { name: 'event_type', sql: 'event_type', description: 'Type of the event.' };
export const DEVICE_TYPE: Key = {
  name: 'device_type',
  sql: 'device_type',
  description: 'Device of the visitor.',
};

/** What an order is worth: its amount, or price times quantity where it has none. */
export const ORDER_VALUE = 'COALESCE(amount, price * COALESCE(quantity, 1))';
