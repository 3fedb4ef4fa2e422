import { utcMidnightMs } from '../../event/time-zone.ts';
import { isRealDate } from '../../event/timestamp.ts';
import { monthOfName } from './month-names.ts';
import { readZone, type Zone } from './time-zone-text.ts';

/** Which of the parts of a date such as `11/1/2024` comes first. */
export const DATE_ORDERS = ['mdy', 'dmy', 'ymd'] as const;
export type DateOrder = (typeof DATE_ORDERS)[number];

/** What the parts of a date such as `11/1/2024` show about the order of day and month. */
export type DayMonth = 'first_over_12' | 'second_over_12' | 'both_small';

/** A time as clocks of its zone show it. */
export interface WallTime {
  /** Whole seconds, as milliseconds since 1970, as if the clock were in UTC. */
  readonly wallMs: number;
  /** Microseconds past the second. */
  readonly micros: number;
  /** Where the text has one. */
  readonly zone: Zone | null;
  readonly dayMonth?: DayMonth | undefined;
}

/** Longer texts are not times. */
export const TIME_TEXT_LENGTH_MAX = 128;

interface DatePart {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** What follows the date. */
  readonly rest: string;
  readonly dayMonth?: DayMonth | undefined;
}

const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+/i;
/** `Nov  1 10:00:00 2024`, with a zone before the year or without: C's asctime, Unix date, Java's Date. */
const YEAR_LAST = /^([a-z]{3,9}\.?\s+\d{1,2})\s+(\d{1,2}:\d{2}:\d{2}(?:\.\d+)?)\s+(?:(\S+)\s+)?(\d{4})$/i;
const YEAR_FIRST = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)/;
const ORDINAL = /^(\d{4})-(\d{3})(?!\d)/;
const BASIC = /^(\d{4})(\d{2})(\d{2})(?=$|[Tt\s])/;
/** Two digits before a colon are an hour: `14 Oct 10:00:00` has no year. */
const DAY_NAME_YEAR =
  /^(\d{1,2})(?:st|nd|rd|th|er)?[-/.\s]+(?:de\s+)?([\p{L}\p{M}]{3,12})\.?,?[-/.\s]+(?:del?\s+)?'?(\d{4}(?!\d)|\d{2}(?![\d:]))/iu;
