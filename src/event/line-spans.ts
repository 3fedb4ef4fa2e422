import { FIELDS } from './fields.ts';
import { ABSENT, NULL, NUMBER, STRING, STRING_WITH_ESCAPES } from './json-bytes.ts';
import { canonicalNumber } from './scan-number.ts';
import { formatMoney, parseMoney } from './values.ts';

const IS_DECIMAL = FIELDS.map(({ kind }) => kind === 'money' || kind === 'decimal');

/** The value of a field is none of its kind. */
export const UNREADABLE = 1;
/** The text of a field is over its limit. */
export const TOO_LONG = 2;

/** What is known of each field of the schema, by its index, and of the other members. */
export interface SpanArrays {
  /** Kind, and start and end of the value, of each field. Texts without their quotes. */
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Where the member of each field begins, with the quote of its name. */
  readonly members: Int32Array;
  /** Fields that have a value, but none under their own name. */
  readonly isRenamed: Uint8Array;
  /** Fields whose value is canonical as it stands, from its quote to its quote where it has them. */
  readonly isPlain: Uint8Array;
  /** Fields that a line had since this was cleared. */
  readonly seen: Uint8Array;
  readonly others: Int32Array;
}

function newArrays(): SpanArrays {
  const bytes = () => new Uint8Array(FIELDS.length);
  const positions = () => new Int32Array(FIELDS.length);
  return {
    kinds: bytes(),
    starts: positions(),
    ends: positions(),
    members: positions(),
    isRenamed: bytes(),
    isPlain: bytes(),
    seen: bytes(),
    others: new Int32Array(64),
  };
}

/** What is said of a plain line, besides its arrays. */
type PlainLine = Pick<
  LineSpans,
  'bytes' | 'length' | 'micros' | 'othersLength' | 'eventType' | 'isCanonical' | 'isBot' | 'urlHasQuery'
>;

/** What the validator has read of a line: where its members are, and what is known of them. One object serves all lines. */
export class LineSpans {
  bytes: Buffer = Buffer.alloc(0);
  /** Length of the line, which is a part of `bytes`. */
  length = 0;
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly members: Int32Array;
  readonly ends: Int32Array;
  readonly isRenamed: Uint8Array;
  readonly isPlain: Uint8Array;
  readonly seen: Uint8Array;
  /** Starts and ends of the members that are not fields, names included, one after the other. */
  others: Int32Array;
  /** Number of entries in `others`. */
  othersLength = 0;
  /** Start and end of the value of `extra`, where it is an object; 0 without one. */
  extraStart = 0;
  extraEnd = 0;
  /** The event's time, microseconds since 1970. */
  micros = 0;
  /** Whether the line is in its canonical form as it stands. */
  isCanonical = true;
  /** Whether something in it may be read better, or differently, by who looks at values and not at bytes. */
  needsNormalizing = false;
  /** Our name of the event's type, where it is one that the checker knows. */
  eventType: string | null = null;
  urlHasQuery = false;
  /** The user agent is that of a bot, which the line does not say itself. */
  isBot = false;
  /** What is wrong with the value of each field: 0, UNREADABLE or TOO_LONG. */
  readonly flaws = new Uint8Array(FIELDS.length);
  hasFlaws = false;
  /** Whether the line has an escape of U+0000. */
  hasNul = false;
  readonly #arrays: SpanArrays;

  constructor(arrays: SpanArrays = newArrays()) {
    this.#arrays = arrays;
    this.kinds = arrays.kinds;
    this.starts = arrays.starts;
    this.members = arrays.members;
    this.ends = arrays.ends;
    this.isRenamed = arrays.isRenamed;
    this.isPlain = arrays.isPlain;
    this.seen = arrays.seen;
    this.others = arrays.others;
  }

