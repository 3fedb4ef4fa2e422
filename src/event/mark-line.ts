import { isUtf8 } from 'node:buffer';
import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW, DEPTH_MAX } from './fields.ts';
import { REASON_CODES, type Reason } from './reasons.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;

/**
 * The marked record in which the log keeps a line that was rejected, "\n" included. Of a line longer than
 * `rawBytesMax` the beginning is kept. Bytes that are not UTF-8 are kept as base64; only `not_utf8` has them.
 */
export function markedLine(
  reason: Reason,
  field: string | undefined,
  raw: Buffer,
  rawBytesMax: number,
): Buffer {
  const kept = raw.subarray(0, rawBytesMax);
  const text =
    reason === 'not_utf8' ? kept.toString('base64') : withoutCutCharacter(kept, raw.length).toString('utf8');
  return Buffer.from(
    `${JSON.stringify({
      [BAD_MARK]: reason,
      ...(field === undefined ? {} : { [BAD_MARK_FIELD]: field }),
      [BAD_MARK_RAW]: text,
    })}\n`,
  );
}

/** The reason of a marked record; null for any other line. */
export function markOf(line: string): Reason | null {
  try {
    const { [BAD_MARK]: reason, [BAD_MARK_RAW]: raw } = JSON.parse(line) as Record<string, unknown>;
    return typeof raw === 'string' && REASON_CODES.includes(reason as Reason) ? (reason as Reason) : null;
  } catch {
    // Not JSON, so not marked by us.
    return null;
  }
}

/** The same, and of the line only as much as the record has room for: escapes may make it six times as long. */
export function markedWithin(
  reason: Reason,
  field: string | undefined,
  raw: Buffer,
  rawBytesMax: number,
  recordBytesMax: number,
): Buffer {
  for (let kept = rawBytesMax; ; kept >>= 1) {
    const line = markedLine(reason, field, raw, kept);
    if (line.length <= recordBytesMax || kept === 0) return line;
  }
}

/**
 * A line that came past ingest (a record of an external topic) in a form that the readers can take: exactly one line,
 * UTF-8, no control characters but tabs, nested no deeper than DEPTH_MAX (DuckDB recurses). What is not is marked; all
 * else is checked by the readers.
 */
export function externalLine(record: Buffer, lineBytesMax: number, depthMax = DEPTH_MAX): Buffer {
  const raw = startsWithByteOrderMark(record) ? record.subarray(3) : record;
  if (!isUtf8(raw)) return markedLine('not_utf8', undefined, raw, lineBytesMax);
  if (raw.length > lineBytesMax) return markedLine('line_too_long', undefined, raw, lineBytesMax);
  const line = Buffer.allocUnsafe(raw.length + 1);
  let blank = true;
  let quoted = false;
  let depth = 0;
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i]!;
    if (byte < 0x20 && byte !== TAB && byte !== NEWLINE && byte !== RETURN) {
      return markedLine('not_json', undefined, raw, lineBytesMax);
    }
    if (byte > 0x20) blank = false;
    // A quote after a backslash ends no string, but a backslash is only escaped by the one before it.
    if (byte === QUOTE && !(quoted && isEscaped(raw, i))) quoted = !quoted;
    else if (!quoted && (byte === OBJECT_OPEN || byte === ARRAY_OPEN)) {
      if (++depth > depthMax) return markedLine('too_deep', undefined, raw, lineBytesMax);
    } else if (!quoted && (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE)) depth--;
    // As space between tokens a tab means the same, and in a string it is as forbidden.
    line[i] = byte < 0x20 ? TAB : byte;
  }
  if (blank) return markedLine('not_json', undefined, raw, lineBytesMax);
  line[raw.length] = NEWLINE;
  return line;
}

/** A canonical line that is shorter is taken at its word: it can't be nested deeply enough to do harm. */
const LOOK_FROM_BYTES = 2048;

/** The object `extra` of the canonical form is a level more than what ingest lets through. */
const CANONICAL_DEPTH_MAX = DEPTH_MAX + 1;

/** Whether a line that claims to be canonical is nested deeper than any that ingest writes. */
export function isTooDeep(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < LOOK_FROM_BYTES || !hasManyOpenings(bytes, start, end)) return false;
  const line = bytes.subarray(start, end);
  return !externalLine(line, line.length, CANONICAL_DEPTH_MAX).subarray(0, -1).equals(line);
}

/** Whether there are enough brackets for more than DEPTH_MAX levels; in texts they count as well. */
function hasManyOpenings(bytes: Buffer, start: number, end: number): boolean {
  let openings = 0;
  for (let i = start; i < end; i++) {
    // This bit is the difference between "[" and "{".
    if ((bytes[i]! & ~0x20) === ARRAY_OPEN && ++openings > DEPTH_MAX) return true;
  }
  return false;
}

/** True when an odd number of backslashes precedes `position`. */
function isEscaped(bytes: Buffer, position: number): boolean {
  let start = position;
  while (bytes[start - 1] === BACKSLASH) start--;
  return (position - start) % 2 === 1;
}

export function startsWithByteOrderMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** The bytes without a last character that the cut left incomplete. */
function withoutCutCharacter(kept: Buffer, fullLength: number): Buffer {
  if (kept.length === fullLength) return kept;
  let end = kept.length;
  while (end > 0 && kept.length - end < 3 && (kept[end - 1]! & 0xc0) === 0x80) end--;
  const lead = end > 0 ? kept[end - 1]! : 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return kept.length - end + 1 < length ? kept.subarray(0, end - 1) : kept;
}
