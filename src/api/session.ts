import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard } from './auth.ts';
import { BodyBudget, withBody } from './body.ts';
import type { ServerConfig } from './config.ts';
import { COOKIE, SECONDS } from './session-token.ts';

const LOGIN_BYTES_MAX = 4096;

/** `POST /v1/login`, `POST /v1/logout` and `GET /v1/session`: how the page gets, loses and knows its access. */
export function registerSession(app: FastifyInstance, guard: Guard, config: ServerConfig): void {
  const budget = new BodyBudget(config.in_flight_bytes_max);
  const small = { ...config, body_bytes_max: LOGIN_BYTES_MAX, decoded_bytes_max: LOGIN_BYTES_MAX };

  app.post('/v1/login', async (request, reply) => {
    guard.checkPlace(request);
    const key = await withBody(request, small, budget, async (body) => keyIn(body));
    const session = guard.login(request, key);
    if (session !== null) setCookie(request, reply, session, SECONDS);
    return reply.code(204).send();
  });

  app.post('/v1/logout', async (request, reply) => {
    guard.checkPlace(request);
    setCookie(request, reply, '', 0);
    return reply.code(204).send();
  });

  app.get('/v1/session', async (request) => {
    guard.checkPlace(request);
    return { login_required: guard.needsKey, scope: guard.scopesOf(request)?.join(' ') ?? null };
  });
}

function keyIn(body: Buffer): string {
  try {
    const { key } = JSON.parse(body.toString('utf8')) as { key?: unknown };
    if (typeof key === 'string') return key.trim();
  } catch {
    // Answered below.
  }
  throw new ApiError('bad_json', 'Send {"key": "..."} with the API key.');
}

function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, seconds: number): void {
  // A proxy that ends TLS says so; a browser would not send back such a cookie over plain HTTP.
  const isSecure = request.headers['x-forwarded-proto'] === 'https';
  reply.header(
    'set-cookie',
    `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`,
  );
}
