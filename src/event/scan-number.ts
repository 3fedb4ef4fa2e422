const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** Longer integers are outside of every field's limits, and of what a double holds exactly. */
const INTEGER_DIGITS_MAX = 15;

const PLUS = 0x2b;
const EXPONENT = 0x65;
/** Bit in which a small letter differs from a capital one. */
const LOWER_CASE = 0x20;

/** Position after the JSON number (RFC 8259, section 6) that begins at `position`; -1 where none does before `end`. */
export function numberEnd(bytes: Buffer, position: number, end: number): number {
  const first = bytes[position] === MINUS ? position + 1 : position;
  let at = digitsEnd(bytes, first, end);
  const hasZeroBefore = bytes[first] === ZERO && at > first + 1;
  if (at < 0 || hasZeroBefore) return -1;
  if (at < end && bytes[at] === POINT) at = digitsEnd(bytes, at + 1, end);
  if (at >= 0 && at < end && (bytes[at]! | LOWER_CASE) === EXPONENT) {
    at++;
    if (at < end && (bytes[at] === MINUS || bytes[at] === PLUS)) at++;
    at = digitsEnd(bytes, at, end);
  }
  return at;
}

/** Position after the digits that begin at `position`; -1 where there are none. */
function digitsEnd(bytes: Buffer, position: number, end: number): number {
  let at = position;
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at === position ? -1 : at;
}

/** The whole number that stands in `bytes[start, end)`, digits with at most a minus before them; NaN when none does. */
export function scanInteger(bytes: Buffer, start: number, end: number): number {
  let position = start;
  const negative = bytes[position] === MINUS;
  if (negative) position++;
  if (position === end || end - position > INTEGER_DIGITS_MAX) return Number.NaN;
  let value = 0;
  for (; position < end; position++) {
    const digit = bytes[position]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** True for money in its canonical form, an amount far from any limit; for others `parseMoney` decides. */
export function isPlainMoney(bytes: Buffer, start: number, end: number): boolean {
  let position = bytes[start] === MINUS ? start + 1 : start;
  const first = position;
  while (position < end && bytes[position]! >= ZERO && bytes[position]! <= NINE) position++;
  if (position === first || position - first > 12) return false;
  if (position === end) return true;
  if (bytes[position] !== POINT) return false;
  const point = position++;
  while (position < end && bytes[position]! >= ZERO && bytes[position]! <= NINE) position++;
  return position === end && position > point + 1 && position - point <= 5;
}

/** The number that four hexadecimal digits make; -1 when they are none. */
export function scanHex4(bytes: Buffer, start: number): number {
  let unit = 0;
  for (let i = start; i < start + 4; i++) {
    const byte = bytes[i]!;
    const letter = byte | 0x20;
    let digit = -1;
    if (byte >= ZERO && byte <= NINE) digit = byte - ZERO;
    else if (letter >= 0x61 && letter <= 0x66) digit = letter - 0x61 + 10;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/** A JSON number as a decimal: as it is written where it has no exponent, else by way of the nearest double. */
export function canonicalNumber(raw: string): string {
  if (raw === '-0') return '0';
  if (/^-?\d+(\.\d+)?$/.test(raw)) return raw;
  const value = Number(raw);
  if (value === 0) return '0';
  return Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
}
