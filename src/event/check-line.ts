import { canonicalLine } from './canonical-line.ts';
import { FieldChecker, type Learned } from './check-fields.ts';
import { BOT } from './field-index.ts';
import { BAD_MARK, DEPTH_MAX, FIELDS } from './fields.ts';
import {
  ABSENT,
  ARRAY_CLOSE,
  ARRAY_OPEN,
  BACKSLASH,
  COLON,
  COMMA,
  isSimpleEscape,
  kindOf,
  MINUS,
  OBJECT_CLOSE,
  OBJECT_OPEN,
  plainEnd,
  QUOTE,
  STRING,
  STRING_WITH_ESCAPES,
  viewOf,
} from './json-bytes.ts';
import { KEY_EXTRA, KEY_RESERVED, KEY_UNKNOWN, knownKey } from './known-keys.ts';
import { LearnedNames } from './learned-names.ts';
import { LearnedTexts } from './learned-texts.ts';
import { LineSpans, UNREADABLE } from './line-spans.ts';
import { PlainLines } from './plain-lines.ts';
import type { Reason } from './reasons.ts';
import { numberEnd, scanHex4 } from './scan-number.ts';

const BLANK = 0x20;

/** Thrown inside of the scanner only; one instance, so that a bad line costs no stack trace. */
const STOP = new Error('line rejected');

/**
 * Checks lines by the event schema, straight from their bytes: a full JSON grammar check (RFC 8259) plus the rules of
 * each field, without building objects. Several times faster than JSON.parse, and it sees what JSON.parse hides:
 * duplicate fields, lone surrogates, the exact text of numbers.
 *
 * One instance checks one line at a time; it holds the spans of the last line only.
 */
export class LineChecker {
  /** After `check` gave a reason: the field that was wrong, if it was one. */
  field: string | undefined;
  readonly #line: LineSpans;
  readonly #plain: PlainLines | null;
  readonly #fields: FieldChecker;
  #bytes: Buffer = Buffer.alloc(0);
  /** A view of the same bytes. */
  #words = viewOf(this.#bytes);
  #position = 0;
  #end = 0;
  #reason: Reason = 'not_json';
  /** Names that are not fields, with their quotes: a short one is too short to be looked up without. */
  readonly #otherNames = new LearnedTexts();
  /** Other names of fields. */
  readonly #fieldNames = new LearnedNames();
  /** End of the name that was read last, after its quote. */
  #nameEnd = 0;
  /** The string or name that was read last had a backslash. */
  #escaped = false;

  /**
   * `zone`: the shop's time zone, for timestamps that are only a date. `plainLine`: what the program that checks plain lines
   * exports (wasm/plain-line.ts); nothing but the speed depends on it.
   */
  constructor(zone: string, plainLine: Readonly<Record<string, unknown>> | null = null) {
    this.#plain = plainLine === null ? null : new PlainLines(plainLine);
    this.#line = new LineSpans(this.#plain?.arrays);
    this.#fields = new FieldChecker(this.#line, zone, (reason, field) => this.#fail(reason, field));
  }

  /**
   * Checks the line in `bytes[start, end)`, which must be valid UTF-8. Returns null when it is an event, else why not.
   * `receivedAtMs`: the time of receipt, against which events from the future are found.
   */
  check(bytes: Buffer, start: number, end: number, receivedAtMs: number): Reason | null {
    this.field = undefined;
    if (this.#plain?.check(this.#line, bytes, start, end, receivedAtMs)) return null;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#words = viewOf(bytes);
    }
    this.#position = start;
    this.#end = end;
    this.#line.reset(bytes, end - start);
    try {
      this.#wholeLine();
      this.#fields.check(receivedAtMs);
      return null;
    } catch (error) {
      if (error !== STOP) throw error;
      return this.#reason;
    }
  }

  /**
   * After `check`: whether the line is to be read by its values (src/ingest/normalize.ts). Where `check` gave null, `canonical()` loses
   * nothing, but names, null words, units and the like are not understood. Where it gave a reason, that may read the line nevertheless.
   */
  get needsNormalizing(): boolean {
    return this.#line.needsNormalizing;
  }

