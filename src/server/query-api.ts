import type { FastifyInstance } from 'fastify';
import { ApiError } from '../domain/errors.ts';
import { WINDOWS, type WindowSize } from '../domain/window.ts';
import type { Guard, Scope } from './auth.ts';
import type { Backend } from './backend.ts';
import { parametersOf, parseFlag } from './parameters.ts';

const WINDOW_MS: Record<WindowSize, number> = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 };
/** Range of a query that names none, in windows. */
const DEFAULT_WINDOWS = 60;
/** Most windows that one query may span. */
const WINDOWS_MAX = 50_000;
const BAD_ROWS_MAX = 1000;
/** How long one request waits for what has come to be archived and measured. */
const SETTLE_MS_MAX = 2000;

/** The read side of the API, and the commands of an administrator. */
export function registerQueryApi(app: FastifyInstance, backend: Backend, guard: Guard): void {
  const allow = (scope: Scope) => ({
    onRequest: async (request: Parameters<Guard['check']>[0]) => guard.check(request, scope),
  });

  app.get('/v1/metrics/:metric', allow('read'), async (request) => {
    const { metric: name } = request.params as { metric: string };
    const query = parametersOf(request, ['window', 'from', 'to', 'total', 'top']);
    const metric = backend.status().metrics.find((candidate) => candidate.name === name);
    if (!metric) throw new ApiError('unknown_metric', `There is no metric "${name.slice(0, 64)}".`);
    const window = parseWindow(query.window, metric.windows, name);
    const range = parseRange(query, window);
    const total = parseFlag('total', query.total);
    const top = query.top === undefined ? undefined : parseNumber('top', query.top, 1, 1000);
    const result = await backend.query({
      metric: name,
      window,
      ...range,
      total,
      ...(top === undefined ? {} : { top }),
    });
    return {
      metric: name,
      window,
      time_zone: backend.timeZone,
      from: new Date(range.fromMs).toISOString(),
      to: new Date(range.toMs).toISOString(),
      ...result,
    };
  });

  app.get('/v1/ledger', allow('read'), async () => backend.ledger());
  app.get('/v1/status', allow('read'), async () => backend.status());

  app.get('/v1/bad', allow('read'), async (request) => {
    const { limit, reason, id } = parametersOf(request, ['limit', 'reason', 'id']);
    const filter = { limit: limit === undefined ? 100 : parseNumber('limit', limit, 1, BAD_ROWS_MAX) };
    return {
      bad_rows: await backend.badRows({ ...filter, ...(reason ? { reason } : {}), ...(id ? { id } : {}) }),
    };
  });

  app.post('/v1/admin/compact', allow('admin'), async () => backend.compact());

  app.post('/v1/admin/settle', allow('admin'), async () => backend.settle(SETTLE_MS_MAX));

  app.post('/v1/admin/vacuum', allow('admin'), async (request) => {
    const { retention_hours: hours } = parametersOf(request, ['retention_hours']);
    return backend.vacuum(hours === undefined ? 168 : parseNumber('retention_hours', hours, 0, 1_000_000));
  });

  app.post('/v1/admin/rebuild', allow('admin'), async (request) => {
    const query = parametersOf(request, ['from', 'to', 'diff']);
    const hasRange = query.from !== undefined || query.to !== undefined;
    const range = hasRange
      ? { fromMs: parseTime('from', query.from, 0), toMs: parseTime('to', query.to, Date.now()) }
      : null;
    if (range && range.fromMs >= range.toMs) throw new ApiError('bad_range', 'from is not before to.');
    return backend.rebuild(range, parseFlag('diff', query.diff));
  });
}

function parseWindow(text: string | undefined, windows: readonly WindowSize[], metric: string): WindowSize {
  const window = (text ?? windows[0]) as WindowSize;
  if (!WINDOWS.includes(window))
    throw new ApiError('bad_window', `There is no window "${window.slice(0, 64)}".`);
  if (!windows.includes(window)) {
    throw new ApiError(
      'bad_window',
      `The metric ${metric} has the windows ${windows.join(', ')}, not ${window}.`,
    );
  }
  return window;
}

function parseRange(
  query: { from?: string; to?: string },
  window: WindowSize,
): { fromMs: number; toMs: number } {
  const toMs = parseTime('to', query.to, Date.now() + WINDOW_MS[window]);
  const fromMs = parseTime('from', query.from, toMs - DEFAULT_WINDOWS * WINDOW_MS[window]);
  if (fromMs >= toMs) throw new ApiError('bad_range', 'from is not before to.');
  if ((toMs - fromMs) / WINDOW_MS[window] > WINDOWS_MAX) {
    throw new ApiError(
      'bad_range',
      `The range spans more than ${WINDOWS_MAX} windows of ${window}; ask for less, or for a larger window.`,
    );
  }
  return { fromMs, toMs };
}

/** A time as ISO 8601 (a date alone is midnight UTC) or milliseconds since 1970. */
function parseTime(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,14}$/.test(text)
    ? Number(text)
    : /^\d{4}-\d{2}/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(value)) throw new ApiError('bad_range', `${name}="${text.slice(0, 64)}" is no time.`);
  return value;
}

function parseNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new ApiError(
      'bad_request',
      `${name}="${text.slice(0, 64)}" is not a whole number from ${min} to ${max}.`,
    );
  }
  return value;
}
