import { FIELDS } from '../../event/fields.ts';
import { isDiscountLine } from '../total-words.ts';
import { unaccented } from '../unaccented.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { type Columns, columnsOf } from './columns.ts';
import { documentTypes, tellsSales } from './document-types.ts';
import { eventTypeFor } from './event-words.ts';
import { areSpreadsheetDays, fieldColumns, orderOf, rankOf, separatorIn } from './fields.ts';
import { listed } from './no-guess.ts';
import { isOfMinorSystem, isPriceOfLine, linesInList, linesInRows, minorOf } from './order-lines.ts';
import { statusLines } from './status-lines.ts';
import { columnsOfTotals, TotalsError, timeColumnsBeside } from './table-shape.ts';

/** Lines of an order stand beside the fields in a mapping. */
const ITEMS = 'items';
const NEGATIVE = /^ *-\D{0,4}\d/;
/** Names of what an order cost, in one way or another. */
const MONEY_NAME =
  /total|gross|\bnet\b|netto|brutto|amount|value|sales|betrag|summe|montant|importe|revenue/i;
/** Counts and numbers of things, with such words in their names. */
const IS_OTHER = /quantity|qty|count|number|record|shipped|refund|items?$|menge|anzahl|nummer|\bnr\b|\bid\b/i;
const LISTED_MAX = 8;
/** A name that says that its times are UTC: `Order Date (UTC)`, `created_gmt`. */
const IS_UTC = /(?:^|[^a-z])(?:utc|gmt)(?:[^a-z]|$)/;

const readType = createEventTypeReader({});

/**
 * Proposes a mapping for records of an unknown shop, by the names of their columns and by their values; null where no column is a time. The
 * text is YAML, for a person to look at. `isTable`: they are rows of a table, which may be put together.
 */
export function proposeMapping(
  rows: readonly Readonly<Record<string, unknown>>[],
  isTable = false,
): string | null {
  const columns = columnsOf(rows);
  const { names, valuesOf } = columns;
  const fields = withAmounts(columns, fieldColumns(columns));
  const time = fields.get('timestamp');
  if (time === undefined) return null;
  const isFree = (name: string) => ![...fields.values()].includes(name);
  const timeOfDay = timeColumnsBeside(columns, time, names.filter(isFree));
  const free = names.filter((name) => isFree(name) && !timeOfDay.includes(name));
  const typeColumn = fields.get('event_type');
  const documents =
    typeColumn !== undefined && tellsSales(typeColumn, valuesOf(typeColumn))
      ? documentTypes(columns, typeColumn, fields)
      : null;
  const type = typeColumn !== undefined ? null : typeWithout(fields);
  if (type === null && typeColumn === undefined) return null;
  if (type !== null) refuseTotals(columns, fields, time);
  const sells = type === 'purchase' || documents !== null;
  const list = fields.get(ITEMS);
  const lines =
    list !== undefined
      ? linesInList(columns, list)
      : isTable && type === 'purchase'
        ? linesInRows(columns, fields)
        : null;
  const own = [...fields].filter(([field]) => field !== ITEMS && !lines?.fields.includes(field));
  const told = own.map(([field, name]) =>
    field === 'event_type' && documents !== null
      ? `  event_type: ${typesText(fromText(name, columns.pathText), documents.values)}`
      : `  ${field}: ${specOf(columns, field, name, timeOfDay)}`,
  );
  return [
    'fields:',
    ...told.slice(0, 1),
    ...(type === null ? [] : typeLines(type, fields, columns)),
    ...told.slice(1),
    ...(lines?.lines ?? []),
    ...([...told, ...(lines?.lines ?? [])].some((line) => line.includes('minor_units'))
      ? ['# Amounts are taken for the smaller unit: 2100 is 21.00. Take minor_units out if it is 2,100.00.']
      : []),
    ...(sells && !fields.has('quantity') && !fields.has(ITEMS)
      ? [
          '# No column has the pieces of an order: a load reports that `units` has one for each.',
          'has_quantity: false',
        ]
      : []),
    ...(told[0]?.includes('unit: excel') === true
      ? ['# Numbers of days, as a spreadsheet has them, are taken for times of the zone of the shop.']
      : []),
    ...(isOrderByComma(columns, time)
      ? [
          '# No day is above 12: the day is taken to come first, as amounts have a decimal comma. Else, set order: mdy.',
        ]
      : []),
    ...(fields.get('amount') !== undefined && fieldColumns(columns).get('price') === fields.get('amount')
      ? [`# ${fields.get('amount')} is taken for what all pieces of a row cost, not for the price of one.`]
      : []),
    ...otherTotals(columns, fields, free),
    ...(free.length === 0 ? [] : [`# Kept in extra: ${listed(free)}`]),
    ...(documents === null || documents.unknown.length === 0
      ? []
      : [
          `# Words of ${typeColumn} that are not known, and count nowhere until \`values\` names a type for them: ${documents.unknown.join(', ')}`,
        ]),
    ...(documents === null || documents.returned.length === 0
      ? []
      : [
          `# Goods that came back, of which another row gives the money back, are left out: ${documents.returned.join(', ')}`,
        ]),
    ...(documents !== null
      ? statusLines(columns, free, { [typeColumn!]: documents.leftOut })
      : type === 'purchase'
        ? statusLines(columns, free)
        : []),
    '',
  ].join('\n');
}

