import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Choice, choiceSchema } from '../imports/choice.ts';
import type { Imports } from '../imports/imports.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard } from './auth.ts';
import { type BodyBudget, withBody } from './body.ts';
import type { ServerConfig } from './config.ts';
import { parametersOf, parseFlag } from './parameters.ts';

/** A choice has a mapping in it, and no more. */
const CHOICE_BYTES_MAX = 256 * 1024;

/** `/v1/imports`: files that come by the page. A load works with the data folder as the commands of its owner do: scope admin. */
export function registerImports(
  app: FastifyInstance,
  imports: Imports,
  guard: Guard,
  config: ServerConfig,
  budget: BodyBudget,
): void {
  const admin = { onRequest: async (request: FastifyRequest) => guard.check(request, 'admin') };
  const small = { ...config, body_bytes_max: CHOICE_BYTES_MAX, decoded_bytes_max: CHOICE_BYTES_MAX };
  const choiceIn = (request: FastifyRequest) =>
    withBody(request, small, budget, async (body) => choiceOf(body.toString('utf8')));

  app.get('/v1/imports', admin, async (request) => {
    parametersOf(request, []);
    return { bytes_max: config.import_bytes_max, ...(await imports.choices()), imports: imports.list() };
  });

  app.post('/v1/imports', admin, async (request, reply) => {
    const { name = 'file', bytes } = parametersOf(request, ['name', 'bytes']);
    reply.code(201);
    return imports.create(name, numberOf('bytes', bytes));
  });

  app.get('/v1/imports/:id', admin, async (request) => imports.get(idOf(request)));

  app.put('/v1/imports/:id/content', admin, async (request) => {
    const { offset = '0' } = parametersOf(request, ['offset']);
    // Leaving the loop must not end the connection: the answer is still to be sent.
    const chunks = request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    return imports.write(idOf(request), numberOf('offset', offset), chunks);
  });

  app.post('/v1/imports/:id/preview', admin, async (request, reply) => {
    const { guess } = parametersOf(request, ['guess']);
    const choice = await choiceIn(request);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return imports.preview(idOf(request), choice, parseFlag('guess', guess), gone.signal);
  });

  app.post('/v1/imports/:id/load', admin, async (request, reply) => {
    const { again } = parametersOf(request, ['again']);
    const choice = await choiceIn(request);
    reply.code(202);
    return imports.start(idOf(request), choice, parseFlag('again', again));
  });

  app.delete('/v1/imports/:id', admin, async (request) => imports.remove(idOf(request)));
}

const idOf = (request: FastifyRequest) => (request.params as { id: string }).id;

function choiceOf(text: string): Choice {
  let given: unknown = {};
  try {
    if (text.trim() !== '') given = JSON.parse(text);
  } catch {
    throw new ApiError('bad_json', 'The body is not JSON.');
  }
  const result = choiceSchema.safeParse(given);
  if (result.success) return result.data;
  throw new ApiError('bad_mapping', `The settings are not valid: ${z.prettifyError(result.error)}`);
}

function numberOf(name: string, text: string | undefined): number {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw new ApiError('bad_request', `${name} must be a whole number of bytes.`);
}
