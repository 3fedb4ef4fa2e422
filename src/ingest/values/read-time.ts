import { localTimeMs } from '../../event/time-zone.ts';
import { daysInMonth } from '../../event/timestamp.ts';
import { plainValue } from './plain-value.ts';
import { createFormatReader } from './time-format.ts';
import {
  calendarText,
  microsOf,
  parseDecimalText,
  type TimeUnit,
  unitBySize,
  wallMsOfDays,
} from './time-number.ts';
import { type DateOrder, type DayMonth, parseTimeText, TIME_TEXT_LENGTH_MAX } from './time-text.ts';

export interface TimeSettings {
  /** IANA zone of times that name none; of two instants with the same local time the first is meant. */
  readonly zone: string;
  /** Order of day and month in dates such as `11/1/2024`; month first where it is left out. */
  readonly dateOrder?: DateOrder | undefined;
  /** Unit of numbers; by their size where it is left out. */
  readonly unit?: TimeUnit | undefined;
  /** Format of all times, in tokens of Luxon; then nothing else is read. */
  readonly format?: string | undefined;
}

export interface TimeValue {
  /** Microseconds since 1970. */
  readonly micros: number;
  /** The value names no zone, and was read in that of the source. */
  readonly zoneAssumed: boolean;
  readonly dayMonth?: DayMonth | undefined;
}

export type TimeReason = 'bad_timestamp' | 'timestamp_out_of_range' | 'date_order';

const DOTNET = /^\/Date\((-?\d{1,16})(?:[+-]\d{4})?\)\/$/;
const NUMBER_START = /^[-+.\d]/;
const DAY_MICROS = 86_400_000_000;
/** Zones change at full quarters of an hour, so within one of them each time is as far from UTC as its start. */
const QUARTER_MS = 900_000;
const QUARTERS_MAX = 10_000;

/** A reader of times of a source, in every usual writing; what it gives for others is the reason. */
export function createTimeReader(settings: TimeSettings): (value: unknown) => TimeValue | TimeReason {
  const { zone, dateOrder = null, unit } = settings;
  const byFormat = settings.format === undefined ? null : createFormatReader(settings.format);
  const offsetsMs = new Map<number, number>();

  function instantMs(wallMs: number): number {
    const quarter = Math.floor(wallMs / QUARTER_MS);
    let offsetMs = offsetsMs.get(quarter);
    if (offsetMs === undefined) {
      if (offsetsMs.size >= QUARTERS_MAX) offsetsMs.clear();
      offsetMs = wallMs - localTimeMs(zone, wallMs);
      offsetsMs.set(quarter, offsetMs);
    }
    return wallMs - offsetMs;
  }

  const local = (wallMs: number, micros = 0, dayMonth?: DayMonth) =>
    inRange(instantMs(wallMs) * 1000 + micros, true, dayMonth);

  function fromNumber(text: string): TimeValue | TimeReason | null {
    const number = parseDecimalText(text);
    if (number === null) return null;
    if (unit === 'days' || unit === 'excel') {
      const wallMs = wallMsOfDays(number.value, unit);
      return Math.abs(wallMs) < MS_MAX ? local(wallMs) : 'timestamp_out_of_range';
    }
    if (unit !== undefined) {
      const micros = microsOf(number, unit);
      return micros >= 0 && micros < MS_MAX * 1000
        ? { micros, zoneAssumed: false }
        : 'timestamp_out_of_range';
    }
    const found = unitBySize(number.value);
    if (found !== null) return { micros: microsOf(number, found), zoneAssumed: false };
    const calendar = calendarText(text);
    return calendar === null ? 'timestamp_out_of_range' : fromText(calendar);
  }

  function fromText(text: string): TimeValue | TimeReason {
    const time = parseTimeText(text, dateOrder);
    if (time === null) return 'bad_timestamp';
    if (time === 'date_order') return time;
    if (time.zone === null) return local(time.wallMs, time.micros, time.dayMonth);
    const ms =
      'name' in time.zone ? localTimeMs(time.zone.name, time.wallMs) : time.wallMs - time.zone.offsetMs;
    return inRange(ms * 1000 + time.micros, false, time.dayMonth);
  }

  function fromFormat(text: string): TimeValue | TimeReason {
    const time = byFormat!(text);
    if (time === null) return 'bad_timestamp';
    return 'wallMs' in time ? local(time.wallMs) : inRange(time.instantMs * 1000, false);
  }

  function fromObject(value: object): TimeValue | TimeReason {
    const members = value as Record<string, unknown>;
    if ('$date' in members) {
      const date = plainValue(members.$date);
      // A number is milliseconds by definition.
      if (typeof date === 'number' || (typeof date === 'string' && /^-?\d+$/.test(date))) return fromMs(date);
      return typeof date === 'string' ? fromText(date.trim()) : 'bad_timestamp';
    }
    const seconds = digitsOf(members._seconds ?? members.seconds, 12);
    const nanos = digitsOf(members._nanoseconds ?? members.nanoseconds ?? members.nanos ?? 0, 9);
    if (seconds === null || nanos === null) return 'bad_timestamp';
    return bySize(`${seconds}.${nanos.padStart(9, '0')}`, 's');
  }

  const fromMs = (ms: number | string) => bySize(String(ms), 'ms');

  return (value) => {
    if (typeof value === 'string') {
      if (byFormat !== null) return fromFormat(value.trim());
      const micros = scanIso(value);
      if (micros >= 0) {
        if (value.endsWith('Z')) return inRange(micros, false);
        const fraction = micros % 1_000_000;
        return local((micros - fraction) / 1000, fraction);
      }
      const text = value.trim();
      if (text.length > TIME_TEXT_LENGTH_MAX) return 'bad_timestamp';
      const dotnet = DOTNET.exec(text);
      if (dotnet) return fromMs(dotnet[1]!);
      return (NUMBER_START.test(text) ? fromNumber(text) : null) ?? fromText(text);
    }
    if (typeof value === 'number' || typeof value === 'bigint') {
      if (byFormat !== null) return fromFormat(String(value));
      return fromNumber(String(value)) ?? 'bad_timestamp';
    }
    if (value instanceof Date) {
      const ms = value.getTime();
      return Number.isNaN(ms) ? 'bad_timestamp' : inRange(ms * 1000, false);
    }
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? fromObject(value)
      : 'bad_timestamp';
  };
}

