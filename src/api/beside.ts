import type { FastifyRequest } from 'fastify';
import type { IngestBackend } from './backend.ts';

/** What a mapping may read of a request besides its records: `^headers.x`, and `^received_at` for records that name no time. */
export function besideOf(
  { headers }: FastifyRequest,
  backend: IngestBackend,
): Readonly<Record<string, unknown>> {
  return { headers, received_at: new Date(backend.now()).toISOString() };
}
