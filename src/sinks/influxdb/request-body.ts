import type { Line } from './line-protocol.ts';

/**
 * The lines of one request. Of two different points with the same measurement, tags and time InfluxDB would silently keep the last;
 * so does this, and reports it. (The pipeline before Tillstream lost all but 19 of 4,000 events in this way.)
 */
export class RequestBody {
  /** Number of the line by series and time. */
  readonly #places = new Map<string, Map<string, number>>();
  readonly #list: string[] = [];
  #length = 0;

  get lines(): readonly string[] {
    return this.#list;
  }

  /** At least: characters outside of ASCII have more bytes. */
  get length(): number {
    return this.#length;
  }

  /** Gives the point that the line took the place of, where that is another one; else null. */
  add({ series, fields, time }: Line): string | null {
    let ofSeries = this.#places.get(series);
    if (!ofSeries) {
      ofSeries = new Map();
      this.#places.set(series, ofSeries);
    }
    const line = `${series} ${fields} ${time}`;
    const index = ofSeries.get(time);
    if (index === undefined) {
      ofSeries.set(time, this.#list.length);
      this.#list.push(line);
      this.#length += line.length + 1;
      return null;
    }
    const before = this.#list[index]!;
    if (before === line) return null;
    this.#list[index] = line;
    this.#length += line.length - before.length;
    return before;
  }
}
