import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../domain/errors.ts';
import { jsonToLines } from '../domain/json-values.ts';
import type { Guard } from './auth.ts';
import type { Backend } from './backend.ts';
import { BodyBudget, withBody } from './body.ts';
import type { ServerConfig } from './config.ts';
import { parametersOf, parseFlag } from './parameters.ts';

/** Name of the collector in the ledger. */
const HTTP_SOURCE = 'http';

/** `POST /v1/events`: NDJSON, a JSON array or one object; the 200 comes after the lines are durable. */
export function registerCollector(
  app: FastifyInstance,
  backend: Backend,
  guard: Guard,
  config: ServerConfig,
): void {
  const budget = new BodyBudget(config.in_flight_bytes_max);

  app.post(
    '/v1/events',
    { onRequest: async (request) => guard.check(request, 'write') },
    async (request, reply) => {
      allowOrigin(request, reply, config);
      const strict = parseFlag('strict', parametersOf(request, ['strict']).strict);
      const source = sourceOf(request, guard);
      return withBody(request, config, budget, (body) =>
        backend.ingest(source, linesOf(request, body), strict),
      );
    },
  );

  app.options('/v1/events', async (request, reply) => {
    allowOrigin(request, reply, config);
    reply.header('access-control-allow-methods', 'POST');
    reply.header('access-control-allow-headers', 'authorization, content-type, content-encoding');
    reply.header('access-control-max-age', '600');
    return reply.code(204).send();
  });
}

/** An administrator may name the source, as `tillstream load` does. */
function sourceOf(request: FastifyRequest, guard: Guard): string {
  const source = request.headers['x-tillstream-source'];
  if (source === undefined) return HTTP_SOURCE;
  guard.check(request, 'admin');
  if (typeof source === 'string' && /^[a-z0-9_-]{1,32}$/.test(source)) return source;
  throw new ApiError('bad_request', 'x-tillstream-source must be 1 to 32 of a-z, 0-9, _ and -.');
}

/** The body as NDJSON. Arrays and pretty-printed objects are recognised by their content, not only by their type. */
function linesOf(request: FastifyRequest, body: Buffer): Buffer {
  const type = request.headers['content-type'] ?? '';
  const first = body[0];
  const mayBeArray = first !== 0x7b;
  if (!mayBeArray && (type.includes('ndjson') || type.includes('jsonl'))) return body;
  if (!mayBeArray && !type.includes('json')) return body;
  return jsonToLines(body) ?? body;
}

function allowOrigin(request: FastifyRequest, reply: FastifyReply, config: ServerConfig): void {
  const { origin } = request.headers;
  if (origin === undefined || !config.cors_origins.includes(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('vary', 'origin');
}
