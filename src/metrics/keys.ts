import { EVENT_TYPE_ALIASES } from '../event/fields.ts';
import type { Key } from './definition.ts';

/** Keys that several metrics share. Their values come from outside, so that an answer needs a bound. */
export const EVENT_TYPE_KEY: Key = {
  name: 'event_type',
  sql: 'event_type',
  description: 'Type of the event.',
  few: true,
  max: 200,
  first: Object.values(EVENT_TYPE_ALIASES),
};
export const DEVICE_TYPE_KEY: Key = {
  name: 'device_type',
  sql: 'device_type',
  description: 'Device of the visitor.',
  few: true,
  max: 20,
  first: ['mobile', 'desktop', 'tablet'],
};
export const CURRENCY_KEY: Key = {
  name: 'currency',
  sql: 'currency',
  description: 'ISO 4217 code.',
  few: true,
  max: 50,
  separatesMoney: true,
};

/** Who an event is of: the user, or the visitor of a shop that does not know its users. */
export const USER = 'COALESCE(user_id, visitor_id)';

/** What an order is worth: its amount, or price times quantity where it has none. */
export const ORDER_VALUE = 'COALESCE(amount, CAST(price * COALESCE(quantity, 1) AS DECIMAL(38, 4)))';

/** Pieces of a purchase; one without a quantity is one. */
export const UNITS = 'COALESCE(quantity, 1)';
