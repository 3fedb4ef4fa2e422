import { FIELDS, ITEM_FIELDS } from '../../event/fields.ts';
import { LinePrices } from '../line-prices.ts';
import { ITEM_NAMES } from '../names.ts';
import { isObject } from '../record-slots.ts';
import { unaccented } from '../unaccented.ts';
import { type Columns, columnsOf, numberOf } from './columns.ts';
import { bestColumn, lastResort, separatorIn } from './fields.ts';
import { wordsOf } from './words.ts';

/** What a line of an order has, by our fields of an event. */
const LINE_FIELDS: Readonly<Record<string, string>> = {
  product_id: 'product_id',
  product_name: 'name',
  category: 'category',
  quantity: 'quantity',
  price: 'price',
};
/** Rounding of a line. */
const TOLERANCE = 0.011;

/** How the lines of an order are proposed to be read. */
export interface ProposedLines {
  /** YAML, without a line end. */
  readonly lines: readonly string[];
  /** Fields that are those of the lines, and not of the order. */
  readonly fields: readonly string[];
}

/** Lines that are in a list of the record. */
export function linesInList(columns: Columns, name: string): ProposedLines {
  const { valuesOf, pathText } = columns;
  const lists = valuesOf(name);
  const elements = lists.flatMap((list) => (Array.isArray(list) ? list.filter(isObject) : []));
  const names = new Set(elements.flatMap((element) => Object.keys(element)));
  // The usual names are read without being told.
  const isUsual = (field: string) => ITEM_NAMES[field]!.some((alias) => names.has(alias));
  const usual = ['quantity', 'price'].every(isUsual) && (isUsual('product_id') || isUsual('name'));
  const isMinorSystem = isOfMinorSystem(columns.names);
  const found = usual && !isMinorSystem ? [] : fieldsOfLines(columnsOf(elements), isMinorSystem);
  if (found.length === 0) return { lines: [`items: ${pathText(name)}`], fields: [] };
  const each = JSON.stringify(`${JSON.parse(pathText(name)) as string}[*]`);
  return { lines: [`items: {each: ${each}, fields: {${found.join(', ')}}}`], fields: [] };
}

function fieldsOfLines(columns: Columns, isMinorSystem: boolean): string[] {
  const taken: string[] = [];
  const found: string[] = [];
  for (const [field, ours] of Object.entries(LINE_FIELDS)) {
    const own = ITEM_NAMES[ours]!.find((alias) => columns.names.includes(alias) && !taken.includes(alias));
    const isFree = (each: string) => !taken.includes(each);
    const name = own ?? bestColumn(columns, field, isFree) ?? lastResort(columns, field, isFree);
    if (name === undefined) continue;
    taken.push(name);
    found.push(`${ours}: ${specOfLine(columns, name, field, isMinorSystem)}`);
  }
  return found;
}

function specOfLine(
  { valuesOf, pathText }: Columns,
  name: string,
  field: string,
  isMinorSystem = false,
): string {
  const { kind } = FIELDS.find((each) => each.name === field)!;
  const decimal = kind === 'money' || kind === 'decimal' ? separatorIn(valuesOf(name)) : undefined;
  const settings = [
    ...(decimal === undefined ? [] : [`decimal: "${decimal}"`]),
    ...minorOf(field, name, valuesOf(name), isMinorSystem),
  ];
  return settings.length === 0 ? pathText(name) : `{from: ${pathText(name)}, ${settings.join(', ')}}`;
}

/** Words in the name of a column whose amounts are in the smaller unit. */
const MINOR_WORDS = /^(?:cents?|pence|minor|centimes?|centimos?|centavos?)$/;
const WHOLE = /^-?\d+$/;

/** Members of records of payment services that write all amounts in the smaller unit: of Stripe, Klarna and Adyen. */
const OF_MINOR_SYSTEMS: readonly (readonly string[])[] = [
  ['object', 'livemode'],
  ['order_amount', 'purchase_currency'],
  ['pspReference'],
];

/** Whether records are of a payment service that writes amounts in the smaller unit. */
export const isOfMinorSystem = (names: readonly string[]) =>
  OF_MINOR_SYSTEMS.some((members) => members.every((member) => names.includes(member)));

/**
 * What says that amounts are in the smaller unit: the name, the system, or objects with whole numbers, as Square, Stripe and Adyen write
 * them.
 */