/** The fields, with the price as the amount where it is that of a whole line. */
function withAmounts(columns: Columns, fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (!isPriceOfLine(columns, fields)) return fields;
  return new Map([...fields].map(([field, name]) => [field === 'price' ? 'amount' : field, name]));
}

function refuseTotals(columns: Columns, fields: ReadonlyMap<string, string>, time: string): void {
  const totals = columnsOfTotals(fields, columns.names, columns.valuesOf, orderOf(columns.valuesOf(time)));
  if (totals !== null)
    throw new TotalsError(
      `The rows look like totals of days or months (${totals.join(', ')}), and not like events: Tillstream counts orders and visits itself. Export the orders, a row for each.`,
    );
}

/** What rows are whose type no column tells: returned goods have negative numbers. */
function typeLines(
  type: string,
  fields: ReadonlyMap<string, string>,
  { pathText, cell, rowCount }: Columns,
): string[] {
  const isNegative = (value: unknown) => NEGATIVE.test(String(value));
  const product = fields.get('product_name') ?? fields.get('product_id');
  const rows = Array.from({ length: rowCount }, (_, row) => row);
  const isDiscount = (row: number) =>
    product !== undefined && isDiscountLine(String(cell(row, product) ?? ''), -1);
  const negativeIn = (name: string) => rows.filter((row) => isNegative(cell(row, name)));
  const negative = ['quantity', 'amount', 'price']
    .map((field) => fields.get(field))
    .find((name) => name !== undefined && !negativeIn(name).every(isDiscount));
  if (type !== 'purchase' || negative === undefined)
    return [
      '  # No column says what happened: each row is taken for this.',
      `  event_type: {value: ${type}}`,
    ];
  const discounts = new Set(
    negativeIn(negative)
      .filter(isDiscount)
      .map((row) => String(cell(row, product!))),
  );
  const others =
    discounts.size === 0 ? '' : `, ${pathText(product!)}: {not: ${JSON.stringify([...discounts])}}`;
  return [
    '  # No column says what happened: rows below zero are taken for refunds, the others for purchases.',
    `  event_type: {cases: [{when: {${pathText(negative)}: {match: "^ *-"}${others}}, value: refund}], value: purchase}`,
  ];
}

