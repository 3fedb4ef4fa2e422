/** The HTTP API as the page sees it: the shapes of its answers, and one function per address. */

export type WindowSize = '1m' | '1h' | '1d';

/** What one row of each metric holds beside `start`: its keys first, then its values. */
export interface Values {
  traffic: { event_type: string; device_type: string; events: number };
  responses: { event_type: string; status_class: string; events: number; error_share: number | null };
  latency: {
    event_type: string;
    count: number;
    p50: number | null;
    p95: number | null;
    p99: number | null;
    max: number | null;
  };
  audience: { users: number; sessions: number };
  funnel: { step: string; users: number; conversion: number | null };
  revenue: {
    currency: string;
    orders: number;
    units: number;
    revenue: string;
    average_order: string | null;
    refunds: number;
    refunded: string;
  };
  products: { product_id: string; views: number; carts: number; purchases: number; revenue: string };
  quality: { reason: string; rows: number; windows: number };
}

export type MetricName = keyof Values;

export const METRIC_KEYS = {
  traffic: ['event_type', 'device_type'],
  responses: ['event_type', 'status_class'],
  latency: ['event_type'],
  audience: [],
  funnel: ['step'],
  revenue: ['currency'],
  products: ['product_id'],
  quality: ['reason'],
} as const satisfies { [M in MetricName]: readonly (keyof Values[M])[] };

export type Row<M extends MetricName> = { start: string } & Values[M];
export type Overall<M extends MetricName> = Omit<Values[M], (typeof METRIC_KEYS)[M][number]>;

export interface MetricAnswer<M extends MetricName> {
  metric: M;
  window: WindowSize;
  time_zone: string;
  from: string;
  to: string;
  version: number;
  rows: Row<M>[];
  total?: Values[M][] | null;
  overall?: Overall<M> | null;
}

export interface Part {
  state: string;
  message?: string;
}

export const STAGES = ['collector', 'log', 'archive', 'metrics'] as const;
export type Stage = (typeof STAGES)[number];

export interface Status {
  running: boolean;
  version: string;
  time_zone: string;
  now: string;
  parts: Record<string, Part>;
  lag: Record<string, number>;
  freshness: Record<Stage, string | null>;
}

export interface Account {
  received: number;
  archive: { events: number; bad_rows: number; in_flight: number; lost?: number };
  metrics: { counted: number; duplicate: number; bad: number; in_flight: number; lost?: number };
  balanced: boolean;
}

export interface Ledger extends Account {
  dirty_windows: number;
  by_source: Record<string, Account>;
}

/** One changed value of the stream: a row, with the metric and window that it belongs to. */
export type Point = { [M in MetricName]: { metric: M; window: WindowSize } & Row<M> }[MetricName];

export class ApiError extends Error {
  /** HTTP status, or 0 when no answer came at all. */
  readonly status: number;
  readonly code: string;
  readonly hint: string;

  constructor(status: number, code: string, message: string, hint = '') {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

const KEY = 'tillstream.key';

/** The API key lives in this tab only: sessionStorage ends with the tab and is not sent by itself, as a cookie is. */
export const apiKey = {
  get: (): string | null => sessionStorage.getItem(KEY),
  set: (key: string): void => sessionStorage.setItem(KEY, key),
  clear: (): void => sessionStorage.removeItem(KEY),
};

const ANSWER_TIMEOUT_MS = 30_000;

/** A request with the key, whose failures all become an ApiError. `path` is relative to the page. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = apiKey.get();
  if (key) headers.set('authorization', `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'omit' });
  } catch (error) {
    if (init.signal?.aborted && init.signal.reason?.name !== 'TimeoutError') throw error;
    throw new ApiError(0, 'unreachable', 'Tillstream does not answer.');
  }
  if (response.ok) return response;
  let told: { code?: string; message?: string; hint?: string } = {};
  try {
    told = ((await response.json()) as { error?: typeof told }).error ?? {};
  } catch {
    // A proxy's error page, not ours: the status is all there is to say.
  }
  const message = told.message ?? `The server answered ${response.status}.`;
  throw new ApiError(response.status, told.code ?? 'http_error', message, told.hint);
}

async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const response = await request(path, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  return (await response.json()) as T;
}

export interface MetricQuery {
  window: WindowSize;
  /** Instants, in milliseconds since 1970. */
  from: number;
  to: number;
  total?: boolean;
  top?: number;
}

export function getMetric<M extends MetricName>(metric: M, query: MetricQuery, signal?: AbortSignal) {
  const params = new URLSearchParams({
    window: query.window,
    from: new Date(query.from).toISOString(),
    to: new Date(query.to).toISOString(),
  });
  if (query.total) params.set('total', 'true');
  if (query.top) params.set('top', String(query.top));
  return getJson<MetricAnswer<M>>(`v1/metrics/${metric}?${params}`, signal);
}

export const getStatus = (signal?: AbortSignal) => getJson<Status>('v1/status', signal);
export const getLedger = (signal?: AbortSignal) => getJson<Ledger>('v1/ledger', signal);
