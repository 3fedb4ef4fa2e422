/**
 * The event schema: the one declaration from which the line checker, the DuckDB columns and reject rules, the
 * Delta schema, OpenAPI and docs/events.md are derived. To add a field, add a row here; nothing else.
 */

/**
 * `money` and `decimal` are decimals of MONEY_PRECISION and MONEY_SCALE; `items` is an array of objects with the members of ITEM_FIELDS;
 * a `boolean` is true or absent.
 */
export type FieldKind = 'timestamp' | 'text' | 'integer' | 'money' | 'decimal' | 'boolean' | 'items';

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly required?: true;
  /** text: most bytes of its UTF-8 form. */
  readonly bytesMax?: number;
  /** integer and decimal: smallest and largest value that is accepted. */
  readonly min?: number;
  readonly max?: number;
  readonly description: string;
  readonly example: string | number | boolean | readonly object[];
}

const text = (name: string, bytesMax: number, description: string, example: string): Field => ({
  name,
  kind: 'text',
  bytesMax,
  description,
  example,
});

const QUANTITY: Field = {
  name: 'quantity',
  kind: 'decimal',
  min: -1_000_000_000,
  max: 1_000_000_000,
  description: 'Number of pieces, or the weight or length.',
  example: 2,
};
const PRICE: Field = { name: 'price', kind: 'money', description: 'Price of one piece.', example: '19.90' };

export const FIELDS: readonly Field[] = [
  {
    name: 'timestamp',
    kind: 'timestamp',
    required: true,
    description:
      "Time of the event: ISO 8601 with a zone, seconds or milliseconds since 1970, or M/D/YYYY, month first (midnight in the shop's time zone).",
    example: '2026-11-23T10:15:30.250Z',
  },
  {
    ...text(
      'event_type',
      64,
      'Type of the event. The names of Segment’s E-Commerce V2 are accepted, too.',
      'purchase',
    ),
    required: true,
  },
  text(
    'event_id',
    128,
    'Id of the event. The same id with the same event_type and timestamp within 24 hours is a duplicate.',
    '0b9c2f64-41f0',
  ),
  text('user_id', 256, 'Id of the user.', 'u1042'),
  text('session_id', 256, 'Id of the visit.', 's98121'),
  text('product_id', 256, 'Id of the product.', 'p17'),
  text(
    'order_id',
    256,
    'Id of the order. Equal purchases or refunds of an order within 30 days are duplicates, whatever their event_id.',
    'o55012',
  ),
  text('category', 256, 'Category of the product.', 'shoes'),
  {
    ...QUANTITY,
    description:
      'Number of pieces, or the weight or length; for an order with `items`, the sum of its lines.',
  },
  PRICE,
  { name: 'amount', kind: 'money', description: 'Total of the event, in `currency`.', example: '39.80' },
  text('currency', 16, 'ISO 4217 code of price and amount.', 'EUR'),
  text('coupon', 256, 'Coupon code.', 'WELCOME10'),
  text('device_type', 64, 'Type of device: mobile, desktop, tablet ...', 'mobile'),
  text('country', 64, 'Country of the visitor, ISO 3166-1 alpha-2.', 'DE'),
  text('url', 4096, 'Address of the page.', 'https://shop.example/p/17'),
  text('referrer', 4096, 'Address of the previous page.', 'https://search.example/'),
  text('campaign', 256, 'Marketing campaign.', 'autumn-sale'),
  {
    name: 'response_time',
    kind: 'integer',
    min: 0,
    max: 86_400_000,
    description: 'Response time of the shop, in milliseconds.',
    example: 87,
  },
  {
    name: 'status_code',
    kind: 'integer',
    min: 100,
    max: 599,
    description: 'HTTP status of the response.',
    example: 200,
  },
  text('ip', 64, 'IP address of the visitor.', '203.0.113.7'),
  text('user_agent', 4096, 'User agent of the visitor’s browser.', 'Mozilla/5.0'),
  text(
    'visitor_id',
    256,
    'Id of a visitor who is not logged in, such as the anonymous id of a tracker.',
    'v88f1',
  ),
  text('product_name', 1024, 'Name of the product.', 'Trail shoe'),
  text('brand', 256, 'Brand of the product.', 'Acme'),
  { name: 'tax', kind: 'money', description: 'Tax included in `amount`.', example: '6.35' },
  { name: 'shipping', kind: 'money', description: 'Shipping cost of the order.', example: '4.90' },
  { name: 'discount', kind: 'money', description: 'Discount on the price.', example: '5.00' },
  text('search_term', 1024, 'What the visitor searched for.', 'red shoes'),
  text('utm_source', 256, 'Source of the campaign, such as a newsletter.', 'newsletter'),
  text('utm_medium', 256, 'Medium of the campaign, such as email.', 'email'),
  text('utm_term', 256, 'Keyword of the campaign.', 'running'),
  text('utm_content', 256, 'Link or ad of the campaign.', 'header'),
  {
    name: 'items',
    kind: 'items',
    description: 'Lines of the order: objects with product_id, name, category, quantity and price.',
    example: [{ product_id: 'p17', quantity: 2, price: '19.90' }],
  },
  {
    name: 'test',
    kind: 'boolean',
    description: 'Marks a test order, which is archived, but left out of the metrics.',
    example: true,
  },
  {
    name: 'bot',
    kind: 'boolean',
    description: 'Marks an event of a known bot, which is archived, but left out of the metrics.',
    example: true,
  },
  text(
    'line_id',
    128,
    'Id of an order line, for a purchase or refund of one line. Equal lines with different line_ids are separate lines. The same line_id with the same content is the same line.',
    'l7',
  ),
];

