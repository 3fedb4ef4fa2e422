import { SinkFailed } from '../../../ports/sink.ts';
import type { Line } from './line-protocol.ts';

/** Longest part of a point that a message shows. */
const SHOWN_MAX = 300;

/**
 * The lines of one request. Two different points with the same measurement, tags and time are refused: InfluxDB would
 * silently keep the last of them. (The pipeline before Tillstream lost all but 19 of 4,000 events in this way.)
 */
export class RequestBody {
  /** Fields by series and time. */
  readonly #fields = new Map<string, Map<string, string>>();
  #lines = 0;
  #text = '';

  get lines(): number {
    return this.#lines;
  }

  /** At least: characters outside of ASCII have more bytes. */
  get length(): number {
    return this.#text.length;
  }

  get text(): string {
    return this.#text;
  }

  add({ series, fields, time }: Line): void {
    let ofSeries = this.#fields.get(series);
    if (!ofSeries) {
      ofSeries = new Map();
      this.#fields.set(series, ofSeries);
    }
    const before = ofSeries.get(time);
    if (before === fields) return;
    if (before !== undefined) throw new OverwriteRefused(series, time, before, fields);
    ofSeries.set(time, fields);
    this.#lines++;
    this.#text += `${series} ${fields} ${time}\n`;
  }
}

export class OverwriteRefused extends SinkFailed {
  constructor(series: string, time: string, before: string, fields: string) {
    const cut = (text: string) => (text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text);
    super(
      `Two different points have the same measurement, tags and time, so InfluxDB would keep only one of them: ` +
        `${cut(series)} at ${time} ns, with ${cut(before)} and with ${cut(fields)}. ` +
        'The request was not sent. This is a fault of Tillstream: please report it.',
    );
    this.name = 'OverwriteRefused';
  }
}
