import { type Decoded, RECORD_BYTES_MAX, type RecordDecoder } from '../format.ts';
import { HeldBytes } from './held-bytes.ts';
import { Pieces } from './pieces.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const NUL = 0;
const EMPTY = Buffer.alloc(0);
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Takes one line without its end; not called for blank lines. */
export type TakeLine = (line: Buffer, place: number, pieces: Pieces) => void;

/** Decoder of a format with one record a line. `onEnd` may add what the last lines left open. */
export function lineDecoder(takeLine: TakeLine, onEnd?: (pieces: Pieces) => void): RecordDecoder {
  const pieces = new Pieces();
  const cutter = new LineCutter(pieces, takeLine);
  return {
    push(chunk: Buffer): Decoded[] {
      cutter.push(chunk);
      return pieces.take();
    },
    end(): Decoded[] {
      cutter.end();
      onEnd?.(pieces);
      return pieces.take();
    },
  };
}

/**
 * Cuts bytes into lines. Longer lines than the limit are rejected with their beginning, a byte order mark before a line
 * is dropped, and a hole of NULs is rejected apart from the text beside it.
 */
class LineCutter {
  readonly #pieces: Pieces;
  readonly #takeLine: TakeLine;
  readonly #held = new HeldBytes();
  #place = 1;
  #skipping = false;

  constructor(pieces: Pieces, takeLine: TakeLine) {
    this.#pieces = pieces;
    this.#takeLine = takeLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    if (end !== -1 && (this.#held.length > 0 || this.#skipping)) {
      if (this.#skipping) this.#skipping = false;
      // A copy, because lines may be kept and what is held moves.
      else this.#line(Buffer.from(this.#held.with(chunk.subarray(0, end))));
      this.#held.keep(EMPTY);
      this.#place++;
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    for (; end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#line(chunk.subarray(start, end));
      this.#place++;
      start = end + 1;
    }
    if (this.#skipping || start === chunk.length) return;
    const rest = this.#held.length > 0 ? this.#held.with(chunk.subarray(start)) : chunk.subarray(start);
    this.#skipping = rest.length > RECORD_BYTES_MAX;
    if (this.#skipping) this.#pieces.reject('line_too_long', rest, this.#place);
    this.#held.keep(this.#skipping ? EMPTY : rest);
  }

  end(): void {
    if (this.#held.length > 0) this.#line(Buffer.from(this.#held.with(EMPTY)));
    this.#held.keep(EMPTY);
  }

  #line(bytes: Buffer): void {
    if (bytes.length > RECORD_BYTES_MAX) this.#pieces.reject('line_too_long', bytes, this.#place);
    else if (bytes.includes(NUL))
      splitHoles(
        bytes,
        this.#place,
        this.#pieces,
        (_, isLast) => isLast,
        (part) => this.#text(part),
      );
    else this.#text(bytes);
  }

  #text(bytes: Buffer): void {
    const line = withoutMark(bytes[bytes.length - 1] === RETURN ? bytes.subarray(0, -1) : bytes);
    if (!isBlank(line)) this.#takeLine(line, this.#place, this.#pieces);
  }
}

/**
 * Takes a line with NULs apart: what is beside them goes to `takeText` where it is a record of its own, the rest is one
 * bad row. `isRecord` gets each text between NULs, and whether it is the last of the line.
 */
export function splitHoles(
  line: Buffer,
  place: number,
  pieces: Pieces,
  isRecord: (text: Buffer, isLast: boolean) => boolean,
  takeText: (text: Buffer) => void,
): void {
  let bad = 0;
  for (let at = 0; at < line.length; ) {
    const start = at;
    const isHole = line[at] === NUL;
    while (at < line.length && (line[at] === NUL) === isHole) at++;
    const part = line.subarray(start, at);
    if (isHole || !isRecord(part, at === line.length)) continue;
    if (start > bad) pieces.reject('bad_record', line.subarray(bad, start), place);
    takeText(part);
    bad = at;
  }
  if (bad < line.length) pieces.reject('bad_record', line.subarray(bad), place);
}

/** The bytes without a byte order mark before them. */
export function withoutMark(bytes: Buffer): Buffer {
  let start = 0;
  while (bytes[start] === BOM[0] && bytes[start + 1] === BOM[1] && bytes[start + 2] === BOM[2]) start += 3;
  return start === 0 ? bytes : bytes.subarray(start);
}

/** Whether there is nothing but blanks and tabs. */
export function isBlank(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== RETURN) return false;
  }
  return true;
}

/** The lines of a sample that are complete and not blank, at most `linesMax`, without their ends. */
export function sampleLines(sample: { bytes: Buffer; isWhole: boolean }, linesMax = 200): Buffer[] {
  const lines: Buffer[] = [];
  const { bytes } = sample;
  for (let start = 0; start < bytes.length && lines.length < linesMax; ) {
    const found = bytes.indexOf(NEWLINE, start);
    if (found === -1 && !sample.isWhole) break;
    const end = found === -1 ? bytes.length : found;
    const line = withoutMark(bytes.subarray(start, bytes[end - 1] === RETURN && end > start ? end - 1 : end));
    if (!isBlank(line)) lines.push(line);
    start = end + 1;
  }
  return lines;
}
