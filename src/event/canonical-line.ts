import { BOT, EVENT_ID } from './field-index.ts';
import { EVENT_TYPE_ALIASES, FIELDS, INVALID_MEMBER } from './fields.ts';
import { ABSENT, FALSE, NULL, NUMBER, STRING, STRING_WITH_ESCAPES } from './json-bytes.ts';
import { type LineSpans, UNREADABLE } from './line-spans.ts';
import { formatMoney, parseMoney } from './values.ts';

/**
 * The canonical form of an event, in which the log keeps it and the decoder reads it with the types of the schema: known
 * fields by name, without nulls and empty texts; `timestamp` as ISO 8601 in UTC with at most six decimals; texts as texts;
 * money and decimals with at most four decimals; booleans where they are true; event types under our names; everything else in one
 * object `extra`. Its member `invalid` has the values of optional fields that could not be read, by field.
 */

/** Longest usual timestamp, `2026-11-23T10:15:30.250000Z`. */
export const TIMESTAMP_BYTES_MAX = 27;

const NAMES = FIELDS.map(({ name }) => Buffer.from(`,"${name}":`));
const EXTRA = Buffer.from(',"extra":{');
const INVALID = Buffer.from(`"${INVALID_MEMBER}":{`);
const TRUE = Buffer.from('true');
const QUOTE = 0x22;
const COMMA = 0x2c;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
/** Longest text that is written in place of a value, its name included. */
const REWRITTEN_BYTES_MAX = 64;
/** Pieces that are shorter are copied byte by byte, which is faster. */
const SHORT_BYTES = 32;

let target = Buffer.allocUnsafeSlow(64 * 1024);
let at = 0;
/** Members that are copied as they stand, in one piece as long as they follow each other: from the name of the first to the end of the last. */
let runStart = 0;
let runEnd = 0;

/** The canonical line, without a line end. It is valid until the next call. `eventId`: for a line that has none. */
export function canonicalLine(line: LineSpans, eventId: string | null = null): Buffer {
  // A value that is rewritten gets at most its quotes, a time or an amount in their place.
  const most = line.length + REWRITTEN_BYTES_MAX * FIELDS.length + EXTRA.length + INVALID.length;
  if (target.length < most) target = Buffer.allocUnsafeSlow(most);
  at = 0;
  runStart = runEnd = 0;
  for (let index = 0; index < FIELDS.length; index++) {
    const kind = line.kinds[index]!;
    if (index === EVENT_ID && eventId !== null) {
      putName(line, index);
      putText(eventId);
    } else if (index === BOT && line.isBot) {
      putName(line, index);
      put(TRUE, 0, TRUE.length);
    } else if (kind === ABSENT || kind === NULL || line.flaws[index] === UNREADABLE) continue;
    else if (line.isPlain[index] === 1) putPlain(line, index, kind);
    else putField(line, index, kind);
  }
  endRun(line);
  putExtra(line);
  // Each member begins with a comma; the first one becomes the brace.
  target[0] = OBJECT_OPEN;
  target[at++] = OBJECT_CLOSE;
  return target.subarray(0, at);
}

function putPlain(line: LineSpans, index: number, kind: number): void {
  const quote = kind === STRING || kind === STRING_WITH_ESCAPES ? 1 : 0;
  const start = line.starts[index]! - quote;
  const end = line.ends[index]! + quote;
  const member = line.members[index]!;
  // Under its own name, and without blanks behind it.
  const isWhole = line.isRenamed[index] === 0 && start - member === NAMES[index]!.length - 1;
  if (isWhole && runEnd > 0 && member === runEnd + 1) runEnd = end;
  else if (isWhole) {
    endRun(line);
    runStart = member;
    runEnd = end;
  } else {
    putName(line, index);
    put(line.bytes, start, end);
  }
}

/** Copies the members of the run. */
function endRun({ bytes }: LineSpans): void {
  if (runEnd === 0) return;
  target[at++] = COMMA;
  put(bytes, runStart, runEnd);
  runStart = runEnd = 0;
}

function putName(line: LineSpans, index: number): void {
  endRun(line);
  const name = NAMES[index]!;
  put(name, 0, name.length);
}

/** A value that is not as it should stand. */
function putField(line: LineSpans, index: number, kind: number): void {
  const field = FIELDS[index]!;
  const start = line.starts[index]!;
  const end = line.ends[index]!;
  if (kind === FALSE || (kind === STRING && start === end)) return;
  putName(line, index);
  if (field.kind === 'timestamp') putText(isoMicros(line.micros));
  else if (field.kind === 'money' || field.kind === 'decimal')
    putText(formatMoney(parseMoney(line.text(index)!) as bigint));
  // Without zeros before it, and without the sign of zero.
  else if (field.kind === 'integer') putText(String(Number(line.text(index)) + 0));
  else if (field.kind === 'boolean' || field.kind === 'items') put(line.bytes, start, end);
  else {
    const text = line.text(index)!;
    const alias = field.name === 'event_type' ? EVENT_TYPE_ALIASES[text] : undefined;
    if (alias !== undefined) putText(alias);
    else if (kind === NUMBER) putText(text);
    else putJson(text);
  }
}

function putExtra(line: LineSpans): void {
  const { bytes, others, othersLength } = line;
  const inner = line.extraEnd - line.extraStart - 2;
  const isEmpty = inner <= 0 || isBlank(bytes, line.extraStart + 1, line.extraEnd - 1);
  const invalid = line.hasFlaws ? line.flaws.indexOf(UNREADABLE) : -1;
  if (isEmpty && othersLength === 0 && invalid < 0) return;
  put(EXTRA, 0, EXTRA.length);
  if (!isEmpty) put(bytes, line.extraStart + 1, line.extraEnd - 1);
  for (let other = 0; other < othersLength; other += 2) {
    if (other > 0 || !isEmpty) target[at++] = COMMA;
    put(bytes, others[other]!, others[other + 1]!);
  }
  if (invalid >= 0) putInvalid(line, invalid, isEmpty && othersLength === 0);
  target[at++] = OBJECT_CLOSE;
}

/** The values of the fields that could not be read, from the first one on, as they came. */
function putInvalid({ bytes, flaws, kinds, starts, ends }: LineSpans, first: number, isOnly: boolean): void {
  if (!isOnly) target[at++] = COMMA;
  put(INVALID, 0, INVALID.length);
  for (let index = first; index < FIELDS.length; index++) {
    if (flaws[index] !== UNREADABLE) continue;
    const name = NAMES[index]!;
    put(name, index === first ? 1 : 0, name.length);
    const quotes = kinds[index] === STRING || kinds[index] === STRING_WITH_ESCAPES ? 1 : 0;
    put(bytes, starts[index]! - quotes, ends[index]! + quotes);
  }
  target[at++] = OBJECT_CLOSE;
}

function put(bytes: Buffer, start: number, end: number): void {
  if (end - start < SHORT_BYTES) for (let i = start; i < end; i++) target[at++] = bytes[i]!;
  else at += bytes.copy(target, at, start, end);
}

/** Any text. */
function putJson(text: string): void {
  at += target.write(JSON.stringify(text), at);
}

/** A text that needs no escapes. */
function putText(text: string): void {
  target[at++] = QUOTE;
  at += target.write(text, at, 'latin1');
  target[at++] = QUOTE;
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x20) return false;
  return true;
}

/** An instant as ISO 8601, with milliseconds, or microseconds where it has them. */
function isoMicros(micros: number): string {
  const text = new Date(Math.floor(micros / 1000)).toISOString();
  const rest = micros % 1000;
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
