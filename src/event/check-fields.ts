import { ByteNames } from './byte-names.ts';
import { TIMESTAMP_BYTES_MAX } from './canonical-line.ts';
import { isCurrencyCode } from './currency-codes.ts';
import {
  AMOUNT,
  BOT,
  CURRENCY,
  EVENT_TYPE,
  indexOf,
  PRICE,
  QUANTITY,
  URL,
  USER_AGENT,
} from './field-index.ts';
import {
  EVENT_TYPE_ALIASES,
  FIELDS,
  FUTURE_TOLERANCE_MS,
  MONEY_SCALE,
  ORDER_EVENT_TYPES,
  TIMESTAMP_MIN_MS,
} from './fields.ts';
import {
  ABSENT,
  ARRAY,
  BACKSLASH,
  FALSE,
  MINUS,
  NULL,
  NUMBER,
  OTHER,
  POINT,
  STRING,
  STRING_WITH_ESCAPES,
  TRUE,
} from './json-bytes.ts';
import { LearnedTexts } from './learned-texts.ts';
import { type LineSpans, TOO_LONG, UNREADABLE } from './line-spans.ts';
import { NULL_USERS, NULL_WORDS } from './null-words.ts';
import type { Reason } from './reasons.ts';
import { isPlainMoney, scanInteger } from './scan-number.ts';
import { scanTimestamp } from './scan-timestamp.ts';
import { parseTimestamp } from './timestamp.ts';
import { parseMoney } from './values.ts';

/** What a text was found to be: an event type or user agent that stays as it is, or the user agent of a bot. */
export type Learned = 'event_type' | 'user_agent' | 'bot';

/** The rules of the fields, as objects of one shape: V8 reads those fastest. */
const RULES = FIELDS.map(({ name, kind, required = false, bytesMax = 0, min = 0, max = 0 }) => ({
  name,
  kind,
  required,
  bytesMax,
  min,
  max,
}));
type Rule = (typeof RULES)[number];
const IS_REQUIRED = Uint8Array.from(RULES, ({ required }) => Number(required));

/** DuckDB reads a JSON number by way of a double, and of more than 15 digits that may change the last one. As a text they are kept. */
export const EXACT_NUMBER_BYTES_MAX = 15;

/** Fewer bytes hold no decimal near its limits. */
export const DECIMAL_BYTES_SMALL = 10;

/** Booleans and items are of these kinds, other fields of none from OTHER on. */
function isOwnKind(field: Rule, kind: number): boolean {
  if (field.kind === 'boolean') return kind === TRUE || kind === FALSE;
  return field.kind === 'items' && kind === ARRAY;
}

/** Whether a decimal, in units of its last place, is outside of the limits. */
function isOutside({ kind, min, max }: Rule, units: bigint): boolean {
  const scale = 10n ** BigInt(MONEY_SCALE);
  return kind === 'decimal' && (units < BigInt(min) * scale || units > BigInt(max) * scale);
}

const QUESTION_MARK = 0x3f;
const ZERO = 0x30;
/** Of "-123.456". */
export const THOUSANDS_BYTES_MAX = 8;
export const USERS = ['user_id', 'visitor_id'].map(indexOf);

/** Our own event types, those that are about money first, and then the other names of them. */
export const TYPE_NAMES = [
  ...new Set([...ORDER_EVENT_TYPES, ...Object.values(EVENT_TYPE_ALIASES)]),
  ...Object.keys(EVENT_TYPE_ALIASES),
];
export const OWN_TYPES = TYPE_NAMES.length - Object.keys(EVENT_TYPE_ALIASES).length;
const KNOWN_TYPES = new ByteNames(TYPE_NAMES);
/** Our name of the known type. */
export const NAME_OF_TYPE = TYPE_NAMES.map((type) => EVENT_TYPE_ALIASES[type] ?? type);
/** Whether the known type is about money. */
const IS_ORDER = TYPE_NAMES.map((type) => ORDER_EVENT_TYPES.includes(EVENT_TYPE_ALIASES[type] ?? type));

