import { FIELDS } from '../../event/fields.ts';
import { targetOf } from '../names.ts';
import {
  isCancelledName,
  isDocumentName,
  isGivenBack,
  isNoSale,
  isStatusName,
  isYes,
  isYesOrNo,
} from '../order-status.ts';
import { readCurrency } from '../values/read-currency.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { createTimeReader } from '../values/read-time.ts';
import { eventTypeFor } from './event-words.ts';
import { columnsOfTotals, conditionsAgainstTotals, TotalsError, timeOfDayBeside } from './table-shape.ts';
import { fieldsFor } from './words.ts';

/** Lines of an order stand beside the fields in a mapping. */
const ITEMS = 'items';

type Row = Readonly<Record<string, unknown>>;

/** Of the values of a column so many must be what the field needs. */
const SHARE_MIN = 0.9;
const TYPES_MAX = 50;
/** 1.234,50, 1 234,50 or 39,80: the comma is the decimal separator. */
const DECIMAL_COMMA = /^[^\d-]{0,8}-?\d{1,3}(?:[.\s']?\d{3})*,\d{1,2}\D{0,8}$/;
const NUMBER = /^[^\d-]{0,4}-?[\d.,'\s]+[^\d]{0,4}$/;

/**
 * Proposes a mapping for records of an unknown shop, by the names of their columns and by their values; null where no column is a time. The
 * text is YAML, for a person to look at.
 */
export function proposeMapping(rows: readonly Row[]): string | null {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const valuesOf = (name: string) => rows.map((row) => row[name]).filter(isGiven);
  const fields = new Map<string, string>();
  for (const field of FIELDS) {
    const candidates = names
      .map((name) => ({ name, rank: rankOf(name, field.name) }))
      .filter(
        ({ name, rank }) =>
          rank !== null && ![...fields.values()].includes(name) && fits(field.name, valuesOf(name)),
      )
      .sort((a, b) => a.rank! - b.rank!);
    if (candidates[0]) fields.set(field.name, candidates[0].name);
  }
  // Where no name tells it, values do.
  const isFree = (name: string) => ![...fields.values()].includes(name);
  for (const [field, holds] of BY_VALUES) {
    if (fields.has(field)) continue;
    const name = names.find((each) => isFree(each) && holds(valuesOf(each)) && !isStatusName(each));
    if (name !== undefined) fields.set(field, name);
  }
  const time = fields.get('timestamp');
  if (time === undefined) return null;
  const timeOfDay = timeOfDayBeside(time, names.filter(isFree), valuesOf);
  const isKept = (name: string) => isFree(name) && name !== timeOfDay;
  let lines = ['fields:'];
  for (const [field, name] of fields)
    if (field !== ITEMS) lines.push(`  ${field}: ${specOf(field, name, valuesOf(name), timeOfDay)}`);
  let after: string[] = [];
  if (!fields.has('event_type')) {
    const type = typeWithout(fields);
    if (type === null) return null;
    const totals = columnsOfTotals(fields, names, valuesOf, orderOf(valuesOf(time)));
    if (totals !== null)
      throw new TotalsError(
        `The rows look like totals of days or months (${totals.join(', ')}), and not like events: Tillstream counts orders and visits itself. Export the orders, a row for each.`,
      );
    lines = [...lines.slice(0, 2), ...typeLines(type, fields, valuesOf), ...lines.slice(2)];
    if (type === 'purchase') after = statusLines(names, names.filter(isKept), valuesOf);
  }
  if (fields.has(ITEMS)) lines.push(`items: ${JSON.stringify(fields.get(ITEMS))}`);
  const left = names.filter(isKept);
  if (left.length > 0) lines.push(`# Kept in extra: ${left.join(', ')}`);
  return `${[...lines, ...after].join('\n')}\n`;
}

/** What rows are whose type no column tells: returned goods have negative numbers. */
function typeLines(
  type: string,
  fields: ReadonlyMap<string, string>,
  valuesOf: (name: string) => readonly unknown[],
): string[] {
  const isNegative = (value: unknown) => NEGATIVE.test(String(value));
  const negative = ['quantity', 'amount']
    .map((field) => fields.get(field))
    .find((name) => name !== undefined && valuesOf(name).some(isNegative));
  if (type !== 'purchase' || negative === undefined)
    return [
      '  # No column says what happened: each row is taken for this.',
      `  event_type: {value: ${type}}`,
    ];
  const path = pathText(negative);
  return [
    '  # No column says what happened: rows below zero are taken for refunds, the others for purchases.',
    `  event_type: {cases: [{when: {${path}: {match: "^ *-"}}, value: refund}], value: purchase}`,
  ];
}

/** Columns that say what became of orders: those that are no sales are left out. */
function statusLines(
  all: readonly string[],
  free: readonly string[],
  valuesOf: (name: string) => readonly unknown[],
): string[] {
  const saying = (name: string, is: (status: string) => boolean) =>
    [...new Set(valuesOf(name).map(String))].filter(is);
  const names = free.filter((name) => isStatusName(name) || isDocumentName(name));
  const conditions = free.flatMap((name) => {
    if (isCancelledName(name)) return cancelledConditions(name, valuesOf(name));
    const noSale = names.includes(name) ? saying(name, isNoSale) : [];
    return noSale.length === 0 ? [] : [`${pathText(name)}: {not: ${JSON.stringify(noSale)}}`];
  });
  const sums = conditionsAgainstTotals(all, valuesOf, pathText);
  const wordsOf = (name: string) => [...new Set(valuesOf(name).map(String))].slice(0, 5).join(', ');
  const quiet = names.filter(
    (name) => saying(name, isNoSale).length + saying(name, isGivenBack).length === 0,
  );
  const givenBack = names.flatMap((name) => saying(name, isGivenBack));
  return [
    ...(conditions.length === 0 ? [] : ['# Left out: by their status, nothing was sold.']),
    ...(sums.length === 0 ? [] : ['# Left out: rows that are the sum of others.']),
    ...(conditions.length + sums.length === 0 ? [] : [`where: {${[...conditions, ...sums].join(', ')}}`]),
    ...(quiet.length === 0
      ? []
      : [
          `# In the beginning, all are sales; a load reports those that were cancelled: ${quiet.map((name) => `${name} (${wordsOf(name)})`).join(', ')}`,
        ]),
    ...(givenBack.length === 0
      ? []
      : [`# By their status money was given back; look at what they count as: ${givenBack.join(', ')}`]),
  ];
}

/** Of a column that says yes or no, or when: what holds for orders that were not cancelled. */
function cancelledConditions(name: string, values: readonly unknown[]): string[] {
  const words = [...new Set(values.map(String))];
  if (words.length === 0) return [];
  if (!words.every(isYesOrNo)) return [`${pathText(name)}: {exists: false}`];
  const yes = words.filter(isYes);
  return yes.length === 0 ? [] : [`${pathText(name)}: {not: ${JSON.stringify(yes)}}`];
}

/** The path of a column, as YAML. */
const pathText = (name: string) => JSON.stringify(/[.[\]"|$^]/.test(name) ? JSON.stringify(name) : name);

const NEGATIVE = /^ *-\D{0,4}\d/;

const shareOf = (values: readonly unknown[], is: (value: unknown) => boolean) =>
  values.length === 0 ? 0 : values.filter(is).length / values.length;

/** Fields that can be told by values alone, in which few other columns have them. */
const BY_VALUES: readonly (readonly [string, (values: readonly unknown[]) => boolean])[] = [
  ['timestamp', (values) => shareOf(values, (value) => !isNumeric(value)) === 1 && fits('timestamp', values)],
  ['event_type', (values) => new Set(values).size > 1 && shareOf(values, isKnownType) >= SHARE_MIN],
  ['currency', (values) => shareOf(values, isCurrency) >= SHARE_MIN],
];

const readType = createEventTypeReader({});
const isKnownType = (value: unknown) =>
  typeof value === 'string' && (readType(value).isKnown || eventTypeFor(value) !== undefined);
const isNumeric = (value: unknown) => typeof value !== 'string' || /^[\d\s.,-]{0,7}$|^\d*$/.test(value);
const isCurrency = (value: unknown) =>
  typeof value === 'string' && /^\D{1,3}$/.test(value.trim()) && readCurrency(value, 'USD') !== null;

const isGiven = (value: unknown) => value !== undefined && value !== null && String(value).trim() !== '';

/** Whether a column with this name may be one of our fields: a table that has one can be proposed a mapping for. */
export function isProposableName(name: string): boolean {
  return targetOf(name).index >= 0 || fieldsFor(name).length > 0;
}

/** How likely a column with this name holds the field, 0 the likeliest; null where it doesn't. */
function rankOf(name: string, field: string): number | null {
  const { index, rank } = targetOf(name);
  if (index >= 0) return FIELDS[index]!.name === field ? rank : null;
  const at = fieldsFor(name).indexOf(field);
  return at < 0 ? null : 100 + at;
}

/** Whether the values of a column can be those of the field. */
function fits(field: string, values: readonly unknown[]): boolean {
  if (values.length === 0) return false;
  const share = (is: (value: unknown) => boolean) => shareOf(values, is);
  const kind = FIELDS.find(({ name }) => name === field)!.kind;
  if (kind === 'timestamp') {
    const read = createTimeReader({ zone: 'UTC', dateOrder: orderOf(values) });
    return share((value) => typeof read(value) !== 'string') >= SHARE_MIN;
  }
  if (kind === 'money' || kind === 'decimal' || kind === 'integer')
    return share((value) => typeof value === 'number' || NUMBER.test(String(value).trim())) >= SHARE_MIN;
  if (field === 'event_type') return new Set(values.map(String)).size <= TYPES_MAX;
  if (field === 'currency') return share((value) => String(value).trim().length <= 12) >= SHARE_MIN;
  return true;
}

function specOf(
  field: string,
  name: string,
  values: readonly unknown[],
  timeOfDay: string | undefined,
): string {
  const from = JSON.stringify(name);
  if (field === 'timestamp') {
    const order = orderOf(values);
    if (timeOfDay !== undefined)
      return `{join: [${from}, ${JSON.stringify(timeOfDay)}]${order === undefined ? '' : `, order: ${order}`}}`;
    return order === undefined ? from : `{from: ${from}, order: ${order}}`;
  }
  if (field === 'event_type') {
    const types = [...new Set(values.map(String))].filter((type) => !readType(type).isKnown);
    const known = types.flatMap((type) => {
      const ours = eventTypeFor(type);
      return ours === undefined ? [] : [`${JSON.stringify(type)}: ${ours}`];
    });
    return known.length === 0 ? from : `{from: ${from}, values: {${known.join(', ')}}}`;
  }
  const kind = FIELDS.find(({ name: each }) => each === field)!.kind;
  const isMoney = kind === 'money' || kind === 'decimal';
  if (isMoney && values.some((value) => DECIMAL_COMMA.test(String(value).trim())))
    return `{from: ${from}, decimal: ","}`;
  return from;
}

/** Day or month first, where a value tells it: a number above 12. */
function orderOf(values: readonly unknown[]): 'dmy' | 'mdy' | undefined {
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

/** What rows are that say nothing of what happened. */
function typeWithout(fields: ReadonlyMap<string, string>): string | null {
  if (fields.has('order_id') || fields.has('amount') || (fields.has('price') && fields.has('quantity')))
    return 'purchase';
  if (fields.has('search_term')) return 'search';
  return fields.has('product_id') ? 'view_product' : fields.has('url') ? 'view_page' : null;
}
