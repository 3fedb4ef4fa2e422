import type { FastifyRequest } from 'fastify';
import { ApiError } from '../telemetry/errors.ts';

/** The query parameters of a request. One that is unknown or comes twice is refused: it would mean something else. */
export function parametersOf<N extends string>(
  request: FastifyRequest,
  names: readonly N[],
): Partial<Record<N, string>> {
  const query = request.query as Record<string, string | string[]>;
  for (const [name, value] of Object.entries(query)) {
    if (!(names as readonly string[]).includes(name)) {
      const known = names.length === 0 ? 'none' : names.join(', ');
      throw new ApiError('bad_request', `There is no parameter "${name.slice(0, 64)}" here. Use ${known}.`);
    }
    if (typeof value !== 'string')
      throw new ApiError('bad_request', `The parameter ${name} was given more than once.`);
  }
  return query as Partial<Record<N, string>>;
}

export function parseFlag(name: string, text: string | undefined): boolean {
  if (text !== undefined && text !== 'true' && text !== 'false') {
    throw new ApiError('bad_request', `${name}="${text.slice(0, 64)}" is neither true nor false.`);
  }
  return text === 'true';
}
