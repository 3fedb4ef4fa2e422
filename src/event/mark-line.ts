import { isUtf8 } from 'node:buffer';
import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW, DEPTH_MAX } from './fields.ts';
import { isBlankLine } from './lines.ts';
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
  return lineOfMark({ reason, field, raw: text });
}

/** What a marked record says of the line that was rejected. */
export interface LineMark {
  readonly reason: Reason;
  readonly field: string | undefined;
  /** The line as text, or base64 where it is not UTF-8. */
  readonly raw: string;
}

/** The mark of a marked record; null for any other line. */
export function markOf(line: string): LineMark | null {
  try {
    const members = JSON.parse(line) as Record<string, unknown>;
    const { [BAD_MARK]: reason, [BAD_MARK_FIELD]: field, [BAD_MARK_RAW]: raw } = members;
    if (typeof raw !== 'string' || !REASON_CODES.includes(reason as Reason)) return null;
    return { reason: reason as Reason, field: typeof field === 'string' ? field : undefined, raw };
  } catch {
    // Not JSON, so not marked by us.
    return null;
  }
}

/** The record of a mark, "\n" included. */
export function lineOfMark({ reason, field, raw }: LineMark): Buffer {
  const named = field === undefined ? {} : { [BAD_MARK_FIELD]: field };
  return Buffer.from(`${JSON.stringify({ [BAD_MARK]: reason, ...named, [BAD_MARK_RAW]: raw })}\n`);
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
 * A record that came past ingest, as exactly one line that is not blank: what is too long, not text or blank is marked. All else is for
 * the validator.
 */
export function externalLine(record: Buffer, lineBytesMax: number): Buffer {
  const raw = startsWithByteOrderMark(record) ? record.subarray(3) : record;
  if (!isUtf8(raw)) return markedLine('not_utf8', undefined, raw, lineBytesMax);
  if (raw.length > lineBytesMax) return markedLine('line_too_long', undefined, raw, lineBytesMax);
  const line = Buffer.allocUnsafe(raw.length + 1);
  raw.copy(line);
  // As space between tokens a tab means the same, and in a string it is as forbidden.
  for (const end of [NEWLINE, RETURN])
    for (let at = line.indexOf(end); at >= 0 && at < raw.length; at = line.indexOf(end, at + 1))
      line[at] = TAB;
  if (isBlankLine(line, 0, raw.length)) return markedLine('not_json', undefined, raw, lineBytesMax);
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
  let quoted = false;
  let depth = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    // A quote after a backslash ends no string, but a backslash is only escaped by the one before it.
    if (byte === QUOTE && !(quoted && isEscaped(bytes, i))) quoted = !quoted;
    else if (!quoted && (byte === OBJECT_OPEN || byte === ARRAY_OPEN)) {
      if (++depth > CANONICAL_DEPTH_MAX) return true;
    } else if (!quoted && (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE)) depth--;
  }
  return false;
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