  /** Takes over a line whose fields are all fine, and are in the arrays. */
  takePlain(plain: PlainLine): void {
    this.bytes = plain.bytes;
    this.length = plain.length;
    this.micros = plain.micros;
    this.others = this.#arrays.others;
    this.othersLength = plain.othersLength;
    this.eventType = plain.eventType;
    this.isCanonical = plain.isCanonical;
    this.isBot = plain.isBot;
    this.urlHasQuery = plain.urlHasQuery;
    this.extraStart = 0;
    this.extraEnd = 0;
    this.needsNormalizing = false;
    this.#clearFlaws();
  }

  reset(bytes: Buffer, length: number): void {
    this.bytes = bytes;
    this.length = length;
    this.isCanonical = true;
    this.othersLength = 0;
    this.extraStart = 0;
    this.extraEnd = 0;
    this.kinds.fill(ABSENT);
    this.isBot = false;
    this.urlHasQuery = false;
    this.eventType = null;
    this.isPlain.fill(0);
    this.needsNormalizing = false;
    this.#clearFlaws();
  }

  #clearFlaws(): void {
    if (this.hasFlaws) this.flaws.fill(0);
    this.hasFlaws = false;
    this.hasNul = false;
  }

  /** Whether a field has no value. */
  isEmpty(index: number): boolean {
    const kind = this.kinds[index];
    return kind === ABSENT || kind === NULL || (kind === STRING && this.starts[index] === this.ends[index]);
  }

  /** Notes the member of a field; false where the line has one of that name already. */
  addField(
    index: number,
    kind: number,
    member: number,
    start: number,
    end: number,
    isRenamed: boolean,
  ): boolean {
    let isNew = true;
    if (this.kinds[index] === ABSENT) this.isRenamed[index] = isRenamed ? 1 : 0;
    else if (!isRenamed && this.isRenamed[index] === 0) isNew = false;
    else {
      // Of two names of a field, the values decide which one counts.
      this.needsNormalizing = true;
      if (!isRenamed) this.isRenamed[index] = 0;
    }
    if (isRenamed) this.isCanonical = false;
    this.kinds[index] = kind;
    this.members[index] = member;
    this.starts[index] = start;
    this.ends[index] = end;
    return isNew;
  }

  /** Notes that the value of an optional field can't stay as it is. */
  addFlaw(index: number, flaw: number): void {
    this.flaws[index] = flaw;
    this.hasFlaws = true;
    this.isCanonical = false;
    this.needsNormalizing = true;
  }

  /** Notes a member that is not a field. */
  addOther(start: number, end: number): void {
    this.isCanonical = false;
    if (this.othersLength === this.others.length) {
      const larger = new Int32Array(2 * this.others.length);
      larger.set(this.others);
      this.others = larger;
    }
    this.others[this.othersLength++] = start;
    this.others[this.othersLength++] = end;
  }

  /** The text of a field, cut to its limit or rounded; null when absent, null, empty or unreadable. */
  text(index: number): string | null {
    if (this.flaws[index] === UNREADABLE) return null;
    const text = this.rawText(index);
    if (text === null) return null;
    if (IS_DECIMAL[index]! && this.isPlain[index] === 0) return rounded(text);
    return this.flaws[index] === TOO_LONG ? cutText(text, FIELDS[index]!.bytesMax!) : text;
  }

  /** The JSON of the object `extra`; null where there is none. */
  get extraText(): string | null {
    return this.extraStart === 0 ? null : this.bytes.toString('utf8', this.extraStart, this.extraEnd);
  }

  /** The text of a field as it came; null when absent, null or empty. */
  rawText(index: number): string | null {
    const kind = this.kinds[index];
    if (kind === ABSENT || kind === NULL) return null;
    const start = this.starts[index]!;
    const end = this.ends[index]!;
    if (kind === STRING_WITH_ESCAPES)
      return JSON.parse(this.bytes.toString('utf8', start - 1, end + 1)) || null;
    const raw = this.bytes.toString('utf8', start, end);
    return (kind === NUMBER ? canonicalNumber(raw) : raw) || null;
  }
}

/** A decimal as it is stored. */
function rounded(text: string): string {
  const units = parseMoney(text);
  return typeof units === 'bigint' ? formatMoney(units) : text;
}

/** The text, cut at a character to at most so many bytes of UTF-8. */
function cutText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
