import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SOURCE_NAME } from '../log/offset.ts';
import type { IngestResult } from '../sources/source.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard } from './auth.ts';
import type { IngestBackend } from './backend.ts';
import { besideOf } from './beside.ts';
import { type BodyBudget, withBody } from './body.ts';
import { hasCloudEvents, structured } from './cloud-events.ts';
import type { ServerConfig } from './config.ts';
import { decodeBody } from './decode-body.ts';
import { ingestAnswer, LinesRejectedError } from './ingest-answer.ts';
import { parametersOf, parseFlag } from './parameters.ts';

/** What pages of other origins may send; the last is of Snowplow's tracker. */
const ALLOWED_HEADERS = 'authorization, content-type, content-encoding, sp-anonymous';
const VALIDATED_HEADER = 'x-tillstream-validated';
/** Our own address. */
export const EVENTS_PATH = '/v1/events';
/** Name of the collector in the ledger. */
export const HTTP_SOURCE = 'http';

/** `POST /v1/events`: NDJSON, a JSON array or one object; the 200 comes after the lines are durable. */
export function registerCollector(
  app: FastifyInstance,
  backend: IngestBackend,
  guard: Guard,
  config: ServerConfig,
  budget: BodyBudget,
): void {
  app.post(
    EVENTS_PATH,
    {
      onRequest: async (request, reply) => {
        // First: a page of another origin may read why it was refused, too.
        allowOrigin(request, reply, config);
        const { key } = request.query as Record<string, unknown>;
        guard.check(request, 'write', typeof key === 'string' ? key : undefined);
      },
    },
    async (request) => {
      const parameters = parametersOf(request, ['strict', 'map', 'key']);
      const strict = parseFlag('strict', parameters.strict);
      const { headers } = request;
      const isCloud = hasCloudEvents(headers);
      const map = parameters.map ?? (isCloud ? 'cloudevents' : undefined);
      const mapper = map === undefined ? undefined : await backend.mapper(map);
      const source = sourceOf(request, guard);
      const takesMarked = isValidated(request, guard);
      const wayOf = () => {
        if (isCloud && parameters.map === undefined) return 'cloudevents';
        if (map !== undefined) return map;
        return headers.origin === undefined ? 'events' : 'browser';
      };
      return withBody(request, config, budget, async (body) => {
        const text = isCloud ? structured(headers, body) : body;
        const records = await decodeBody(text, config.decoded_bytes_max, {
          formats: backend.formats,
          ...mapper?.detecting,
        });
        const options = { strict, takesMarked, mapper, beside: besideOf(request, backend), way: wayOf() };
        const result = await backend.ingest(source, records, options);
        if (!isCloud && isNothing(result)) throw new LinesRejectedError(result, false);
        return ingestAnswer(result);
      });
    },
  );

  app.options(EVENTS_PATH, async (request, reply) => answerPreflight(request, reply, config));
}

/** Whether there was nothing to store. A batch of CloudEvents may be empty. */
const isNothing = ({ accepted, rejected, leftOut }: IngestResult) => accepted + rejected + leftOut === 0;

/** Tells a browser what a page of another origin may send. */
export function answerPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  config: ServerConfig,
  withCookies = false,
): FastifyReply {
  allowOrigin(request, reply, config, withCookies);
  reply.header('access-control-allow-methods', 'GET, POST');
  reply.header('access-control-allow-headers', ALLOWED_HEADERS);
  reply.header('access-control-max-age', '600');
  return reply.code(204).send();
}

/** An administrator may name the source, as `tillstream load` does. */
function sourceOf(request: FastifyRequest, guard: Guard): string {
  const source = request.headers['x-tillstream-source'];
  if (source === undefined) return HTTP_SOURCE;
  guard.check(request, 'admin');
  if (typeof source === 'string' && SOURCE_NAME.test(source)) return source;
  throw new ApiError('bad_request', 'x-tillstream-source must be 1 to 32 of a-z, 0-9, _ and -.');
}

/** `tillstream load` has validated the lines: those that are marked as rejected stay so. */
function isValidated(request: FastifyRequest, guard: Guard): boolean {
  if (request.headers[VALIDATED_HEADER] === undefined) return false;
  guard.check(request, 'admin');
  return true;
}

/**
 * Lets a page of an origin that the config allows read the answer. `withCookies`: also that to a request which carries cookies, as some
 * trackers send it; a browser hides the answer from them otherwise.
 */
export function allowOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  config: ServerConfig,
  withCookies = false,
): void {
  const { origin } = request.headers;
  if (origin === undefined || !config.cors_origins.includes(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('vary', 'origin');
  if (withCookies) reply.header('access-control-allow-credentials', 'true');
}
