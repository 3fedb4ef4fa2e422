import type { FindingTally } from './finding-tally.ts';

/** What takes so many seconds was given up long ago: such values are milliseconds. */
const SLOW_MIN = 100;
/** So many slow ones among the times of a source say that all of them are milliseconds. */
const SLOW_SHARE = 0.05;

/** Whether response times below 1 may be seconds: not where others of the source can't be. */
export class ResponseTimes {
  #sampled = 0;
  #slow = 0;
  #fast = 0;
  #example = '';

  /** Takes the response time of an event, null for none. */
  sample(text: string | null): void {
    if (text === null) return;
    this.#sampled++;
    if (Number(text) >= SLOW_MIN) this.#slow++;
  }

  /** Takes a value below 1, as it came. */
  noteFast(value: string): void {
    if (this.#fast++ === 0) this.#example = value;
  }

  summarize(tally: FindingTally): void {
    if (this.#fast > 0 && this.#slow < this.#sampled * SLOW_SHARE)
      tally.add('response_seconds', this.#example, '', '', this.#fast);
  }
}
