import { localDayStartOfMs } from '../event/time-zone.ts';

/** Sizes of the time windows; 1m and 1h lie on UTC minutes and hours, 1d on days of the shop's time zone. */
export const WINDOWS = ['1m', '1h', '1d'] as const;
export type WindowSize = (typeof WINDOWS)[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * How long after its end a window is corrected incrementally. Then it is closed: an event for it invalidates it, and it
 * is recomputed from the archive.
 */
const HORIZON_MS: Readonly<Record<WindowSize, number>> = {
  '1m': 48 * HOUR_MS,
  '1h': 14 * DAY_MS,
  '1d': 400 * DAY_MS,
};

/** Start of the window that holds the instant. */
export function windowStartMs(size: WindowSize, epochMs: number, timeZone: string): number {
  if (size === '1d') return localDayStartOfMs(timeZone, epochMs);
  const sizeMs = size === '1m' ? MINUTE_MS : HOUR_MS;
  return Math.floor(epochMs / sizeMs) * sizeMs;
}

/** End (exclusive) of the window that starts at `startMs`. */
export function windowEndMs(size: WindowSize, startMs: number, timeZone: string): number {
  if (size !== '1d') return startMs + (size === '1m' ? MINUTE_MS : HOUR_MS);
  // 36 hours on is in the next local day, however long this one is; its start is where this one ends.
  const local = new Date(localDayStartOfMs(timeZone, startMs + 36 * HOUR_MS));
  return local.getTime();
}

/** The first window start that is still open when received-at has reached `maxReceivedAtMs`. */
export function openFromMs(size: WindowSize, maxReceivedAtMs: number, timeZone: string): number {
  const edgeMs = maxReceivedAtMs - HORIZON_MS[size];
  // The window that holds the edge ends after it, so it is open.
  return windowStartMs(size, edgeMs, timeZone);
}
