import { parseTimeBound, TIME_BOUND_FORMS } from '../event/time-bound.ts';
import type { WindowSize } from '../metrics/window.ts';
import { ApiError } from '../telemetry/errors.ts';
import { didYouMean } from '../telemetry/nearest.ts';
import type { Status } from '../telemetry/status.ts';
import { alternatives } from '../telemetry/words.ts';

/** How a value is written where it was given, so that a message names what somebody typed. */
export interface Wording {
  /** The name of a parameter. */
  name(parameter: string): string;
  given(parameter: string, value: string): string;
}

/** Values in an address, or of a program that uses the library. */
export const PARAMETERS: Wording = {
  name: (parameter) => parameter,
  given: (parameter, value) => `${parameter}="${value.slice(0, SHOWN_MAX)}"`,
};

/** Options of a command. */
export const OPTIONS: Wording = {
  name: (parameter) => `--${parameter}`,
  given: (parameter, value) => `--${parameter} "${value.slice(0, SHOWN_MAX)}"`,
};

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
  wording: Wording;
}

/** What it takes to understand the ends of a range. */
export type RangeContext = Pick<MetricQueryContext, 'timeZone' | 'nowMs' | 'wording'>;

type RangeText = Pick<MetricQueryText, 'from' | 'to'>;

const WINDOW_MS: Record<WindowSize, number> = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 };
/** Range of a query of a program that names none, in windows. */
export const API_WINDOWS = 60;
/** Most windows that one query may span. */
export const QUERY_WINDOWS_MAX = 50_000;
const TOP_MAX = 1000;
/** So much of a value is shown. */
const SHOWN_MAX = 64;

/** Checks a query and gives its meaning. Throws ApiError with what is wrong and what there is. */
export function parseMetricQuery(text: MetricQueryText, context: MetricQueryContext): ParsedMetricQuery {
  const { metrics, nowMs, defaultWindows, wording } = context;
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
  if (!metric.windows.includes(window))
    throw new ApiError(
      'bad_window',
      `${wording.given('window', window)} is not a window of the metric ${metric.name}. Use ${alternatives(metric.windows)}.`,
    );
  // The window that is open now is part of it.
  const toMs = parseBound('to', text.to, context) ?? nowMs + WINDOW_MS[window];
  const fromMs = Math.max(
    0,
    parseBound('from', text.from, context) ?? toMs - defaultWindows * WINDOW_MS[window],
  );
  checkRange(fromMs, toMs, text, wording);
  if ((toMs - fromMs) / WINDOW_MS[window] > QUERY_WINDOWS_MAX)
    throw new ApiError(
      'bad_range',
      `The range spans more than ${QUERY_WINDOWS_MAX} windows of ${window}. Narrow it, or take a larger window.`,
    );
  const total = text.total ?? false;
  if (text.top === undefined) return { metric: metric.name, window, fromMs, toMs, total };
  if (!total)
    throw new ApiError(
      'bad_request',
      `${wording.name('top')} needs ${wording.name('total')}: the best keys are chosen over the whole range.`,
    );
  const top = /^\d{1,5}$/.test(text.top) ? Number(text.top) : 0;
  if (!(top >= 1 && top <= TOP_MAX))
    throw new ApiError(
      'bad_request',
      `${wording.given('top', text.top)} is not a whole number from 1 to ${TOP_MAX}.`,
    );
  return { metric: metric.name, window, fromMs, toMs, total, top };
}

/** The range of a command that works on days or times of the shop; null where neither end is given. Throws ApiError. */
export function parseTimeRange(
  text: RangeText,
  context: RangeContext,
): { fromMs: number; toMs: number } | null {
  if (text.from === undefined && text.to === undefined) return null;
  const fromMs = Math.max(0, parseBound('from', text.from, context) ?? 0);
  const toMs = parseBound('to', text.to, context) ?? context.nowMs;
  checkRange(fromMs, toMs, text, context.wording);
  return { fromMs, toMs };
}

/** What is wrong with the range is said of the ends that somebody gave; the others are 1970 and now. */
function checkRange(fromMs: number, toMs: number, { from, to }: RangeText, wording: Wording): void {
  if (fromMs < toMs) return;
  const start = wording.given('from', from ?? '');
  const end = wording.given('to', to ?? '');
  if (toMs <= 0) throw new ApiError('bad_range', `${end} is before 1970, and so before every event.`);
  if (to === undefined) throw new ApiError('bad_range', `${start} is not in the past.`);
  throw new ApiError('bad_range', `${start} is not before ${end}.`);
}

function parseBound(
  end: 'from' | 'to',
  text: string | undefined,
  { timeZone, wording }: Pick<RangeContext, 'timeZone' | 'wording'>,
): number | null {
  if (text === undefined) return null;
  const ms = parseTimeBound(text, end, timeZone);
  if (ms === null)
    throw new ApiError('bad_range', `${wording.given(end, text)} is not a time. Use ${TIME_BOUND_FORMS}.`);
  return ms;
}
