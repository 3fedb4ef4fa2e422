import { isDocumentName } from '../document-words.ts';
import { foldName } from '../names.ts';
import {
  isCancelledName,
  isFinishedName,
  isGivenBack,
  isNoSale,
  isNoStatusId,
  isOrderStatus,
  isStatusName,
  isYes,
  isYesOrNo,
} from '../order-status.ts';
import { unaccented } from '../unaccented.ts';
import type { Columns } from './columns.ts';
import { conditionsAgainstTotals } from './table-shape.ts';

const WAITING = /^(?:offen|open|pending|ausstehend|en attente|pendiente)/i;
/** Of an invoice that is sent, none of these takes anything away from the sale. */
const NOT_PAID =
  /^(?:offen|open|outstanding|overdue|un(?:paid|bezahlt)|nicht bezahlt|uberfallig|pending|ausstehend|en attente|impaye|pendiente|impagad)/;
const INVOICE = /rechnung|invoice|facture|factura/i;
/** A payment that is open is none, beside others that are paid; an order is. */
const OPEN = /^open$/i;
const PAID = /^(?:komplett |vollständig |fully )?(?:bezahlt|paid|captured|settled|succeeded|payé|pagad)/i;

const rowsWith = ({ rowCount, cell }: Columns, name: string, word: string) =>
  Array.from({ length: rowCount }, (_, row) => row).filter((row) => String(cell(row, name)) === word);

/** Columns that say what became of orders: those that are no sales are left out. `unsold`: further words of that, by column. */
export function statusLines(
  columns: Columns,
  free: readonly string[],
  unsold: Readonly<Record<string, readonly string[]>> = {},
): string[] {
  const { names: all, valuesOf, pathText } = columns;
  const saying = (name: string, is: (status: string) => boolean) =>
    [...new Set(valuesOf(name).map(String))].filter(is);
  const names = free.filter((name) => isStatusName(name) || isDocumentName(name));
  const isOfInvoices = Object.keys(unsold).some((name) =>
    valuesOf(name).some((word) => INVOICE.test(String(word))),
  );
  const isNone = (word: string, name: string) =>
    isNoStatusId(name, word) ||
    (isNoSale(word) && !(isOfInvoices && NOT_PAID.test(unaccented(word)))) ||
    (OPEN.test(word) && saying(name, (other) => PAID.test(other)).length > 0 && !isOfInvoices);
  // An order that is open may be paid, where another column says that.
  const isPaid = (word: string, name: string) =>
    WAITING.test(word) &&
    rowsWith(columns, name, word).some((row) =>
      free.some((other) => other !== name && PAID.test(String(columns.cell(row, other) ?? ''))),
    );
  const unfinished = names.filter((name) => isPartlyEmpty(columns, name));
  const leavesUnfinished = isOpenCart(all);
  const conditions = free.flatMap((name) => {
    if (isFinishedName(name)) return finishedConditions(pathText(name), valuesOf(name));
    if (isCancelledName(name)) return cancelledConditions(pathText(name), valuesOf(name));
    const noSale = names.includes(name)
      ? saying(name, (word) => isNone(word, name)).filter((word) => !isPaid(word, name))
      : [];
    const parts = [
      ...(leavesUnfinished && unfinished.includes(name) ? ['exists: true'] : []),
      ...(noSale.length === 0 ? [] : [`not: ${JSON.stringify(noSale)}`]),
    ];
    return parts.length === 0 ? [] : [`${pathText(name)}: {${parts.join(', ')}}`];
  });
  for (const [name, words] of Object.entries(unsold))
    if (words.length > 0) conditions.push(`${pathText(name)}: {not: ${JSON.stringify(words)}}`);
  const sums = conditionsAgainstTotals(all, valuesOf, pathText);
  const wordsOf = (name: string) => [...new Set(valuesOf(name).map(String))].slice(0, 5).join(', ');
  const quiet = names.filter(
    (name) => saying(name, (word) => isNone(word, name)).length + saying(name, isGivenBack).length === 0,
  );
  const givenBack = names.flatMap((name) => saying(name, isGivenBack));
  return [
    ...(conditions.length === 0 ? [] : ['# Left out: by their status, nothing was sold.']),
    ...(sums.length === 0 ? [] : ['# Left out: rows that are the sum of others.']),
    ...(conditions.length + sums.length === 0 ? [] : [`where: {${[...conditions, ...sums].join(', ')}}`]),
    ...(unfinished.length === 0 || leavesUnfinished
      ? []
      : [
          `# Orders without ${unfinished.join(', ')} are taken for sales. If they were never completed, leave them out: {exists: true}`,
        ]),
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

/** Whether a column has the status of an order, but not in all rows: in OpenCart orders without one were never completed. */
function isPartlyEmpty({ valuesOf, rowCount }: Columns, name: string): boolean {
  const given = valuesOf(name).length;
  return isOrderStatus(name) && given < rowCount && given * 2 >= rowCount;
}

const isOpenCart = (names: readonly string[]) =>
  ['dateadded', 'datemodified'].every((wanted) => names.some((name) => foldName(name) === wanted));

/** Of a column that says whether a sale was finished. */
function finishedConditions(path: string, values: readonly unknown[]): string[] {
  const words = [...new Set(values.map(String))];
  const no = words.every(isYesOrNo) ? words.filter((word) => !isYes(word)) : [];
  return no.length === 0 ? [] : [`${path}: {not: ${JSON.stringify(no)}}`];
}

/** Of a column that says yes or no, or when: what holds for orders that were not cancelled. */
function cancelledConditions(path: string, values: readonly unknown[]): string[] {
  const words = [...new Set(values.map(String))];
  if (words.length === 0) return [];
  if (!words.every(isYesOrNo)) return [`${path}: {exists: false}`];
  const yes = words.filter(isYes);
  return yes.length === 0 ? [] : [`${path}: {not: ${JSON.stringify(yes)}}`];
}
