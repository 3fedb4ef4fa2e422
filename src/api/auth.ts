import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { isLoopback } from '../system/host.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ServerConfig } from './config.ts';
import { RefusedRequests } from './refused-requests.ts';
import { isSessionOf, newSession, sessionOf } from './session-token.ts';
import { WrongKeys } from './wrong-keys.ts';

export type Scope = 'write' | 'read' | 'admin';

/**
 * Decides who may do what. Keys are compared by their digests, in constant time. `ownerToken` is the secret of this
 * start, which commands on this machine read from the data folder; it may do everything.
 */
export function createGuard(config: ServerConfig, ownerToken: string, logger: Logger) {
  const keys = config.api_keys.map(({ name, key, scopes }) => ({ name, key, scopes, digest: digest(key) }));
  const owner = digest(ownerToken);
  const hosts = new Set(['localhost', '127.0.0.1', '[::1]', config.host, ...config.allowed_hosts]);
  const wrongKeys = new WrongKeys(logger);
  const refused = new RefusedRequests();

  /** Throws ApiError unless the request may use `scope`. `given`: a key that it has elsewhere than in its headers. */
  function check(request: FastifyRequest, scope: Scope, given?: string): void {
    try {
      decide(request, scope, given);
    } catch (error) {
      if (scope === 'write') refused.count(null, Date.now());
      throw error;
    }
  }

  function decide(request: FastifyRequest, scope: Scope, given: string | undefined): void {
    checkOnce(request);
    checkHost(request);
    checkOrigin(request, scope);
    const secret = secretOf(request.headers.authorization) ?? given ?? null;
    if (secret !== null && timingSafeEqual(digest(secret), owner)) return;
    if (keys.length === 0) return;
    const session = secret === null ? sessionOf(request) : null;
    if (secret === null && session === null)
      throw new ApiError('unauthorized', 'This address needs an API key, and none was sent.');
    const found = secret === null ? ofSession(session!) : ofSecret(secret);
    if (!found) {
      if (secret === null)
        throw new ApiError('unauthorized', 'The login has expired, or its key was changed.');
      wrongKeys.count(request.ip);
      throw new ApiError('unauthorized', WRONG_KEY);
    }
    if (!found.scopes.includes(scope)) {
      throw new ApiError('forbidden', `The API key "${found.name}" does not have the scope "${scope}".`);
    }
  }

  function ofSecret(secret: string) {
    const sent = digest(secret);
    let found: (typeof keys)[number] | undefined;
    for (const key of keys) if (timingSafeEqual(key.digest, sent)) found = key;
    return found;
  }

  function ofSession(session: string) {
    return keys.find(({ key }) => isSessionOf(key, session, Date.now()));
  }

  /** Throws ApiError unless the key may read; gives a session for it, or null where no key is needed. */
  function login(request: FastifyRequest, secret: string): string | null {
    if (keys.length === 0) return null;
    const found = ofSecret(secret);
    if (!found) {
      wrongKeys.count(request.ip);
      throw new ApiError('unauthorized', WRONG_KEY);
    }
    if (!found.scopes.includes('read'))
      throw new ApiError(
        'forbidden',
        `The API key "${found.name}" does not have the scope "read", which the page needs.`,
      );
    return newSession(found.key, Date.now());
  }

  /** What the session of a request may do; null without a valid one. */
  function scopesOf(request: FastifyRequest): readonly Scope[] | null {
    const session = sessionOf(request);
    return (session === null ? undefined : ofSession(session))?.scopes ?? null;
  }

  /** Throws ApiError where the request comes from a place that has no business here, whatever key it has. */
  function checkPlace(request: FastifyRequest): void {
    checkOnce(request);
    checkHost(request);
    checkOrigin(request, 'read');
  }

  /** Which of two headers counts must not be left to who reads them first: this program or a proxy before it. */
  function checkOnce(request: FastifyRequest): void {
    for (const name of ['host', 'authorization', 'origin', 'cookie']) {
      if ((request.raw.headersDistinct[name]?.length ?? 0) > 1) {
        throw new ApiError('bad_request', `The header ${name} was sent more than once.`);
      }
    }
  }

  /** A page that a browser shows from elsewhere must not reach us by a name that resolves to this machine. */
  function checkHost(request: FastifyRequest): void {
    if (!isLoopback(config.host)) return;
    const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    if (!hosts.has(host))
      throw new ApiError('forbidden', `The host name "${host.slice(0, 64)}" is not allowed here.`);
  }

  function checkOrigin(request: FastifyRequest, scope: Scope): void {
    const { origin } = request.headers;
    if (
      origin === undefined ||
      origin === `http://${request.headers.host}` ||
      origin === `https://${request.headers.host}`
    )
      return;
    if (scope === 'write' && config.cors_origins.includes(origin)) return;
    throw new ApiError('forbidden', `Requests from web pages of "${origin.slice(0, 64)}" are not allowed.`);
  }

  return { check, checkPlace, login, scopesOf, refused, needsKey: keys.length > 0 };
}

const WRONG_KEY = 'The API key is not in the config. Check that you copied all of it.';

export type Guard = ReturnType<typeof createGuard>;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The key of `Bearer KEY`; or of `Basic` the password, as `curl -u` sends it, or the user name where there is none, as clients of Segment do. */
function secretOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const bearer = /^Bearer +(\S+)$/i.exec(header);
  if (bearer) return bearer[1]!;
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header);
  if (!basic) return '';
  const decoded = Buffer.from(basic[1]!, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return decoded.slice(colon + 1) || decoded.slice(0, Math.max(0, colon));
}
