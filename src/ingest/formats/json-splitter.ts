import { ARRAY_CLOSE, ARRAY_OPEN, COMMA, OBJECT_CLOSE, OBJECT_OPEN, QUOTE } from '../../event/json-bytes.ts';
import { RECORD_BYTES_MAX } from '../format.ts';
import { HeldBytes } from './held-bytes.ts';
import { BROKEN, COMPLETE, isWordByte, MORE, onOneLine, ValueScanner } from './json-scan.ts';
import type { Pieces } from './pieces.ts';

const NEWLINE = 0x0a;
const RECORD_SEPARATOR = 0x1e;
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const EMPTY = Buffer.alloc(0);
/** Bytes that may be scanned a second time after records without an end; then the rest is one bad row. */
const RESCAN_BYTES_MAX = 64 * 1024 * 1024;

/**
 * between: no value has begun. value: in one. tooLong: in one that was rejected already. hole: in a run of NULs.
 * junk: behind something broken, looking for the next record. closed: behind the array that it began in.
 */
type State = 'between' | 'value' | 'tooLong' | 'hole' | 'junk' | 'closed';

/**
 * Cuts JSON values out of a stream: the elements of arrays, or values one after another, with commas, separators of RFC
 * 7464, byte order marks or nothing between them. Each goes on with its own bytes, on one line. A broken value becomes
 * one bad row, up to where the next record seems to begin.
 */
export class JsonSplitter {
  /** Line of the first held byte. */
  place = 1;
  readonly #pieces: Pieces;
  readonly #scanner = new ValueScanner();
  readonly #held = new HeldBytes();
  readonly #stopsAtClose: boolean;
  #state: State = 'between';
  #isInArray: boolean;
  /** Where to go on, from the first held byte. */
  #at = 0;
  /** junk: the byte that can't be where it is, from the first held byte; -1 once it has been looked at. */
  #brokenAt = -1;
  /** Blanks before the value on its line; -1: something else is before it. */
  #indent = 0;
  /** The junk has been reported: there is too much of it to hold. */
  #isJunkReported = false;
  #endsInJunk = false;
  #rescannedBytes = 0;

  /** `stopsAtClose`: the input begins within an array, and only that array is wanted. */
  constructor(pieces: Pieces, stopsAtClose = false) {
    this.#pieces = pieces;
    this.#stopsAtClose = stopsAtClose;
    this.#isInArray = stopsAtClose;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Takes bytes; gives what follows the array that it began in, valid until the next call. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.with(chunk);
    const start = this.#run(bytes, false);
    if (this.isClosed) {
      this.#held.keep(EMPTY);
      return bytes.subarray(start);
    }
    this.#at -= start;
    this.#held.keep(bytes.subarray(start));
    return EMPTY;
  }

