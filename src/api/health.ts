import type { FastifyInstance } from 'fastify';
import type { Guard } from './auth.ts';
import type { StateBackend } from './backend.ts';

/** Liveness, readiness by part, and Prometheus. */
export function registerHealth(app: FastifyInstance, backend: StateBackend, guard: Guard): void {
  app.get('/healthz', async () => ({ status: 'alive' }));

  app.get('/readyz', async (_request, reply) => {
    const { parts } = backend.status();
    // A log API that is not there yet, or a store that follows, keeps nobody from sending and reading.
    const ready = Object.values(parts).every(({ state, needed }) => state === 'ready' || needed === false);
    // Without a key only the states are told; messages can hold paths and addresses.
    const states = Object.fromEntries(Object.entries(parts).map(([name, { state }]) => [name, { state }]));
    return reply.code(ready ? 200 : 503).send({ ready, parts: states });
  });

  app.get(
    '/metrics',
    { onRequest: async (request) => guard.check(request, 'read') },
    async (_request, reply) => {
      const { contentType, text } = await backend.metrics();
      return reply.type(contentType).send(text);
    },
  );
}
