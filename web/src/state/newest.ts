/** Where the newest events are, for a page that would open on nothing. */
import { signal } from '@preact/signals';
import { getMetric } from '../api.ts';
import type { View } from '../time/span.ts';
import { DAY, dayStart, formatLocal } from '../time/windows.ts';
import { nowMinute } from './clock.ts';
import { metrics } from './metrics.ts';
import { status, timeZone } from './server.ts';
import { isOpening, opening } from './view.ts';

/** With fewer hours of events a day by the hour is a lone bar: the week up to it says more. */
const HOURS_MIN = 4;

/** Start of the newest local day with events; null until it is known. */
export const newestDay = signal<number | null>(null);

/** The events of the range that is shown, or null while they are not known. */
export const eventsInRange = (): number | null =>
  metrics.traffic.value.total?.reduce((sum, row) => sum + row.events, 0) ?? null;

/** A view that holds the newest day of events; null where there are none, or none in the metrics yet. */
export async function newestView(signal?: AbortSignal): Promise<View | null> {
  const date = status.value?.newest_event_day;
  if (!date) return null;
  // The date is of UTC: the shop's day may be the one before or after.
  const from = Date.parse(date) - DAY;
  const { rows } = await getMetric('traffic', { window: '1h', from, to: from + 3 * DAY }, signal);
  const zone = timeZone.value;
  const hours = new Set(rows.filter((row) => row.events > 0).map((row) => Date.parse(row.start)));
  if (hours.size === 0) return null;
  const start = dayStart(zone, Math.max(...hours));
  newestDay.value = start;
  const range = 'custom';
  if (start >= dayStart(zone, nowMinute.value, -6)) return { range: '7d', window: '1h', from: '', to: '' };
  const next = dayStart(zone, start, 1);
  const ofDay = [...hours].filter((hour) => hour >= start && hour < next).length;
  const to = formatLocal(zone, next);
  return ofDay >= HOURS_MIN
    ? { range, window: '1h', from: formatLocal(zone, start), to }
    : { range, window: '1d', from: formatLocal(zone, dayStart(zone, start, -6)), to };
}

let openedFor = '';

/** Events of another day came while the page had opened on old ones: it follows them, until a person has chosen a range. */
export function followNewest(): void {
  const date = status.value?.newest_event_day;
  if (isOpening.value && opening.value !== null && date && date !== openedFor) opening.value = null;
}

/** Opens the page on the newest events where the last 24 hours have none. `isSure`: they were asked for, and are empty. */
export async function openOnNewest(isSure: boolean, signal: AbortSignal): Promise<void> {
  const date = status.value?.newest_event_day;
  if (!isOpening.value || opening.value !== null || !date) return;
  if (!isSure && Date.parse(date) + DAY > nowMinute.value - DAY) return;
  const found = await newestView(signal);
  if (!found || signal.aborted) return;
  openedFor = date;
  opening.value = found;
}
