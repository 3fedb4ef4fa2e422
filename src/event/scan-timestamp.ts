import { daysInMonth } from './timestamp.ts';

/** Days from 1970-01-01 to the first of each month of recent years, so that most timestamps need no Date object. */
const FIRST_YEAR = 1970;
const LAST_YEAR = 2100;
const MONTH_STARTS_MS = new Float64Array((LAST_YEAR - FIRST_YEAR + 1) * 12);
for (let year = FIRST_YEAR; year <= LAST_YEAR; year++) {
  for (let month = 0; month < 12; month++) {
    MONTH_STARTS_MS[(year - FIRST_YEAR) * 12 + month] = Date.UTC(year, month, 1);
  }
}

/**
 * Fast path for the commonest form, `YYYY-MM-DDTHH:MM:SS[.fff...]Z` of the years 1970 to 2100, read from its bytes:
 * microseconds since 1970. Null means: not this form; `parseTimestamp` decides.
 */
export function scanTimestamp(bytes: Buffer, start: number, end: number): number | null {
  const length = end - start;
  if (length < 20 || length > 30 || bytes[end - 1] !== 0x5a) return null;
  if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d || bytes[start + 10] !== 0x54) return null;
  if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return null;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  const hour = twoDigits(bytes, start + 11);
  const minute = twoDigits(bytes, start + 14);
  const second = twoDigits(bytes, start + 17);
  // A NaN from a byte that is no digit fails each of these comparisons.
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR && month >= 1 && month <= 12)) return null;
  if (!(hour <= 23 && minute <= 59 && second <= 59 && day >= 1 && day <= daysInMonth(year, month)))
    return null;
  let micros = 0;
  if (length > 20) {
    if (bytes[start + 19] !== 0x2e || length === 21) return null;
    let scale = 100_000;
    for (let i = start + 20; i < end - 1; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) return null;
      micros += digit * scale;
      scale = Math.floor(scale / 10);
    }
  }
  const monthStartMs = MONTH_STARTS_MS[(year - FIRST_YEAR) * 12 + month - 1]!;
  const seconds = (day - 1) * 86_400 + hour * 3600 + minute * 60 + second;
  return (monthStartMs + seconds * 1000) * 1000 + micros;
}

function twoDigits(bytes: Buffer, position: number): number {
  const high = bytes[position]! - 0x30;
  const low = bytes[position + 1]! - 0x30;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
}
