import {
  ARRAY_CLOSE,
  ARRAY_OPEN,
  BACKSLASH,
  COLON,
  COMMA,
  OBJECT_CLOSE,
  OBJECT_OPEN,
  plainEnd,
  QUOTE,
  viewOf,
} from '../../event/json-bytes.ts';

/** Deeper values can't be events: of what is in them only brackets are counted, so that the stack is bounded. */
const DEPTH_MAX = 1000;

/** What may come next. */
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const AFTER_KEY = 4;
const AFTER_VALUE = 5;

/** Where `run` stopped. */
export const MORE = 0;
export const COMPLETE = 1;
export const BROKEN = 2;

/**
 * Finds the end of one JSON value, in pieces. It follows the grammar closely enough to see at once where a value is broken
 * (a quote too few makes the next token impossible), and leaves numbers, words and escapes to the line checker.
 */
export class ValueScanner {
  /** Line ends passed since `start`. */
  lines = 0;
  readonly #stack: number[] = [];
  /** Brackets that are open beyond those of the stack. */
  #deeper = 0;
  #expect = VALUE;
  #inString = false;
  #escaped = false;
  #inWord = false;

  start(): void {
    this.lines = 0;
    this.#stack.length = 0;
    this.#deeper = 0;
    this.#expect = VALUE;
    this.#inString = this.#escaped = this.#inWord = false;
  }

  /** Position of the first byte that was not taken: behind the value, at the byte that breaks it, or `bytes.length`. */
  position = 0;

  /** Goes on at `from`: COMPLETE, BROKEN, or MORE at the end of the bytes. */
  run(bytes: Buffer, from: number): number {
    let i = from;
    const words = viewOf(bytes);
    for (; i < bytes.length; i++) {
      if (this.#inString) {
        if (!this.#escaped) i = plainEnd(bytes, words, i, bytes.length);
        if (i === bytes.length) break;
        const byte = bytes[i]!;
        if (endsString(byte)) return this.#stop(BROKEN, i);
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) {
          this.#inString = false;
          if (this.#valueOrKeyEnd()) return this.#stop(COMPLETE, i + 1);
        }
        continue;
      }
      const byte = bytes[i]!;
      if (this.#inWord) {
        if (isWordByte(byte)) continue;
        this.#inWord = false;
        if (this.#valueOrKeyEnd()) return this.#stop(COMPLETE, i);
      }
      if (byte === 0x0a) this.lines++;
      else if (byte === 0x20 || byte === 0x0d || byte === 0x09) continue;
      else if (!this.#token(byte)) return this.#stop(BROKEN, i);
      else if (this.#stack.length === 0 && this.#expect === AFTER_VALUE) return this.#stop(COMPLETE, i + 1);
    }
    return this.#stop(MORE, i);
  }

  /** At the end of the input: whether what was taken is a complete word (`12`, `true`). */
  get isCompleteWord(): boolean {
    return this.#inWord && this.#stack.length === 0;
  }

  #stop(result: number, position: number): number {
    this.position = position;
    return result;
  }

  /** True at the end of the outermost value. */
  #valueOrKeyEnd(): boolean {
    this.#expect = this.#expect === KEY || this.#expect === KEY_OR_END ? AFTER_KEY : AFTER_VALUE;
    return this.#stack.length === 0;
  }

  /** Takes a byte that is not space; false: it can't be here. */
  #token(byte: number): boolean {
    if (this.#deeper > 0) return this.#deeperToken(byte);
    const expect = this.#expect;
    const isValue = expect === VALUE || expect === VALUE_OR_END;
    switch (byte) {
      case QUOTE:
        this.#inString = isValue || expect === KEY || expect === KEY_OR_END;
        return this.#inString;
      case OBJECT_OPEN:
      case ARRAY_OPEN:
        if (!isValue) return false;
        if (this.#stack.length >= DEPTH_MAX) this.#deeper = 1;
        else this.#stack.push(byte);
        this.#expect = byte === OBJECT_OPEN ? KEY_OR_END : VALUE_OR_END;
        return true;
      case OBJECT_CLOSE:
      case ARRAY_CLOSE:
        return this.#close(byte);
      case COMMA:
        if (expect !== AFTER_VALUE) return false;
        this.#expect = this.#stack.at(-1) === OBJECT_OPEN ? KEY : VALUE;
        return true;
      case COLON:
        if (expect !== AFTER_KEY) return false;
        this.#expect = VALUE;
        return true;
      default:
        this.#inWord = isValue && isWordByte(byte);
        return this.#inWord;
    }
  }

  /** Takes a byte of a value that is too deep to be looked at. */
  #deeperToken(byte: number): boolean {
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) this.#deeper++;
    else if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) this.#deeper--;
    this.#expect = AFTER_VALUE;
    return true;
  }

  #close(byte: number): boolean {
    const isObject = byte === OBJECT_CLOSE;
    if (this.#stack.at(-1) !== (isObject ? OBJECT_OPEN : ARRAY_OPEN)) return false;
    if (this.#expect !== AFTER_VALUE && this.#expect !== (isObject ? KEY_OR_END : VALUE_OR_END)) return false;
    this.#stack.pop();
    this.#expect = AFTER_VALUE;
    return true;
  }
}

/** Line ends, NUL and the separator of RFC 7464 can't be in a string: it has been left open. */
function endsString(byte: number): boolean {
  return byte < 0x20 && (byte === 0x0a || byte === 0x0d || byte === 0 || byte === 0x1e);
}

/** A byte of a number or of a name such as `null`. */
export function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e
  );
}

const scanner = new ValueScanner();

/** Whether the bytes are one JSON object, with nothing but space around it. */
export function isCompleteObject(bytes: Buffer): boolean {
  let start = 0;
  while (isSpace(bytes[start])) start++;
  if (bytes[start] !== OBJECT_OPEN) return false;
  scanner.start();
  if (scanner.run(bytes, start) !== COMPLETE) return false;
  let end = scanner.position;
  while (isSpace(bytes[end])) end++;
  return end === bytes.length;
}

/** Space of JSON, line ends included. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Replaces line ends, which are only space between tokens; within a string the value would not have been complete. */
export function onOneLine(value: Buffer): Buffer {
  if (!value.includes(0x0a) && !value.includes(0x0d)) return value;
  const line = Buffer.from(value);
  for (let i = 0; i < line.length; i++) if (line[i] === 0x0a || line[i] === 0x0d) line[i] = 0x20;
  return line;
}

/** Object fields as values, or null where the text is not a JSON object. For detection only: numbers lose digits. */
export function parseObject(text: Buffer | string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text.toString());
    return isObject(value) ? value : null;
  } catch {
    // Not a JSON text.
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
