import {
  AMOUNT,
  CURRENCY,
  EVENT_ID,
  ORDER_ID,
  PRICE,
  PRODUCT_ID,
  PRODUCT_NAME,
  QUANTITY,
  SESSION_ID,
  USER_ID,
} from '../event/field-index.ts';
import { isGivenId } from '../event/given-id.ts';
import type { FindingTally } from './finding-tally.ts';
import type { ObservedEvent } from './observed-event.ts';

const COMPARED = [USER_ID, SESSION_ID, PRODUCT_ID, PRODUCT_NAME, CURRENCY];
const COMPARED_NUMBERS = [QUANTITY, PRICE, AMOUNT];
const REMEMBERED_MAX = 20_000;
const DAY_MICROS = 86_400e6;
/** Rows that have a date alone have one time of day, or two where clocks change; equal ones among them say nothing. */
const TIMES_OF_DAY_MIN = 3;

/** Finds purchases and refunds that equal another one in all that tells of them, and have no id and no order by which they would be one. */
export class EqualRows {
  readonly #seen = new Set<string>();
  readonly #timesOfDay = new Set<number>();
  #rows = 0;
  #example = '';

  /** Looks at a purchase or refund. */
  take(event: ObservedEvent, type: string): void {
    if (event.text(ORDER_ID) !== null) return;
    const id = event.text(EVENT_ID);
    if (id !== null && !isGivenId(id)) return;
    if (this.#timesOfDay.size < TIMES_OF_DAY_MIN) this.#timesOfDay.add(event.micros % DAY_MICROS);
    const texts = COMPARED.map((index) => event.text(index));
    const row = [
      type,
      event.micros,
      ...texts,
      ...COMPARED_NUMBERS.map((index) => numberIn(event, index)),
    ].join('\t');
    if (this.#seen.has(row)) {
      if (this.#rows++ === 0) this.#example = `${type} of ${event.text(AMOUNT) ?? event.text(PRICE)}`;
    } else if (this.#seen.size < REMEMBERED_MAX) this.#seen.add(row);
  }

  /** What shows when all has come. */
  summarize(tally: FindingTally): void {
    if (this.#rows > 0 && this.#timesOfDay.size >= TIMES_OF_DAY_MIN)
      tally.add('equal_rows', this.#example, '', '', this.#rows);
  }
}

/** 5 and 5.00 are the same. */
function numberIn(event: ObservedEvent, index: number): number | null {
  const text = event.text(index);
  return text === null ? null : Number(text);
}