const NO_TEXTS = new ByteNames(NULL_WORDS);
const NO_USERS = new ByteNames([...NULL_WORDS, ...NULL_USERS]);
const NULL_BYTES_MAX = [...NULL_WORDS, ...NULL_USERS].reduce((most, { length }) => Math.max(most, length), 0);

const BLANK = 0x20;
/** From this byte on a character is not ASCII; blanks are among those, too. */
const NOT_ASCII = 0x80;
/** Bytes that begin a blank, an escape or a word for a missing text. */
const FIRST_BYTES = new Uint8Array(256).fill(1, 0, BLANK + 1).fill(1, NOT_ASCII);
for (const word of [...NULL_WORDS, ...NULL_USERS])
  for (const first of [word, word.toUpperCase()]) FIRST_BYTES[first.charCodeAt(0)] = 1;
/** Of "\\u0020". */
const UNICODE_ESCAPE_BYTES = 6;
/** A short text in lower case. */
const FOLDED = new Uint8Array(NULL_BYTES_MAX);

/** Numbers of seconds and days that were taken for another unit are before this. */
export const DOUBTFUL_BEFORE_MICROS = Date.UTC(1995, 0) * 1000;

/**
 * The rules of the fields, for lines whose members have been found. Of two grades: the time, the type and, of an order, its money decide
 * whether the line is an event; what is wrong with another field is noted. Also notes what is not in canonical form, and what
 * may be read better by its value.
 */
