import type { FastifyInstance, FastifyReply } from 'fastify';
import { ApiError } from '../domain/errors.ts';
import { WINDOWS, type WindowSize } from '../domain/window.ts';
import type { Guard } from './auth.ts';
import type { Backend } from './backend.ts';
import type { ServerConfig } from './config.ts';

const LOOK_EVERY_MS = 500;
const HEARTBEAT_MS = 15_000;
/** A client that has this much unread is cut off; it reconnects and goes on from its last event. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
/** A client that missed more points than this is told to load anew. */
const CATCH_UP_POINTS_MAX = 20_000;

interface Client {
  metrics: Set<string>;
  windows: Set<string>;
  send(event: string, data: unknown, id?: number): void;
}

/**
 * `GET /v1/stream` and `GET /v1/tap`: server-sent events. One look at the store serves all clients: it asks what
 * changed after the version sent last, and each client gets the part that it asked for.
 */
export function registerStream(
  app: FastifyInstance,
  backend: Backend,
  guard: Guard,
  config: ServerConfig,
): void {
  const clients = new Set<Client>();
  const defaultMetrics = backend
    .status()
    .metrics.map(({ name }) => name)
    .filter((name) => name !== 'products');
  let sentVersion = 0;
  let sentLedger = '';
  let looking = false;
  let lastStatusMs = 0;

  async function look(): Promise<void> {
    if (looking || clients.size === 0) return;
    looking = true;
    try {
      const wanted = new Set([...clients].flatMap((client) => [...client.metrics]));
      if (backend.storeVersion() > sentVersion) {
        const { version, points } = await backend.changes(sentVersion, [...wanted], WINDOWS);
        sentVersion = version;
        for (const client of clients) {
          const own = points.filter(
            (point) => client.metrics.has(point.metric) && client.windows.has(point.window),
          );
          client.send('points', { version, points: own.map(flat) }, version);
        }
      }
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
  const timer = setInterval(look, LOOK_EVERY_MS);
  app.addHook('onClose', async () => clearInterval(timer));

  app.get(
    '/v1/stream',
    { onRequest: async (request) => guard.check(request, 'read') },
    async (request, reply) => {
      if (clients.size >= config.stream_clients_max) {
        throw new ApiError(
          'too_many_requests',
          `${clients.size} live streams are open, which is the limit.`,
          30,
        );
      }
      const query = request.query as Record<string, string | undefined>;
      const metrics = query.metrics?.split(',') ?? defaultMetrics;
      const windows = query.windows?.split(',') ?? [...WINDOWS];
      const unknown = metrics.find(
        (name) => !backend.status().metrics.some((metric) => metric.name === name),
      );
      if (unknown !== undefined) throw new ApiError('unknown_metric', `There is no metric "${unknown}".`);
      const wrong = windows.find((window) => !WINDOWS.includes(window as WindowSize));
      if (wrong !== undefined) throw new ApiError('bad_window', `There is no window "${wrong}".`);

      const lastId = Number(request.headers['last-event-id'] ?? Number.NaN);
      const { send, onClose } = openEventStream(reply);
      const client: Client = { metrics: new Set(metrics), windows: new Set(windows), send };
      if (clients.size === 0) sentVersion = backend.storeVersion();
      const hello = { version: sentVersion, time_zone: backend.timeZone };
      if (lastId < sentVersion) {
        const missed = await backend.changes(lastId, metrics, windows as WindowSize[]);
        if (missed.points.length > CATCH_UP_POINTS_MAX) send('reset', hello, sentVersion);
        else {
          send('hello', hello);
          send('points', { version: missed.version, points: missed.points.map(flat) }, missed.version);
        }
      } else send('hello', hello, sentVersion);
      send('ledger', backend.ledger());
      send('status', backend.status());
      clients.add(client);
      onClose(() => clients.delete(client));
    },
  );

  app.get(
    '/v1/tap',
    { onRequest: async (request) => guard.check(request, 'admin') },
    async (_request, reply) => {
      const { send, onClose } = openEventStream(reply);
      send('hello', {});
      onClose(
        backend.tap((source, bytes) => {
          for (const buffer of bytes) {
            for (const line of buffer.toString('utf8').split('\n')) if (line) send('line', { source, line });
          }
        }),
      );
    },
  );
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
