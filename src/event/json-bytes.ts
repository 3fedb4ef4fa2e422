/** Bytes of JSON's punctuation, and what the scanner asks of single bytes. */
export const OBJECT_OPEN = 0x7b;
export const OBJECT_CLOSE = 0x7d;
export const ARRAY_OPEN = 0x5b;
export const ARRAY_CLOSE = 0x5d;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COLON = 0x3a;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const POINT = 0x2e;

const WORD = 4;

/** A view in which `plainEnd` reads the bytes. */
export const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/**
 * Position of the first byte that can't stand in a string as it is (quote, backslash, control character), or `end`. `words`: a view
 * of the same bytes, four of which are looked at together (Sean Eron Anderson, Bit Twiddling Hacks, "determine if a word has a byte
 * less than n"). The first byte that is found so is one; those after it may be found in error.
 */
export function plainEnd(bytes: Buffer, words: DataView, position: number, end: number): number {
  let at = position;
  for (; at + WORD <= end; at += WORD) {
    const word = words.getInt32(at, true);
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const found =
      (((quotes - 0x01010101) & ~quotes) |
        ((backslashes - 0x01010101) & ~backslashes) |
        ((word - 0x20202020) & ~word)) &
      0x80808080;
    if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
  }
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
  }
  return at;
}

/** Whether the byte may follow a backslash: " \\ / b f n r t. */
export function isSimpleEscape(byte: number): boolean {
  return '"\\/bfnrt'.includes(String.fromCharCode(byte));
}

/** Kind of the JSON value that a known field had; 0 means absent. */
export const ABSENT = 0;
export const STRING = 1;
export const STRING_WITH_ESCAPES = 2;
export const NUMBER = 3;
export const NULL = 4;
export const OTHER = 5;
export const TRUE = 6;
export const FALSE = 7;
export const ARRAY = 8;

/** Kind of the value that begins with the byte. */
export function kindOf(byte: number): number {
  if (byte === QUOTE) return STRING;
  if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) return NUMBER;
  if (byte === 0x6e) return NULL;
  if (byte === 0x74) return TRUE;
  if (byte === 0x66) return FALSE;
  return byte === ARRAY_OPEN ? ARRAY : OTHER;
}
