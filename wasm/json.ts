/** JSON (RFC 8259), read from its bytes: where values end. What is rare is not read: 0 stands for that, and for what is not JSON. */

export const BLANK: u8 = 0x20;
export const QUOTE: u8 = 0x22;
export const BACKSLASH: u8 = 0x5c;
export const COLON: u8 = 0x3a;
export const COMMA: u8 = 0x2c;
export const MINUS: u8 = 0x2d;
export const POINT: u8 = 0x2e;
const SLASH: u8 = 0x2f;
export const ZERO: u8 = 0x30;
export const NOT_ASCII: u8 = 0x80;
export const OBJECT_OPEN: u8 = 0x7b;
export const OBJECT_CLOSE: u8 = 0x7d;
const ARRAY_OPEN: u8 = 0x5b;
const ARRAY_CLOSE: u8 = 0x5d;
/** Deepest nesting that is plain. */
const NESTED_MAX: i32 = 16;

// Kinds of values, of src/event/json-bytes.ts.
export const STRING: u8 = 1;
export const STRING_WITH_ESCAPES: u8 = 2;
export const NUMBER: u8 = 3;
export const NULL: u8 = 4;
export const TRUE: u8 = 6;
export const FALSE: u8 = 7;

/** Whether the string that was read last had an escape. */
let hasEscapes: bool = false;

/** Kind of the value that was just read. */
export function kindOf(value: usize): u8 {
  const byte = load<u8>(value);
  if (byte === QUOTE) return hasEscapes ? STRING_WITH_ESCAPES : STRING;
  if (byte === 0x74) return TRUE;
  if (byte === 0x66) return FALSE;
  return byte === 0x6e ? NULL : NUMBER;
}

/** Place after the value; 0 where it is none, or an object or an array. */
export function valueEnd(value: usize, end: usize): usize {
  const byte = load<u8>(value);
  if (byte === QUOTE) return stringEnd(value, end);
  if (byte === MINUS || isDigit(byte)) return numberEnd(value);
  const word = load<u32>(value);
  if (word === 0x65757274 || word === 0x6c6c756e) return value + 4;
  if (byte === 0x66 && load<u32>(value, 1) === 0x65736c61) return value + 5;
  return 0;
}

/** The same of any value, as members have that are not fields. `depth`: how many objects and arrays it is in. */
export function anyEnd(value: usize, end: usize, depth: i32): usize {
  const first = load<u8>(value);
  const isObject = first === OBJECT_OPEN;
  if (!isObject && first !== ARRAY_OPEN) return valueEnd(value, end);
  if (depth === NESTED_MAX) return 0;
  const close = isObject ? OBJECT_CLOSE : ARRAY_CLOSE;
  let at = pastBlanks(value + 1);
  if (load<u8>(at) === close) return at + 1;
  while (at < end) {
    if (isObject) {
      if (load<u8>(at) !== QUOTE) return 0;
      at = stringEnd(at, end);
      if (at === 0) return 0;
      at = pastBlanks(at);
      if (load<u8>(at) !== COLON) return 0;
      at = pastBlanks(at + 1);
    }
    at = anyEnd(at, end, depth + 1);
    if (at === 0) return 0;
    at = pastBlanks(at);
    const byte = load<u8>(at);
    if (byte === close) return at + 1;
    if (byte !== COMMA) return 0;
    at = pastBlanks(at + 1);
  }
  return 0;
}

function stringEnd(value: usize, end: usize): usize {
  hasEscapes = false;
  let at = plainEnd(value + 1, end);
  while (load<u8>(at) === BACKSLASH) {
    hasEscapes = true;
    at = escapeEnd(at);
    if (at === 0) return 0;
    at = plainEnd(at, end);
  }
  return load<u8>(at) === QUOTE ? at + 1 : 0;
}

/** Place after an escape. U+0000 and halves of characters are not plain. */
function escapeEnd(at: usize): usize {
  const byte = load<u8>(at, 1);
  if (byte === QUOTE || byte === BACKSLASH || byte === SLASH) return at + 2;
  // b, f, n, r and t
  if (byte === 0x62 || byte === 0x66 || byte === 0x6e || byte === 0x72 || byte === 0x74) return at + 2;
  if (byte !== 0x75) return 0;
  let unit: i32 = 0;
  for (let i: usize = 2; i < 6; i++) {
    const digit = hexDigit(load<u8>(at + i));
    if (digit < 0) return 0;
    unit = unit * 16 + digit;
  }
  return unit === 0 || (unit >= 0xd800 && unit <= 0xdfff) ? 0 : at + 6;
}

function hexDigit(byte: u8): i32 {
  if (isDigit(byte)) return <i32>(byte - ZERO);
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? <i32>(letter - 0x61) + 10 : -1;
}

/** Place after the number; 0 where it is none, or has an exponent. */
function numberEnd(value: usize): usize {
  const first = load<u8>(value) === MINUS ? value + 1 : value;
  let at = digitsEnd(first);
  if (at === first || (load<u8>(first) === ZERO && at > first + 1)) return 0;
  if (load<u8>(at) === POINT) {
    const decimals = at + 1;
    at = digitsEnd(decimals);
    if (at === decimals) return 0;
  }
  return (load<u8>(at) | 0x20) === 0x65 ? 0 : at;
}

export function digitsEnd(at: usize): usize {
  let place = at;
  while (isDigit(load<u8>(place))) place++;
  return place;
}

function isDigit(byte: u8): bool {
  return byte >= ZERO && byte <= 0x39;
}

export function pastBlanks(at: usize): usize {
  let place = at;
  while (load<u8>(place) === BLANK) place++;
  return place;
}

/** Place of the first byte from `at` on that can't stand in a string as it is: a quote, a backslash, a control character; or `end`. */
export function plainEnd(at: usize, end: usize): usize {
  for (let place = at; place < end; place += 16) {
    const bytes = v128.load(place);
    const found = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH))),
        i8x16.lt_u(bytes, i8x16.splat(<i8>BLANK)),
      ),
    );
    if (found !== 0) return place + <usize>ctz(found);
  }
  return end;
}
