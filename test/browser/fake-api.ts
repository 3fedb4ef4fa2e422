/**
 * The HTTP API with a shop that does not exist behind it, and the built page. For working on the page, and for its
 * states that the real product only has in trouble. Run it: `node test/browser/fake-api.ts [PORT]`.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nextWindow, windowStart, windowStarts } from '../../web/src/time/windows.ts';
import { realNow } from '../support/clock.ts';
import { FakeShop, type Values, type Window } from './fake-shop.ts';

const DIST = fileURLToPath(new URL('../../web/dist', import.meta.url));
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'";
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** The shop's first day. */
const SINCE = Date.UTC(2026, 9, 1);
/** A row without any of these is none. */
const COUNTS = ['events', 'count', 'users', 'orders', 'views', 'rows'];
const iso = (at: number) => new Date(at).toISOString();

export interface FakeOptions {
  port?: number;
  /** Nothing was ever received. */
  empty?: boolean;
  /** Asks for this key. */
  key?: string;
  demo?: boolean;
  /** The main currency of the config. */
  currency?: string;
  /** Nothing happened since this time. */
  endedAt?: number;
  timeZone?: string;
  tickMs?: number;
  /** Time stands still, so that the same question gets the same answer. */
  frozen?: boolean;
}

export class FakeApi {
  readonly options: FakeOptions;
  readonly shop: FakeShop;
  /** Moves time, and with it the numbers, forward. */
  aheadMs = 0;
  /** Answers of one metric become errors. */
  failing = new Set<string>();
  unbalanced = false;
  /** Lines that the metrics have not taken yet. */
  inFlight = 3;
  /** Only this window has rows. */
  onlyStart: string | undefined;
  requests: string[] = [];
  /** Changes of what the fake shop gives: a metric's rows and totals, or parts of the status. */
  rewrite: (metric: string, values: Values[]) => Values[] = (_, values) => values;
  statusOf: (status: Record<string, unknown>) => Record<string, unknown> = (status) => status;
  #sessions = new Set<string>();
  readonly #startedAt = realNow();
  #version = 1;
  #streams = new Set<ServerResponse>();
  #server = createServer((request, response) => void this.#answer(request, response));
  #timer: NodeJS.Timeout | undefined;
  port = 0;

  constructor(options: FakeOptions = {}) {
    this.options = options;
    this.shop = new FakeShop(() => Math.min(this.now(), this.options.endedAt ?? Infinity));
  }

  now(): number {
    return (this.options.frozen ? this.#startedAt : realNow()) + this.aheadMs;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) =>
      this.#server.listen(this.port || this.options.port || 0, '127.0.0.1', resolve),
    );
    this.port = (this.#server.address() as AddressInfo).port;
    this.#timer = setInterval(() => this.tick(), this.options.tickMs ?? 500);
    return this;
  }

  /** Also in the middle of streams, as a killed process would. It can be started again, at the same port. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#streams.clear();
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Sends the open windows to everyone who listens. */
  tick(): void {
    this.#version++;
    const points = this.options.empty ? [] : this.#points();
    for (const stream of this.#streams) {
      this.#send(stream, 'points', { version: this.#version, points });
      this.#tell(stream);
    }
  }

  #tell(stream: ServerResponse): void {
    this.#send(stream, 'ledger', this.ledger());
    this.#send(stream, 'status', this.statusOf(this.status()));
  }

