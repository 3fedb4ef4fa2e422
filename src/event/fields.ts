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
  description: 'Pieces of the product, or its weight or length.',
  example: 2,
};
const PRICE: Field = { name: 'price', kind: 'money', description: 'Price of one piece.', example: '19.90' };

export const FIELDS: readonly Field[] = [
  {
    name: 'timestamp',
    kind: 'timestamp',
    required: true,
    description:
      "When it happened: ISO 8601 with a zone, seconds or milliseconds since 1970, or M/D/YYYY, month first (midnight in the shop's time zone).",
    example: '2026-11-23T10:15:30.250Z',
  },
  {
    ...text(
      'event_type',
      64,
      'What happened. Names of Segment’s E-Commerce V2 are mapped to ours.',
      'purchase',
    ),
    required: true,
  },
  text(
    'event_id',
    128,
    'Identity of the event: the same id with the same event_type and timestamp within 24 hours is a duplicate.',
    '0b9c2f64-41f0',
  ),
  text('user_id', 256, 'Who did it.', 'u1042'),
  text('session_id', 256, 'The visit it belongs to.', 's98121'),
  text('product_id', 256, 'The product it is about.', 'p17'),
  text(
    'order_id',
    256,
    'The order it belongs to. Equal purchases or refunds of an order within 30 days are duplicates, whatever their event_id.',
    'o55012',
  ),
  text('category', 256, 'Category of the product.', 'shoes'),
  {
    ...QUANTITY,
    description:
      'Pieces of the product, or its weight or length; of an order with `items` those of all its lines.',
  },
  PRICE,
  { name: 'amount', kind: 'money', description: 'Total of the event, in `currency`.', example: '39.80' },
  text('currency', 16, 'ISO 4217 code of price and amount.', 'EUR'),
  text('coupon', 256, 'Coupon that was used.', 'WELCOME10'),
  text('device_type', 64, 'mobile, desktop, tablet ...', 'mobile'),
  text('country', 64, 'Country of the visitor, ISO 3166-1 alpha-2.', 'DE'),
  text('url', 4096, 'Page on which it happened.', 'https://shop.example/p/17'),
  text('referrer', 4096, 'Page from which the visitor came.', 'https://search.example/'),
  text('campaign', 256, 'Marketing campaign.', 'autumn-sale'),
  {
    name: 'response_time',
    kind: 'integer',
    min: 0,
    max: 86_400_000,
    description: 'How long the shop took to answer, in milliseconds.',
    example: 87,
  },
  {
    name: 'status_code',
    kind: 'integer',
    min: 100,
    max: 599,
    description: 'HTTP status of the answer.',
    example: 200,
  },
  text('ip', 64, 'Address of the visitor.', '203.0.113.7'),
  text('user_agent', 4096, 'Browser of the visitor.', 'Mozilla/5.0'),
  text(
    'visitor_id',
    256,
    'Who did it, as long as nobody has logged in: the anonymous id of a tracker.',
    'v88f1',
  ),
  text('product_name', 1024, 'Name of the product.', 'Trail shoe'),
  text('brand', 256, 'Brand of the product.', 'Acme'),
  { name: 'tax', kind: 'money', description: 'Tax in `amount`.', example: '6.35' },
  { name: 'shipping', kind: 'money', description: 'Shipping costs of the order.', example: '4.90' },
  { name: 'discount', kind: 'money', description: 'What was taken off the price.', example: '5.00' },
  text('search_term', 1024, 'What the visitor searched for.', 'red shoes'),
  text('utm_source', 256, 'Source of the campaign, as in links.', 'newsletter'),
  text('utm_medium', 256, 'Medium of the campaign.', 'email'),
  text('utm_term', 256, 'Keyword of the campaign.', 'running'),
  text('utm_content', 256, 'Which link or ad of the campaign.', 'header'),
  {
    name: 'items',
    kind: 'items',
    description: 'Lines of the order: objects with product_id, name, category, quantity and price.',
    example: [{ product_id: 'p17', quantity: 2, price: '19.90' }],
  },
  {
    name: 'test',
    kind: 'boolean',
    description: 'An order that was made to try the shop out: kept, and left out of the metrics.',
    example: true,
  },
  {
    name: 'bot',
    kind: 'boolean',
    description: 'The visitor is a known bot: the event is kept, and left out of the metrics.',
    example: true,
  },
  text(
    'line_id',
    128,
    'Of a purchase or refund that is a line of an order: equal lines with a line_id each are several lines. The same line_id with the same content is the same line.',
    'l7',
  ),
];

/** Members of a line of `items`; each may be absent. */
export const ITEM_FIELDS: readonly Field[] = [
  text('product_id', 256, 'The product.', 'p17'),
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
export const DOOR_CLOCK_MS_MAX = 86_400_000;

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
