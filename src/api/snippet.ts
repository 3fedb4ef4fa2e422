import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { SNIPPET_FILE } from '../system/own-files.ts';
import type { Guard } from './auth.ts';
import type { IngestBackend } from './backend.ts';
import { HTTP_SOURCE } from './collector.ts';
import { jsonRecordOf, PIXEL } from './pixel.ts';

/** The script, and the image for where no script runs. */
export const SCRIPT_PATH = '/t.js';
export const PIXEL_PATH = '/v1/pixel.gif';

/** `GET /t.js`, which shops put into their pages, and `GET /v1/pixel.gif` for where no script runs: its parameters are an event. */
export function registerSnippet(app: FastifyInstance, backend: IngestBackend, guard: Guard): void {
  const script = readFileSync(SNIPPET_FILE, 'utf8');
  app.get(SCRIPT_PATH, async (request, reply) => {
    guard.checkPlace(request);
    reply.header('cache-control', 'public, max-age=3600');
    // Pages of any origin may load it; what they send is checked when it comes.
    reply.header('cross-origin-resource-policy', 'cross-origin');
    return reply.type('text/javascript; charset=utf-8').send(script);
  });

  app.get(PIXEL_PATH, { exposeHeadRoute: false }, async (request, reply) => {
    const { key, ...fields } = request.query as Record<string, unknown>;
    guard.check(request, 'write', typeof key === 'string' ? key : undefined);
    const event = {
      timestamp: new Date(backend.now()).toISOString(),
      user_agent: request.headers['user-agent'],
      url: request.headers.referer,
      ...fields,
    };
    // Nobody reads the answer to an image, so what is no event is kept as a bad row.
    await backend.ingest(HTTP_SOURCE, [jsonRecordOf(event)], {
      strict: false,
      takesMarked: false,
      keepsRejected: true,
      way: 'pixel',
    });
    return reply.type('image/gif').send(PIXEL);
  });
}
