import {
  type Decoded,
  type Detection,
  type Format,
  RECORD_BYTES_MAX,
  type RecordDecoder,
} from '../format.ts';
import { HeldBytes } from './held-bytes.ts';
import { isCompleteObject } from './json-scan.ts';
import { isBlank, sampleLines, splitHoles, withoutMark } from './lines.ts';
import { Pieces } from './pieces.ts';

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);
const LINE_END = Buffer.from('\n');
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const LINES_LOOKED_AT = 50;

/** One JSON object a line. */
export const ndjson: Format = {
  name: 'ndjson',
  description: 'One JSON object a line (NDJSON, JSON Lines).',
  detect(sample, options): Detection | null {
    const lines = sampleLines(sample, LINES_LOOKED_AT);
    if (options.format === ndjson.name) return { details: [] };
    // A single line may as well be one object that wraps all records; the next formats look at that.
    if (lines.length < 2) return null;
    let missing = lines.length / 2;
    return lines.some((line) => isCompleteObject(line) && --missing <= 0) ? { details: [] } : null;
  },
  decoder: () => new NdjsonDecoder(),
};

/** Passes blocks of whole lines through as they are; only a line that spans two chunks is copied. */
class NdjsonDecoder implements RecordDecoder {
  readonly #pieces = new Pieces();
  readonly #held = new HeldBytes();
  #place = 1;
  #skipping = false;

  push(chunk: Buffer): Decoded[] {
    const first = chunk.indexOf(NEWLINE);
    if (first === -1) {
      this.#hold(chunk);
      return this.#pieces.take();
    }
    let start = 0;
    if (this.#skipping) {
      this.#skipping = false;
      this.#place++;
      start = first + 1;
    } else if (this.#held.length > 0) {
      const line = Buffer.from(this.#held.with(chunk.subarray(0, first + 1)));
      this.#held.keep(EMPTY);
      this.#lines(line);
      start = first + 1;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > start) this.#lines(chunk.subarray(start, end));
    if (end < chunk.length) this.#hold(chunk.subarray(end));
    return this.#pieces.take();
  }

  end(): Decoded[] {
    if (this.#held.length > 0) this.#lines(Buffer.from(this.#held.with(LINE_END)));
    this.#held.keep(EMPTY);
    return this.#pieces.take();
  }

  #hold(bytes: Buffer): void {
    if (this.#skipping) return;
    const held = this.#held.length === 0 ? bytes : this.#held.with(bytes);
    if (held.length > RECORD_BYTES_MAX) {
      this.#pieces.reject('line_too_long', held, this.#place);
      this.#skipping = true;
      this.#held.keep(EMPTY);
    } else this.#held.keep(held);
  }

  /** Whole lines: in one piece, unless something in them needs a look at each. */
  #lines(block: Buffer): void {
    const first = this.#place;
    const longest = this.#countLines(block);
    if (longest <= RECORD_BYTES_MAX && !block.includes(0) && !block.includes(MARK)) {
      this.#pieces.add({ kind: 'json', bytes: block, places: { first } });
      return;
    }
    let place = first;
    for (let start = 0; start < block.length; place++) {
      const end = block.indexOf(NEWLINE, start);
      this.#line(block.subarray(start, end), place);
      start = end + 1;
    }
  }

  #line(line: Buffer, place: number): void {
    if (line.length > RECORD_BYTES_MAX) {
      this.#pieces.reject('line_too_long', line, place);
      return;
    }
    const takeText = (part: Buffer) => {
      const text = withoutMark(part);
      if (!isBlank(text)) this.#pieces.text(text, place);
    };
    if (line.includes(0))
      splitHoles(line, place, this.#pieces, (part) => isCompleteObject(withoutMark(part)), takeText);
    else takeText(line);
  }

  /** Counts lines into `#place`; gives the length of the longest. */
  #countLines(block: Buffer): number {
    let longest = 0;
    for (let start = 0; start < block.length; ) {
      const end = block.indexOf(NEWLINE, start);
      if (end - start > longest) longest = end - start;
      this.#place++;
      start = end + 1;
    }
    return longest;
  }
}
