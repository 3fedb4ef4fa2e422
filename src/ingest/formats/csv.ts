import { isAscii, isUtf8 } from 'node:buffer';
import {
  type Decoded,
  type Format,
  RECORD_BYTES_MAX,
  type RecordDecoder,
  type SourceRecord,
} from '../format.ts';
import { type CsvDetection, detectCsv } from './csv-detect.ts';
import { BAD_QUOTE, CsvRecord, RECORD_OPEN } from './csv-record.ts';
import { GroupedRows } from './grouped-rows.ts';
import { Pieces } from './pieces.ts';

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);
const HIGH = /[\x80-\xff]/;
const MARK = '\xef\xbb\xbf';
/** An open quote is looked at again for each chunk up to this size, then each time as much has come again. */
const OPEN_BYTES_EAGER = 64 * 1024;

/** Tables of text with a character between cells. */
export const csv: Format<CsvDetection> = {
  name: 'csv',
  description:
    'CSV: comma, semicolon, tab or `|` between cells, with or without a header; a line `sep=;` is understood.',
  detect: detectCsv,
  decoder: (detection) => {
    const rows = new CsvDecoder(detection);
    return detection.group === undefined ? rows : new GroupedRows(rows, detection.group);
  },
};

/** A line of the table; its bytes stay a view of the chunk. */
class CsvRow implements SourceRecord {
  readonly fields: Record<string, string>;
  readonly place: number;
  readonly #block: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(fields: Record<string, string>, place: number, block: Buffer, start: number, end: number) {
    this.fields = fields;
    this.place = place;
    this.#block = block;
    this.#start = start;
    this.#end = end;
  }

  get raw(): Buffer {
    return this.#block.subarray(this.#start, this.#end);
  }
}

class CsvDecoder implements RecordDecoder {
  readonly #names: readonly string[];
  readonly #isInheriting: boolean;
  readonly #delimiter: string;
  readonly #hasNoQuotes: boolean;
  readonly #record: CsvRecord;
  readonly #pieces = new Pieces();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #openBytes = 0;
  #skipping = false;
  #place = 1;
  /** Lines such as the header, which are not records. */
  #linesToSkip: number;

  constructor(detection: CsvDetection) {
    this.#names = detection.names;
    this.#isInheriting = !detection.names.includes('__proto__');
    this.#delimiter = detection.delimiter;
    this.#hasNoQuotes = detection.hasNoQuotes === true;
    this.#record = new CsvRecord(detection);
    this.#linesToSkip = detection.headerRecords;
  }

