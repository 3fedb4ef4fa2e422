import { localTimeMs, utcMidnightMs } from './time-zone.ts';
import { daysInMonth, parseTimestamp } from './timestamp.ts';

const DAY_MS = 86_400_000;
const EPOCH_MS = /^\d{1,14}$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const LOCAL = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/;
/** Minutes may be left out of an ISO time with a zone; parseTimestamp wants its seconds. */
const WITHOUT_SECONDS = /^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2})(Z|[+-].+)$/;

/**
 * An end of a range as somebody typed it, in milliseconds since 1970; null where it is not a time:
 * - `2026-11-23`: a day of the shop; `from` is its beginning, `to` its end, so that the day is part of the range;
 * - `2026-11-23T10:15`: a time of the shop's zone, of two such times (clocks put back) the first;
 * - with a zone, or milliseconds since 1970: that instant.
 * A `to` that is a time is exclusive.
 */
export function parseTimeBound(text: string, end: 'from' | 'to', zone: string): number | null {
  const date = DATE.exec(text);
  if (date) {
    const [year, month, day] = [Number(date[1]), Number(date[2]), Number(date[3])];
    if (!isRealDate(year, month, day)) return null;
    return localTimeMs(zone, utcMidnightMs(year, month, day) + (end === 'to' ? DAY_MS : 0));
  }
  const local = LOCAL.exec(text);
  if (local) {
    const [year, month, day] = [Number(local[1]), Number(local[2]), Number(local[3])];
    const [hour, minute, second] = [Number(local[4]), Number(local[5]), Number(local[6] ?? 0)];
    if (!isRealDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return null;
    const ms = Number((local[7] ?? '').padEnd(3, '0').slice(0, 3));
    const ofDayMs = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    return localTimeMs(zone, utcMidnightMs(year, month, day) + ofDayMs);
  }
  if (EPOCH_MS.test(text)) return Number(text);
  if (!text.includes('T') && !text.includes(' ')) return null;
  const micros = parseTimestamp(text.replace(WITHOUT_SECONDS, '$1:00$2'), zone);
  return micros === null ? null : Math.floor(micros / 1000);
}

/** For messages: the forms that `parseTimeBound` takes. */
export const TIME_BOUND_FORMS =
  'a day of the shop such as 2026-11-23, a time of the shop such as 2026-11-23T10:15, one with a zone such as 2026-11-23T10:15:00Z, or milliseconds since 1970';

function isRealDate(year: number, month: number, day: number): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}
