/** The life of the page: connect, follow the stream, retry, pause, and ask again when the span moves on. */
import { effect, untracked } from '@preact/signals';
import {
  ApiError,
  getLedger,
  getSession,
  getStatus,
  type Ledger,
  login,
  logout,
  type Point,
  type Status,
} from '../api.ts';
import { readStream, type StreamEvent } from '../stream.ts';
import { now, startClock, stopClock } from './clock.ts';
import { findUsualCurrency } from './currency.ts';
import { loadBefore, loadProducts, loadSpan, loadTotals } from './load.ts';
import { clearRows, publish, takePoints } from './metrics.ts';
import { eventsInRange, followNewest, openOnNewest } from './newest.ts';
import { connection, forgetRate, session as loggedIn, nextTryAt, takeLedger, takeStatus } from './server.ts';
import { span } from './view.ts';

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 15_000;
const PUBLISH_MS = 400;
const TOTALS_MS = 2_000;
/** A round of totals may take this share of the server's time at most, so a slow server is asked less often. */
const TOTALS_SHARE = 0.2;
const BEFORE_MS = 60_000;
/** The list of products is long, and its order should not jump. */
const PRODUCTS_MS = 15_000;

let session = new AbortController();
let loading = new AbortController();
let lastId = '';
let retryMs = RETRY_FIRST_MS;
let wake: (() => void) | undefined;
let dirty = false;
let lastRound = { startedAt: 0, tookMs: 0 };
let beforeAt = 0;
let productsAt = 0;
let loadedWindow = '';

function handle(event: StreamEvent): void {
  if (event.id) lastId = event.id;
  const data: unknown = JSON.parse(event.data);
  if (event.name === 'points') {
    const { version, points } = data as { version: number; points: Point[] };
    const { window, from, to } = span.value;
    const mine = points.filter((point) => point.window === window);
    takePoints(mine, version, from, to);
    dirty ||= points.length > 0;
  } else if (event.name === 'ledger') takeLedger(data as Ledger);
  else if (event.name === 'status') {
    takeStatus(data as Status);
    followNewest();
  }
  // More has changed than the stream sends: the numbers are asked for again.
  else if (event.name === 'reset') void reload();
}

function fail(error: unknown): void {
  const known = error instanceof ApiError ? error : new ApiError(0, 'page', String(error));
  // With 403 the key that was logged in with has another right.
  if (known.status === 401 || (known.status === 403 && hasLoggedIn())) {
    loggedIn.value = { login_required: true, scope: known.status === 403 ? 'other' : null };
    connection.value = { kind: 'unauthorized' };
    session.abort();
  } else if (connection.value.kind !== 'retrying') {
    connection.value = { kind: 'retrying', since: now.value, error: known };
  }
}

/** A metric could not be asked for. Only a refused key concerns the whole page; how it is reached, the stream tells. */
function failed(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) fail(error);
  else dirty = true;
}

async function reload(): Promise<void> {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const asked = span.value;
  const startedAt = Date.now();
  dirty = false;
  if (asked.window !== loadedWindow) clearRows();
  loadedWindow = asked.window;
  await loadSpan(asked, signal, failed);
  lastRound = { startedAt, tookMs: Date.now() - startedAt };
  if (signal.aborted) return;
  if (eventsInRange() === 0) await openOnNewest(true, signal).catch(failed);
  if (signal.aborted) return;
  beforeAt = Date.now();
  productsAt = beforeAt;
  await loadProducts(asked, signal, failed);
  await loadBefore(asked, signal);
}