  #points(): Values[] {
    const at = this.now();
    const zone = this.status().time_zone;
    return (['1m', '1h', '1d'] as const).flatMap((window) => {
      const start = windowStart(window, zone, at);
      const names = ['traffic', 'responses', 'latency', 'revenue', 'audience'];
      return names.flatMap((metric) =>
        this.shop
          .values(metric, start, nextWindow(window, zone, start))
          .map((row) => ({ metric, window, start: iso(start), ...row })),
      );
    });
  }

  #send(stream: ServerResponse, event: string, data: unknown): void {
    stream.write(`id: ${this.#version}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  ledger() {
    const since = Math.min(SINCE, (this.options.endedAt ?? SINCE) - 30 * 86_400_000);
    const received = this.options.empty ? 0 : this.shop.amount('all', since, this.now(), 1);
    const account = (n: number) => {
      const bad = Math.floor(n * 0.0013);
      const duplicate = Math.floor(n * 0.006);
      const [late, later] = n > 0 ? [12, this.inFlight] : [0, 0];
      return {
        received: n,
        archive: { events: n - bad - late, bad_rows: bad, in_flight: late },
        metrics: {
          counted: n - bad - duplicate - later - (this.unbalanced ? 7 : 0),
          duplicate,
          excluded: 0,
          bad,
          in_flight: later,
        },
        balanced: !this.unbalanced,
      };
    };
    const tail = Math.floor(received / 9);
    const by_source =
      received > 0 ? { http: account(received - tail), 'tail:shop.ndjson': account(tail) } : {};
    return { ...account(received), dirty_windows: this.options.empty ? 0 : 2, by_source };
  }

  /** Tells everyone who listens to load again. */
  reset(): void {
    this.#version++;
    for (const stream of this.#streams) this.#send(stream, 'reset', { version: this.#version });
  }

  status() {
    const ready = { state: 'ready', message: '' };
    const at = (ago: number) => (this.options.empty ? null : iso(this.now() - ago));
    const waiting = { state: 'retrying', message: 'no answer from http://127.0.0.1:8086 for 40 s' };
    const newest = this.options.empty ? null : iso(Math.min(this.now(), this.options.endedAt ?? Infinity));
    return {
      running: true,
      version: '0.1.0',
      demo: this.options.demo ?? false,
      newest_event_day: newest?.slice(0, 10) ?? null,
      currency: this.options.currency ?? null,
      time_zone: this.options.timeZone ?? 'Europe/Berlin',
      now: iso(this.now()),
      parts: {
        collector: ready,
        log: ready,
        archive: ready,
        metrics: ready,
        ...(this.options.empty ? {} : { influxdb: waiting }),
      },
      lag: this.options.empty ? {} : { archive: 12, metrics: 3, influxdb: 4210 },
      findings: [],
      freshness: { collector: at(300), log: at(320), archive: at(2400), metrics: at(900) },
    };
  }

  metric(metric: string, params: URLSearchParams) {
    const window = (params.get('window') ?? '1h') as Window;
    const from = Date.parse(params.get('from') ?? iso(this.now() - 86_400_000));
    const to = Date.parse(params.get('to') ?? iso(this.now()));
    const top = Number(params.get('top') ?? 20);
    const zone = this.status().time_zone;
    const values = (start: number, end: number) =>
      // As in a store, there is no row where nothing happened.
      this.rewrite(
        metric,
        this.shop
          .values(metric, start, end, top)
          .filter((row) => COUNTS.some((name) => Number(row[name]) > 0)),
      );
    const rows = this.options.empty
      ? []
      : windowStarts(window, zone, from, Math.min(to, this.now())).flatMap((start) =>
          values(start, nextWindow(window, zone, start)).map((row) => ({ start: iso(start), ...row })),
        );
    const only = this.onlyStart;
    const total = this.options.empty ? [] : values(from, to);
    const base = {
      metric,
      window,
      time_zone: zone,
      from: iso(from),
      to: iso(to),
      version: this.#version,
      rows: only === undefined ? rows : rows.filter(({ start }) => start === only),
    };
    return params.get('total') === 'true' ? { ...base, total, overall: this.#overall(metric, total) } : base;
  }

  #overall(metric: string, total: Values[]): Values | null {
    const sum = (field: string) => total.reduce((all, row) => all + Number(row[field]), 0);
    if (metric === 'traffic') return { events: sum('events') };
    if (metric === 'audience') return total[0] ?? { users: 0, sessions: 0 };
    if (metric === 'latency') return total[0] ? { ...total[0], count: sum('count') } : null;
    if (metric !== 'responses') return null;
    const failed = total
      .filter((row) => row.error_share === 1)
      .reduce((all, row) => all + Number(row.events), 0);
    return { events: sum('events'), error_share: sum('events') > 0 ? failed / sum('events') : null };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (!url.pathname.startsWith('/v1/')) return this.#file(url.pathname, response);
    this.requests.push(request.url ?? '');
    if (await this.#session(url.pathname, request, response, json)) return;
    if (url.pathname === '/v1/status') return json(200, this.statusOf(this.status()));
    if (url.pathname === '/v1/ledger') return json(200, this.ledger());
    if (url.pathname === '/v1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      this.#send(response, 'hello', { version: this.#version, time_zone: this.status().time_zone });
      // As the real one does: what has changed since the page asked is not lost.
      this.#tell(response);
      this.#streams.add(response);
      response.on('close', () => this.#streams.delete(response));
      return;
    }
    const metric = url.pathname.split('/').at(-1)!;
    if (this.failing.has(metric)) {
      return json(500, {
        error: { code: 'internal', message: 'The query failed.', hint: 'See the log of the process.' },
      });
    }
    json(200, this.metric(metric, url.searchParams));
  }

  /** Login, logout, and the refusal of everything else without a session; true where that was the answer. */
  async #session(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    json: (status: number, body: unknown) => void,
  ): Promise<boolean> {
    const { key } = this.options;
    const session = /tillstream_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const isIn = !key || this.#sessions.has(session);
    const refuse = (message: string) => json(401, { error: { code: 'unauthorized', message, hint: '' } });
    if (path === '/v1/session')
      json(200, { login_required: key !== undefined, scope: key && isIn ? 'read' : null });
    else if (path === '/v1/logout') {
      this.#sessions.delete(session);
      response.writeHead(204, { 'set-cookie': 'tillstream_session=; Max-Age=0; HttpOnly; Path=/' }).end();
    } else if (path === '/v1/login') {
      let body = '';
      for await (const piece of request) body += piece;
      if ((JSON.parse(body) as { key: string }).key !== key) refuse('The API key is not in the config.');
      else {
        const made = `s${this.#sessions.size}x${realNow()}`;
        this.#sessions.add(made);
        response
          .writeHead(204, { 'set-cookie': `tillstream_session=${made}; HttpOnly; SameSite=Strict; Path=/` })
          .end();
      }
    } else if (isIn) return false;
    else refuse('An API key is needed.');
    return true;
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const file = path === '/' ? 'index.html' : normalize(path).replace(/^\/+/, '');
    try {
      const body = await readFile(join(DIST, file));
      const type = TYPES[extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await new FakeApi({
    port: Number(process.argv[2] ?? 8090),
    empty: process.argv.includes('--empty'),
  }).start();
  console.log(`${fake.url} (nothing of it is real)`);
}
