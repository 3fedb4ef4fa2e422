import { FIELDS } from './fields.ts';

/** Index of a field in FIELDS. */
export const indexOf = (name: string): number => FIELDS.findIndex((field) => field.name === name);

export const TIMESTAMP = indexOf('timestamp');
export const EVENT_TYPE = indexOf('event_type');
export const EVENT_ID = indexOf('event_id');
export const ORDER_ID = indexOf('order_id');
export const SESSION_ID = indexOf('session_id');
export const USER_ID = indexOf('user_id');
export const PRODUCT_ID = indexOf('product_id');
export const PRODUCT_NAME = indexOf('product_name');
export const QUANTITY = indexOf('quantity');
export const PRICE = indexOf('price');
export const AMOUNT = indexOf('amount');
export const CURRENCY = indexOf('currency');
export const COUPON = indexOf('coupon');
export const URL = indexOf('url');
export const USER_AGENT = indexOf('user_agent');
export const TAX = indexOf('tax');
export const SHIPPING = indexOf('shipping');
export const DISCOUNT = indexOf('discount');
export const ITEMS = indexOf('items');
export const BOT = indexOf('bot');
export const TEST = indexOf('test');
export const LINE_ID = indexOf('line_id');
export const RESPONSE_TIME = indexOf('response_time');
