import { BAD_MARK, DEPTH_MAX, FIELDS, FUTURE_TOLERANCE_MS, TIMESTAMP_MIN_MS } from './fields.ts';
import type { Reason } from './reasons.ts';
import { scanTimestamp } from './scan-timestamp.ts';
import { parseTimestamp } from './timestamp.ts';
import { parseMoney } from './values.ts';

/** Kind of the JSON value that a known field had; 0 means absent. */
const ABSENT = 0;
const STRING = 1;
const STRING_WITH_ESCAPES = 2;
const NUMBER = 3;
const NULL = 4;
const OTHER = 5;

const KEY_UNKNOWN = -1;
const KEY_RESERVED = -2;

const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;

/** The known names one after the other, and where each begins; the reserved one is the last. */
const NAMES = [...FIELDS.map((field) => field.name), BAD_MARK];
const NAME_BYTES = new Uint8Array(Buffer.from(NAMES.join('')));
const NAME_STARTS = new Int32Array(NAMES.length + 1);
/** Number + 1 of the known names by a hash of the key, so that most keys are compared with one name at most. */
const SLOTS = new Uint8Array(1024);
/** Number + 1 of the next name with the same hash. */
const NEXT_IN_SLOT = new Uint8Array(NAMES.length);
for (const [number, name] of NAMES.entries()) {
  NAME_STARTS[number + 1] = NAME_STARTS[number]! + name.length;
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  NEXT_IN_SLOT[number] = SLOTS[slot]!;
  SLOTS[slot] = number + 1;
}

function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + first * 5 + last) & 1023;
}

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

/** Thrown inside of the scanner only; one instance, so that a bad line costs no stack trace. */
const STOP = new Error('line judged');

/**
 * Judges lines by the event schema, straight from their bytes: a full JSON grammar check (RFC 8259) plus the rules of
 * each field, without building objects. Several times faster than JSON.parse, and it sees what JSON.parse hides:
 * duplicate fields, lone surrogates, the exact text of numbers.
 *
 * One instance judges one line at a time; it holds the spans of the last line only.
 */
export class LineChecker {
  /** After `check` gave a reason: the field that was wrong, if it was one. */
  field: string | undefined;
  readonly #zone: string;
  readonly #kinds = new Uint8Array(FIELDS.length);
  readonly #starts = new Int32Array(FIELDS.length);
  readonly #ends = new Int32Array(FIELDS.length);
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;
  #reason: Reason = 'not_json';
  /** Set by #string: the string just read had a backslash. */
  #escaped = false;

  /** `zone`: the shop's time zone, for timestamps that are only a date. */
  constructor(zone: string) {
    this.#zone = zone;
  }

  /**
   * Judges the line in `bytes[start, end)`, which must be valid UTF-8. Returns null when it is an event, else why not.
   * `receivedAtMs`: the time of receipt, against which events from the future are judged.
   */
  check(bytes: Buffer, start: number, end: number, receivedAtMs: number): Reason | null {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.field = undefined;
    this.#kinds.fill(ABSENT);
    try {
      this.#line();
      this.#fields(receivedAtMs);
      return null;
    } catch (error) {
      if (error !== STOP) throw error;
      return this.#reason;
    }
  }

  /** The text of a known field of the line just accepted; null when absent, null or empty. */
  text(index: number): string | null {
    const kind = this.#kinds[index];
    if (kind === ABSENT || kind === NULL) return null;
    const start = this.#starts[index]!;
    const end = this.#ends[index]!;
    if (kind === STRING_WITH_ESCAPES)
      return JSON.parse(this.#bytes.toString('utf8', start - 1, end + 1)) || null;
    const raw = this.#bytes.toString('utf8', start, end);
    return (kind === NUMBER ? canonicalNumber(raw) : raw) || null;
  }

  #fail(reason: Reason, field?: string): never {
    this.#reason = reason;
    this.field = field;
    throw STOP;
  }

  #line(): void {
    this.#space();
    if (this.#position >= this.#end) this.#fail('not_json');
    if (this.#bytes[this.#position] !== OBJECT_OPEN) {
      this.#value(0);
      this.#lineEnd();
      this.#fail('not_an_object');
    }
    this.#event();
    this.#lineEnd();
  }

  #lineEnd(): void {
    this.#space();
    if (this.#position !== this.#end) this.#fail('not_json');
  }

