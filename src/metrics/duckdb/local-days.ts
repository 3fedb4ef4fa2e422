import { windowEndMs, windowStartMs } from '../window.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;

/** Days of a time zone, for SQL: known once for each, as asking the runtime for them is slow. */
export class LocalDays {
  readonly #timeZone: string;
  /** Starts in order, minutes since 1970, without gaps. */
  #starts: number[] = [];

  constructor(timeZone: string) {
    this.#timeZone = timeZone;
  }

  /**
   * How windows of a day are found for minutes in [low, high]: `sql` gives the start of the day that holds a minute, and
   * `onHours` whether each day begins with an hour of UTC.
   */
  between(low: number, high: number): { sql: (minute: string) => string; onHours: boolean } {
    this.#extend(low, high);
    const first = this.#starts.findLastIndex((start) => start <= low);
    const past = this.#starts.findIndex((start) => start > high);
    const starts = this.#starts.slice(first, past + 1);
    const runs: { from: number; isRegular: boolean }[] = [];
    for (const [index, from] of starts.slice(0, -1).entries()) {
      const isRegular = starts[index + 1]! - from === DAY_MINUTES;
      if (!isRegular || !runs.at(-1)?.isRegular) runs.push({ from, isRegular });
    }
    const sql = (minute: string, from = 0, to = runs.length - 1): string => {
      if (from === to) {
        const { from: start, isRegular } = runs[from]!;
        return isRegular
          ? `${start} + (${minute} - ${start}) // ${DAY_MINUTES} * ${DAY_MINUTES}`
          : `${start}`;
      }
      const middle = (from + to + 1) >> 1;
      return `CASE WHEN ${minute} < ${runs[middle]!.from} THEN ${sql(minute, from, middle - 1)} ELSE ${sql(minute, middle, to)} END`;
    };
    return { sql: (minute) => sql(minute), onHours: starts.every((start) => start % 60 === 0) };
  }

  #extend(low: number, high: number): void {
    const startOf = (minute: number) => windowStartMs('1d', minute * MINUTE_MS, this.#timeZone) / MINUTE_MS;
    const endOf = (start: number) => windowEndMs('1d', start * MINUTE_MS, this.#timeZone) / MINUTE_MS;
    if (this.#starts.length === 0) this.#starts = [startOf(high)];
    while (this.#starts.at(-1)! <= high) this.#starts.push(endOf(this.#starts.at(-1)!));
    const before: number[] = [];
    for (let start = this.#starts[0]!; start > low; ) {
      start = startOf(start - 1);
      before.push(start);
    }
    if (before.length > 0) this.#starts = [...before.reverse(), ...this.#starts];
  }
}
