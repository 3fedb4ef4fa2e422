import { isUtf8 } from 'node:buffer';
import { ARRAY_OPEN, OBJECT_OPEN } from '../event/json-bytes.ts';
import { jsonToLines } from '../event/json-values.ts';
import { externalLine, markedLine, startsWithByteOrderMark } from '../event/mark-line.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const LINE_END = Buffer.from('\n');
const EMPTY = Buffer.alloc(0);

/**
 * The value of a record that came past ingest, as lines that readers can take, each with its "\n"; at least one. A JSON
 * object is one event however it is laid out, an array gives its elements, several lines are as many events. What can't
 * be a line becomes a marked record with its reason; the readers check all else. `value` null is a record without one.
 */
export function externalLines(value: Buffer | null, lineBytesMax: number): Buffer[] {
  if (value === null) return [markedLine('not_json', undefined, EMPTY, lineBytesMax)];
  const parts = partsOf(value);
  if (parts.length > 0) return parts.map((part) => externalLine(part, lineBytesMax));
  const reason = firstByte(value) === ARRAY_OPEN ? 'not_an_object' : 'not_json';
  return [markedLine(reason, undefined, value, lineBytesMax)];
}

/**
 * The same as a body for ingest, which validates and marks by itself: NDJSON with the bytes as they came. Empty where the
 * value holds nothing but space.
 */
export function bodyOf(value: Buffer): Buffer {
  return Buffer.concat(partsOf(value).flatMap((part) => [withoutByteOrderMark(part), LINE_END]));
}

/** The lines of a value, without their ends and without blank ones. */
function partsOf(value: Buffer): Buffer[] {
  const first = firstByte(value);
  if (first === undefined) return [];
  const isJson = first === OBJECT_OPEN || first === ARRAY_OPEN;
  if (first === ARRAY_OPEN || value.includes(NEWLINE)) {
    const lines = isJson ? jsonToLines(value) : null;
    if (lines !== null) return split(lines);
    // What is neither JSON nor text is one thing, whatever bytes it has.
    if (isJson || isUtf8(value)) return split(value);
  }
  return [value];
}

function withoutByteOrderMark(part: Buffer): Buffer {
  return startsWithByteOrderMark(part) ? part.subarray(3) : part;
}

function split(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, bytes[end - 1] === RETURN && end > start ? end - 1 : end);
    if (firstByte(line) !== undefined) lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** The first byte that is no space. */
function firstByte(bytes: Buffer): number | undefined {
  for (let i = startsWithByteOrderMark(bytes) ? 3 : 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== NEWLINE && byte !== RETURN) return byte;
  }
  return undefined;
}