async function refreshTotals(): Promise<void> {
  if (!dirty || document.hidden || connection.value.kind !== 'live') return;
  const since = Date.now() - lastRound.startedAt;
  if (since < Math.max(TOTALS_MS, lastRound.tookMs / TOTALS_SHARE)) return;
  dirty = false;
  const { signal } = loading;
  lastRound = { startedAt: Date.now(), tookMs: 0 };
  await loadTotals(span.value, signal, failed);
  lastRound.tookMs = Date.now() - lastRound.startedAt;
  if (eventsInRange() === 0) await openOnNewest(true, signal).catch(failed);
  if (!signal.aborted && Date.now() - productsAt > PRODUCTS_MS) {
    productsAt = Date.now();
    await loadProducts(span.value, signal, failed);
  }
  if (!signal.aborted && Date.now() - beforeAt > BEFORE_MS) {
    beforeAt = Date.now();
    await loadBefore(span.value, signal);
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  nextTryAt.value = now.value + ms;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
  });
}

/** Windows that the view shows; with minutes the funnel is hourly, and its changes have to be heard of too. */
const streamPath = () => {
  const { window } = span.value;
  const names = 'traffic,responses,latency,audience,funnel,revenue,quality';
  return `v1/stream?metrics=${names}&windows=${window === '1m' ? '1m,1h' : window}`;
};

async function connect(signal: AbortSignal): Promise<void> {
  takeStatus(await getStatus(signal));
  if (hasLoggedIn()) loggedIn.value = await getSession(signal);
  takeLedger(await getLedger(signal));
  await Promise.all([openOnNewest(false, signal), findUsualCurrency(signal)]).catch(failed);
  let first = true;
  await readStream(streamPath(), lastId, signal, (event) => {
    if (first) {
      // Whatever changed between the last numbers and this connection comes with the reload.
      first = false;
      retryMs = RETRY_FIRST_MS;
      connection.value = { kind: 'live' };
      void reload();
    }
    handle(event);
  });
}

async function run(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await connect(signal);
    } catch (error) {
      if (signal.aborted) return;
      fail(error);
      if (signal.aborted) return;
    }
    // Spread out, so that the pages of many users don't all return in the same moment.
    await wait(retryMs * (0.75 + Math.random() / 2), signal);
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
  }
}

/** Also the way to another stream: `connection` then stays as it is, for a mere change of windows is no news. */
export function start(): void {
  session.abort();
  session = new AbortController();
  lastId = '';
  forgetRate();
  startClock();
  const { kind } = connection.value;
  if (kind !== 'retrying' && kind !== 'live') connection.value = { kind: 'connecting' };
  void run(session.signal);
}

export function pause(): void {
  session.abort();
  stopClock();
  connection.value = { kind: 'paused', at: now.value };
}

export const retryNow = (): void => wake?.();

/** The session's cookie can't be read here; without a login there is nothing to log out from, and nothing to ask for. */
const LOGIN = 'tillstream.login';
const hasLoggedIn = (): boolean => localStorage.getItem(LOGIN) !== null;

/** One login is for all tabs of the browser: the others are told, so that none asks again. */
const tabs = new BroadcastChannel('tillstream');
tabs.onmessage = () => start();

export async function logIn(key: string): Promise<void> {
  await login(key);
  localStorage.setItem(LOGIN, 'yes');
  tabs.postMessage('session');
  start();
}

export async function logOut(): Promise<void> {
  await logout();
  localStorage.removeItem(LOGIN);
  loggedIn.value = { login_required: true, scope: null };
  tabs.postMessage('session');
  start();
}

export function watch(): void {
  let shown = { key: '', window: '' };
  effect(() => {
    const { key, window } = span.value;
    untracked(() => {
      const { kind } = connection.value;
      const known = shown;
      shown = { key, window };
      // Before the first answer the time zone is unknown, and with it the span.
      if (known.key === '' || kind === 'connecting' || kind === 'unauthorized') return;
      if (known.window !== window && kind === 'live') start();
      else void reload();
    });
  });
  setInterval(publish, PUBLISH_MS);
  setInterval(() => void refreshTotals(), 250);
  addEventListener('online', retryNow);
  document.addEventListener('visibilitychange', () => document.hidden || retryNow());
}