  push(chunk: Buffer): Decoded[] {
    let bytes = chunk;
    if (this.#skipping) {
      const end = bytes.indexOf(NEWLINE);
      if (end === -1) return [];
      this.#skipping = false;
      this.#place++;
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length === 0) return [];
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    const mayGoOn =
      this.#openBytes === 0 ||
      this.#pendingBytes <= OPEN_BYTES_EAGER ||
      this.#pendingBytes >= Math.min(this.#openBytes * 2, RECORD_BYTES_MAX);
    if ((mayGoOn && bytes.includes(NEWLINE)) || this.#pendingBytes > RECORD_BYTES_MAX) this.#read(false);
    return this.#pieces.take();
  }

  end(): Decoded[] {
    if (this.#pendingBytes > 0) this.#read(true);
    return this.#pieces.take();
  }

  #read(isEnd: boolean): void {
    const block = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    const rest = this.#records(block, isEnd);
    // A copy, so that a few bytes do not keep a chunk in memory.
    this.#pending = rest.length > 0 ? [Buffer.from(rest)] : [];
    this.#pendingBytes = rest.length;
  }

  /** Reads all records that are complete; gives the bytes behind them. */
  #records(block: Buffer, isEnd: boolean): Buffer {
    const text = block.toString('latin1');
    const isPlain = isAscii(block) && !block.includes(0);
    this.#openBytes = 0;
    let quote = this.#hasNoQuotes ? -1 : text.indexOf('"');
    for (let start = 0; start < text.length; ) {
      let end = text.indexOf('\n', start);
      if (end === -1) {
        if (!isEnd) return this.#longLine(block.subarray(start));
        end = text.length;
      }
      if (end - start > RECORD_BYTES_MAX) {
        this.#pieces.reject('line_too_long', block.subarray(start, end), this.#place++);
        start = end + 1;
        continue;
      }
      if (quote !== -1 && quote < start) quote = text.indexOf('"', start);
      const from = isPlain ? start : this.#lineStart(text, start, end, block);
      let next = end + 1;
      if (quote === -1 || quote >= end) {
        const stop = text.charCodeAt(end - 1) === 0x0d && end > from ? end - 1 : end;
        if (stop > from)
          this.#take(text.slice(from, stop).split(this.#delimiter), block, from, stop, isPlain);
      } else {
        const result = this.#record.read(text, from, isEnd);
        const isLong = (result === RECORD_OPEN ? text.length : this.#record.end) - from > RECORD_BYTES_MAX;
        if (result === RECORD_OPEN && !isLong) {
          this.#openBytes = text.length - from;
          return block.subarray(from);
        }
        if (result === BAD_QUOTE || isLong) this.#badLine(block.subarray(from, trimmedEnd(text, end)));
        else {
          next = this.#record.end;
          this.#take(this.#record.cells, block, from, trimmedEnd(text, next), isPlain);
        }
      }
      this.#place += next === end + 1 ? 1 : lineEnds(text, start, next);
      start = next;
    }
    return EMPTY;
  }

  #longLine(rest: Buffer): Buffer {
    if (rest.length <= RECORD_BYTES_MAX) return rest;
    this.#pieces.reject('line_too_long', rest, this.#place);
    this.#skipping = true;
    return EMPTY;
  }

  /** Drops a byte order mark, and rejects a hole of NULs before the text of the line. */
  #lineStart(text: string, start: number, end: number, block: Buffer): number {
    let at = start;
    for (;;) {
      const from = at;
      while (at < end && text.charCodeAt(at) === 0) at++;
      if (at > from) this.#pieces.reject('bad_record', block.subarray(from, at), this.#place);
      if (!text.startsWith(MARK, at)) return at;
      at += MARK.length;
    }
  }

  #badLine(raw: Buffer): void {
    if (this.#linesToSkip > 0) this.#linesToSkip--;
    else this.#pieces.reject(isUtf8(raw) ? 'bad_quote' : 'not_utf8', raw, this.#place);
  }

  #take(cells: string[], block: Buffer, start: number, end: number, isPlain: boolean): void {
    const names = this.#names;
    if (cells.length === 1 && cells[0]!.trim() === '') return;
    if (this.#linesToSkip > 0) {
      this.#linesToSkip--;
      return;
    }
    if (cells.length !== names.length) {
      this.#pieces.reject('wrong_cell_count', block.subarray(start, end), this.#place);
      return;
    }
    if (!isPlain) {
      const raw = block.subarray(start, end);
      if (raw.includes(0) || !isUtf8(raw)) {
        this.#pieces.reject(raw.includes(0) ? 'bad_record' : 'not_utf8', raw, this.#place);
        return;
      }
      for (let i = 0; i < cells.length; i++)
        if (HIGH.test(cells[i]!)) cells[i] = Buffer.from(cells[i]!, 'latin1').toString();
    }
    // A member `__proto__` is one like any other only where nothing is inherited.
    const fields: Record<string, string> = this.#isInheriting ? {} : Object.create(null);
    for (let i = 0; i < names.length; i++) if (cells[i] !== '') fields[names[i]!] = cells[i]!;
    this.#pieces.record(new CsvRow(fields, this.#place, block, start, end));
  }
}

/** The end of a record's text, before its line end. */
function trimmedEnd(text: string, end: number): number {
  let at = end;
  if (text[at - 1] === '\n') at--;
  if (text[at - 1] === '\r') at--;
  return at;
}

function lineEnds(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
