import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WINDOWS, type WindowSize } from '../metrics/window.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard } from './auth.ts';
import type { MetricsBackend, StateBackend, TapBackend } from './backend.ts';
import type { ServerConfig } from './config.ts';
import { parametersOf } from './parameters.ts';

const LOOK_EVERY_MS = 500;
const HEARTBEAT_MS = 15_000;
/** A client that has this much unread is cut off; it reconnects and goes on from its last event. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
/** A client that missed more points than this is told to load again. */
const CATCH_UP_POINTS_MAX = 20_000;

interface Client {
  metrics: Set<string>;
  windows: Set<string>;
  /** Version of the store up to which it has been told what changed. */
  version: number;
  send(event: string, data: unknown, id?: number): void;
}

/**
 * `GET /v1/stream` and `GET /v1/tap`: server-sent events. One look at the store serves all clients that are at the same
 * version, which is all but those that just came: it asks what changed after it, and each gets the part that it wants.
 */
export function registerStream(
  app: FastifyInstance,
  backend: MetricsBackend & StateBackend & TapBackend,
  guard: Guard,
  config: ServerConfig,
): void {
  const clients = new Set<Client>();
  const defaultMetrics = backend
    .status()
    .metrics.map(({ name }) => name)
    .filter((name) => name !== 'products' && name !== 'sales');
  let open = 0;
  let sentLedger = '';
  let looking = false;
  let lastStatusMs = 0;

  async function look(): Promise<void> {
    if (looking || clients.size === 0) return;
    looking = true;
    try {
      await sendChanges();
      const ledger = JSON.stringify(backend.ledger());
      if (ledger !== sentLedger) {
        sentLedger = ledger;
        for (const client of clients) client.send('ledger', JSON.parse(ledger));
      }
      if (Date.now() - lastStatusMs >= 1000) {
        lastStatusMs = Date.now();
        const status = backend.status();
        for (const client of clients) client.send('status', status);
      }
    } catch (error) {
      app.log.warn({ err: error }, 'stream: looking for changes failed, will look again');
    } finally {
      looking = false;
    }
  }

  async function sendChanges(): Promise<void> {
    const newest = backend.storeVersion();
    const behind = [...clients].filter((client) => client.version < newest);
    // Those that are nearly up to date come first: nobody waits for one that was away for long.
    const groups = [...Map.groupBy(behind, (client) => client.version)].sort(([a], [b]) => b - a);
    for (const [from, group] of groups) {
      const wanted = new Set(group.flatMap((client) => [...client.metrics]));
      const page = { pointsMax: CATCH_UP_POINTS_MAX, after: null, named: true };
      const { version, points, next } = await backend.changes(from, [...wanted], WINDOWS, page);
      for (const client of group) {
        client.version = version;
        const own = points.filter(
          (point) => client.metrics.has(point.metric) && client.windows.has(point.window),
        );
        // What has more pages is more than one may catch up with: the client loads what it shows.
        if (next !== null || own.length > CATCH_UP_POINTS_MAX)
          client.send('reset', { version, time_zone: backend.timeZone }, version);
        else client.send('points', { version, points: own.map(flat) }, version);
      }
    }
  }

  const timer = setInterval(look, LOOK_EVERY_MS);
  app.addHook('onClose', async () => clearInterval(timer));

  /** A HEAD request must not open a stream that nobody reads. */
  const route = (scope: 'read' | 'admin') => ({
    exposeHeadRoute: false,
    onRequest: async (request: FastifyRequest) => guard.check(request, scope),
  });

  function openStream(reply: FastifyReply) {
    if (open >= config.stream_clients_max) {
      throw new ApiError('too_many_requests', `${open} live streams are open, which is the limit.`, 30);
    }
    open++;
    const stream = openEventStream(reply);
    stream.onClose(() => {
      open--;
    });
    return stream;
  }

  app.get('/v1/stream', route('read'), async (request, reply) => {
    const query = parametersOf(request, ['metrics', 'windows']);
    const metrics = query.metrics?.split(',') ?? defaultMetrics;
    const windows = query.windows?.split(',') ?? [...WINDOWS];
    const unknown = metrics.find((name) => !backend.status().metrics.some((metric) => metric.name === name));
    if (unknown !== undefined)
      throw new ApiError('unknown_metric', `There is no metric "${unknown.slice(0, 64)}".`);
    const wrong = windows.find((window) => !WINDOWS.includes(window as WindowSize));
    if (wrong !== undefined) throw new ApiError('bad_window', `There is no window "${wrong.slice(0, 64)}".`);

    const newest = backend.storeVersion();
    const last = String(request.headers['last-event-id'] ?? '');
    const lastId = /^\d{1,15}$/.test(last) ? Number(last) : newest;
    const { send, onClose } = openStream(reply);
    const client: Client = {
      metrics: new Set(metrics),
      windows: new Set(windows),
      version: Math.min(lastId, newest),
      send,
    };
    const hello = { version: newest, time_zone: backend.timeZone };
    // An id that this store has never given: whatever the client has is not of this store.
    if (lastId > newest) send('reset', hello, newest);
    else send('hello', hello, lastId);
    send('ledger', backend.ledger());
    send('status', backend.status());
    clients.add(client);
    onClose(() => clients.delete(client));
    if (client.version < newest) await look();
  });

  app.get('/v1/tap', route('admin'), async (request, reply) => {
    parametersOf(request, []);
    const { send, onClose } = openStream(reply);
    send('hello', {});
    onClose(
      backend.tap((source, bytes) => {
        for (const buffer of bytes) {
          for (const line of buffer.toString('utf8').split('\n')) if (line) send('line', { source, line });
        }
      }),
    );
  });
}

function flat(point: { metric: string; window: string; row: object }): object {
  return { metric: point.metric, window: point.window, ...point.row };
}

function openEventStream(reply: FastifyReply) {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'x-accel-buffering': 'no',
  });
  raw.write('retry: 2000\n\n');
  const heartbeat = setInterval(() => raw.write(': \n\n'), HEARTBEAT_MS);
  raw.on('close', () => clearInterval(heartbeat));
  raw.on('error', () => raw.destroy());
  return {
    send(event: string, data: unknown, id?: number): void {
      if (raw.destroyed) return;
      if (raw.writableLength > UNREAD_BYTES_MAX) {
        raw.destroy();
        return;
      }
      raw.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    onClose(work: () => void): void {
      if (raw.destroyed) work();
      else raw.on('close', work);
    },
  };
}
