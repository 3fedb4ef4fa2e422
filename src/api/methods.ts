import type { FastifyInstance } from 'fastify';
import { ApiError } from '../telemetry/errors.ts';
import { alternatives } from '../telemetry/words.ts';

/** Longer parts of an address belong to no route. */
export const PARAMETER_MAX = 200;

/** Answers to a request for which there is no route: what is at its address takes other methods, or there is nothing at it. */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const methods = routes.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : []));
    const allowed = [...new Set(methods)].sort();
    const shown = path.slice(0, 200);
    if (allowed.length === 0)
      throw new ApiError('not_found', `There is nothing at ${request.method} ${shown}.`);
    reply.header('allow', allowed.join(', '));
    throw new ApiError(
      'method_not_allowed',
      `${shown} does not accept ${request.method}: use ${alternatives(allowed)}.`,
    );
  });
}

/** The addresses of a route. Files of the page are found by their names, so that of them only the page itself is known. */
function patternOf(url: string): RegExp {
  if (url.endsWith('*')) return /^\/$/;
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? `[^/]{1,${PARAMETER_MAX}}` : escaped(part)));
  return new RegExp(`^${parts.join('/')}$`);
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
