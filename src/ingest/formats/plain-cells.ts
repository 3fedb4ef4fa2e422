import type { CsvLayout } from './csv-record.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BLANK = 0x20;
const NOT_ASCII = 0x80;

/**
 * Finds the cells of plain rows: each is its bytes as they stand, at most with a quote before and behind it. All other rows are read by
 * `CsvRecord`.
 */
export class PlainCells {
  /** Starts and ends of the cells found last, one after the other. */
  readonly spans: Int32Array;
  /** Position of the line end of the row found last. */
  end = 0;
  /** Whether a cell of it is in quotes. */
  hasQuotes = false;
  readonly #delimiter: number;
  readonly #cellCount: number;
  readonly #mayHaveQuotes: boolean;
  readonly #isEscapedByBackslash: boolean;

  constructor({ delimiter, cellCount, hasNoQuotes = false, isEscapedByBackslash }: CsvLayout) {
    this.spans = new Int32Array(2 * cellCount);
    const byte = delimiter.charCodeAt(0);
    // Blanks around quotes are not part of a cell, unless they are what stands between cells.
    this.#delimiter = byte >= NOT_ASCII || byte === BLANK ? -1 : byte;
    this.#cellCount = cellCount;
    this.#mayHaveQuotes = !hasNoQuotes;
    this.#isEscapedByBackslash = isEscapedByBackslash;
  }

  /** Finds the cells of the row at `start`, which must have a line end; false where it is not plain, or has more cells or fewer. */
  find(bytes: Buffer, start: number): boolean {
    const spans = this.spans;
    const delimiter = this.#delimiter;
    const most = 2 * this.#cellCount;
    // Of one cell, a row is blank where that is.
    if (delimiter < 0 || most < 4) return false;
    this.hasQuotes = false;
    let found = 0;
    for (let at = start; ; at++) {
      if (found === most) return false;
      let cellStart = at;
      let byte = bytes[at]!;
      let cellEnd: number;
      if (byte === QUOTE) {
        cellStart = ++at;
        cellEnd = this.#closingQuote(bytes, at);
        if (cellEnd < 0) return false;
        at = cellEnd + 1;
        if (bytes[at] === RETURN) at++;
        byte = bytes[at]!;
        if (byte !== NEWLINE && (byte !== delimiter || at > cellEnd + 1)) return false;
      } else {
        while (byte !== delimiter && byte !== NEWLINE && byte !== QUOTE) byte = bytes[++at]!;
        if (byte === QUOTE) return false;
        cellEnd = byte === NEWLINE && at > start && bytes[at - 1] === RETURN ? at - 1 : at;
      }
      spans[found++] = cellStart;
      spans[found++] = cellEnd;
      if (byte !== NEWLINE) continue;
      this.end = at;
      return found === most;
    }
  }

  /** Position of the quote that ends the cell; -1: the row is not plain. */
  #closingQuote(bytes: Buffer, start: number): number {
    if (!this.#mayHaveQuotes) return -1;
    this.hasQuotes = true;
    let at = start;
    for (let byte = bytes[at]!; byte !== QUOTE; byte = bytes[++at]!)
      if (byte === NEWLINE || (byte === BACKSLASH && this.#isEscapedByBackslash)) return -1;
    return at;
  }
}
