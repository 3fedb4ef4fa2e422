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
    /** Money is null in the row of 'other', which holds several currencies. */
    revenue: string | null;
    average_order: string | null;
    refunds: number;
    refunded: string | null;
    net: string | null;
  };
  products: { product_id: string; views: number; carts: number; purchases: number; revenue: string };
  sales: { currency: string; product_id: string; orders: number; units: number; revenue: string | null };
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
  sales: ['currency', 'product_id'],
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
  /** Keys with more values than are named: how many share the value 'other'. */
  folded?: Record<string, number>;
}

export interface Part {
  state: string;
  message?: string;
}

export const STAGES = ['collector', 'log', 'archive', 'metrics'] as const;
export type Stage = (typeof STAGES)[number];

/** Something doubtful that came in: see docs/findings.md. */
export interface Finding {
  code: string;
  rows: number;
  message: string;
  example: string;
  setting: string;
}

export interface Status {
  running: boolean;
  version: string;
  demo: boolean;
  time_zone: string;
  now: string;
  /** UTC date of the newest events; null while there are none. */
  newest_event_day: string | null;
  /** The shop's main currency, where the config names one. */
  currency: string | null;
  parts: Record<string, Part>;
  lag: Record<string, number>;
  freshness: Record<Stage, string | null>;
  findings: { source: string; findings: Finding[] }[];
}

/** Lines that damage has cost, and archived rows that other programs have deleted or added; left out where 0. */
export interface Changed {
  lost?: number;
  deleted?: number;
  added?: number;
}

export interface Account {
  received: number;
  archive: { events: number; bad_rows: number; in_flight: number } & Changed;
  metrics: { counted: number; duplicate: number; excluded: number; bad: number; in_flight: number } & Changed;
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

const ANSWER_TIMEOUT_MS = 30_000;

/** A request whose failures all become an ApiError. `path` is relative to the page. The browser sends the session's cookie. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, cache: 'no-store', credentials: 'same-origin' });
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

export interface Session {
  login_required: boolean;
  /** What the session may do; null where nobody is logged in. */
  scope: string | null;
}

/** Who is logged in. A server without keys needs no login. */
export const getSession = (signal?: AbortSignal) => getJson<Session>('v1/session', signal);

/** Changes the API key into a session of this browser: a cookie that no script can read. */
export async function login(key: string): Promise<void> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const headers = { 'content-type': 'application/json' };
  await request('v1/login', { method: 'POST', headers, body: JSON.stringify({ key }), signal });
}

export async function logout(): Promise<void> {
  await request('v1/logout', { method: 'POST', signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
}

/** What came by one address, or by all of a source, since the start. */
export interface SourceCounts {
  accepted: number;
  rejected: number;
  left_out: number;
  refused: number;
  last_received_at: string | null;
}

export interface SourceActivity extends SourceCounts {
  last_minute: number;
  reasons: Record<string, number>;
  latest_rejected: { received_at: string; reason: string; field: string | null; example: string }[];
  ways: Record<string, SourceCounts>;
}

export interface SourceReport {
  name: string;
  kind: string;
  of: string;
  map: string | null;
  state: string | null;
  message: string;
  received: number;
  events: number;
  bad_rows: number;
  counted: number;
  duplicate: number;
  excluded: number;
  in_flight: number;
  last_received_at: string | null;
  latest_events: { received_at: string; event: string }[];
  refused: { requests: number; last_at: string } | null;
  activity: SourceActivity | null;
  findings: Finding[];
}

export interface SourcesAnswer {
  now: string;
  started_at: string;
  /** Why latest events from before the start are missing. */
  archive_error: string | null;
  sources: SourceReport[];
}

export interface Snippet {
  title: string;
  kind: string;
  text: string;
}

/** A way to bring events here. */
export interface Way {
  name: string;
  title: string;
  group: string;
  addresses: string[];
  key: { where: string; name: string | null; variable: string; is_public: boolean } | null;
  docs: string;
  snippets: Snippet[];
  steps: string;
}

export interface WaysAnswer {
  address: string;
  groups: Record<string, string>;
  keys: string[] | null;
  ways: Way[];
}

export const getSources = (signal?: AbortSignal) => getJson<SourcesAnswer>('v1/sources', signal);
/** `address`: that of the page, under which clients reach the server too. */
export const getWays = (address: string, signal?: AbortSignal) =>
  getJson<WaysAnswer>(`v1/ways?address=${encodeURIComponent(address)}`, signal);

export const getStatus = (signal?: AbortSignal) => getJson<Status>('v1/status', signal);
export const getLedger = (signal?: AbortSignal) => getJson<Ledger>('v1/ledger', signal);
