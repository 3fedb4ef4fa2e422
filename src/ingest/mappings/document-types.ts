import {
  isDescriptionName,
  isDocumentName,
  isMoneyMove,
  isRefundDocument,
  isReturnOfGoods,
} from '../document-words.ts';
import { isNoSale, isWithdrawn } from '../order-status.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { type Columns, numberOf } from './columns.ts';
import { eventTypeFor } from './event-words.ts';

const readType = createEventTypeReader({});
/** Types that documents are of. Others are of visits, in which some words mean other things. */
const OF_MONEY: readonly (string | undefined)[] = ['purchase', 'refund', 'cancel'];
/** Words that begin a checkout on a page, and are money that came in among documents. */
const PAID = 'checkout';

/** What the words of a column say of which rows are sales. */
export interface DocumentTypes {
  /** Our types of words that are not read as such. */
  readonly values: ReadonlyMap<string, string>;
  /** Words of goods that came back, where other documents give the money of the same returns back; they are in `leftOut`, too. */
  readonly returned: readonly string[];
  /** Words of documents with which nothing was sold. */
  readonly leftOut: readonly string[];
  /** Words that nobody knows. */
  readonly unknown: readonly string[];
}

/** A credit gives money back beside sales, as Braintree and Authorize.net have it; beside debits of a bank it is what came in. */
const CREDIT = /^credit$/i;
const SALE = /^(?:sales?|charge|purchase|invoice|auth\w*[ _-]?capture|authori[sz]ation w\/ auto capture)$/i;
const isRefundIn = (word: string, words: readonly string[]) =>
  isRefundDocument(word) || (CREDIT.test(word) && words.some((each) => SALE.test(each)));

/** Our type of a word of a column with kinds of documents, of which these are all; undefined for none. */
function typeOf(word: string, words: readonly string[]): string | undefined {
  if (isRefundIn(word, words)) return 'refund';
  if (isMoneyMove(word)) return undefined;
  const { name, isKnown } = readType(word);
  const type = isKnown ? name : eventTypeFor(word);
  return type === PAID ? 'purchase' : type;
}

/** Whether a column tells sales from other rows: a kind of document, of which one gives money back, or moves that of the shop. */
export function tellsSales(name: string, values: readonly unknown[]): boolean {
  const words = [...new Set(values.map(String))];
  const types = words.map((word) => typeOf(word, words));
  const isKnown = (word: string) =>
    OF_MONEY.includes(typeOf(word, words)) || isNoSale(word) || isMoneyMove(word);
  // What describes a product is described otherwise.
  const share = isDocumentName(name) ? 1 / 2 : isDescriptionName(name) ? 1 : Number.POSITIVE_INFINITY;
  return (
    (types.includes('refund') || (types.includes('purchase') && words.some(isMoneyMove))) &&
    words.filter(isKnown).length >= words.length * share
  );
}

/** What a column with kinds of documents says. `fields`: the columns that our fields are read from. */
export function documentTypes(
  columns: Columns,
  name: string,
  fields: ReadonlyMap<string, string>,
): DocumentTypes {
  const { valuesOf, cell, rowCount } = columns;
  const order = fields.get('order_id');
  const rows = Array.from({ length: rowCount }, (_, row) => row);
  const ordersOf = (is: (word: string) => boolean) =>
    rows.filter((row) => is(String(cell(row, name)))).flatMap((row) => cell(row, order ?? '') ?? []);
  const isOfOthers = (word: string) => {
    const [own, others] = [ordersOf((each) => each === word), new Set(ordersOf((each) => each !== word))];
    return own.length > 0 && own.every((each) => others.has(each));
  };
  const values = new Map<string, string>();
  const words = [...new Set(valuesOf(name).map(String))];
  const returned = returnsBesideRefunds(columns, name, words, fields);
  const [leftOut, unknown]: [string[], string[]] = [[...returned], []];
  for (const word of words.filter((each) => !returned.includes(each))) {
    const type = typeOf(word, words);
    // A void of an order that has another row takes that one back; else its own row is all that there is of it.
    if (type === 'refund' && isRefundIn(word, words)) values.set(word, type);
    else if (isWithdrawn(word) && isOfOthers(word)) values.set(word, 'refund');
    else if (isNoSale(word) || isMoneyMove(word)) leftOut.push(word);
    else if (type === undefined) unknown.push(word);
    else values.set(word, type);
  }
  // Refunds of nothing: what no word says is the sale.
  const sale = unknown.length === 1 && ![...values.values()].includes('purchase') ? unknown.pop()! : null;
  if (sale !== null) values.set(sale, 'purchase');
  for (const [word, type] of values) if (readType(word).name === type) values.delete(word);
  return { values, returned, leftOut, unknown };
}

/** Words of goods that came back, where a document that gives money back has the order or the amount of one of them. */
function returnsBesideRefunds(
  { cell, rowCount }: Columns,
  name: string,
  words: readonly string[],
  fields: ReadonlyMap<string, string>,
): string[] {
  const rowsOf = (is: (word: string) => boolean) =>
    Array.from({ length: rowCount }, (_, row) => row).filter((row) => is(String(cell(row, name))));
  const amountIn = (row: number) => {
    const amount = numberOf(cell(row, fields.get('amount') ?? fields.get('price') ?? ''));
    return amount === null || amount === 0 ? null : Math.abs(amount);
  };
  const orderIn = (row: number) => cell(row, fields.get('order_id') ?? '') ?? null;
  const refunds = rowsOf((word) => isRefundDocument(word) && !isReturnOfGoods(word));
  const [amounts, orders] = [new Set(refunds.map(amountIn)), new Set(refunds.map(orderIn))];
  const isRefunded = (row: number) =>
    (amountIn(row) !== null && amounts.has(amountIn(row))) ||
    (orderIn(row) !== null && orders.has(orderIn(row)));
  return words.filter((word) => isReturnOfGoods(word) && rowsOf((each) => each === word).some(isRefunded));
}
