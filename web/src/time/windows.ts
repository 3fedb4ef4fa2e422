/** Windows of time: where they start and end. The day rule is the engine's own, so that both agree on DST days. */
import { localDayStartMs, localDayStartOfMs, zoneOffsetMs } from '../../../src/event/time-zone.ts';
import type { WindowSize } from '../api.ts';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

export function windowStart(window: WindowSize, zone: string, at: number): number {
  if (window === '1d') return localDayStartOfMs(zone, at);
  const length = window === '1h' ? HOUR : MINUTE;
  return Math.floor(at / length) * length;
}

/** The start of the window after the one that starts at `start`. A day has 23 to 25 hours, so 36 hours on is in the next. */
export function nextWindow(window: WindowSize, zone: string, start: number): number {
  if (window === '1d') return localDayStartOfMs(zone, start + 36 * HOUR);
  return start + (window === '1h' ? HOUR : MINUTE);
}

export function windowStarts(window: WindowSize, zone: string, from: number, to: number): number[] {
  const starts: number[] = [];
  for (let at = windowStart(window, zone, from); at < to; at = nextWindow(window, zone, at)) starts.push(at);
  return starts;
}

const local = (zone: string, at: number): Date => new Date(at + zoneOffsetMs(zone, at));

/** The start of the local day that lies `days` after the one of `at`. */
export function dayStart(zone: string, at: number, days = 0): number {
  const date = local(zone, at);
  return localDayStartMs(zone, date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate() + days);
}

/** The same time of day, `days` later by the calendar. */
export function shiftDays(zone: string, at: number, days: number): number {
  const shifted = at + zoneOffsetMs(zone, at) + days * DAY;
  return fromLocal(zone, shifted);
}

/** Local milliseconds to an instant. Of a local time that occurs twice the first; one that is skipped moves on. */
function fromLocal(zone: string, localMs: number): number {
  const before = localMs - zoneOffsetMs(zone, localMs - DAY);
  const after = localMs - zoneOffsetMs(zone, localMs + DAY);
  for (const at of [before, after].sort((a, b) => a - b)) {
    if (at + zoneOffsetMs(zone, at) === localMs) return at;
  }
  return before;
}

/** "2026-11-23T20:15" in the shop's time zone, as an input of type datetime-local gives it; null when it is no time. */
export function parseLocal(zone: string, text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(text)) return null;
  const localMs = Date.parse(`${text}Z`);
  return Number.isNaN(localMs) ? null : fromLocal(zone, localMs);
}

export const formatLocal = (zone: string, at: number): string => local(zone, at).toISOString().slice(0, 16);

/** Hour of day and day of month in the zone, for placing the labels of an axis. */
export function localParts(zone: string, at: number) {
  const date = local(zone, at);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
  };
}
