import { distance } from 'fastest-levenshtein';
import { FIELDS } from '../event/fields.ts';

/**
 * Other names of fields, the likeliest first. Each can mean nothing else in an event of a shop. Left out, because they have other
 * meanings as well, are: `id`, `type`, `name`, `value`, `status`, `date`, `created_at` (of an account or order, often), `updated_at`,
 * `received_at`, `device` (a model), `client_id` (a browser or a company), `email`, `uuid`, `request_time` (seconds), `action`.
 */
export const FIELD_ALIASES: Readonly<Record<string, readonly string[]>> = {
  timestamp: ['event_time', 'event_timestamp', 'occurred_at', 'ts', 'time', 'datetime'],
  event_type: ['event_name', 'event'],
  event_id: ['message_id', 'insert_id', '$insert_id'],
  user_id: ['customer_id', 'uid'],
  visitor_id: ['anonymous_id', 'user_pseudo_id', 'visitor'],
  session_id: ['session', 'user_session'],
  product_id: ['item_id', 'sku', 'product_sku', 'article_id'],
  order_id: ['transaction_id', 'order_number', 'order_no'],
  category: ['product_category', 'item_category'],
  quantity: ['qty'],
  price: ['unit_price', 'item_price', 'product_price'],
  amount: ['total', 'total_amount', 'total_price', 'grand_total', 'order_total', 'revenue'],
  currency: ['currency_code'],
  coupon: ['coupon_code', 'voucher_code', 'promo_code', 'discount_code'],
  country: ['country_code'],
  url: ['page_url', 'page_location'],
  referrer: ['referer', 'page_referrer'],
  campaign: ['utm_campaign'],
  response_time: ['response_time_ms', 'duration_ms', 'latency_ms'],
  status_code: ['http_status', 'http_status_code'],
  ip: ['ip_address', 'client_ip', 'remote_addr'],
  user_agent: ['http_user_agent'],
  product_name: ['item_name', 'product_title'],
  brand: ['product_brand', 'item_brand'],
  tax: ['tax_amount', 'total_tax'],
  shipping: ['shipping_cost', 'shipping_costs', 'shipping_amount'],
  discount: ['discount_amount', 'total_discount'],
  search_term: ['search_query'],
  items: ['products', 'line_items', 'order_lines'],
  test: ['is_test'],
  bot: ['is_bot'],
};

/** Names of the members of an order's line, ours first, then the likeliest. */
export const ITEM_NAMES: Readonly<Record<string, readonly string[]>> = {
  product_id: ['product_id', 'item_id', 'sku', 'product_sku', 'article_id', 'id'],
  name: ['name', 'product_name', 'item_name', 'title'],
  category: ['category', 'product_category', 'item_category'],
  quantity: ['quantity', 'qty'],
  price: ['price', 'unit_price', 'item_price', 'product_price'],
};

/** What is compared of a name: `Event Type`, `eventType` and `EVENT_TYPE` are one. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[\s_\-\ufeff]+/g, '');
}

/** What a name of a record stands for. */
export interface NameTarget {
  /** Index of the field; -1 for a name that is not one. */
  readonly index: number;
  /** 0: the name itself; 1: in another spelling; from 2: an alias, the likeliest first. */
  readonly rank: number;
  /** For a name that is not known: the field that may be meant. */
  readonly nearest: string | null;
}

const byFolded = new Map<string, NameTarget>();
for (const [index, { name }] of FIELDS.entries()) {
  byFolded.set(foldName(name), { index, rank: 1, nearest: null });
}
for (const [index, { name }] of FIELDS.entries()) {
  for (const [rank, alias] of (FIELD_ALIASES[name] ?? []).entries()) {
    const folded = foldName(alias);
    if (!byFolded.has(folded)) byFolded.set(folded, { index, rank: rank + 2, nearest: null });
  }
}
const foldedNames = [...byFolded.keys()];

/** Names that are remembered. Records with more have values in place of names. */
const REMEMBERED_MAX = 5000;
const remembered = new Map<string, NameTarget>();
for (const [index, { name }] of FIELDS.entries()) remembered.set(name, { index, rank: 0, nearest: null });
const UNKNOWN: NameTarget = { index: -1, rank: 0, nearest: null };

/** What a name of a record stands for. */
export function targetOf(name: string): NameTarget {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const folded = foldName(name);
  const isFull = remembered.size >= REMEMBERED_MAX;
  const target = byFolded.get(folded) ?? (isFull ? UNKNOWN : unknown(folded));
  if (!isFull) remembered.set(name, target);
  return target;
}

/** Shorter names are one letter away from other words: test and text, bot and not. */
const NEAR_LENGTH_MIN = 5;
/** From here on two wrong letters are a slip; in shorter names only one, or two that changed places. */
const LONG_LENGTH = 8;
/** Longer names are not field names with a slip. */
const NEAR_LENGTH_MAX = 40;

/** Words at the end of a name that say what it is: `event_date` is not a slip for `event_name`, nor `user_ip` for `user_id`. */
const LAST_WORD =
  /(?:date|day|ip|text|data|url|link|key|tag|hash|code|note|group|zip|kind|rate|unit|updated|created|count|value)$/;

/** The field whose name was meant, where it has a slip: more is another word. */
function unknown(folded: string): NameTarget {
  if (folded.length < NEAR_LENGTH_MIN || folded.length > NEAR_LENGTH_MAX) return UNKNOWN;
  let best: { name: string; wrong: number } | null = null;
  for (const name of foldedNames) {
    // A longer word that begins with the name is a name of its own: category_id is not a slip for category.
    if (name.length < NEAR_LENGTH_MIN || folded.startsWith(name) || name.startsWith(folded)) continue;
    // A column of several: `product_1` is not a slip for `products`.
    if (/\d$/.test(folded) && !/\d$/.test(name)) continue;
    if (LAST_WORD.exec(folded) && !name.endsWith(LAST_WORD.exec(folded)![0])) continue;
    const wrong = slipsIn(folded, name);
    if (wrong !== null && (best === null || wrong < best.wrong)) best = { name, wrong };
  }
  return best === null ? UNKNOWN : { ...UNKNOWN, nearest: FIELDS[byFolded.get(best.name)!.index]!.name };
}

/** How many letters of a name are wrong; null where that makes it another word. */
function slipsIn(folded: string, name: string): number | null {
  const wrong = distance(folded, name);
  const most = Math.min(folded.length, name.length) < LONG_LENGTH ? 1 : 2;
  if (wrong <= most) return wrong;
  return wrong === 2 && haveChangedPlaces(folded, name) ? 1 : null;
}

/** Whether two letters side by side are all that differs. */
function haveChangedPlaces(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let at = 0;
  while (a[at] === b[at]) at++;
  return a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
}

const DECIDING = ['timestamp', 'event_type'].map((name) => FIELDS.findIndex((field) => field.name === name));

/** Whether a name stands for the time or the type of an event, without which a record is not one. */
export function isDecidingName(name: string): boolean {
  return DECIDING.includes(targetOf(name).index);
}
