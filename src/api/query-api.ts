import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { SOURCE_NAME } from '../log/offset.ts';
import { API_WINDOWS, PARAMETERS, parseMetricQuery, parseTimeRange } from '../query/metric-query.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard, Scope } from './auth.ts';
import type { ArchiveBackend, MetricsBackend, StateBackend } from './backend.ts';
import { type BodyBudget, withBody } from './body.ts';
import type { ServerConfig } from './config.ts';
import { parametersOf, parseFlag } from './parameters.ts';

const BAD_ROWS_MAX = 1000;
/** How long one request waits for what has come to be archived and measured. */
const IDLE_MS_MAX = 2000;
/** Orders that are asked about at a time. */
const ORDERS_MAX = 20_000;
const DOUBTS_BYTES_MAX = 16 * 1024 * 1024;

const doubtsSchema = z.strictObject({
  source: z.string().regex(SOURCE_NAME),
  sinceMs: z.int().min(0),
  withdrawn: z.array(z.string().max(1024)).max(ORDERS_MAX),
  givenBack: z.array(z.string().max(1024)).max(ORDERS_MAX).default([]),
  isOfSeveral: z.boolean(),
});

/** The read side of the API, and the commands of an administrator. */
export function registerQueryApi(
  app: FastifyInstance,
  backend: MetricsBackend & StateBackend & ArchiveBackend,
  guard: Guard,
  config: ServerConfig,
  budget: BodyBudget,
): void {
  const allow = (scope: Scope) => ({
    onRequest: async (request: Parameters<Guard['check']>[0]) => guard.check(request, scope),
  });

  app.get('/v1/metrics/:metric', allow('read'), async (request) => {
    const { metric: name } = request.params as { metric: string };
    const query = parametersOf(request, ['window', 'from', 'to', 'total', 'top']);
    const parsed = parseMetricQuery(
      { ...query, metric: name, total: parseFlag('total', query.total) },
      {
        metrics: backend.status().metrics,
        timeZone: backend.timeZone,
        nowMs: backend.now(),
        defaultWindows: API_WINDOWS,
        wording: PARAMETERS,
      },
    );
    const { window, fromMs, toMs } = parsed;
    const result = await backend.query(parsed);
    return {
      metric: name,
      window,
      time_zone: backend.timeZone,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      ...result,
    };
  });

  app.get('/v1/ledger', allow('read'), async () => backend.ledger());
  app.get('/v1/status', allow('read'), async () => backend.status());

  app.get('/v1/bad', allow('read'), async (request) => {
    const { limit, reason, id } = parametersOf(request, ['limit', 'reason', 'id']);
    const filter = { limit: limit === undefined ? 100 : parseNumber('limit', limit, 1, BAD_ROWS_MAX) };
    return {
      bad_rows: await backend.badRows({ ...filter, ...(reason ? { reason } : {}), ...(id ? { id } : {}) }),
    };
  });

  app.post('/v1/admin/compact', allow('admin'), async () => backend.compact());

  app.post('/v1/admin/settle', allow('admin'), async () => backend.waitUntilIdle(IDLE_MS_MAX));

  const whole = { ...config, body_bytes_max: DOUBTS_BYTES_MAX, decoded_bytes_max: DOUBTS_BYTES_MAX };
  app.post('/v1/admin/doubts', allow('admin'), async (request) =>
    withBody(request, whole, budget, (body) => backend.doubts(askedIn(body))),
  );

  app.post('/v1/admin/vacuum', allow('admin'), async (request) => {
    const { retention_hours: hours } = parametersOf(request, ['retention_hours']);
    return backend.vacuum(hours === undefined ? 168 : parseNumber('retention_hours', hours, 0, 1_000_000));
  });

  app.post('/v1/admin/rebuild', allow('admin'), async (request, reply) => {
    const query = parametersOf(request, ['from', 'to', 'diff']);
    const range = parseTimeRange(query, {
      timeZone: backend.timeZone,
      nowMs: backend.now(),
      wording: PARAMETERS,
    });
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return backend.rebuild(range, parseFlag('diff', query.diff), gone.signal);
  });
}

function askedIn(body: Buffer): z.infer<typeof doubtsSchema> {
  let given: unknown;
  try {
    given = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ApiError('bad_json', 'The body is not JSON.');
  }
  const result = doubtsSchema.safeParse(given);
  if (result.success) return result.data;
  throw new ApiError('bad_request', `The request is not valid: ${z.prettifyError(result.error)}`);
}

function parseNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new ApiError(
      'bad_request',
      `${name}="${text.slice(0, 64)}" is not a whole number from ${min} to ${max}.`,
    );
  }
  return value;
}