export class FieldChecker {
  readonly #line: LineSpans;
  readonly #zone: string;
  readonly #fail: (reason: Reason, field?: string) => never;
  readonly #learned = {
    event_type: new LearnedTexts(),
    user_agent: new LearnedTexts(),
    bot: new LearnedTexts(),
  };
  /** Whether the line is about money. */
  #isOrder = false;

  /** `zone`: the shop's time zone, for timestamps that are only a date. */
  constructor(line: LineSpans, zone: string, fail: (reason: Reason, field?: string) => never) {
    this.#line = line;
    this.#zone = zone;
    this.#fail = fail;
  }

  learn(name: Learned, text: string): void {
    this.#learned[name].add(text);
  }

  /** Checks the fields of the line that was read; throws what `fail` throws. */
  check(receivedAtMs: number): void {
    const line = this.#line;
    for (let index = 0; index < RULES.length; index++) {
      const kind = line.kinds[index]!;
      if (kind === ABSENT && IS_REQUIRED[index] === 0) continue;
      line.seen[index] = 1;
      const field = RULES[index]!;
      const isEmpty = kind === STRING && line.starts[index] === line.ends[index];
      if (kind === ABSENT || kind === NULL || isEmpty) {
        if (field.required) this.#reject('missing_field', field);
        if (kind !== ABSENT) line.isCanonical = false;
        continue;
      }
      if (kind >= OTHER && !isOwnKind(field, kind)) this.#flaw('wrong_type', field, index);
      else if (field.kind === 'text') this.#checkText(field, index, kind);
      else if (field.kind === 'integer') this.#checkInteger(field, index, kind);
      else if (field.kind === 'money' || field.kind === 'decimal') this.#checkDecimal(field, index, kind);
      else if (field.kind === 'timestamp') this.#checkTimestamp(field, index, receivedAtMs);
      else if (kind < OTHER) this.#flaw('wrong_type', field, index);
      else if (kind === FALSE) line.isCanonical = false;
      else {
        line.isPlain[index] = 1;
        if (kind === ARRAY) line.needsNormalizing = true;
      }
    }
    if (line.kinds[USER_AGENT] !== ABSENT && line.kinds[BOT] !== TRUE) this.#checkAgent();
  }

  /** The value of a field can't be read: the line is rejected where it decides, else it is an event without it. */
  #flaw(reason: Reason, field: Rule, index: number): void {
    if (this.#decides(field, index)) this.#reject(reason, field);
    this.#line.addFlaw(index, UNREADABLE);
  }

  #reject(reason: Reason, { name }: Rule): never {
    this.#line.needsNormalizing = true;
    this.#fail(reason, name);
  }

  /** A price only decides where there is no amount. */
  #decides({ required }: Rule, index: number): boolean {
    if (required) return true;
    if (!this.#isOrder) return false;
    return index === AMOUNT || index === CURRENCY || (index === PRICE && this.#line.isEmpty(AMOUNT));
  }

  #checkText(field: Rule, index: number, kind: number): void {
    const line = this.#line;
    const start = line.starts[index]!;
    const end = line.ends[index]!;
    if (kind === NUMBER) {
      line.isCanonical = false;
      // "-0" and "-1" are not what they look like.
      if (line.bytes[start] === MINUS) line.needsNormalizing = true;
      // A number is taken as text where it is a whole one: ids are often numbers, 1.0 and 1e3 have no one spelling.
      for (let i = start; i < end; i++) {
        const byte = line.bytes[i]!;
        if (byte > 0x39 || byte === POINT) return void this.#flaw('wrong_type', field, index);
      }
    }
    if (line.hasNul && kind === STRING_WITH_ESCAPES && line.rawText(index)!.includes('\0'))
      return void this.#flaw('nul_character', field, index);
    // Escapes only ever shorten a text, so a raw span within the limit needs no decoding.
    if (
      end - start > field.bytesMax &&
      (kind !== STRING_WITH_ESCAPES || Buffer.byteLength(line.rawText(index)!) > field.bytesMax)
    ) {
      if (index === CURRENCY || this.#decides(field, index))
        return void this.#flaw('text_too_long', field, index);
      line.addFlaw(index, TOO_LONG);
    }
    if (kind !== NUMBER && line.flaws[index] === 0) line.isPlain[index] = 1;
    if (index === EVENT_TYPE) this.#checkType(kind, start, end);
    else if (index === URL) line.urlHasQuery = hasQuestionMark(line.bytes, start, end);
    if (
      FIRST_BYTES[line.bytes[start]!] !== 0 ||
      line.bytes[end - 1]! <= BLANK ||
      line.bytes[end - 1]! >= NOT_ASCII ||
      kind === STRING_WITH_ESCAPES
    )
      this.#isDoubtful(index, start, end, kind === STRING_WITH_ESCAPES);
    if (index === CURRENCY && !isCurrencyCode(line.bytes, start, end)) line.needsNormalizing = true;
  }

  /** Whether a text may have blanks around it, or stand for a missing one. */
  #isDoubtful(index: number, start: number, end: number, hasEscapes: boolean): void {
    const { bytes } = this.#line;
    const first = bytes[start]!;
    const endsWithEscape = bytes[end - 2] === BACKSLASH || bytes[end - UNICODE_ESCAPE_BYTES] === BACKSLASH;
    const isShort = end - start <= NULL_BYTES_MAX * UNICODE_ESCAPE_BYTES;
    if (
      first <= BLANK ||
      bytes[end - 1]! <= BLANK ||
      (hasEscapes && (first === BACKSLASH || endsWithEscape || (isShort && FIRST_BYTES[first] !== 0)))
    ) {
      this.#line.needsNormalizing = true;
      return;
    }
    if (first >= NOT_ASCII || bytes[end - 1]! >= NOT_ASCII) {
      // Such as a no-break space, or a byte order mark.
      const text = bytes.toString('utf8', start, end);
      if (text !== text.trim()) this.#line.needsNormalizing = true;
      return;
    }
    if (end - start > NULL_BYTES_MAX) return;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      FOLDED[i - start] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
    if ((USERS.includes(index) ? NO_USERS : NO_TEXTS).find(FOLDED, 0, end - start) >= 0)
      this.#line.needsNormalizing = true;
  }

  #checkType(kind: number, start: number, end: number): void {
    const line = this.#line;
    // A name with escapes is known by what it says.
    const escaped = kind === STRING_WITH_ESCAPES ? Buffer.from(line.rawText(EVENT_TYPE)!) : null;
    const type = escaped
      ? KNOWN_TYPES.find(escaped, 0, escaped.length)
      : KNOWN_TYPES.find(line.bytes, start, end);
    this.#isOrder = type >= 0 && IS_ORDER[type]!;
    line.eventType = type >= 0 ? NAME_OF_TYPE[type]! : null;
    if (type >= OWN_TYPES) {
      line.isCanonical = false;
      line.isPlain[EVENT_TYPE] = 0;
    } else if (type < 0 && !this.#learned.event_type.has(line.bytes, start, end))
      line.needsNormalizing = true;
  }

  /** Whether a visitor is a bot is for others to say, once for each user agent. */
  #checkAgent(): void {
    const line = this.#line;
    const start = line.starts[USER_AGENT]!;
    const end = line.ends[USER_AGENT]!;
    if (this.#learned.user_agent.has(line.bytes, start, end)) return;
    if (this.#learned.bot.has(line.bytes, start, end)) {
      line.isBot = true;
      line.isCanonical = false;
    } else line.needsNormalizing = true;
  }

  #checkInteger(field: Rule, index: number, kind: number): void {
    const line = this.#line;
    const decoded = kind === STRING_WITH_ESCAPES ? Buffer.from(line.rawText(index)!) : null;
    const value = decoded
      ? scanInteger(decoded, 0, decoded.length)
      : scanInteger(line.bytes, line.starts[index]!, line.ends[index]!);
    if (Number.isNaN(value)) this.#flaw('bad_number', field, index);
    else if (value < field.min || value > field.max) this.#flaw('number_out_of_range', field, index);
    if (decoded || isPadded(line.bytes, line.starts[index]!, line.ends[index]!)) line.isCanonical = false;
    else line.isPlain[index] = 1;
  }

  #checkDecimal(field: Rule, index: number, kind: number): void {
    const line = this.#line;
    const start = line.starts[index]!;
    const end = line.ends[index]!;
    // Pieces that come back belong to refunds.
    if (kind === STRING_WITH_ESCAPES || (index === QUANTITY && line.bytes[start] === MINUS))
      line.needsNormalizing = true;
    const isFarFromLimit = field.kind === 'money' || end - start < DECIMAL_BYTES_SMALL;
    if (isFarFromLimit && kind !== STRING_WITH_ESCAPES && isPlainMoney(line.bytes, start, end)) {
      if (kind === NUMBER && end - start > EXACT_NUMBER_BYTES_MAX) line.isCanonical = false;
      else line.isPlain[index] = 1;
      // In a text "1.234" may be a thousand.
      const isShortText = kind === STRING && end - start <= THOUSANDS_BYTES_MAX;
      if (isShortText && field.kind === 'money' && line.bytes[end - 4] === POINT)
        line.needsNormalizing = true;
      return;
    }
    line.isCanonical = false;
    const units = parseMoney(line.rawText(index)!);
    if (units === null) this.#flaw('bad_number', field, index);
    else if (units === 'out_of_range' || isOutside(field, units))
      this.#flaw('number_out_of_range', field, index);
  }

  #checkTimestamp(field: Rule, index: number, receivedAtMs: number): void {
    const line = this.#line;
    const start = line.starts[index]!;
    const end = line.ends[index]!;
    const scanned = scanTimestamp(line.bytes, start, end);
    const text = scanned === null ? line.rawText(index)! : '';
    const micros = scanned ?? parseTimestamp(text, this.#zone);
    if (micros === null) this.#reject('bad_timestamp', field);
    if (micros < TIMESTAMP_MIN_MS * 1000) this.#reject('timestamp_out_of_range', field);
    if (micros > (receivedAtMs + FUTURE_TOLERANCE_MS) * 1000) this.#reject('timestamp_in_future', field);
    // Which of the numbers is the month depends on the source.
    if (micros < DOUBTFUL_BEFORE_MICROS || text.includes('/')) line.needsNormalizing = true;
    if (scanned === null || end - start > TIMESTAMP_BYTES_MAX) line.isCanonical = false;
    else line.isPlain[index] = 1;
    line.micros = micros;
  }
}

/** Whether a number in a text begins with a zero that says nothing, as in "007": DuckDB takes none. */
function isPadded(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] === MINUS ? start + 1 : start;
  return bytes[first] === ZERO && (first > start || end - start > 1);
}

function hasQuestionMark(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === QUESTION_MARK) return true;
  return false;
}