export function minorOf(
  field: string,
  name: string,
  values: readonly unknown[],
  isMinorSystem = false,
): string[] {
  const { kind } = [...FIELDS, ...ITEM_FIELDS].find((each) => each.name === field)!;
  if (kind === 'money' && isMinorSystem && values.every(Number.isInteger)) return ['minor_units: true'];
  const isNamed = wordsOf(name).some((word) => MINOR_WORDS.test(unaccented(word)));
  if (kind === 'money' && isNamed && values.every((value) => WHOLE.test(String(value).trim())))
    return ['minor_units: true'];
  const areWhole = values.every(
    (value) =>
      isObject(value) && Number.isInteger(value.amount ?? value.value) && !Object.hasOwn(value, 'units'),
  );
  return kind === 'money' && values.length > 0 && areWhole ? ['minor_units: true'] : [];
}

/**
 * Rows that are lines of one order, each with what the whole order cost: they are put together to one record. Null where each row counts
 * for itself.
 */
export function linesInRows(columns: Columns, fields: ReadonlyMap<string, string>): ProposedLines | null {
  const [order, amount, price, quantity] = ['order_id', 'amount', 'price', 'quantity'].map((f) =>
    fields.get(f),
  );
  const ofLines = Object.keys(LINE_FIELDS).filter((field) => fields.has(field));
  if (order === undefined || amount === undefined || !ofLines.some((field) => field.startsWith('product')))
    return null;
  if (/line|item|row|position|zeile|ligne|linea/.test(wordsOf(amount).join(' '))) return null;
  const runs = runsOf(columns, order).filter(({ length }) => length > 1);
  const number = (row: number, name: string) => numberOf(columns.cell(row, name));
  const isOfLine = (row: number) => {
    const [paid, each] = [number(row, amount), price === undefined ? null : number(row, price)];
    if (paid === null || each === null) return false;
    const pieces = quantity === undefined ? 1 : (number(row, quantity) ?? 1);
    return Math.abs(each * pieces - paid) < TOLERANCE;
  };
  const isTold = (run: readonly number[]) => {
    const paid = run.map((row) => number(row, amount));
    const isSame = paid.every((each, n) => each === paid[0] || (n > 0 && each === null));
    return paid[0] !== null && isSame && !run.every(isOfLine);
  };
  if (runs.length === 0 || !runs.every(isTold) || hasNegative(columns, [amount, quantity])) return null;
  const settings = ofLines.map((field) => {
    const name = fields.get(field)!;
    return `${LINE_FIELDS[field]!}: ${specOfLine(columns, name, field)}`;
  });
  // eBay has a row for the order as a whole, before those of its lines.
  const product = fields.get('product_id') ?? fields.get('product_name')!;
  const hasProduct = (row: number) => columns.cell(row, product) !== undefined;
  const isOfWhole = runs.some((run) => run.some(hasProduct) && !run.every(hasProduct));
  const where = isOfWhole ? `where: {${columns.pathText(product)}: {exists: true}}, ` : '';
  return {
    lines: [
      '# Rows with the same order are its lines: the order is read from the first of them.',
      `group: ${JSON.stringify(order)}`,
      `items: {each: "^rows[*]", ${where}fields: {${settings.join(', ')}}}`,
    ],
    fields: ofLines,
  };
}

/** Columns of SumUp, whose prices are those of lines. */
const OF_SUMUP = [/^price \(gross\)$/i, /^price \(net\)$/i, /^receipt number$/i];

/** Whether the column that is called a price holds what all pieces of a line cost. */
export function isPriceOfLine(
  { names, cell, rowCount }: Columns,
  fields: ReadonlyMap<string, string>,
): boolean {
  const [price, quantity] = [fields.get('price'), fields.get('quantity')];
  const product = fields.get('product_id') ?? fields.get('product_name');
  if (price === undefined || quantity === undefined || fields.has('amount')) return false;
  if (OF_SUMUP[0]!.test(price) && OF_SUMUP.every((pattern) => names.some((name) => pattern.test(name))))
    return true;
  const prices = new LinePrices();
  for (let row = 0; product !== undefined && row < rowCount; row++)
    prices.take({
      product: String(cell(row, product)),
      quantity: numberOf(cell(row, quantity)) ?? 1,
      price: numberOf(cell(row, price)) ?? 0,
      example: '',
    });
  return prices.areOfLines;
}

/** Rows that follow each other with the same value in a column. */
function runsOf({ rowCount, cell }: Columns, name: string): number[][] {
  const runs: number[][] = [];
  let before: unknown;
  for (let row = 0; row < rowCount; row++) {
    const value = cell(row, name);
    if (value !== undefined && value === before) runs.at(-1)!.push(row);
    else runs.push([row]);
    before = value;
  }
  return runs;
}

function hasNegative({ valuesOf }: Columns, names: readonly (string | undefined)[]): boolean {
  return names.some(
    (name) => name !== undefined && valuesOf(name).some((value) => (numberOf(value) ?? 0) < 0),
  );
}
