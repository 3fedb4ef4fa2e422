/** Times as text, always in the shop's time zone, whatever the zone of the browser. */
import type { WindowSize } from '../api.ts';
import { localParts } from './windows.ts';

const cache = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions, at: number): string {
  const key = zone + JSON.stringify(options);
  let made = cache.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(undefined, { timeZone: zone, hourCycle: 'h23', ...options });
    cache.set(key, made);
  }
  return made.format(at);
}

export const clockTime = (zone: string, at: number): string => format(zone, { timeStyle: 'medium' }, at);
export const hourMinute = (zone: string, at: number): string =>
  format(zone, { hour: '2-digit', minute: '2-digit' }, at);
export const dayMonth = (zone: string, at: number): string => format(zone, { day: 'numeric', month: 'short' }, at);

/** A window by its start, long enough to be unmistakable: the zone's short name tells the two 02:00 of an October night apart. */
export function windowLabel(window: WindowSize, zone: string, at: number): string {
  if (window === '1d') {
    return format(zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }, at);
  }
  return format(
    zone,
    { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' },
    at,
  );
}

export const fullTime = (zone: string, at: number): string =>
  format(zone, { dateStyle: 'medium', timeStyle: 'medium' }, at);

/** A range in words, its end as its last moment: a day's range ends on that day, not at the next one's midnight. */
export function rangeLabel(zone: string, from: number, to: number): string {
  const parts = localParts(zone, from);
  const end = localParts(zone, to);
  const wholeDays = parts.hour + parts.minute + end.hour + end.minute === 0;
  const options: Intl.DateTimeFormatOptions = wholeDays
    ? { day: 'numeric', month: 'short', year: 'numeric' }
    : { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
  const made = new Intl.DateTimeFormat(undefined, { timeZone: zone, hourCycle: 'h23', ...options });
  return made.formatRange(from, wholeDays ? to - 1 : to);
}

const NICE_MINUTES = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720];

/** Which windows get a label on the axis: round local times, and as many as there is room for. */
export function axisLabels(window: WindowSize, zone: string, starts: readonly number[], room: number) {
  const labels = new Map<number, string>();
  const first = starts[0];
  const last = starts.at(-1);
  if (first === undefined || last === undefined) return labels;
  const minutes = (last - first) / 60_000;
  const step = NICE_MINUTES.find((nice) => minutes / nice <= room) ?? 1440;
  const dayStep = Math.max(1, Math.ceil(minutes / 1440 / room));
  const monthly = dayStep > 12;
  let dayIndex = 0;
  for (const [index, at] of starts.entries()) {
    const parts = localParts(zone, at);
    // Hours of UTC start at half past where the zone is half an hour off, and still get the label of their hour.
    const sinceMidnight = parts.hour * 60 + (window === '1h' ? 0 : parts.minute);
    if (window !== '1d' && step < 1440) {
      if (sinceMidnight % step !== 0) continue;
      labels.set(index, sinceMidnight === 0 ? dayMonth(zone, at) : hourMinute(zone, at));
    } else if (sinceMidnight === 0 || window === '1d') {
      if (monthly) {
        const monthStep = Math.ceil(dayStep / 31);
        if (parts.day === 1 && (parts.month - 1) % monthStep === 0) labels.set(index, format(zone, { month: 'short' }, at));
      } else if (dayIndex++ % dayStep === 0) labels.set(index, dayMonth(zone, at));
    }
  }
  return labels;
}
