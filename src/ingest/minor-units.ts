import type { FindingTally } from './finding-tally.ts';
import type { AmountForm } from './values/read-money.ts';

/** Currencies of which a thousand is much for an order. In others, as in HUF, it is not. */
const DEAR = ['EUR', 'USD', 'GBP', 'CHF', 'CAD', 'AUD', 'NZD', 'SGD', 'DKK', 'SEK', 'NOK', 'PLN'];
/** Amounts from here on are taken for large; they look like 19.99 in the smaller unit. */
const LARGE_MIN = 1000;
const LARGE_SHARE_MIN = 0.5;
/** Of fewer amounts it says little that none has decimals. */
const ROWS_MIN = 3;

interface Whole {
  rows: number;
  first: string;
  currency: string;
  hasDecimals: boolean;
  large: number;
}
const none = (): Whole => ({ rows: 0, first: '', currency: '', hasDecimals: false, large: 0 });

/** Whether all amounts of a source are whole numbers, and so may be in the smaller unit of their currency. */
export class WholeAmounts {
  readonly #inObjects = none();
  readonly #plain = none();

  /** Takes the form of an amount of a sale. */
  take(form: AmountForm, value: string, currency: string | null): void {
    const kind = form === 'whole' || form === 'decimal' ? this.#inObjects : this.#plain;
    if (form === 'decimal' || form === 'plain_decimal') kind.hasDecimals = true;
    else {
      if (kind.rows++ === 0) Object.assign(kind, { first: value, currency: currency ?? 'the currency' });
      const digits = value.replace(/\D/g, '');
      if (currency !== null && DEAR.includes(currency) && Number(digits) >= LARGE_MIN) kind.large++;
    }
  }

  /** What shows when all has come. */
  summarize(tally: FindingTally): void {
    const [objects, plain] = [this.#inObjects, this.#plain];
    const isLarge = plain.rows >= ROWS_MIN && plain.large >= plain.rows * LARGE_SHARE_MIN;
    for (const [{ rows, first, currency, hasDecimals }, isDoubtful] of [
      [objects, true],
      [plain, isLarge],
    ] as const)
      if (rows > 0 && isDoubtful && !hasDecimals) tally.add('minor_units', first, currency, '', rows);
  }
}
