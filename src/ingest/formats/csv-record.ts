/** How the cells of a table are written. */
export interface CsvLayout {
  readonly delimiter: string;
  /** A quote within a quoted cell is written \", as MySQL and Spark do, and not "". */
  readonly isEscapedByBackslash: boolean;
  /** Quotes are part of the values: no cell is in quotes. */
  readonly hasNoQuotes?: boolean;
  /** Cells of a record. */
  readonly cellCount: number;
  /** Columns whose cells begin with a digit: what a line must have to pass for a record. */
  readonly digitColumns: readonly boolean[];
}

/** Where `CsvRecord.read` stopped. */
export const RECORD_READ = 0;
/** The record goes on behind the text that is there. */
export const RECORD_OPEN = 1;
/** A quote that belongs to nothing; only the line where the record began is bad. */
export const BAD_QUOTE = 2;

const QUOTE = '"';

/**
 * Reads one record that has quotes. The text has a character for each byte. A quoted cell may hold line ends, but none
 * whose lines could be records themselves: then its quote was left open by mistake.
 */
export class CsvRecord {
  cells: string[] = [];
  /** Behind the line end of the record. */
  end = 0;
  readonly #layout: CsvLayout;

  constructor(layout: CsvLayout) {
    this.#layout = layout;
  }

  /** Reads the record at `start`; `isEnd`: nothing follows the text. */
  read(text: string, start: number, isEnd: boolean): number {
    this.cells = [];
    for (let at = start; ; ) {
      const open = skipBlanks(text, at);
      let next: number;
      if (text[open] === QUOTE) {
        const close = this.#closingQuote(text, open, isEnd);
        const limit = close < 0 ? text.length : close;
        const newline = text.indexOf('\n', open);
        if (newline !== -1 && newline < limit && this.#swallowsRecord(text, newline + 1, limit, isEnd))
          return BAD_QUOTE;
        if (close < 0) return isEnd ? BAD_QUOTE : RECORD_OPEN;
        this.cells.push(this.#unescaped(text.slice(open + 1, close)));
        next = skipBlanks(text, close + 1);
        if (next < text.length && text[next] !== this.#layout.delimiter && !isLineEnd(text, next))
          return text[next] === '\r' && next + 1 === text.length && !isEnd ? RECORD_OPEN : BAD_QUOTE;
      } else {
        next = cellEnd(text, at, this.#layout.delimiter);
        const cell = text.slice(
          at,
          next < text.length && text[next] === '\n' && text[next - 1] === '\r' && next > at ? next - 1 : next,
        );
        if (cell.includes(QUOTE)) return BAD_QUOTE;
        this.cells.push(cell);
      }
      if (next >= text.length) {
        this.end = text.length;
        return isEnd ? RECORD_READ : RECORD_OPEN;
      }
      if (text[next] === this.#layout.delimiter) {
        at = next + 1;
        continue;
      }
      this.end = text.indexOf('\n', next) + 1 || text.length;
      return RECORD_READ;
    }
  }

  /** Position of the quote that closes the one at `open`; -1: it is not there (yet). */
  #closingQuote(text: string, open: number, isEnd: boolean): number {
    if (this.#layout.isEscapedByBackslash) {
      let at = text.indexOf(QUOTE, open + 1);
      while (at !== -1 && isEscaped(text, at)) at = text.indexOf(QUOTE, at + 1);
      return at;
    }
    for (let at = open + 1; ; at += 2) {
      at = text.indexOf(QUOTE, at);
      if (at === -1) return -1;
      if (at + 1 === text.length) return isEnd ? at : -1;
      if (text[at + 1] !== QUOTE) return at;
    }
  }

  #unescaped(text: string): string {
    if (this.#layout.isEscapedByBackslash)
      return text.includes('\\') ? text.replace(/\\(["\\])/g, '$1') : text;
    return text.includes(QUOTE) ? text.replaceAll('""', QUOTE) : text;
  }

  /** Whether a line between `from` and the closing quote, that quote's line included, could be a record. */
  #swallowsRecord(text: string, from: number, limit: number, isEnd: boolean): boolean {
    for (let start = from; start < text.length; ) {
      const found = text.indexOf('\n', start);
      if (found === -1 && !isEnd) return false;
      const end = found === -1 ? text.length : found;
      const line = text.slice(start, end);
      if (end >= limit) {
        // The last line of a cell in the first column is followed by all other cells.
        const isFirstCell = !line.slice(0, limit - start).includes(this.#layout.delimiter);
        return !isFirstCell && this.#couldBeRecord(line);
      }
      if (this.#couldBeRecord(line)) return true;
      start = end + 1;
    }
    return false;
  }

  #couldBeRecord(line: string): boolean {
    const { cellCount, delimiter, digitColumns } = this.#layout;
    const cells = line.split(delimiter);
    if (cells.length !== cellCount) return false;
    const isDistinct = cellCount > 2 || digitColumns.includes(true);
    return isDistinct && cells.every((cell, i) => !digitColumns[i] || /^\s*"?-?(\d|$)/.test(cell));
  }
}

/** Whether an odd number of backslashes is before the position. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text[start - 1] === '\\') start--;
  return (at - start) % 2 === 1;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at++;
  return at;
}

function isLineEnd(text: string, at: number): boolean {
  return text[at] === '\n' || (text[at] === '\r' && (text[at + 1] === '\n' || at + 1 === text.length));
}

function cellEnd(text: string, from: number, delimiter: string): number {
  const newline = text.indexOf('\n', from);
  const end = newline === -1 ? text.length : newline;
  // Not indexOf: without another delimiter it would search through all that follows.
  for (let at = from; at < end; at++) if (text[at] === delimiter) return at;
  return end;
}
