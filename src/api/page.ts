import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { Guard } from './auth.ts';

/** Files whose names change with their content. */
const HASHED = /-[\w-]{8,}\.(js|css|woff2|svg|png)$/;

/** The dashboard: files of a folder. They hold no data, so they are open; the page asks for a key where one is needed. */
export async function registerPage(app: FastifyInstance, dir: string, guard: Guard): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => guard.checkPlace(request));
    await scope.register(fastifyStatic, {
      root: dir,
      cacheControl: false,
      setHeaders(reply, path) {
        const isHashed = HASHED.test(path);
        reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  });
}
