import { encodingOf, transcoder } from '../../ingest/content/encoding.ts';
import { type Decoded, type DetectOptions, SAMPLE_BYTES_MAX } from '../../ingest/format.ts';
import { isCompleteObject } from '../../ingest/formats/json-scan.ts';
import { detectLineFormat, type LineFormat, startOfLine } from '../../ingest/line-format.ts';
import { BLOCK_BYTES_MAX } from '../ingest-with-retry.ts';
import type { TrackedFile } from './tracked-file.ts';

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** How the bytes of all files of a source are read. */
export interface LineOptions {
  readonly encoding: string | undefined;
  readonly detect: DetectOptions;
  /** Of a line that fills a whole block, this much and a little more is kept. */
  readonly lineBytesMax: number;
}

/** Records, and the bytes of the file that they came from. */
export interface ReadLines {
  readonly pieces: Decoded[];
  readonly bytes: number;
  /** The line goes on behind these bytes, and is too long to keep. */
  readonly isLong: boolean;
  /** The last line among them that names columns. */
  readonly directive: string | null;
}

/**
 * Finds out how a file is read, by its beginning; what it was decided by before decides again. `isComplete`: nobody writes to
 * it any more. False: it can't be read, or not yet.
 */
export async function findFormat(
  file: TrackedFile,
  isComplete: boolean,
  options: LineOptions,
): Promise<boolean> {
  if (file.format !== null) return true;
  const isWhole = isComplete && file.size <= SAMPLE_BYTES_MAX;
  const state = `${file.size} ${isWhole}`;
  if (file.isRejected || file.refusedAt === state) return false;
  const { record } = file;
  const start = await file.readStart(record.sampleBytes || SAMPLE_BYTES_MAX);
  const lines = isWhole ? start : start.subarray(0, start.lastIndexOf(NEWLINE) + 1);
  // A first line that is longer than the sample.
  const sample = lines.length > 0 || start.length < SAMPLE_BYTES_MAX ? lines : start;
  if (sample.length === 0) return false;
  const found = detectSample(sample, isWhole || sample.at(-1) !== NEWLINE, options);
  if ('refusal' in found) {
    file.refusal = found.refusal;
    file.refusedAt = state;
    file.isRejected = isWhole || start.length >= SAMPLE_BYTES_MAX;
    return false;
  }
  file.format = found;
  file.refusal = '';
  record.sampleBytes = sample.length;
  return true;
}

/** The format of a file that begins so. */
export function detectSample(
  sample: Buffer,
  isWhole: boolean,
  { encoding, detect }: LineOptions,
): LineFormat | { refusal: string } {
  const found = encodingOf(sample);
  if (/^utf-(16|32)/.test(found.encoding) || /^utf-?(16|32)/i.test(encoding ?? ''))
    return {
      refusal: `is in ${found.encoding.toUpperCase()}, which can't be followed line by line; load it, or write UTF-8`,
    };
  const text = toUtf8(sample.subarray(found.markBytes), encoding);
  return detectLineFormat({ bytes: text, isWhole: isWhole && sample.length < SAMPLE_BYTES_MAX }, detect);
}

/**
 * Reads what a block at the position of the file holds. `isEnd`: it ends where the file does, and its last line is taken as it
 * is. Null: there is no complete record in it yet.
 */
export function readLines(
  file: TrackedFile,
  block: Buffer,
  isEnd: boolean,
  options: LineOptions,
): ReadLines | null {
  const format = file.format!;
  const isFull = block.length === BLOCK_BYTES_MAX;
  const lineEnd = block.lastIndexOf(NEWLINE) + 1;
  if (lineEnd === 0 && isFull) {
    const raw = cutLine(block, options.lineBytesMax);
    return {
      pieces: [{ kind: 'rejected', reason: 'line_too_long', raw, place: 1 }],
      bytes: block.length,
      isLong: true,
      directive: null,
    };
  }
  // The writer may be in the middle of it, however long it takes: half an object is no event.
  const isHalf = format.isJson && !file.record.rotated && !file.record.isPacked;
  const takesRest =
    isEnd && !(isHalf && !isCompleteObject(toUtf8(block.subarray(lineEnd), options.encoding)));
  const lines = takesRest ? block : block.subarray(0, lineEnd);
  if (lines.length === 0) return null;
  const text = toUtf8(lines, options.encoding);
  const { position, directive } = file.record;
  const at = { isStart: position === 0, directive };
  let read = format.decode(text, at, takesRest || isEnd);
  if (read.bytes === 0 && isFull) read = format.decode(text, at, true);
  if (read.bytes === 0) return null;
  const bytes = rawBytes(lines, text, read.bytes);
  return {
    pieces: read.pieces,
    bytes,
    isLong: false,
    directive: format.directiveIn(text.subarray(0, read.bytes)),
  };
}

/** Line ends are the same byte in all encodings that are accepted, so lines tell where the bytes are in the file. */
function rawBytes(lines: Buffer, text: Buffer, textBytes: number): number {
  if (text === lines) return textBytes;
  if (textBytes === text.length) return lines.length;
  let count = 0;
  for (let at = text.indexOf(NEWLINE); at !== -1 && at < textBytes; at = text.indexOf(NEWLINE, at + 1))
    count++;
  return startOfLine(lines, count + 1);
}

function toUtf8(bytes: Buffer, encoding: string | undefined): Buffer {
  if (encoding === undefined || /^utf-?8$/i.test(encoding)) return bytes;
  const { push, end } = transcoder(encoding);
  return Buffer.concat([push(bytes), end(), EMPTY]);
}

/** The beginning of a line, longer than the limit so that ingest sees why it is bad, and whole in its last character. */
function cutLine(block: Buffer, lineBytesMax: number): Buffer {
  let end = lineBytesMax + 5;
  while ((block[end]! & 0xc0) === 0x80 && end > lineBytesMax + 1) end--;
  return Buffer.from(block.subarray(0, end));
}
