import type { FindingTally } from './finding-tally.ts';

/** Finds orders that have no status, where others of their input have one. */
export class EmptyStatuses {
  #orders = 0;
  #rows = 0;
  #field = '';
  #example = '';

  /** Takes the first row of an order; `field`: the column with its status, where that is empty. */
  take(field: string | null, example: () => string): void {
    this.#orders++;
    if (field === null || this.#rows++ > 0) return;
    this.#field = field;
    this.#example = example();
  }

  /** What shows when all has come. Where most have none, that says nothing. */
  summarize(tally: FindingTally): void {
    if (this.#rows > 0 && this.#rows * 2 <= this.#orders)
      tally.add('status_missing', this.#example, this.#field, '', this.#rows);
  }
}
