import type { FindingTally } from './finding-tally.ts';

/** Over more days than this, days of a month are above 12 in one of the two orders. */
const SWAPPED_DAYS_MIN = 12;
const DATES_MAX = 400;

/** Finds out whether day and month of dates may be swapped. */
export class SwappedDates {
  #isCertain = false;
  #first = '';
  #rows = 0;
  readonly #dates = new Set<string>();
  readonly #months = new Set<string>();
  readonly #days = new Set<string>();

  /** Takes a date that shows the order. */
  takeCertain(): void {
    this.#isCertain = true;
  }

  /** Takes one of which day and month may be swapped. */
  takeSmall(text: string): void {
    if (this.#rows++ === 0) this.#first = text;
    if (this.#dates.size >= DATES_MAX) return;
    const date = text.split(/[ T]/, 1)[0]!;
    const [month, day] = date.split(/\D+/).filter((part) => part.length <= 2);
    this.#dates.add(date);
    this.#months.add(String(month));
    this.#days.add(String(day));
  }

  /** What shows when all has come. `isWhole`: all has come that will. */
  summarize(tally: FindingTally, isWhole: boolean): void {
    if (!this.#isCertain && this.#mayBeSwapped(isWhole))
      tally.add('day_month', this.#first, '', '', this.#rows);
  }

  /**
   * Whether a day above 12 should have come, or what was read as months changes more often than days, as days do. In a file as often is
   * enough: of a single date nothing says which it is.
   */
  #mayBeSwapped(isWhole: boolean): boolean {
    const [months, days] = [this.#months.size, this.#days.size];
    const isAsOften = isWhole && months === days && days > 0;
    return this.#dates.size > SWAPPED_DAYS_MIN || months > days || isAsOften;
  }
}
