import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { ApiError } from '../domain/errors.ts';
import type { Guard } from './auth.ts';

/** The dashboard: files of a folder, open to those who may read. A browser is asked for the key by its own dialog. */
export async function registerPage(app: FastifyInstance, dir: string, guard: Guard): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      try {
        guard.check(request, 'read');
      } catch (error) {
        if (error instanceof ApiError && error.code === 'unauthorized') {
          reply.header('www-authenticate', 'Basic realm="Tillstream: any name, the API key as password"');
        }
        throw error;
      }
    });
    await scope.register(fastifyStatic, { root: dir, cacheControl: true, maxAge: '1h', immutable: false });
  });
}
