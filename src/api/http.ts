import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import type { Socket } from 'node:net';
import fastifyCompress from '@fastify/compress';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Imports } from '../imports/imports.ts';
import { AppendError } from '../log/event-log.ts';
import { API_ERRORS, ApiError, ArchiveError, MetricsError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createGuard } from './auth.ts';
import type { Backend } from './backend.ts';
import { BodyBudget } from './body.ts';
import { registerCollector } from './collector.ts';
import type { ServerConfig } from './config.ts';
import { registerHealth } from './health.ts';
import { registerHooks } from './hooks.ts';
import { registerImports } from './imports.ts';
import { LinesRejectedError } from './ingest-answer.ts';
import { answerUnknownRoutes, PARAMETER_MAX } from './methods.ts';
import { connectionsWithin } from './open-files.ts';
import { openApi } from './openapi.ts';
import { registerPage } from './page.ts';
import { registerProtocols } from './protocols.ts';
import { registerQueryApi } from './query-api.ts';
import { registerSession } from './session.ts';
import { registerSnippet } from './snippet.ts';
import { registerSources } from './sources/sources-api.ts';
import { registerStream } from './stream.ts';

/** What can't be read may be back soon, or need a person. */
const PART_RETRY_SECONDS = 10;
/** A client that goes on sending after it was refused is read from for so long, so that it receives the reason. */
const DRAIN_MS = 2000;

export interface ServerOptions {
  backend: Backend;
  imports: Imports;
  config: ServerConfig;
  /** Folder of the built page; null where it is not served. */
  pageDir: string | null;
  /** Secret of this start: commands on this machine use it. */
  ownerToken: string;
  logger: Logger;
}

/** Builds the HTTP server; the caller lets it listen. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { backend, config } = options;
  const app: FastifyInstance = Fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: config.body_bytes_max,
    requestTimeout: config.request_timeout_seconds * 1000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    http: {
      // Node refuses to start with a longer time for the headers than for the whole.
      headersTimeout: Math.min(config.header_timeout_seconds, config.request_timeout_seconds) * 1000,
      connectionsCheckingInterval: 2000,
      // Checked below, with an answer that says so.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: PARAMETER_MAX },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
  });
  app.server.maxConnections = connectionsWithin(config.connections_max);
  app.server.maxHeadersCount = 100;

  // Streams of events are sent as they are; what is small costs more than it saves.
  await app.register(fastifyCompress, {
    // Bodies that come in are decoded by body.ts, within its limits.
    globalDecompression: false,
    threshold: 1024,
    encodings: ['br', 'gzip', 'identity'],
  });

  // Bodies are read by the handlers that want one, within their own limits.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));

  app.addHook('onRequest', async (request, reply) => {
    // What is asked for is of this moment; files of the page have a header of their own.
    reply.header('cache-control', 'no-store');
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('x-frame-options', 'DENY');
    reply.header(
      'content-security-policy',
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new ApiError('bad_request', 'The header host is missing.');
    }
  });

  app.setErrorHandler(answerError);
  answerUnknownRoutes(app);

  const guard = createGuard(config, options.ownerToken, options.logger);
  registerSession(app, guard, config);
  const budget = new BodyBudget(config.in_flight_bytes_max);
  registerCollector(app, backend, guard, config, budget);
  registerHooks(app, backend, guard, config, budget);
  registerProtocols(app, backend, guard, config, budget);
  registerSnippet(app, backend, guard);
  registerQueryApi(app, backend, guard, config, budget);
  registerSources(app, backend, guard, config);
  registerImports(app, options.imports, guard, config, budget);
  registerStream(app, backend, guard, config);
  registerHealth(app, backend, guard);
  app.get('/openapi.json', async () => openApi(backend.status()));
  const { pageDir } = options;
  if (pageDir !== null)
    await access(pageDir).then(
      () => registerPage(app, pageDir, guard),
      () => options.logger.warn({ dir: pageDir }, 'the page is not built: only the API is served'),
    );
  return app;
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const known = toApiError(error);
  if (known.code === 'internal') request.log.error({ err: error, reqId: request.id }, 'request failed');
  if (known.retryAfterSeconds !== undefined) reply.header('retry-after', String(known.retryAfterSeconds));
  if (known.status === 401 && !reply.hasHeader('www-authenticate'))
    reply.header('www-authenticate', 'Bearer');
  // A body that was not read to its end makes the connection useless for a next request.
  if (!request.raw.complete) {
    reply.header('connection', 'close');
    drainBeforeClosing(request);
  }
  return reply
    .code(known.status)
    .send(error instanceof LinesRejectedError ? { ...known.toJSON(), ...error.result } : known.toJSON());
}

/**
 * A connection that is closed while the client still sends is reset, and the client may lose the answer that it already
 * has. So only our side is closed at first, and what still comes is thrown away for a moment.
 */
function drainBeforeClosing(request: FastifyRequest): void {
  const { raw } = request;
  const { socket } = raw;
  if (socket.destroyed) return;
  socket.destroySoon = () => {
    socket.end();
    raw.resume();
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ArchiveError) return new ApiError('archive_failed', error.message, PART_RETRY_SECONDS);
  if (error instanceof MetricsError) return new ApiError('metrics_failed', error.message, PART_RETRY_SECONDS);
  if (error instanceof AppendError) {
    const { code, message, retryAfterSeconds } = error;
    return new ApiError(code, message, code === 'too_many_sources' ? undefined : retryAfterSeconds);
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode === 413) return new ApiError('too_large', message ?? 'The request is too large.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ApiError('bad_request', message ?? 'The request could not be read.');
  }
  return new ApiError('internal', 'Something went wrong inside Tillstream.');
}

/** Answers what Node's HTTP parser refuses: broken, oversized or too slow requests. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? 'timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? 'too_large'
        : 'bad_request';
  const body = JSON.stringify(new ApiError(code, 'The request is not valid HTTP, too large, or too slow.'));
  const { status } = API_ERRORS[code];
  socket.end(
    `HTTP/1.1 ${status} Error\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