/** Members of a line of `items`; each may be absent. */
export const ITEM_FIELDS: readonly Field[] = [
  text('product_id', 256, 'Id of the product.', 'p17'),
  text('name', 1024, 'Name of the product.', 'Trail shoe'),
  text('category', 256, 'Category of the product.', 'shoes'),
  QUANTITY,
  PRICE,
];

/** Money and decimals have this precision and scale, as in SQL's DECIMAL(18,4). */
export const MONEY_PRECISION = 18;
export const MONEY_SCALE = 4;

/** Events further ahead of their receipt than this are bad rows: a fast clock must not open future windows. */
export const FUTURE_TOLERANCE_MS = 5 * 60_000;

/**
 * How far the clock of a collector may be from the one that gave received-at: a line that claims to come from ingest, and is ahead of its
 * receipt by more than this, has not.
 */
export const INGEST_CLOCK_MS_MAX = 86_400_000;

/** Timestamps before this are bad rows: no shop has older events, and most tools can't hold them. */
export const TIMESTAMP_MIN_MS = 0;

/** JSON objects and arrays may be nested this deep in a line, the line's own object included. */
export const DEPTH_MAX = 32;

/**
 * A line of the log that ingest rejected is stored as
 * `{"tillstream_bad":CODE,"tillstream_bad_field":..,"tillstream_bad_raw":..}`.
 * A line that brings this key itself is refused, so nobody can forge a validation result.
 */
export const BAD_MARK = 'tillstream_bad';
export const BAD_MARK_FIELD = 'tillstream_bad_field';
export const BAD_MARK_RAW = 'tillstream_bad_raw';

/** An object that has no `constructor` and the like: an event type may have such a name. */
const withoutInherited = (): Record<string, string> => Object.create(null);

/** Other spellings of event types: Segment's E-Commerce V2 spec, https://segment.com/docs/connections/spec/ecommerce/v2/ */
export const EVENT_TYPE_ALIASES: Readonly<Record<string, string>> = Object.assign(withoutInherited(), {
  'Product Viewed': 'view_product',
  'Product List Viewed': 'view_list',
  'Products Searched': 'search',
  'Product Added': 'add_to_cart',
  'Product Removed': 'remove_from_cart',
  'Cart Viewed': 'view_cart',
  'Checkout Started': 'checkout',
  'Order Completed': 'purchase',
  'Order Refunded': 'refund',
  'Order Cancelled': 'cancel',
});

/** Types of the events that are about money: an order, and its return. */
export const ORDER_EVENT_TYPES: readonly string[] = ['purchase', 'refund'];

/** The member of `extra` with the values of optional fields that could not be read, by field. */
export const INVALID_MEMBER = 'invalid';

/** The steps of the funnel, in order. */
export const FUNNEL_STEPS = ['view_product', 'add_to_cart', 'checkout', 'purchase'] as const;
