import {
  AMOUNT,
  EVENT_ID,
  ORDER_ID,
  PRICE,
  PRODUCT_ID,
  PRODUCT_NAME,
  QUANTITY,
  USER_ID,
} from '../event/field-index.ts';
import { FIELDS } from '../event/fields.ts';
import { isGivenId } from '../event/given-id.ts';
import type { FindingTally } from './finding-tally.ts';
import type { ObservedEvent } from './observed-event.ts';
import { isTotalWord } from './total-words.ts';

/** Fields in which a row that is the sum of others may say so, and which it has none of otherwise. */
const NAMED = [ORDER_ID, PRODUCT_ID, PRODUCT_NAME, USER_ID].map((index) => ({
  name: FIELDS[index]!.name,
  index,
}));
/** Of rows that name nothing, the sum of fewer may be just another amount. */
const NAMELESS_ROWS_MIN = 6;
const NAMED_ROWS_MIN = 2;
const CENT = 0.005;
/** A product with such a name is sold more often than there are sums in a file. */
const NAMED_ROWS_MAX = 2;
const NAMES_MAX = 100;

/** What has been added up since the beginning, since the last sum, or of an order. */
interface Sum {
  rows: number;
  total: number;
  /** Rows that name an order, a product or a user. */
  named: number;
}
const noSum = (): Sum => ({ rows: 0, total: 0, named: 0 });
const add = (sum: Sum, paid: number, isNamed: boolean) => {
  sum.rows++;
  if (isNamed) sum.named++;
  sum.total += paid;
};
const isSum = ({ rows, total }: Sum, paid: number) => rows > 0 && paid !== 0 && Math.abs(total - paid) < CENT;
const isSumOfOthers = (sum: Sum, paid: number) =>
  sum.rows >= (sum.named === sum.rows ? NAMED_ROWS_MIN : NAMELESS_ROWS_MIN) && isSum(sum, paid);

/** A row that may be the sum of those behind it, as where the newest row comes first. */
interface Head {
  readonly field: string;
  readonly word: string;
  readonly paid: number;
  readonly behind: Sum;
}

/**
 * Finds purchases that are the sum of those before them: a row at the end of an export, of a day or of an order. The same at the beginning of an
 * export or an order.
 */
export class TotalRows {
  readonly #all = noSum();
  #section = noSum();
  #order = { id: '', ...noSum() };
  /** The first row of all, and that of the order at work, where these may be sums. */
  #first: Head | null | undefined;
  #headOfOrder: Head | null = null;
  /** Rows of which a product or user has such a name, and nothing else says that they are sums. */
  readonly #named = new Map<string, { field: string; word: string; rows: number }>();

  /** Looks at a purchase; what shows at once goes into `tally`. */
  take(event: ObservedEvent, tally: FindingTally): void {
    const paid = paidFor(event);
    const order = event.text(ORDER_ID);
    if (order !== this.#order.id) {
      this.#order = { id: order ?? '', ...noSum() };
      this.#endOrder(tally);
    }
    if (this.#isTotal(event, order, paid, tally)) {
      this.#section = noSum();
      return;
    }
    const isNamed = !isNameless(event);
    for (const sum of [this.#all, this.#section, this.#order]) add(sum, paid, isNamed);
    for (const head of [this.#first, this.#headOfOrder]) if (head) add(head.behind, paid, isNamed);
    if (this.#first === undefined)
      this.#first = isNamed
        ? null
        : { field: 'amount', word: 'the sum of the rows behind it', paid, behind: noSum() };
    if (order !== null && this.#order.rows === 1) this.#headOfOrder = headOf(event, paid);
  }

  #endOrder(tally: FindingTally): void {
    const head = this.#headOfOrder;
    this.#headOfOrder = null;
    if (head !== null && isSum(head.behind, head.paid))
      tally.add('total_row', `${head.field} ${head.word}`, head.field, head.word);
  }

  #isTotal(event: ObservedEvent, order: string | null, paid: number, tally: FindingTally): boolean {
    for (const { name, index } of NAMED) {
      const text = event.text(index);
      if (text === null || !isTotalWord(text)) continue;
      const isKnown = index === ORDER_ID || isSum(order === null ? this.#section : this.#order, paid);
      if (!isKnown && order === null) this.#countNamed(name, text);
      if (isKnown) tally.add('total_row', `${name} ${text}`, name, text);
      return isKnown;
    }
    const isOfAll = isNameless(event) && [this.#all, this.#section].some((sum) => isSumOfOthers(sum, paid));
    if (isOfAll)
      tally.add('total_row', `amount ${paid.toFixed(2)}`, 'amount', 'the sum of the rows before them');
    return isOfAll;
  }

  #countNamed(field: string, word: string): void {
    const known = this.#named.get(word);
    if (known !== undefined) known.rows++;
    else if (this.#named.size < NAMES_MAX) this.#named.set(word, { field, word, rows: 1 });
  }

  /** What shows when all has come. */
  summarize(tally: FindingTally): void {
    this.#endOrder(tally);
    if (this.#first && isSumOfOthers(this.#first.behind, this.#first.paid))
      tally.add('total_row', `amount ${this.#first.paid.toFixed(2)}`, 'amount', this.#first.word);
    for (const { field, word, rows } of this.#named.values())
      if (rows <= NAMED_ROWS_MAX) tally.add('total_row', `${field} ${word}`, field, word, rows);
  }
}

/** The first row of an order, where its product has the name of a sum. */
function headOf(event: ObservedEvent, paid: number): Head | null {
  for (const { name, index } of NAMED) {
    const text = index === ORDER_ID ? null : event.text(index);
    if (text !== null && isTotalWord(text)) return { field: name, word: text, paid, behind: noSum() };
  }
  return null;
}

const hasOwnId = (id: string | null) => id !== null && !isGivenId(id);

/** Whether an event has no order, product, user or id of its own. */
function isNameless(event: ObservedEvent): boolean {
  return NAMED.every(({ index }) => event.text(index) === null) && !hasOwnId(event.text(EVENT_ID));
}

function paidFor(event: ObservedEvent): number {
  const amount = event.text(AMOUNT);
  if (amount !== null) return Number(amount);
  return Number(event.text(PRICE) ?? 0) * Number(event.text(QUANTITY) ?? 1);
}