/** Columns that hold what an order cost as well, where one of them had to be chosen. */
function otherTotals(
  { valuesOf }: Columns,
  fields: ReadonlyMap<string, string>,
  free: readonly string[],
): string[] {
  const amount = fields.get('amount');
  if (amount === undefined) return [];
  const chosen = valuesOf(amount).map(String).join('\n');
  const others = free.filter(
    (name) =>
      (rankOf(name, 'amount') !== null || MONEY_NAME.test(name)) &&
      !IS_OTHER.test(name) &&
      valuesOf(name).some((value) => /[1-9]/.test(String(value))) &&
      valuesOf(name).every((value) => /^\D{0,8}[\d.,'\s]+\D{0,8}$/.test(String(value).trim())) &&
      valuesOf(name).map(String).join('\n') !== chosen,
  );
  if (others.length === 0) return [];
  return [
    `# What an order cost is read from ${amount}. Other columns with amounts: ${others.slice(0, LISTED_MAX).join(', ')}`,
  ];
}

const SMALL_DATE = /^\s*\d{1,2}[/-]\d{1,2}[/-]\d{2,4}/;

/** Whether dates are taken for days first by the decimal comma of amounts: no value tells it, and who writes the one writes the other. */
function isOrderByComma({ names, valuesOf }: Columns, time: string): boolean {
  const values = valuesOf(time);
  return (
    orderOf(values) === undefined &&
    values.some((value) => SMALL_DATE.test(String(value))) &&
    names.some(
      (name) =>
        (rankOf(name, 'amount') !== null || rankOf(name, 'price') !== null) &&
        separatorIn(valuesOf(name)) === ',',
    )
  );
}

function specOf(
  columns: Columns,
  field: string,
  name: string,
  timeOfDay: readonly string[] | undefined,
): string {
  const { names, valuesOf, pathText } = columns;
  const from = fromText(name, pathText);
  const values = valuesOf(name);
  if (field === 'timestamp') {
    const order = orderOf(values) ?? (isOrderByComma(columns, name) ? 'dmy' : undefined);
    const parts = [name, ...(timeOfDay ?? [])];
    const places = parts.map((each) => fromText(each, pathText));
    const settings = [
      places.length > 1 ? `join: [${places.join(', ')}]` : `from: ${from}`,
      ...(order === undefined ? [] : [`order: ${order}`]),
      ...(places.length === 1 && areSpreadsheetDays(values) ? ['unit: excel'] : []),
      ...(parts.some((each) => IS_UTC.test(unaccented(each))) ? ['zone: UTC'] : []),
    ];
    return settings.length === 1 && places.length === 1 ? from : `{${settings.join(', ')}}`;
  }
  if (field === 'event_type') {
    const types = [...new Set(values.map(String))].filter((type) => !readType(type).isKnown);
    return typesText(from, new Map(types.map((each) => [each, eventTypeFor(each)])));
  }
  const { kind } = FIELDS.find((each) => each.name === field)!;
  const decimal = kind === 'money' || kind === 'decimal' ? separatorIn(values) : undefined;
  const settings = [
    ...(decimal === undefined ? [] : [`decimal: "${decimal}"`]),
    ...minorOf(field, name, values, isOfMinorSystem(names)),
  ];
  return settings.length === 0 ? from : `{from: ${from}, ${settings.join(', ')}}`;
}

/** A column with types, and ours for them where they have other names. */
function typesText(from: string, values: ReadonlyMap<string, string | undefined>): string {
  const known = [...values].flatMap(([word, type]) =>
    type === undefined ? [] : [`${JSON.stringify(word)}: ${type}`],
  );
  return known.length === 0 ? from : `{from: ${from}, values: {${known.join(', ')}}}`;
}

/** A name with a dot is found as it is, too. */
function fromText(name: string, pathText: Columns['pathText']): string {
  const path = pathText(name);
  return JSON.parse(path) === JSON.stringify(name) && !/[[\]"|$^]/.test(name) ? JSON.stringify(name) : path;
}

/** What rows are that say nothing of what happened. */
function typeWithout(fields: ReadonlyMap<string, string>): string | null {
  if (fields.has('order_id') || fields.has('amount') || (fields.has('price') && fields.has('quantity')))
    return 'purchase';
  if (fields.has('search_term')) return 'search';
  return fields.has('product_id') ? 'view_product' : fields.has('url') ? 'view_page' : null;
}
