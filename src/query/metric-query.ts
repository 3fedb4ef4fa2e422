import { parseTimeBound, TIME_BOUND_FORMS } from '../event/time-bound.ts';
import { WINDOWS, type WindowSize } from '../metrics/window.ts';
import { ApiError } from '../telemetry/errors.ts';
import { didYouMean } from '../telemetry/nearest.ts';
import type { Status } from '../telemetry/status.ts';

/** A query as it was typed, on the command line or in an address. */
export interface MetricQueryText {
  metric: string;
  window?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  top?: string | undefined;
  total?: boolean | undefined;
}

/** The same, understood. */
export interface ParsedMetricQuery {
  metric: string;
  window: WindowSize;
  fromMs: number;
  toMs: number;
  total: boolean;
  top?: number;
}

export interface MetricQueryContext {
  metrics: Pick<Status['metrics'][number], 'name' | 'windows'>[];
  timeZone: string;
  nowMs: number;
  /** Window and range of a query that names none, the latter in windows before its end. */
  defaultWindow?: WindowSize;
  defaultWindows: number;
}

const WINDOW_MS: Record<WindowSize, number> = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 };
/** Range of a query of a program that names none, in windows. */
export const API_WINDOWS = 60;
/** Most windows that one query may span. */
export const QUERY_WINDOWS_MAX = 50_000;
const TOP_MAX = 1000;

/** Checks a query and gives its meaning. Throws ApiError with what is wrong and what there is. */
export function parseMetricQuery(text: MetricQueryText, context: MetricQueryContext): ParsedMetricQuery {
  const { metrics, timeZone, nowMs, defaultWindows } = context;
  const names = metrics.map(({ name }) => name);
  const metric = metrics.find(({ name }) => name === text.metric);
  if (!metric)
    throw new ApiError(
      'unknown_metric',
      `There is no metric "${text.metric.slice(0, 64)}".${didYouMean(text.metric, names)} The metrics: ${names.join(', ')}.`,
    );
  const fallback = context.defaultWindow ?? metric.windows[0]!;
  const window = (text.window ??
    (metric.windows.includes(fallback) ? fallback : metric.windows[0])) as WindowSize;
  if (!WINDOWS.includes(window))
    throw new ApiError('bad_window', `There is no window "${window.slice(0, 64)}".`);
  if (!metric.windows.includes(window))
    throw new ApiError(
      'bad_window',
      `The metric ${metric.name} has the windows ${metric.windows.join(', ')}, not ${window}.`,
    );
  // The window that is open now is part of it.
  const toMs = parseBound('to', text.to, timeZone) ?? nowMs + WINDOW_MS[window];
  const fromMs =
    parseBound('from', text.from, timeZone) ?? Math.max(0, toMs - defaultWindows * WINDOW_MS[window]);
  checkRange(fromMs, toMs);
  if ((toMs - fromMs) / WINDOW_MS[window] > QUERY_WINDOWS_MAX)
    throw new ApiError(
      'bad_range',
      `The range spans more than ${QUERY_WINDOWS_MAX} windows of ${window}; ask for less, or for a larger window.`,
    );
  const total = text.total ?? false;
  if (text.top === undefined) return { metric: metric.name, window, fromMs, toMs, total };
  if (!total) throw new ApiError('bad_request', 'top is for totals: ask for total too.');
  const top = /^\d{1,5}$/.test(text.top) ? Number(text.top) : 0;
  if (!(top >= 1 && top <= TOP_MAX))
    throw new ApiError(
      'bad_request',
      `top="${text.top.slice(0, 64)}" is not a whole number from 1 to ${TOP_MAX}.`,
    );
  return { metric: metric.name, window, fromMs, toMs, total, top };
}

/** The range of a command that works on days or times of the shop; null where neither end is given. Throws ApiError. */
export function parseTimeRange(
  text: { from?: string | undefined; to?: string | undefined },
  timeZone: string,
  nowMs: number,
): { fromMs: number; toMs: number } | null {
  if (text.from === undefined && text.to === undefined) return null;
  const fromMs = parseBound('from', text.from, timeZone) ?? 0;
  const toMs = parseBound('to', text.to, timeZone) ?? nowMs;
  checkRange(fromMs, toMs);
  return { fromMs, toMs };
}

function checkRange(fromMs: number, toMs: number): void {
  if (fromMs >= toMs)
    throw new ApiError(
      'bad_range',
      `from is not before to: ${new Date(fromMs).toISOString()} and ${new Date(toMs).toISOString()}.`,
    );
}

function parseBound(end: 'from' | 'to', text: string | undefined, timeZone: string): number | null {
  if (text === undefined) return null;
  const ms = parseTimeBound(text, end, timeZone);
  if (ms === null)
    throw new ApiError('bad_range', `${end}="${text.slice(0, 64)}" is not a time. Use ${TIME_BOUND_FORMS}.`);
  return ms;
}
