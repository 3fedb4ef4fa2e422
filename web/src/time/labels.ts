/** Times as text, always in the shop's time zone, whatever the zone of the browser. */
import type { WindowSize } from '../api.ts';
import { LOCALE } from '../format.ts';
import { HOUR, localParts } from './windows.ts';

const cache = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let made = cache.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(LOCALE, { timeZone: zone, hourCycle: 'h23', ...options });
    cache.set(key, made);
  }
  return made;
}

const format = (zone: string, options: Intl.DateTimeFormatOptions, at: number): string =>
  formatter(zone, options).format(at);

export const clockTime = (zone: string, at: number): string => format(zone, { timeStyle: 'medium' }, at);
export const hourMinute = (zone: string, at: number): string =>
  format(zone, { hour: '2-digit', minute: '2-digit' }, at);

/** A window by its start, long enough to be unmistakable: the zone's short name tells the two 02:00 of an October night apart. */
export function windowLabel(window: WindowSize, zone: string, at: number): string {
  if (window === '1d') {
    return format(zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }, at);
  }
  const options: Intl.DateTimeFormatOptions = {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  };
  // Half an hour off UTC an hour is not from one full hour to the next: its end belongs to its name.
  if (window === '1h' && localParts(zone, at).minute !== 0)
    return formatter(zone, options).formatRange(at, at + HOUR);
  return format(zone, options, at);
}

/** A day, as "19 Nov 2024". */
export const dayLabel = (zone: string, at: number): string =>
  format(zone, { day: 'numeric', month: 'short', year: 'numeric' }, at);

export const fullTime = (zone: string, at: number): string =>
  format(zone, { dateStyle: 'medium', timeStyle: 'medium' }, at);

/** A range in words, its end as its last moment: a day's range ends on that day, not at the next one's midnight. */
export function rangeLabel(zone: string, from: number, to: number): string {
  const parts = localParts(zone, from);
  const end = localParts(zone, to);
  const wholeDays = parts.hour + parts.minute + end.hour + end.minute === 0;
  const options: Intl.DateTimeFormatOptions = wholeDays
    ? { day: 'numeric', month: 'short', year: 'numeric' }
    : { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' };
  return formatter(zone, options).formatRange(from, wholeDays ? to - 1 : to);
}

const NICE_MINUTES = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720];
const DAY_MINUTES = 1440;
/** From a year on, labels are of whole years. */
const NICE_MONTHS = [1, 2, 3, 4, 6, 12, 24, 36, 60, 120, 240, 600, 1200];

/**
 * Which windows get a label on the axis: the first one of each round piece of local time, as many pieces as there is
 * room for. "First of", because after a change of clocks, or half an hour off UTC, no window may start on the round time.
 */
export function axisLabels(window: WindowSize, zone: string, starts: readonly number[], room: number) {
  const labels = new Map<number, string>();
  const minutes = ((starts.at(-1) ?? 0) - (starts[0] ?? 0)) / 60_000;
  const within = window === '1d' ? undefined : NICE_MINUTES.find((nice) => minutes / nice <= room);
  const days = Math.max(1, Math.ceil(minutes / DAY_MINUTES / room));
  const months = days > 12 ? (NICE_MONTHS.find((nice) => nice >= days / 31) ?? 1200) : 0;
  const [first, latest] = [starts[0] ?? 0, starts.at(-1) ?? 0].map((at) => localParts(zone, at).year);
  const years = first !== latest;
  const firstDay = starts.length > 0 ? localMinutes(zone, starts[0]!) / DAY_MINUTES : 0;
  let last = Number.NaN;
  let labelled = 0;
  for (const [index, at] of starts.entries()) {
    const local = localMinutes(zone, at);
    const { month, year } = localParts(zone, at);
    const day = Math.floor(local / DAY_MINUTES);
    const piece = within
      ? Math.floor(local / within)
      : months
        ? Math.floor((year * 12 + month - 1) / months)
        : Math.floor((day - Math.floor(firstDay)) / days);
    // The first window may lie in the middle of its piece: it has a label only where it starts one.
    const starting =
      index === 0 ? (within ? local % within === 0 : !months && local % DAY_MINUTES === 0) : piece > last;
    last = Number.isNaN(last) ? piece : Math.max(last, piece);
    if (!starting) continue;
    const named: Intl.DateTimeFormatOptions = !months
      ? { day: 'numeric', month: 'short' }
      : months < 12
        ? { month: 'short' }
        : {};
    // The year where the span has several: at the first label, and where a new one begins.
    const isNew = years && year !== labelled;
    labelled = year;
    const text = format(zone, isNew || months >= 12 ? { ...named, year: 'numeric' } : named, at);
    labels.set(index, within && local % DAY_MINUTES !== 0 ? hourMinute(zone, at) : text);
  }
  return labels;
}

function localMinutes(zone: string, at: number): number {
  const { year, month, day, hour, minute } = localParts(zone, at);
  return Date.UTC(year, month - 1, day, hour, minute) / 60_000;
}
