import { TIMESTAMP_BYTES_MAX } from './canonical-line.ts';
import {
  DECIMAL_BYTES_SMALL,
  DOUBTFUL_BEFORE_MICROS,
  EXACT_NUMBER_BYTES_MAX,
  type Learned,
  NAME_OF_TYPE,
  OWN_TYPES,
  THOUSANDS_BYTES_MAX,
  TYPE_NAMES,
  USERS,
} from './check-fields.ts';
import { IS_CURRENCY_CODE } from './currency-codes.ts';
import { BOT, CURRENCY, EVENT_TYPE, QUANTITY, URL, USER_AGENT } from './field-index.ts';
import { FIELDS, type FieldKind, FUTURE_TOLERANCE_MS } from './fields.ts';
import type { LineSpans, SpanArrays } from './line-spans.ts';
import { NULL_USERS, NULL_WORDS } from './null-words.ts';

/** What wasm/plain-line.ts exports, besides the numbers and the addresses. */
interface Program {
  memory: { readonly buffer: ArrayBuffer };
  setRule(
    field: number,
    kind: number,
    role: number,
    isRequired: number,
    bytesMax: number,
    min: number,
    max: number,
  ): void;
  setLimits(
    timestampMost: number,
    exactNumber: number,
    smallDecimal: number,
    thousands: number,
    doubtful: number,
  ): void;
  addText(table: number, length: number, value: number): number;
  addAgent(length: number, value: number): void;
  check(length: number, start: number, latestMicros: number): number;
}

/**
 * Checks plain lines by a program in WebAssembly (wasm/plain-line.ts), which writes what it finds of them into arrays that the checker's
 * spans share with it. All that it goes by is told it here, from the schema; what it does not take, the checker reads itself.
 */
export class PlainLines {
  readonly arrays: SpanArrays;
  readonly #program: Program;
  readonly #line: Buffer;
  readonly #micros: Float64Array;
  readonly #othersLength: Int32Array;
  readonly #numbers: (name: string) => number;
  // Numbers of the program that are needed for each line.
  readonly #lineBytesMax: number;
  readonly #isCanonical: number;
  readonly #isBot: number;
  readonly #urlHasQuery: number;
  readonly #typeShift: number;

  /** `exports`: those of an instance of the program that nobody else uses. */
  constructor(exports: Readonly<Record<string, unknown>>) {
    this.#program = exports as unknown as Program;
    const number = (name: string) => (exports[name] as { value: number }).value;
    this.#numbers = number;
    if (FIELDS.length > number('FIELDS_MAX'))
      throw new Error('wasm/found.ts has too little room for the fields');
    const { buffer } = this.#program.memory;
    const bytes = (name: string) => new Uint8Array(buffer, number(name), FIELDS.length);
    const positions = (name: string, length = FIELDS.length) => new Int32Array(buffer, number(name), length);
    this.arrays = {
      kinds: bytes('KINDS'),
      isRenamed: bytes('IS_RENAMED'),
      isPlain: bytes('IS_PLAIN'),
      seen: bytes('SEEN'),
      starts: positions('STARTS'),
      members: positions('MEMBERS'),
      ends: positions('ENDS'),
      others: positions('OTHERS', 2 * number('OTHERS_MAX')),
    };
    this.#lineBytesMax = number('LINE_BYTES_MAX');
    this.#isCanonical = number('IS_CANONICAL');
    this.#isBot = number('IS_BOT');
    this.#urlHasQuery = number('URL_HAS_QUERY');
    this.#typeShift = number('TYPE_SHIFT');
    this.#line = Buffer.from(buffer, number('LINE'), this.#lineBytesMax);
    this.#micros = new Float64Array(buffer, number('MICROS'), 1);
    this.#othersLength = positions('OTHERS_LENGTH', 1);
    this.#tellSchema(buffer);
  }