  /** The line's own object: like #object, but keeps the spans of known fields. */
  #event(): void {
    const bytes = this.#bytes;
    let duplicate: string | undefined;
    let reserved = false;
    const end = this.#end;
    this.#position++;
    this.#space();
    if (bytes[this.#position] === OBJECT_CLOSE) {
      this.#position++;
      return;
    }
    for (;;) {
      const index = this.#key();
      let kind = this.#kindAt(this.#position);
      let start = this.#position;
      let valueEnd = kind === STRING ? plainEnd(bytes, start + 1, end) : 0;
      if (kind === STRING && valueEnd < end && bytes[valueEnd] === QUOTE) {
        // The commonest case, without the calls: a string that has no escapes.
        start++;
        this.#position = valueEnd + 1;
      } else {
        this.#value(1);
        valueEnd = this.#position;
        if (kind === STRING) {
          kind = STRING_WITH_ESCAPES;
          start++;
          valueEnd--;
        }
      }
      if (index >= 0) {
        if (this.#kinds[index] !== ABSENT) duplicate ??= FIELDS[index]!.name;
        this.#kinds[index] = kind;
        this.#starts[index] = start;
        this.#ends[index] = valueEnd;
      } else if (index === KEY_RESERVED) reserved = true;
      if (bytes[this.#position] !== COMMA) this.#space();
      const byte = bytes[this.#position++];
      if (byte === OBJECT_CLOSE && this.#position <= end) break;
      if (byte !== COMMA) this.#fail('not_json');
      if (bytes[this.#position] !== QUOTE) this.#space();
    }
    // Told only now: a line that is not JSON at all should be called that.
    this.#lineEnd();
    if (reserved) this.#fail('reserved_field', BAD_MARK);
    if (duplicate) this.#fail('duplicate_field', duplicate);
  }

  #kindAt(position: number): number {
    const byte = this.#bytes[position]!;
    if (byte === QUOTE) return STRING;
    if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) return NUMBER;
    return byte === 0x6e ? NULL : OTHER;
  }

  /** Reads a key and its colon; gives the index of the known field. */
  #key(): number {
    const bytes = this.#bytes;
    const start = this.#position + 1;
    if (bytes[this.#position] !== QUOTE) this.#fail('not_json');
    const plain = plainEnd(bytes, start, this.#end);
    if (plain + 1 < this.#end && bytes[plain] === QUOTE && bytes[plain + 1] === COLON) {
      this.#position = plain + 2;
      const byte = bytes[plain + 2]!;
      if (byte <= 0x20) this.#space();
      return this.#knownKey(bytes, start, plain);
    }
    this.#string();
    const end = this.#position - 1;
    const index = this.#escaped ? this.#escapedKey(start, end) : this.#knownKey(bytes, start, end);
    this.#space();
    if (this.#bytes[this.#position] !== COLON || this.#position >= this.#end) this.#fail('not_json');
    this.#position++;
    this.#space();
    return index;
  }

  #escapedKey(start: number, end: number): number {
    const name = Buffer.from(JSON.parse(this.#bytes.toString('utf8', start - 1, end + 1)) as string);
    return this.#knownKey(name, 0, name.length);
  }

  #knownKey(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return KEY_UNKNOWN;
    let number = SLOTS[slotOf(length, bytes[start]!, bytes[end - 1]!)]! - 1;
    for (; number >= 0; number = NEXT_IN_SLOT[number]! - 1) {
      const nameStart = NAME_STARTS[number]!;
      if (NAME_STARTS[number + 1]! - nameStart !== length) continue;
      let i = 0;
      while (i < length && NAME_BYTES[nameStart + i] === bytes[start + i]) i++;
      if (i === length) return number === FIELDS.length ? KEY_RESERVED : number;
    }
    return KEY_UNKNOWN;
  }

  #space(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let position = this.#position;
    while (position < end) {
      const byte = bytes[position];
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) break;
      position++;
    }
    this.#position = position;
  }

  #value(depth: number): void {
    const byte = this.#position < this.#end ? this.#bytes[this.#position]! : 0;
    if (byte === QUOTE) this.#string();
    else if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) this.#number();
    else if (byte === OBJECT_OPEN) this.#object(depth + 1);
    else if (byte === ARRAY_OPEN) this.#array(depth + 1);
    else if (byte === 0x74) this.#word('true');
    else if (byte === 0x66) this.#word('false');
    else if (byte === 0x6e) this.#word('null');
    else this.#fail('not_json');
  }

  #object(depth: number): void {
    if (depth > DEPTH_MAX) this.#fail('too_deep');
    this.#position++;
    this.#space();
    if (this.#take(OBJECT_CLOSE)) return;
    for (;;) {
      this.#key();
      this.#value(depth);
      this.#space();
      if (this.#take(OBJECT_CLOSE)) return;
      if (!this.#take(COMMA)) this.#fail('not_json');
      this.#space();
    }
  }

  #array(depth: number): void {
    if (depth > DEPTH_MAX) this.#fail('too_deep');
    this.#position++;
    this.#space();
    if (this.#take(ARRAY_CLOSE)) return;
    for (;;) {
      this.#value(depth);
      this.#space();
      if (this.#take(ARRAY_CLOSE)) return;
      if (!this.#take(COMMA)) this.#fail('not_json');
      this.#space();
    }
  }

  #take(byte: number): boolean {
    if (this.#position >= this.#end || this.#bytes[this.#position] !== byte) return false;
    this.#position++;
    return true;
  }

  #word(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.#position + i >= this.#end || this.#bytes[this.#position + i] !== word.charCodeAt(i)) {
        this.#fail('not_json');
      }
    }
    this.#position += word.length;
  }

  /** Reads a string, from its opening quote past its closing one. Control characters are not JSON. */
  #string(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let position = this.#position + 1;
    let escaped = false;
    for (;;) {
      position = plainEnd(bytes, position, end);
      if (position >= end) this.#fail('not_json');
      const byte = bytes[position];
      if (byte === QUOTE) break;
      if (byte !== BACKSLASH) this.#fail('not_json');
      escaped = true;
      this.#position = position;
      this.#escape();
      position = this.#position;
    }
    this.#position = position + 1;
    this.#escaped = escaped;
  }

  #escape(): void {
    const byte = this.#position + 1 < this.#end ? this.#bytes[this.#position + 1]! : 0;
    if (byte === 0x75) {
      const unit = this.#hex4(this.#position + 2);
      if (unit === 0) this.#fail('nul_character');
      if (unit >= 0xdc00 && unit <= 0xdfff) this.#fail('not_json');
      this.#position += 6;
      if (unit >= 0xd800 && unit <= 0xdbff) {
        const isPair = this.#bytes[this.#position] === BACKSLASH && this.#bytes[this.#position + 1] === 0x75;
        const low = isPair && this.#position + 6 <= this.#end ? this.#hex4(this.#position + 2) : 0;
        if (low < 0xdc00 || low > 0xdfff) this.#fail('not_json');
        this.#position += 6;
      }
      return;
    }
    // " \ / b f n r t
    if (
      byte === QUOTE ||
      byte === BACKSLASH ||
      byte === 0x2f ||
      byte === 0x62 ||
      byte === 0x66 ||
      byte === 0x6e ||
      byte === 0x72 ||
      byte === 0x74
    ) {
      this.#position += 2;
      return;
    }
    this.#fail('not_json');
  }

  #hex4(position: number): number {
    if (position + 4 > this.#end) this.#fail('not_json');
    let unit = 0;
    for (let i = position; i < position + 4; i++) {
      const byte = this.#bytes[i]! | 0x20;
      const digit =
        byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 87 : -1;
      if (digit < 0 || (this.#bytes[i]! < 0x30 && digit >= 0)) this.#fail('not_json');
      unit = unit * 16 + digit;
    }
    return unit;
  }

  #number(): void {
    this.#take(MINUS);
    if (this.#take(0x30)) {
      if (this.#isDigit()) this.#fail('not_json');
    } else this.#digits();
    if (this.#take(POINT)) this.#digits();
    if (this.#take(0x65) || this.#take(0x45)) {
      if (!this.#take(MINUS)) this.#take(0x2b);
      this.#digits();
    }
  }

  #isDigit(): boolean {
    const byte = this.#bytes[this.#position]!;
    return this.#position < this.#end && byte >= 0x30 && byte <= 0x39;
  }

  #digits(): void {
    if (!this.#isDigit()) this.#fail('not_json');
    while (this.#isDigit()) this.#position++;
  }

  #fields(receivedAtMs: number): void {
    for (let index = 0; index < RULES.length; index++) {
      const kind = this.#kinds[index]!;
      const field = RULES[index]!;
      if (kind === ABSENT && !field.required) continue;
      const isEmpty = kind === STRING && this.#starts[index] === this.#ends[index];
      if (kind === ABSENT || kind === NULL || isEmpty) {
        if (field.required) this.#fail('missing_field', field.name);
        continue;
      }
      if (kind === OTHER) this.#fail('wrong_type', field.name);
      if (field.kind === 'text') this.#checkText(field, index, kind);
      else if (field.kind === 'integer') this.#checkInteger(field, index, kind);
      else if (field.kind === 'money') this.#checkMoney(field, index, kind);
      else this.#checkTimestamp(field, index, receivedAtMs);
    }
  }

  #checkText(field: Rule, index: number, kind: number): void {
    const length = this.#ends[index]! - this.#starts[index]!;
    if (kind === NUMBER) {
      // A number is taken as text where it is a whole one: ids are often numbers, 1.0 and 1e3 have no one spelling.
      for (let i = this.#starts[index]!; i < this.#ends[index]!; i++) {
        const byte = this.#bytes[i]!;
        if (byte > 0x39 || byte === POINT) this.#fail('wrong_type', field.name);
      }
    }
    // Escapes only ever shorten a text, so a raw span within the limit needs no decoding.
    if (
      length > field.bytesMax &&
      (kind !== STRING_WITH_ESCAPES || this.#decodedLength(index) > field.bytesMax)
    ) {
      this.#fail('text_too_long', field.name);
    }
  }

  #decodedLength(index: number): number {
    return Buffer.byteLength(this.text(index) ?? '');
  }

  #checkInteger(field: Rule, index: number, kind: number): void {
    const decoded = kind === STRING_WITH_ESCAPES ? Buffer.from(this.text(index)!) : null;
    const bytes = decoded ?? this.#bytes;
    const end = decoded ? decoded.length : this.#ends[index]!;
    let position = decoded ? 0 : this.#starts[index]!;
    const negative = bytes[position] === MINUS;
    if (negative) position++;
    if (position === end || end - position > 15) this.#fail('bad_number', field.name);
    let value = 0;
    for (; position < end; position++) {
      const digit = bytes[position]! - 0x30;
      if (digit < 0 || digit > 9) this.#fail('bad_number', field.name);
      value = value * 10 + digit;
    }
    if (negative) value = -value;
    if (value < field.min || value > field.max) this.#fail('number_out_of_range', field.name);
  }

  #checkMoney(field: Rule, index: number, kind: number): void {
    if (kind !== STRING_WITH_ESCAPES && this.#isPlainMoney(this.#starts[index]!, this.#ends[index]!)) return;
    const units = parseMoney(this.text(index)!);
    if (units === null) this.#fail('bad_number', field.name);
    if (units === 'out_of_range') this.#fail('number_out_of_range', field.name);
  }

  /** True for the commonest form, an amount far from any limit; for others `parseMoney` decides. */
  #isPlainMoney(start: number, end: number): boolean {
    const bytes = this.#bytes;
    let position = bytes[start] === MINUS ? start + 1 : start;
    const first = position;
    while (position < end && bytes[position]! >= 0x30 && bytes[position]! <= 0x39) position++;
    if (position === first || position - first > 12) return false;
    if (position === end) return true;
    if (bytes[position] !== POINT) return false;
    const point = position++;
    while (position < end && bytes[position]! >= 0x30 && bytes[position]! <= 0x39) position++;
    return position === end && position > point + 1 && position - point <= 6;
  }

  #checkTimestamp(field: Rule, index: number, receivedAtMs: number): void {
    const micros =
      scanTimestamp(this.#bytes, this.#starts[index]!, this.#ends[index]!) ??
      parseTimestamp(this.text(index)!, this.#zone);
    if (micros === null) this.#fail('bad_timestamp', field.name);
    if (micros < TIMESTAMP_MIN_MS * 1000) this.#fail('timestamp_out_of_range', field.name);
    if (micros > (receivedAtMs + FUTURE_TOLERANCE_MS) * 1000) this.#fail('timestamp_in_future', field.name);
  }
}

/** Position of the first byte that can't stand in a string as it is (quote, backslash, control character), or `end`. */
function plainEnd(bytes: Buffer, position: number, end: number): number {
  for (; position < end; position++) {
    const byte = bytes[position]!;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
  }
  return position;
}

/**
 * A JSON number as the SQL side spells it: whole numbers as written; others through the nearest double, in its shortest
 * decimal form, with an exponent where it is below 0.0001. (From 1e16 on the spellings differ; no field takes those.)
 */
function canonicalNumber(raw: string): string {
  if (raw === '-0') return '0';
  if (/^-?\d+$/.test(raw)) return raw;
  const value = Number(raw);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0';
  return Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
}