  /** The input has ended. */
  end(): void {
    this.#run(this.#held.with(EMPTY), true);
    this.#held.keep(EMPTY);
    if (this.#isInArray && !this.isClosed && !this.#endsInJunk)
      this.#pieces.reject('cut_off', EMPTY, this.place);
  }

  /** Goes through all bytes; gives the start of those that are needed again. */
  #run(bytes: Buffer, isEnd: boolean): number {
    let start = 0;
    for (;;) {
      if (this.#state === 'between') {
        start = this.#between(bytes, isEnd);
        if (this.#state === 'between' || this.#state === 'closed') return start;
      } else if (this.#state === 'value') {
        start = this.#value(bytes, start, isEnd);
        if (this.#state === 'value') return start;
      } else if (this.#state === 'tooLong') {
        const result = this.#scanner.run(bytes, this.#at);
        start = this.#at = this.#scanner.position;
        if (result === MORE) return start;
        this.#afterTooLong(result);
      } else if (this.#state === 'hole') {
        while (bytes[this.#at] === 0) this.#at++;
        start = this.#at;
        if (start === bytes.length) return start;
        this.#state = 'between';
      } else {
        const next = this.#junk(bytes, start, isEnd);
        if (this.#state === 'junk') return next;
        start = next;
      }
    }
  }

  /** Skips what may stand between values; gives where a value, a hole or junk begins. */
  #between(bytes: Buffer, isEnd: boolean): number {
    let i = this.#at;
    for (; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte === NEWLINE) {
        this.place++;
        this.#indent = 0;
      } else if (byte === 0x20 || byte === 0x09 || byte === 0x0d) {
        if (this.#indent >= 0) this.#indent++;
      } else if (byte === COMMA) this.#indent = -1;
      else if (byte === RECORD_SEPARATOR) continue;
      else if (byte === ARRAY_OPEN && !this.#isInArray) {
        this.#isInArray = true;
        this.#indent = -1;
      } else if (byte === ARRAY_CLOSE && this.#isInArray) {
        this.#isInArray = false;
        if (!this.#stopsAtClose) continue;
        this.#state = 'closed';
        return i + 1;
      } else if (byte === MARK[0] && MARK.indexOf(bytes.subarray(i, i + 3)) === 0) {
        if (i + 3 > bytes.length && !isEnd) break;
        i += 2;
      } else {
        this.#begin(bytes, byte, i);
        this.#at = i;
        return i;
      }
    }
    this.#at = Math.min(i, bytes.length);
    return this.#at;
  }

  #begin(bytes: Buffer, byte: number, at: number): void {
    const isElement = this.#isInArray && (byte === ARRAY_OPEN || byte === QUOTE || isWordByte(byte));
    if (byte === OBJECT_OPEN || isElement) {
      this.#scanner.start();
      this.#state = 'value';
    } else if (byte === 0) {
      this.#pieces.reject('bad_record', bytes.subarray(at, at + 1), this.place);
      this.#state = 'hole';
    } else {
      this.#indent = -1;
      this.#junkFrom(at);
    }
  }

  #junkFrom(at: number): void {
    this.#state = 'junk';
    this.#brokenAt = at;
  }

  /** Gives where the next thing begins, or the start of the value: it has no end yet, or is broken. */
  #value(bytes: Buffer, start: number, isEnd: boolean): number {
    let result = this.#scanner.run(bytes, this.#at);
    const end = this.#scanner.position;
    this.#at = end;
    if (result === MORE && isEnd && this.#scanner.isCompleteWord) result = COMPLETE;
    const isTooLong = end - start > RECORD_BYTES_MAX;
    if (result === MORE && !isEnd && !isTooLong) return start;
    if (result === COMPLETE && !isTooLong) {
      this.#pieces.text(onOneLine(bytes.subarray(start, end)), this.place);
      this.#behindValue();
      return end;
    }
    if (result === BROKEN && !isTooLong && this.#indent < 0) {
      this.#junkFrom(end);
      return start;
    }
    // A bracket too few is seen late: records on lines of their own may have been taken for a part of this one.
    const limit = Math.min(isTooLong ? start + RECORD_BYTES_MAX : end, bytes.length);
    const again = this.#nextRecord(bytes.subarray(0, limit), start, start + 1, -1);
    if (again > 0 && this.#rescannedBytes + limit - again <= RESCAN_BYTES_MAX) {
      this.#rescannedBytes += limit - again;
      this.#rejectJunk(bytes, start, again);
      return again;
    }
    if (result === BROKEN && !isTooLong) {
      this.#junkFrom(end);
      return start;
    }
    this.#pieces.reject(isTooLong ? 'line_too_long' : 'cut_off', bytes.subarray(start, end), this.place);
    this.#state = 'tooLong';
    if (result !== MORE) this.#afterTooLong(result);
    else if (isEnd) this.#endsInJunk = true;
    return end;
  }

  #behindValue(): void {
    this.place += this.#scanner.lines;
    this.#indent = -1;
    this.#state = 'between';
  }

  #afterTooLong(result: number): void {
    this.#behindValue();
    if (result === COMPLETE) return;
    this.#junkFrom(this.#at);
    this.#isJunkReported = true;
  }

  /** Looks for the next record; gives where it begins, or the start of the junk that is held. */
  #junk(bytes: Buffer, start: number, isEnd: boolean): number {
    const next = this.#nextRecord(bytes, start, Math.max(this.#at, start + 1), this.#brokenAt);
    this.#brokenAt = -1;
    if (next > 0 || isEnd) {
      const end = next > 0 ? next : bytes.length;
      this.#rejectJunk(bytes, start, end);
      this.#endsInJunk = next <= 0;
      return end;
    }
    this.#at = bytes.length;
    if (bytes.length - start <= RECORD_BYTES_MAX) return start;
    if (!this.#isJunkReported) this.#pieces.reject('line_too_long', bytes.subarray(start), this.place);
    this.#isJunkReported = true;
    // The last line is enough to see whether a record begins on it.
    const kept = Math.max(bytes.lastIndexOf(NEWLINE), bytes.length - RECORD_BYTES_MAX / 2, start);
    this.#countLines(bytes, start, kept);
    return kept;
  }

  #rejectJunk(bytes: Buffer, start: number, end: number): void {
    let last = end;
    while (last > start && (bytes[last - 1]! <= 0x20 || bytes[last - 1] === COMMA)) last--;
    if (!this.#isJunkReported && last > start)
      this.#pieces.reject('not_json', bytes.subarray(start, last), this.place);
    this.#isJunkReported = false;
    this.#countLines(bytes, start, end);
    this.#state = 'between';
    this.#at = end;
    this.#indent = indentAt(bytes, end);
  }

  #countLines(bytes: Buffer, start: number, end: number): void {
    for (let i = bytes.indexOf(NEWLINE, start); i !== -1 && i < end; i = bytes.indexOf(NEWLINE, i + 1))
      this.place++;
  }

  /**
   * Where a record seems to begin behind a broken one: a brace that begins a line with no more blanks before it than the
   * broken one had, or that follows a closing brace where records share a line; 0: nowhere.
   */
  #nextRecord(bytes: Buffer, start: number, from: number, brokenAt: number): number {
    for (let i = bytes.indexOf(OBJECT_OPEN, from); i !== -1; i = bytes.indexOf(OBJECT_OPEN, i + 1)) {
      const indent = indentAt(bytes, i);
      if (indent >= 0 && (this.#indent < 0 || indent <= this.#indent)) return i;
      const before = lastNot(bytes, i - 1, start, isBlankByte);
      const byte = bytes[before];
      if (byte === 0 || byte === RECORD_SEPARATOR || (i === brokenAt && byte === COMMA)) return i;
      if (this.#indent >= 0 || (byte !== COMMA && byte !== OBJECT_CLOSE)) continue;
      const closing = lastNot(bytes, before, start, (b) => b === COMMA || b <= 0x20);
      if (bytes[closing] === OBJECT_CLOSE) return i;
    }
    return 0;
  }
}

const isBlankByte = (byte: number) => byte === 0x20 || byte === 0x09;

function lastNot(bytes: Buffer, from: number, start: number, isSkipped: (byte: number) => boolean): number {
  let i = from;
  while (i >= start && isSkipped(bytes[i]!)) i--;
  return i;
}

/** Blanks between the start of the line and the position; -1: there is something else. */
function indentAt(bytes: Buffer, position: number): number {
  let i = position;
  while (i > 0 && isBlankByte(bytes[i - 1]!)) i--;
  return i > 0 && bytes[i - 1] !== NEWLINE ? -1 : position - i;
}
