import type { FindingTally } from './finding-tally.ts';
import { RecentMap } from './recent-map.ts';

const REMEMBERED_MAX = 20_000;
/** Rounding of the price of one piece, for each of them. */
const ROUNDING = 0.0051;

/** A line of an order without a total. */
export interface LinePrice {
  readonly product: string;
  readonly quantity: number;
  readonly price: number;
  /** How a finding names it. */
  readonly example: string;
}

/** Finds out whether a price is that of one piece, or what all pieces of a line cost: that rises with their number. */
export class LinePrices {
  readonly #byProduct = new RecentMap<LinePrice>(REMEMBERED_MAX);
  #ofPieces = 0;
  #ofLines = 0;
  /** Lines with several pieces. */
  #rows = 0;
  #example = '';

  take(line: LinePrice): void {
    const { product, quantity, price, example } = line;
    if (!(quantity > 0) || !(price > 0)) return;
    if (quantity > 1 && this.#rows++ === 0) this.#example = example;
    const seen = this.#byProduct.get(product);
    if (seen === undefined) this.#byProduct.set(product, line);
    else if (seen.quantity !== quantity) {
      const difference = Math.abs(seen.price * quantity - price * seen.quantity);
      if (seen.price === price) this.#ofPieces++;
      else if (difference <= ROUNDING * (quantity + seen.quantity)) this.#ofLines++;
    }
  }

  /** Whether the prices are those of whole lines, as far as they show it. */
  get areOfLines(): boolean {
    return this.#ofLines > this.#ofPieces;
  }

  /** What shows when all has come. */
  summarize(tally: FindingTally): void {
    if (this.areOfLines) tally.add('price_of_line', this.#example, '', '', this.#rows);
  }
}