  /** Notes what normalizing has found out about a text: lines with it need none for that. */
  learn(name: Learned, text: string): void {
    this.#fields.learn(name, text);
    this.#plain?.learn(name, text);
  }

  /** Notes a name that neither is a field nor looks like one: lines with it need no normalizing for that. */
  learnOtherName(name: string): void {
    this.#otherNames.add(JSON.stringify(name));
    this.#plain?.learnOtherName(name);
  }

  /** Notes a name that stands for a field, whatever the line: lines with it need no normalizing for that. */
  learnFieldName(name: string, field: number): void {
    if (!this.#fieldNames.add(name, field)) return;
    this.#plain?.learnFieldName(name, field);
  }

  /** After `check` gave null: whether the line is in its canonical form as it stands. */
  get isCanonical(): boolean {
    return this.#line.isCanonical;
  }

  /** Our name of the type of the line just accepted, where it is a usual one; it costs less than its text. */
  get eventType(): string | null {
    return this.#line.eventType;
  }

  /** Whether the line just accepted is of a bot, by its own word or by its user agent. */
  get isBot(): boolean {
    return this.#line.isBot || (this.#line.kinds[BOT] !== ABSENT && this.text(BOT) === 'true');
  }

  /** The time of the line just accepted, microseconds since 1970. */
  get micros(): number {
    return this.#line.micros;
  }

  /**
   * The line just accepted in its canonical form, without a line end; valid until the next call. `eventId`: for one that has none;
   * it needs no escapes.
   */
  canonical(eventId: string | null = null): Buffer {
    return canonicalLine(this.#line, eventId);
  }

  /** Whether the line just accepted has a value of the field. */
  has(index: number): boolean {
    return !this.#line.isEmpty(index) && this.#line.flaws[index] !== UNREADABLE;
  }

  /** Where what the line just accepted has is; valid until the next call. */
  get spans(): LineSpans {
    return this.#line;
  }

  /** The text of a known field of the line just accepted; null when absent, null or empty. */
  text(index: number): string | null {
    return this.#line.text(index);
  }

  #fail(reason: Reason, field?: string): never {
    this.#reason = reason;
    this.field = field;
    throw STOP;
  }

  #wholeLine(): void {
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

  /** The line's own object: like #nested, but keeps the spans of known fields. */
  #event(): void {
    const bytes = this.#bytes;
    const line = this.#line;
    let duplicate: string | undefined;
    let reserved = false;
    const end = this.#end;
    const words = this.#words;
    this.#position++;
    this.#space();
    if (this.#take(OBJECT_CLOSE)) return;
    for (;;) {
      const memberStart = this.#position;
      let index = this.#key();
      // The names within the value are read by the same method.
      const nameEnd = this.#nameEnd;
      const renamed = index === KEY_UNKNOWN ? this.#fieldNames.find(bytes, memberStart + 1, nameEnd - 1) : -1;
      const isRenamed = renamed >= 0;
      if (isRenamed) index = renamed;
      let kind = kindOf(bytes[this.#position]!);
      let start = this.#position;
      let valueEnd = kind === STRING ? plainEnd(bytes, words, start + 1, end) : 0;
      if (kind === STRING && valueEnd < end && bytes[valueEnd] === QUOTE) {
        // The commonest case, without the calls: a string that has no escapes.
        start++;
        this.#position = valueEnd + 1;
      } else {
        // The object `extra` does not count as a level: its members may stand beside the fields as well.
        this.#value(index === KEY_EXTRA ? 0 : 1);
        valueEnd = this.#position;
        if (kind === STRING) {
          kind = STRING_WITH_ESCAPES;
          start++;
          valueEnd--;
        }
      }
      if (index >= 0) {
        if (!line.addField(index, kind, memberStart, start, valueEnd, isRenamed))
          duplicate ??= FIELDS[index]!.name;
      } else if (index === KEY_EXTRA && line.extraStart === 0 && bytes[start] === OBJECT_OPEN) {
        line.extraStart = start;
        line.extraEnd = valueEnd;
        if (valueEnd - start === 2) line.isCanonical = false;
      } else if (index === KEY_RESERVED) reserved = true;
      else {
        line.addOther(memberStart, this.#position);
        line.needsNormalizing ||= !this.#otherNames.has(bytes, memberStart, nameEnd);
      }
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

  /** Reads a key and its colon; gives the index of the known field. */
  #key(): number {
    const bytes = this.#bytes;
    const start = this.#position + 1;
    if (bytes[this.#position] !== QUOTE) this.#fail('not_json');
    const plain = plainEnd(bytes, this.#words, start, this.#end);
    if (plain + 1 < this.#end && bytes[plain] === QUOTE && bytes[plain + 1] === COLON) {
      this.#position = plain + 2;
      this.#nameEnd = plain + 1;
      this.#escaped = false;
      if (bytes[plain + 2]! <= BLANK) this.#space();
      return knownKey(bytes, start, plain);
    }
    this.#string();
    const end = this.#position - 1;
    this.#nameEnd = end + 1;
    const index = this.#escaped ? this.#escapedKey(start, end) : knownKey(bytes, start, end);
    if (this.#escaped) this.#line.isCanonical = false;
    this.#space();
    if (this.#bytes[this.#position] !== COLON || this.#position >= this.#end) this.#fail('not_json');
    this.#position++;
    this.#space();
    return index;
  }

  #escapedKey(start: number, end: number): number {
    const name = Buffer.from(JSON.parse(this.#bytes.toString('utf8', start - 1, end + 1)) as string);
    return knownKey(name, 0, name.length);
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
    else if (byte === OBJECT_OPEN) this.#nested(depth + 1, OBJECT_CLOSE);
    else if (byte === ARRAY_OPEN) this.#nested(depth + 1, ARRAY_CLOSE);
    else if (byte === 0x74) this.#word('true');
    else if (byte === 0x66) this.#word('false');
    else if (byte === 0x6e) this.#word('null');
    else this.#fail('not_json');
  }

  /** An object or array, which ends with `close`. */
  #nested(depth: number, close: number): void {
    if (depth > DEPTH_MAX) this.#fail('too_deep');
    this.#position++;
    this.#space();
    if (this.#take(close)) return;
    for (;;) {
      if (close === OBJECT_CLOSE) this.#key();
      this.#value(depth);
      this.#space();
      if (this.#take(close)) return;
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
    const isWhole = this.#position + word.length <= this.#end;
    for (let i = 0; i < word.length; i++)
      if (!isWhole || this.#bytes[this.#position + i] !== word.charCodeAt(i)) this.#fail('not_json');
    this.#position += word.length;
  }

  /** Reads a string, from its opening quote past its closing one. Control characters are not JSON. */
  #string(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let position = this.#position + 1;
    let escaped = false;
    for (;;) {
      position = plainEnd(bytes, this.#words, position, end);
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
      if (unit === 0) this.#line.hasNul = true;
      this.#position += 6;
      if (isLowSurrogate(unit)) this.#loneSurrogate();
      if (unit < 0xd800 || unit > 0xdbff) return;
      const isPair = this.#bytes[this.#position] === BACKSLASH && this.#bytes[this.#position + 1] === 0x75;
      if (!isPair || !isLowSurrogate(this.#hex4(this.#position + 2))) this.#loneSurrogate();
      this.#position += 6;
      return;
    }
    if (!isSimpleEscape(byte)) this.#fail('not_json');
    this.#position += 2;
  }

  /** Half of a character: JSON has it, UTF-8 and tables have not. */
  #loneSurrogate(): never {
    this.#line.needsNormalizing = true;
    this.#fail('not_json');
  }

  #hex4(position: number): number {
    const unit = position + 4 > this.#end ? -1 : scanHex4(this.#bytes, position);
    if (unit < 0) this.#fail('not_json');
    return unit;
  }

  #number(): void {
    const end = numberEnd(this.#bytes, this.#position, this.#end);
    if (end < 0) this.#fail('not_json');
    this.#position = end;
  }
}

const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
