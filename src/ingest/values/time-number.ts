/** Units in which numbers tell time. `excel`: days since 1899-12-30, as worksheets count them; `days`: since 1970-01-01. */
export const TIME_UNITS = ['s', 'ms', 'us', 'ns', 'days', 'excel'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** What can be told by its size: a number of these units since 1970, between the two years. */
const SIZED_UNITS = ['s', 'ms', 'us', 'ns'] as const;
type SizedUnit = (typeof SIZED_UNITS)[number];
const FIRST_S = Date.UTC(1995, 0, 1) / 1000;
const LAST_S = Date.UTC(2100, 0, 1) / 1000;

/** Powers of ten: units in a second, and microseconds in a unit. */
const PER_SECOND: Record<SizedUnit, number> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };
const MICROS_POWER: Record<SizedUnit, number> = { s: 6, ms: 3, us: 0, ns: -3 };

const NUMBER = /^([+-]?)(\d{0,25})(?:[.,](\d{0,30}))?(?:[eE]([+-]?\d{1,3}))?$/;
/** Digits before and after the point, an exponent, and the whole as a double. */
export interface DecimalText {
  readonly isNegative: boolean;
  readonly whole: string;
  readonly fraction: string;
  readonly exponent: number;
  readonly value: number;
}

/** The number that is all of `text`; null where it is not one. A comma may stand for the point. */
export function parseDecimalText(text: string): DecimalText | null {
  const match = NUMBER.exec(text);
  if (match === null || (match[2] === '' && !match[3])) return null;
  return {
    isNegative: match[1] === '-',
    whole: match[2]!,
    fraction: match[3] ?? '',
    exponent: Number(match[4] ?? 0),
    value: Number(text.replace(',', '.')),
  };
}

/** The unit in which a number since 1970 gives a time between 1995 and 2100; null where none does. */
export function unitBySize(value: number): SizedUnit | null {
  for (const unit of SIZED_UNITS) {
    const seconds = value / PER_SECOND[unit];
    if (seconds >= FIRST_S && seconds < LAST_S) return unit;
  }
  return null;
}

/** Microseconds since 1970, exactly; digits past them are cut. Infinity where they are too many to be a time. */
export function microsOf(number: DecimalText, unit: SizedUnit): number {
  const digits = number.whole + number.fraction;
  const length = number.whole.length + number.exponent + MICROS_POWER[unit];
  if (length <= 0) return 0;
  // 16 digits of microseconds are past the year 2200; leading zeros are rare enough.
  if (length > 40) return Number.POSITIVE_INFINITY;
  const micros = Number(digits.slice(0, length).padEnd(length, '0'));
  return Number.isSafeInteger(micros) ? (number.isNegative ? -micros : micros) : Number.POSITIVE_INFINITY;
}

const DAY_MS = 86_400_000;
/** The serial of 1970-01-01. */
const EXCEL_EPOCH_DAYS = 25_569;

/** What clocks show at a number of days, to the millisecond, as milliseconds since 1970 as if in UTC. */
export function wallMsOfDays(days: number, unit: 'days' | 'excel'): number {
  return Math.round((days - (unit === 'excel' ? EXCEL_EPOCH_DAYS : 0)) * DAY_MS);
}

/** YYYYMMDD, with hours and minutes, seconds, or milliseconds behind it. No number of seconds or the like since 1995 looks like these. */
const CALENDAR_DIGITS = /^((?:199[5-9]|20\d\d)[01]\d[0-3]\d)(?:([0-2]\d)([0-5]\d)(?:([0-5]\d)(\d{3})?)?)?$/;

/** A date and time that stands in digits without separators, as ISO 8601 without a zone; null for other numbers. */
export function calendarText(digits: string): string | null {
  const match = CALENDAR_DIGITS.exec(digits);
  if (match === null) return null;
  if (match[2] === undefined) return match[1]!;
  return `${match[1]}T${match[2]}${match[3]}${match[4] ?? '00'}${match[5] ? `.${match[5]}` : ''}`;
}