/** Two digits behind a blank alone may be an hour too. */
const NAME_DAY_YEAR =
  /^([\p{L}\p{M}]{3,12})\.?[-/.\s]+(\d{1,2})(?:st|nd|rd|th)?(?:,?[-/.\s]+(\d{4})(?!\d)|(?:[-/.]|,\s*|,?\s*')(\d{2})(?![\d:]|\s*[ap]\.?m\b))/iu;
const YEAR_NAME_DAY = /^(\d{4})[-/.\s]([\p{L}\p{M}]{3,12})[-/.\s](\d{1,2})(?!\d)/iu;
const THREE_NUMBERS = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)/;

const TIME =
  /^(?:[t_:]|,?\s+(?:at\s+)?)(\d{1,2})([:.])(\d{2})(?:\2(\d{2})(?:[.,:](\d{1,30}))?)?(?:\s*([ap])\.?m\b\.?)?/i;
const BASIC_TIME = /^[t\s]\s*(\d{2})(\d{2})(?:(\d{2})(?:[.,](\d{1,30}))?)?(?!\d)/i;
const DATE_ZONE = /^(?:Z|[+-]\d{2}:\d{2})$/i;

/**
 * Reads a time from its text, in any of the usual writings that have a date; `order` is that of the source, null where nobody has
 * declared one (then the month is first). Null: not a time, or not a real one. `date_order`: it does not fit the order.
 */
export function parseTimeText(text: string, order: DateOrder | null): WallTime | 'date_order' | null {
  if (text.length > TIME_TEXT_LENGTH_MAX) return null;
  const named = text.replace(WEEKDAY, '');
  const yearLast = YEAR_LAST.exec(named);
  const whole = yearLast
    ? `${yearLast[1]} ${yearLast[4]} ${yearLast[2]}${yearLast[3] ? ` ${yearLast[3]}` : ''}`
    : named;
  const date = parseDate(whole, order);
  if (date === null || date === 'date_order') return date;
  if (!isRealDate(date.year, date.month, date.day)) return null;
  const dayStartMs = utcMidnightMs(date.year, date.month, date.day);
  if (date.rest === '' || DATE_ZONE.test(date.rest)) {
    const zone = date.rest === '' ? null : readZone(date.rest);
    return { wallMs: dayStartMs, micros: 0, zone, dayMonth: date.dayMonth };
  }
  const time = TIME.exec(date.rest) ?? basicTime(date.rest);
  if (time === null) return null;
  const seconds = secondsOfDay(time);
  if (seconds === null) return null;
  const zoneText = date.rest.slice(time[0].length).trim();
  const zone = zoneText === '' ? null : readZone(zoneText);
  if (zone === null && zoneText !== '') return null;
  const micros = Number((time[5] ?? '').padEnd(6, '0').slice(0, 6));
  return { wallMs: dayStartMs + seconds * 1000, micros, zone, dayMonth: date.dayMonth };
}

function parseDate(text: string, order: DateOrder | null): DatePart | 'date_order' | null {
  let match = YEAR_FIRST.exec(text);
  if (match) return datePart(text, match, match[1]!, Number(match[3]), match[4]!);
  match = ORDINAL.exec(text);
  if (match) return ordinalDate(text, match);
  match = BASIC.exec(text);
  if (match) return datePart(text, match, match[1]!, Number(match[2]), match[3]!);
  match = THREE_NUMBERS.exec(text);
  if (match) return byOrder(text, match, order);
  match = DAY_NAME_YEAR.exec(text);
  if (match) return datePart(text, match, match[3]!, monthOfName(match[2]!), match[1]!);
  match = NAME_DAY_YEAR.exec(text);
  if (match) return datePart(text, match, match[3] ?? match[4]!, monthOfName(match[1]!), match[2]!);
  match = YEAR_NAME_DAY.exec(text);
  if (match) return datePart(text, match, match[1]!, monthOfName(match[2]!), match[3]!);
  return null;
}

function datePart(
  text: string,
  match: RegExpExecArray,
  year: string,
  month: number,
  day: string,
  dayMonth?: DayMonth,
): DatePart {
  return { year: fullYear(year), month, day: Number(day), rest: text.slice(match[0].length), dayMonth };
}

/** Two digits are the years 1970 to 2069, as POSIX has it. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length > 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

function ordinalDate(text: string, match: RegExpExecArray): DatePart | null {
  const year = Number(match[1]);
  const day = Number(match[2]);
  if (year === 0 || day === 0) return null;
  const date = new Date(utcMidnightMs(year, 1, 1) + (day - 1) * 86_400_000);
  if (date.getUTCFullYear() !== year) return null;
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    rest: text.slice(match[0].length),
  };
}

/** A date of three numbers, of which the first is not the year, as far as anybody knows. */
function byOrder(text: string, match: RegExpExecArray, order: DateOrder | null): DatePart | 'date_order' {
  const [, first, separator, second, third] = match as unknown as string[];
  const [a, b] = [Number(first), Number(second)];
  // Dates with dots are written in countries that put the day first.
  if (separator === '.' && order !== 'ymd') return datePart(text, match, third!, b, first!);
  if (order === 'ymd') {
    return third!.length === 4 ? 'date_order' : datePart(text, match, first!.padStart(2, '0'), b, third!);
  }
  // 01/02/03 has three readings, and nobody has chosen one.
  if (third!.length === 2 && order === null) return 'date_order';
  const dayIsFirst = order === 'dmy';
  const [day, month] = dayIsFirst ? [a, b] : [b, a];
  if (month > 12 && day <= 12) return 'date_order';
  let dayMonth: DayMonth | undefined = a === b ? undefined : 'both_small';
  if (day > 12) dayMonth = dayIsFirst ? 'first_over_12' : 'second_over_12';
  return datePart(text, match, third!, month, String(day), dayMonth);
}

/** `T100000` as a match of TIME. */
function basicTime(rest: string): RegExpExecArray | null {
  const match = BASIC_TIME.exec(rest);
  if (match === null) return null;
  const [, hours, minutes, seconds, fraction] = match;
  return Object.assign([match[0], hours, '', minutes, seconds, fraction, undefined], {
    index: 0,
    input: rest,
  }) as unknown as RegExpExecArray;
}

/** Seconds since midnight of a match of TIME; null where no clock shows that. */
function secondsOfDay(match: RegExpExecArray): number | null {
  let hours = Number(match[1]);
  const minutes = Number(match[3]);
  const seconds = Number(match[4] ?? 0);
  const half = match[6]?.toLowerCase();
  if (half !== undefined) {
    if (hours < 1 || hours > 12) return null;
    hours = (hours % 12) + (half === 'p' ? 12 : 0);
  }
  const isMidnight = hours === 24 && minutes === 0 && seconds === 0 && Number(match[5] ?? 0) === 0;
  // A leap second ends a UTC hour, which zones show as minute 59, or 29 where they are half an hour off.
  const isLeap = seconds === 60 && minutes % 30 === 29;
  if ((hours > 23 && !isMidnight) || minutes > 59 || (seconds > 59 && !isLeap)) return null;
  return (hours * 60 + minutes) * 60 + seconds;
}