/** A whole number of at most so many digits; null for anything else. */
function digitsOf(input: unknown, lengthMax: number): string | null {
  const value = plainValue(input);
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const text = String(value);
  return text.length <= lengthMax && /^\d+$/.test(text) ? text : null;
}

/** The last millisecond of the year 9999, and one. */
const MS_MAX = Date.UTC(10_000, 0, 1);

/** A number whose unit its form says, which still is not a time where it is before 1995. */
function bySize(text: string, unit: 's' | 'ms'): TimeValue | TimeReason {
  const number = parseDecimalText(text);
  if (number === null || unitBySize(number.value) !== unit) return 'timestamp_out_of_range';
  return { micros: microsOf(number, unit), zoneAssumed: false };
}

/** Nothing happened on the first day of 1970: that is what a zero becomes that was written as a date, in whatever zone. */
function inRange(micros: number, zoneAssumed: boolean, dayMonth?: DayMonth): TimeValue | TimeReason {
  if (micros < DAY_MICROS || micros >= MS_MAX * 1000) return 'timestamp_out_of_range';
  return { micros, zoneAssumed, dayMonth };
}

/** Starts of the months of the years in which nearly all events are, so that the usual writing needs no Date. */
const FIRST_YEAR = 1995;
const LAST_YEAR = 2100;
const MONTH_STARTS_MS = new Float64Array((LAST_YEAR - FIRST_YEAR + 1) * 12);
for (let index = 0; index < MONTH_STARTS_MS.length; index++) {
  MONTH_STARTS_MS[index] = Date.UTC(FIRST_YEAR, index, 1);
}

const ZULU = 0x5a;
const T = 0x54;
const BLANK = 0x20;

/**
 * Microseconds of `2024-11-01T10:00:00Z` with up to 9 decimals, the usual writing, or of `2024-11-01 10:00:00`, as if it were in UTC; -1 for
 * all others.
 */
function scanIso(text: string): number {
  const isUtc = text.charCodeAt(text.length - 1) === ZULU;
  const length = isUtc ? text.length - 1 : text.length;
  if (length < 19 || length > 29) return -1;
  const between = text.charCodeAt(10);
  if (between !== T && (between !== BLANK || isUtc)) return -1;
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return -1;
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return -1;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  // A NaN from a character that is not a digit fails each of these comparisons.
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR && month >= 1 && month <= 12)) return -1;
  if (!(hour <= 23 && minute <= 59 && second <= 59 && day >= 1 && day <= daysInMonth(year, month))) return -1;
  let micros = 0;
  if (length > 19) {
    if (text.charCodeAt(19) !== 0x2e || length === 20) return -1;
    let scale = 100_000;
    for (let i = 20; i < length; i++) {
      const digit = text.charCodeAt(i) - 0x30;
      if (!(digit >= 0 && digit <= 9)) return -1;
      micros += digit * scale;
      scale = Math.floor(scale / 10);
    }
  }
  const startMs = MONTH_STARTS_MS[(year - FIRST_YEAR) * 12 + month - 1]!;
  return (startMs + ((((day - 1) * 24 + hour) * 60 + minute) * 60 + second) * 1000) * 1000 + micros;
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
