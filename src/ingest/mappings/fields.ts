import { ORDER_ID } from '../../event/field-index.ts';
import { FIELDS } from '../../event/fields.ts';
import { isDescriptionName, isDocumentName } from '../document-words.ts';
import { targetOf } from '../names.ts';
import { isStatusName } from '../order-status.ts';
import { isObject } from '../record-slots.ts';
import { readCurrency } from '../values/read-currency.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { createTimeReader } from '../values/read-time.ts';
import { type Columns, FIRST, isMoneyObject } from './columns.ts';
import { tellsSales } from './document-types.ts';
import { eventTypeFor } from './event-words.ts';
import { fieldsFor, LAST_RESORT, mayBeTotal, wordsOf } from './words.ts';

/** Of the values of a column so many must be what the field needs. */
const SHARE_MIN = 0.9;
/** A column that is not called after the type of events has one where so many rows say one that is known. */
const TYPE_SHARE_MIN = 0.5;
const TYPES_MAX = 50;
/** 1.234,50, 1 234,50 or 39,80: the comma is the decimal separator. */
const DECIMAL_COMMA = /^[^\d-]{0,8}-?\d{1,3}(?:[.\s']?\d{3})*,\d{1,2}\D{0,8}$/;
const NUMBER = /^-?[^\d-]{0,4}-?[\d.,'\s]+[^\d%]{0,4}$/;
/** `M-1,P-2`: several ids in one cell. */
const SEVERAL = /^[^\s,;|]+(?:\s?[,;|]\s?[^\s,;|]+)+$/;
/** A name that is only known as a name of a field in some spelling is less likely than the name itself. */
const WORD_RANK = 100;
const DOCUMENT_RANK = 900;
const TRANSACTION_RANK = 1000;
const LAST_RANK = 10_000;

const shareOf = (values: readonly unknown[], is: (value: unknown) => boolean) =>
  values.length === 0 ? 0 : values.filter(is).length / values.length;

const readType = createEventTypeReader({});
const isKnownType = (value: unknown) =>
  typeof value === 'string' && (readType(value).isKnown || eventTypeFor(value) !== undefined);
const isNumeric = (value: unknown) => typeof value !== 'string' || /^[\d\s.,-]{0,7}$|^\d*$/.test(value);
/** A code or a sign; sizes, groups and names such as Top, All and Bob are none. */
const CURRENCY = /^(?:[A-Z]{3}|[^\p{L}\d\s]{1,3})$/u;
const isCurrency = (value: unknown) =>
  typeof value === 'string' && CURRENCY.test(value.trim()) && readCurrency(value, 'USD') !== null;

/** Fields that can be told by values alone, in which few other columns have them. */
const BY_VALUES: readonly (readonly [string, (values: readonly unknown[]) => boolean])[] = [
  ['timestamp', (values) => shareOf(values, (value) => !isNumeric(value)) === 1 && areTimes(values)],
  ['event_type', (values) => new Set(values).size > 1 && shareOf(values, isKnownType) >= SHARE_MIN],
  ['currency', (values) => shareOf(values, isCurrency) >= SHARE_MIN],
];

/** Columns by the field that they hold, as far as names and values tell it; the order is that of FIELDS. */
export function fieldColumns(columns: Columns): Map<string, string> {
  const fields = new Map<string, string>();
  const isFree = (name: string) => ![...fields.values()].includes(name);
  const items = bestColumn(columns, 'items', isFree);
  if (items !== undefined) fields.set('items', items);
  for (const { name: field } of FIELDS) {
    if (fields.has(field) || (items !== undefined && OF_LINES.includes(field))) continue;
    const name = bestColumn(columns, field, isFree);
    if (name !== undefined) fields.set(field, name);
  }
  if (!fields.has('amount') && !fields.has('price')) {
    const total = columns.names.find(
      (name) => isFree(name) && mayBeTotal(name) && fits('amount', columns.valuesOf(name)),
    );
    if (total !== undefined) fields.set('amount', total);
  }
  for (const [field, holds] of BY_VALUES) {
    if (fields.has(field)) continue;
    const name = columns.names.find(
      (each) => isFree(each) && holds(columns.valuesOf(each)) && !isStatusName(each),
    );
    if (name !== undefined) fields.set(field, name);
  }
  const isSold = fields.has('amount') || fields.has('price') || fields.has('items');
  for (const field of Object.keys(LAST_RESORT)) {
    // A reference is that of a product where there are pieces of one, else of an order.
    const isOfLine = items === undefined && (fields.has('price') || fields.has('quantity'));
    const isLikely = field === 'order_id' ? isSold : isOfLine;
    if (fields.has(field) || !isLikely) continue;
    const name = lastResort(columns, field, isFree);
    if (name !== undefined) fields.set(field, name);
  }
  // The number of a row is one of an order, where that is known otherwise.
  const id = columns.names.find((name) => isFree(name) && wordsOf(name).join('') === 'id');
  if (id !== undefined && !fields.has('event_id')) fields.set('event_id', id);
  return fields;
}

/** The free column that may be of the field where no other is; by names with other meanings too. */
export function lastResort(
  { names, valuesOf }: Columns,
  field: string,
  isFree: (name: string) => boolean,
): string | undefined {
  const words = LAST_RESORT[field] ?? [];
  return names.find(
    (each) => isFree(each) && words.includes(wordsOf(each).join('')) && fits(field, valuesOf(each)),
  );
}

/** The free column whose name and values are likeliest those of the field. */
export function bestColumn(
  { names, valuesOf }: Columns,
  field: string,
  isFree: (name: string) => boolean,
): string | undefined {
  let best: { name: string; rank: number } | undefined;
  for (const name of names) {
    const rank = isFree(name) ? rankOf(name, field) : null;
    if (rank === null || (best !== undefined && rank >= best.rank)) continue;
    const values = valuesOf(name);
    const isSure =
      field !== 'event_type' ||
      rank < WORD_RANK ||
      (rank !== DOCUMENT_RANK && shareOf(values, isKnownType) >= TYPE_SHARE_MIN) ||
      tellsSales(name, values);
    if (isSure && fits(field, values)) best = { name, rank };
  }
  return best?.name;
}

/** Whether a column with this name may be one of our fields: a table that has one can be proposed a mapping for. */
export function isProposableName(name: string): boolean {
  return targetOf(name).index >= 0 || fieldsFor(name).size > 0;
}

/** How likely a column with this name holds the field, 0 the likeliest; null where it doesn't. */
export function rankOf(name: string, field: string): number | null {
  const { index, rank } = targetOf(name);
  // An order may be paid by several transactions, and be told in one for each of its lines.
  if (index === ORDER_ID && field === 'order_id' && wordsOf(name).includes('transaction'))
    return TRANSACTION_RANK;
  if (index >= 0 && FIELDS[index]!.name === field) return rank;
  const known = fieldsFor(name).get(field);
  if (known !== undefined) return WORD_RANK + known;
  if (field === 'event_type' && (isDocumentName(name) || isDescriptionName(name))) return DOCUMENT_RANK;
  // In an object the last name may say it: billing.email.
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (last === name) return null;
  if (field === 'order_id' && targetOf(last).index === ORDER_ID) return LAST_RANK;
  // What an element of a list is called is not the customer: `returns[0].uid`.
  if (field === 'user_id' && name.includes(FIRST)) return null;
  return OF_MEMBERS.includes(field) ? add(rankOf(last, field), LAST_RANK) : null;
}

/** Fields that are as well known by the name of a member of some object. */
const OF_MEMBERS = ['user_id', 'country', 'currency', 'shipping'];
/** Fields of a product, which a record with a list of lines has in these. */
const OF_LINES = ['product_id', 'product_name', 'category', 'brand', 'price'];
const add = (rank: number | null, more: number) => (rank === null ? null : rank + more);

/** Whether the values of a column can be those of the field. */
function fits(field: string, values: readonly unknown[]): boolean {
  if (values.length === 0) return false;
  const kind = FIELDS.find(({ name }) => name === field)!.kind;
  if (kind === 'items') return shareOf(values, isList) >= SHARE_MIN;
  if (shareOf(values, (value) => typeof value === 'object' && !isMoneyObject(value)) > 0) return false;
  if (kind === 'timestamp') return areTimes(values) || areSpreadsheetDays(values);
  if (kind === 'money' || kind === 'decimal' || kind === 'integer')
    return shareOf(values, (value) => isAmount(value, kind === 'money')) >= SHARE_MIN;
  if (values.some(isObject)) return false;
  if (field === 'event_type') return new Set(values.map(String)).size <= TYPES_MAX;
  if (field === 'currency') return shareOf(values, (value) => String(value).trim().length <= 12) >= SHARE_MIN;
  return field !== 'product_id' || shareOf(values, (value) => SEVERAL.test(String(value))) < 1 - SHARE_MIN;
}

const isAmount = (value: unknown, isMoney: boolean) =>
  typeof value === 'number' || (isMoney && isMoneyObject(value)) || NUMBER.test(String(value).trim());

const isList = (value: unknown) =>
  Array.isArray(value) ? value.some(isObject) : typeof value === 'string' && /^\s*\[?\s*\{/.test(value);

/** Days of a spreadsheet, such as 46296.5: from 1995 to 2064. A column must be called a time, too. */
export function areSpreadsheetDays(values: readonly unknown[]): boolean {
  const isDay = (value: unknown) => {
    const text = String(value).trim();
    return (
      /^\d{5}(?:[.,]\d{1,15})?$/.test(text) &&
      Number(text.slice(0, 5)) >= 34_700 &&
      Number(text.slice(0, 5)) < 60_000
    );
  };
  return values.length > 0 && values.every(isDay);
}

function areTimes(values: readonly unknown[]): boolean {
  const read = createTimeReader({ zone: 'UTC', dateOrder: orderOf(values) });
  return shareOf(values, (value) => typeof read(value) !== 'string') >= SHARE_MIN;
}

/** The decimal separator, where it is a comma. */
export function separatorIn(values: readonly unknown[]): ',' | undefined {
  return values.some((value) => DECIMAL_COMMA.test(String(value).trim())) ? ',' : undefined;
}

/** Day or month first, where a value tells it: a number above 12. */
export function orderOf(values: readonly unknown[]): 'dmy' | 'mdy' | undefined {
  let order: 'dmy' | 'mdy' | undefined;
  for (const value of values) {
    const found = /^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}/.exec(String(value));
    if (!found) continue;
    if (Number(found[1]) > 12) order = 'dmy';
    else if (Number(found[2]) > 12) order = 'mdy';
    else if (order === undefined && String(value).includes('.')) order = 'dmy';
  }
  return order;
}
