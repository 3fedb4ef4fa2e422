/** What a view means at a moment: which windows are shown, and which queries answer for the same time before. */
import type { WindowSize } from '../api.ts';
import {
  DAY,
  dayStart,
  HOUR,
  MINUTE,
  nextWindow,
  parseLocal,
  shiftDays,
  windowStart,
  windowStarts,
} from './windows.ts';

export const RANGES = ['1h', '24h', '7d', '30d', '12mo', 'custom'] as const;
export type Range = (typeof RANGES)[number];

export interface View {
  range: Range;
  window: WindowSize;
  /** Local times "YYYY-MM-DDTHH:MM", for the custom range only. */
  from: string;
  to: string;
}

export interface Slice {
  window: WindowSize;
  from: number;
  to: number;
}

export interface Span extends Slice {
  /** Changes when other data has to be asked for. */
  key: string;
  /** Starts of the windows that have begun. */
  starts: number[];
  /** The window that is not over yet: its start, or null when all are over. */
  open: number | null;
  /** The coarsest windows that cover exactly the same time: the cheapest way to the same totals. */
  totals: Slice;
  /** The funnel and the products have no 1m windows. */
  hourly: Slice;
  before: Before;
}

/** The equally long time before, cut off where `now` stands in this one, so that a half day is not compared with a full one. */
export interface Before {
  /** What can be added up: coarse windows, then fine ones for the part at the end. */
  sums: Slice[];
  /** Distinct counts can't be added, so they need one query of windows fine enough. */
  distinct: Slice;
  /** Shares and quantiles: a coarse window more or less hardly moves them. */
  ratios: Slice;
  ratiosHourly: Slice;
}

const DAYS: Partial<Record<Range, number>> = { '7d': 7, '30d': 30, '12mo': 365 };

/** Window sizes that give between a few and about 1,500 windows. */
export function windowChoices(view: View, zone: string): WindowSize[] {
  if (view.range === '1h') return ['1m'];
  if (view.range === '24h') return ['1m', '1h'];
  if (view.range === '7d' || view.range === '30d') return ['1h', '1d'];
  if (view.range === '12mo') return ['1d'];
  const from = parseLocal(zone, view.from) ?? 0;
  const length = (parseLocal(zone, view.to) ?? 0) - from;
  if (length <= 3 * HOUR) return ['1m'];
  if (length <= 26 * HOUR) return ['1m', '1h'];
  return length <= 62 * DAY ? ['1h', '1d'] : ['1d'];
}

export const defaultWindow = (range: Range, choices: WindowSize[]): WindowSize =>
  range === '30d' ? '1d' : (choices.find((window) => window !== '1m') ?? choices[0]!);

function bounds(view: View, zone: string, now: number): [number, number] {
  const days = DAYS[view.range];
  if (days) return [dayStart(zone, now, 1 - days), dayStart(zone, now, 1)];
  if (view.range === '1h') {
    const to = windowStart('1m', zone, now) + MINUTE;
    return [to - HOUR, to];
  }
  const hourEnd = windowStart('1h', zone, now) + HOUR;
  const from = view.range === 'custom' ? parseLocal(zone, view.from) : null;
  const to = view.range === 'custom' ? parseLocal(zone, view.to) : null;
  return from !== null && to !== null && from < to ? [from, to] : [hourEnd - DAY, hourEnd];
}

function widen(window: WindowSize, zone: string, from: number, to: number): Slice {
  const start = windowStart(window, zone, from);
  const last = windowStart(window, zone, to);
  return { window, from: start, to: last === to ? to : nextWindow(window, zone, last) };
}

function coarsest(slice: Slice, zone: string): Slice {
  for (const window of ['1d', '1h'] as const) {
    if (slice.window === window || (slice.window === '1d' && window === '1h')) break;
    const wider = widen(window, zone, slice.from, slice.to);
    const several = slice.to - slice.from > (window === '1d' ? 2 * DAY : 2 * HOUR);
    if (several && wider.from === slice.from && wider.to === slice.to) return wider;
  }
  return slice;
}

const finer: Record<WindowSize, WindowSize> = { '1d': '1h', '1h': '1m', '1m': '1m' };

function before(view: View, zone: string, span: Slice, totals: Slice, now: number): Before {
  const days = DAYS[view.range] ?? (totals.window === '1d' ? Math.round((span.to - span.from) / DAY) : 0);
  const back = (at: number) => (days ? shiftDays(zone, at, -days) : at - (span.to - span.from));
  const coarse = totals.window;
  const fine = finer[coarse];
  const from = windowStart(fine, zone, back(span.from));
  // A moment that lies in the future of the range's end is its end.
  const to = windowStart(fine, zone, back(Math.min(now, span.to)));
  const cut = Math.max(from, windowStart(coarse, zone, to));
  const sums: Slice[] = [];
  if (cut > from) sums.push({ window: coarse, from: windowStart(coarse, zone, from), to: cut });
  if (to > cut) sums.push({ window: fine, from: cut, to });
  const end = Math.max(to, from + MINUTE);
  const distinctWindow = span.to - span.from > 100 * DAY ? '1d' : fine;
  return {
    sums,
    distinct: widen(distinctWindow, zone, from, end),
    ratios: widen(coarse, zone, from, end),
    ratiosHourly: widen(coarse === '1m' ? '1h' : coarse, zone, from, end),
  };
}

export function spanOf(view: View, zone: string, now: number): Span {
  const [first, last] = bounds(view, zone, now);
  const slice = widen(view.window, zone, first, last);
  const totals = coarsest(slice, zone);
  const starts = windowStarts(slice.window, zone, slice.from, Math.min(slice.to, now + 1));
  const latest = starts.at(-1);
  const open = latest !== undefined && nextWindow(slice.window, zone, latest) > now ? latest : null;
  const hourly = totals.window === '1m' ? widen('1h', zone, slice.from, slice.to) : totals;
  const key = `${slice.window} ${slice.from} ${slice.to}`;
  return { ...slice, key, starts, open, totals, hourly, before: before(view, zone, slice, totals, now) };
}
