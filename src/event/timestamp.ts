import { localDayStartMs, utcMidnightMs } from './time-zone.ts';

/**
 * Reads a timestamp in one of the accepted forms and gives microseconds since 1970, or null when it is in none of
 * them or names no real date:
 * - ISO 8601 with a zone: `2026-11-23T10:15:30.250Z`, `2026-11-23 10:15+01:00`; digits past microseconds are cut;
 * - seconds (up to 10 digits before the point) or milliseconds (11 to 14 digits) since 1970, with up to 6 decimals;
 *   digits past microseconds are cut;
 * - `M/D/YYYY`, month first, padded or not: midnight in `zone`.
 */
export function parseTimestamp(text: string, zone: string): number | null {
  const iso = ISO.exec(text);
  if (iso) return fromIso(iso);
  const epoch = EPOCH.exec(text);
  if (epoch) {
    const decimals = (epoch[2] ?? '').padEnd(6, '0');
    if (epoch[1]!.length <= 10) return Number(epoch[1]) * 1_000_000 + Number(decimals);
    return Number(epoch[1]) * 1000 + Number(decimals.slice(0, 3));
  }
  const date = MONTH_DAY_YEAR.exec(text);
  if (date) {
    const [month, day, year] = [Number(date[1]), Number(date[2]), Number(date[3])];
    return isRealDate(year, month, day) ? localDayStartMs(zone, year, month, day) * 1000 : null;
  }
  return null;
}

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2})(?::?(\d{2}))?)$/;
const EPOCH = /^(\d{1,14})(?:\.(\d{1,6}))?$/;
const MONTH_DAY_YEAR = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/;

function fromIso(match: RegExpExecArray): number | null {
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6])];
  if (!isRealDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return null;
  const zoneHours = Number(match[9] ?? 0);
  const zoneMinutes = Number(match[10] ?? 0);
  if (zoneHours > 15 || zoneMinutes > 59) return null;
  const zoneMs = (zoneHours * 60 + zoneMinutes) * 60_000 * (match[8] === '-' ? -1 : 1);
  const micros = Number((match[7] ?? '').padEnd(6, '0').slice(0, 6));
  return (
    (utcMidnightMs(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000 - zoneMs) * 1000 + micros
  );
}

/** True for a day of the calendar; `month` is 1 to 12. */
export function isRealDate(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  return day <= daysInMonth(year, month);
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const DAY_MICROS = 86_400_000_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
/** The day that was written last, and its text: events of one day come together. */
let lastDay = Number.NaN;
let lastDayText = '';

/** An instant from 1970 on as ISO 8601 in UTC, with milliseconds, or microseconds where it has them. */
export function formatInstant(micros: number): string {
  const day = Math.floor(micros / DAY_MICROS);
  if (day !== lastDay) {
    lastDayText = new Date(day * 86_400_000).toISOString().slice(0, 11);
    lastDay = day;
  }
  const ofDay = micros - day * DAY_MICROS;
  const seconds = Math.floor(ofDay / 1_000_000);
  const fraction = ofDay - seconds * 1_000_000;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const decimals = fraction % 1000 === 0 ? String(1000 + fraction / 1000) : String(1_000_000 + fraction);
  return `${lastDayText}${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}.${decimals.slice(1)}Z`;
}