  /** Whether the line in `bytes[start, end)` is plain; then its spans are in `line`. */
  check(line: LineSpans, bytes: Buffer, start: number, end: number, receivedAtMs: number): boolean {
    const length = end - start;
    if (length > this.#lineBytesMax) return false;
    bytes.copy(this.#line, 0, start, end);
    const found = this.#program.check(length, start, (receivedAtMs + FUTURE_TOLERANCE_MS) * 1000);
    if (found < 0) return false;
    const type = (found >> this.#typeShift) - 1;
    line.takePlain({
      bytes,
      length,
      micros: this.#micros[0]!,
      othersLength: this.#othersLength[0]!,
      eventType: type < 0 ? null : NAME_OF_TYPE[type]!,
      isCanonical: (found & this.#isCanonical) !== 0,
      isBot: (found & this.#isBot) !== 0,
      urlHasQuery: (found & this.#urlHasQuery) !== 0,
    });
    return true;
  }

  /** Notes what the checker has learned about a text. */
  learn(name: Learned, text: string): void {
    if (name === 'event_type') this.#add('TYPES', text, this.#numbers('OWN_TYPE'));
    else {
      const length = this.#put(text);
      this.#program.addAgent(length, this.#numbers(name === 'bot' ? 'OF_BOT' : 'OF_PERSON'));
    }
  }

  /** Notes the name of a member that is not a field. */
  learnOtherName(name: string): void {
    // With escapes it would have other bytes.
    if (JSON.stringify(name) === `"${name}"`) this.#add('NAMES', name, this.#numbers('NO_FIELD'));
  }

  /** Notes a name that stands for a field. */
  learnFieldName(name: string, field: number): void {
    this.#add('NAMES', name, this.#numbers('OTHER_NAME') + field);
  }

  #tellSchema(buffer: ArrayBuffer): void {
    const numbers = this.#numbers;
    const kinds: Record<FieldKind, string> = {
      text: 'TEXT',
      integer: 'INTEGER',
      money: 'MONEY',
      decimal: 'DECIMAL',
      timestamp: 'TIMESTAMP',
      boolean: 'BOOLEAN',
      items: 'OTHER_KIND',
    };
    // A word that it does not know would make a line plain that is not.
    const tell = (table: string, text: string, value: number) => {
      if (!this.#add(table, text, value)) throw new Error(`wasm/texts.ts has no room for "${text}"`);
    };
    const roles = new Map([
      ...USERS.map((index): [number, string] => [index, 'USER']),
      [EVENT_TYPE, 'EVENT_TYPE'],
      [CURRENCY, 'CURRENCY'],
      [URL, 'URL'],
      [USER_AGENT, 'USER_AGENT'],
      [QUANTITY, 'QUANTITY'],
      [BOT, 'BOT'],
    ]);
    for (const [
      index,
      { name, kind, required = false, bytesMax = 0, min = 0, max = 0 },
    ] of FIELDS.entries()) {
      const role = numbers(roles.get(index) ?? 'PLAIN_TEXT');
      this.#program.setRule(index, numbers(kinds[kind]), role, Number(required), bytesMax, min, max);
      tell('NAMES', name, index);
    }
    this.#program.setLimits(
      TIMESTAMP_BYTES_MAX,
      EXACT_NUMBER_BYTES_MAX,
      DECIMAL_BYTES_SMALL,
      THOUSANDS_BYTES_MAX,
      DOUBTFUL_BEFORE_MICROS,
    );
    for (const [index, type] of TYPE_NAMES.entries())
      tell('TYPES', type, index < OWN_TYPES ? index : index + numbers('ALIAS'));
    for (const word of NULL_WORDS) tell('NULLS', word, numbers('OF_ANY'));
    for (const word of NULL_USERS) tell('NULLS', word, numbers('OF_USERS'));
    new Uint8Array(buffer, numbers('CURRENCIES'), IS_CURRENCY_CODE.length).set(IS_CURRENCY_CODE);
  }

  /** False where the table has no room for the text, or has it. */
  #add(table: string, text: string, value: number): boolean {
    return this.#program.addText(this.#numbers(table), this.#put(text), value) !== 0;
  }

  /** Puts a text where the program takes it from; gives its length in bytes. */
  #put(text: string): number {
    return Buffer.byteLength(text) > this.#lineBytesMax ? 0 : this.#line.write(text);
  }
}
