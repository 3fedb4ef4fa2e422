import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ComponentError } from '../../src/telemetry/errors.ts';
import { listenFailure } from '../../src/telemetry/system-error.ts';

export interface LogApiOptions {
  /** 0: any free port. */
  port: number;
  host?: string;
  /** Entries that are kept; older ones are forgotten, which a slow reader sees as a gap. */
  retainEntries?: number;
  /** Where positions start. Time of start x 1000, so that a restarted API never goes back. */
  firstPosition: number;
  /** False: only `GET /`, as the old log API. */
  cursorApi?: boolean;
  random: () => number;
}

export interface LogApi {
  url: string;
  port: number;
  /** Adds an entry: one line without its line end. `valid`: it may be given out by `GET /`. */
  append(line: string | Buffer, valid?: boolean): void;
  /** Requests answered so far. */
  requests(): number;
  close(): Promise<void>;
}

const LIMIT_DEFAULT = 1000;
const LIMIT_MAX = 10_000;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The log API of the simulated shop, on its own port:
 * - `GET /`: one entry at random, as the old pipeline's log API gives it;
 * - `GET /logs?after=CURSOR&limit=N`: the entries after a cursor, in order, as NDJSON exactly as they were written,
 *   malformed ones too. `x-next-cursor` is what to ask with next, `x-oldest-cursor` the smallest cursor from which
 *   nothing is missing, `x-more: true` says that more is there already. Cursors are decimal numbers that only grow.
 *   Without `after` it begins at the oldest entry.
 */
export async function createLogApi(options: LogApiOptions): Promise<LogApi> {
  const retain = options.retainEntries ?? 100_000;
  const entries: Buffer[] = [];
  const valid: boolean[] = [];
  // Position before the first entry that is kept.
  let oldest = options.firstPosition;
  let requests = 0;

  const randomEntry = (): LogApiAnswer => {
    for (let tries = 0; tries < 50 && entries.length > 0; tries++) {
      const at = Math.floor(options.random() * entries.length);
      if (valid[at]) return { status: 200, type: 'application/json', body: entries[at] as Buffer };
    }
    return {
      ...failure(503, 'no_entries', 'No entry yet; ask again in a second.'),
      headers: { 'retry-after': '1' },
    };
  };

  const page = (query: URLSearchParams): LogApiAnswer => {
    for (const name of query.keys()) {
      if (name !== 'after' && name !== 'limit') {
        return failure(400, 'bad_parameter', `Unknown parameter "${name.slice(0, 50)}": use after, limit.`);
      }
    }
    const limitText = query.get('limit') ?? String(LIMIT_DEFAULT);
    const limit = /^\d{1,6}$/.test(limitText) ? Number(limitText) : 0;
    if (limit < 1 || limit > LIMIT_MAX) {
      return failure(400, 'bad_parameter', `limit must be a whole number from 1 to ${LIMIT_MAX}.`);
    }
    const afterText = query.get('after');
    if (afterText !== null && !/^\d{1,15}$|^\d{16}$/.test(afterText)) {
      return failure(400, 'bad_parameter', 'after must be a cursor as given in x-next-cursor.');
    }
    const after = afterText === null ? oldest : Number(afterText);
    if (after > oldest + entries.length) {
      return failure(
        410,
        'cursor_unknown',
        'after is past the newest entry, so it does not belong to this log.',
      );
    }
    const from = Math.max(after, oldest) - oldest;
    let to = from;
    let bytes = 0;
    while (to < entries.length && to - from < limit) {
      bytes += (entries[to] as Buffer).length + 1;
      if (bytes > ANSWER_BYTES_MAX && to > from) break;
      to++;
    }
    return {
      status: 200,
      type: 'application/x-ndjson',
      body: Buffer.concat(entries.slice(from, to).flatMap((entry) => [entry, NEWLINE])),
      headers: {
        'x-next-cursor': String(oldest + to),
        'x-oldest-cursor': String(oldest),
        'x-more': String(to < entries.length),
      },
    };
  };

  const handle = (request: IncomingMessage): LogApiAnswer => {
    requests++;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { ...failure(405, 'method_not_allowed', 'Use GET.'), headers: { allow: 'GET, HEAD' } };
    }
    const url = new URL(`http://log-api${request.url?.startsWith('/') ? request.url : '/'}`);
    if (url.pathname === '/') return randomEntry();
    if (url.pathname === '/logs' && options.cursorApi !== false) return page(url.searchParams);
    return failure(404, 'not_found', 'Use GET / or GET /logs?after=CURSOR&limit=N.');
  };

  const server = createServer((request, response) => send(response, handle(request)));
  await listen(server, options.port, options.host ?? '127.0.0.1');
  const { port, address, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`,
    port,
    append(line, isValid = true) {
      entries.push(typeof line === 'string' ? Buffer.from(line) : line);
      valid.push(isValid);
      // Cut in big steps: moving the whole array for each entry would cost more than the entry.
      if (entries.length >= retain + Math.max(1, retain >> 3)) {
        const cut = entries.length - retain;
        entries.splice(0, cut);
        valid.splice(0, cut);
        oldest += cut;
      }
    },
    requests: () => requests,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const NEWLINE = Buffer.from('\n');

interface LogApiAnswer {
  status: number;
  type: string;
  body: Buffer;
  headers?: Record<string, string>;
}

function failure(status: number, code: string, message: string): LogApiAnswer {
  return {
    status,
    type: 'application/json',
    body: Buffer.from(JSON.stringify({ error: { code, message } })),
  };
}

function send(response: ServerResponse, { status, type, body, headers }: LogApiAnswer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ComponentError(listenFailure(error, { host, port, settings: '--port' })));
    });
    server.listen(port, host, resolve);
  });
}
