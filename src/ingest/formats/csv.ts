import { isUtf8 } from 'node:buffer';
import {
  type Decoded,
  type Format,
  type PlainRow,
  RECORD_BYTES_MAX,
  type RecordDecoder,
  type SourceRecord,
} from '../format.ts';
import { type CsvDetection, detectCsv } from './csv-detect.ts';
import { BAD_QUOTE, CsvRecord, RECORD_OPEN } from './csv-record.ts';
import { GroupedRows } from './grouped-rows.ts';
import { Pieces } from './pieces.ts';
import { PlainCells } from './plain-cells.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
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

/** A line whose cells need no decoding: most are never made values. */
class PlainCsvRow implements SourceRecord, PlainRow {
  readonly place: number;
  readonly block: Buffer;
  readonly #table: CsvTable;
  readonly #start: number;
  readonly #end: number;
  #fields: Record<string, string> | null = null;

  constructor(table: CsvTable, place: number, block: Buffer, start: number, end: number) {
    this.#table = table;
    this.place = place;
    this.block = block;
    this.#start = start;
    this.#end = end;
  }

  get plainRow(): PlainRow {
    return this;
  }

  get columns(): readonly string[] {
    return this.#table.names;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get raw(): Buffer {
    return this.block.subarray(this.#start, this.#end);
  }

  get fields(): Record<string, string> {
    this.#fields ??= fieldsOf(this.#table.names, this.#texts());
    return this.#fields;
  }

  cells(): Int32Array {
    const { cells } = this.#table;
    cells.find(this.block, this.#start);
    return cells.spans;
  }

  #texts(): string[] {
    const { cells, delimiter } = this.#table;
    cells.find(this.block, this.#start);
    if (!cells.hasQuotes) return this.block.toString('utf8', this.#start, this.#end).split(delimiter);
    const texts: string[] = [];
    for (let at = 0; at < cells.spans.length; at += 2)
      texts.push(this.block.toString('utf8', cells.spans[at], cells.spans[at + 1]));
    return texts;
  }
}

/** What all rows of a table have in common. */
interface CsvTable {
  readonly names: readonly string[];
  readonly delimiter: string;
  readonly cells: PlainCells;
}

/** Cells by their names; empty ones are left out. */
function fieldsOf(names: readonly string[], cells: readonly string[]): Record<string, string> {
  // A member `__proto__` is one like any other only where nothing is inherited.
  const fields: Record<string, string> = names.includes('__proto__') ? Object.create(null) : {};
  for (let i = 0; i < names.length; i++) if (cells[i] !== '') fields[names[i]!] = cells[i]!;
  return fields;
}

class CsvDecoder implements RecordDecoder {
  readonly #table: CsvTable;
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
    const { names, delimiter } = detection;
    this.#table = { names, delimiter, cells: new PlainCells(detection) };
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
    this.#openBytes = 0;
    const plainEnd = this.#plainEnd(block);
    // A character for each byte; made where a row needs it.
    let text = '';
    let quote = -1;
    for (let start = 0; start < block.length; ) {
      if (start < plainEnd && this.#takePlain(block, start)) {
        this.#place++;
        start = this.#table.cells.end + 1;
        continue;
      }
      let end = block.indexOf(NEWLINE, start);
      if (end === -1) {
        if (!isEnd) return this.#longLine(block.subarray(start));
        end = block.length;
      }
      if (text === '') {
        text = block.toString('latin1');
        quote = this.#hasNoQuotes ? -1 : text.indexOf('"', start);
      }
      if (end - start > RECORD_BYTES_MAX) {
        this.#pieces.reject('line_too_long', block.subarray(start, end), this.#place++);
        start = end + 1;
        continue;
      }
      if (quote !== -1 && quote < start) quote = text.indexOf('"', start);
      const from = this.#lineStart(text, start, end, block);
      let next = end + 1;
      if (quote === -1 || quote >= end) {
        const stop = text.charCodeAt(end - 1) === 0x0d && end > from ? end - 1 : end;
        if (stop > from) this.#take(text.slice(from, stop).split(this.#table.delimiter), block, from, stop);
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
          this.#take(this.#record.cells, block, from, trimmedEnd(text, next));
        }
      }
      this.#place += next === end + 1 ? 1 : lineEnds(text, start, next);
      start = next;
    }
    return EMPTY;
  }

  /** End of the lines that have nothing but text: there rows may be read by their bytes. */
  #plainEnd(block: Buffer): number {
    const lines = block.subarray(0, block.lastIndexOf(NEWLINE) + 1);
    return isUtf8(lines) && !lines.includes(0) && !lines.includes(MARK, 0, 'latin1') ? lines.length : 0;
  }

  /** Takes the row at `start`, where it is plain. */
  #takePlain(block: Buffer, start: number): boolean {
    const { cells } = this.#table;
    if (this.#linesToSkip > 0 || !cells.find(block, start) || cells.end - start > RECORD_BYTES_MAX)
      return false;
    const end = block[cells.end - 1] === RETURN ? cells.end - 1 : cells.end;
    this.#pieces.record(new PlainCsvRow(this.#table, this.#place, block, start, end));
    return true;
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

  #take(cells: string[], block: Buffer, start: number, end: number): void {
    const { names } = this.#table;
    if (cells.length === 1 && cells[0]!.trim() === '') return;
    if (this.#linesToSkip > 0) {
      this.#linesToSkip--;
      return;
    }
    const raw = block.subarray(start, end);
    if (cells.length !== names.length) {
      this.#pieces.reject('wrong_cell_count', raw, this.#place);
      return;
    }
    if (raw.includes(0) || !isUtf8(raw)) {
      this.#pieces.reject(raw.includes(0) ? 'bad_record' : 'not_utf8', raw, this.#place);
      return;
    }
    for (let i = 0; i < cells.length; i++)
      if (HIGH.test(cells[i]!)) cells[i] = Buffer.from(cells[i]!, 'latin1').toString();
    this.#pieces.record({ fields: fieldsOf(names, cells), raw, place: this.#place });
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
