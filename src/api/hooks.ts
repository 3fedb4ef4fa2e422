import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard } from './auth.ts';
import type { IngestBackend } from './backend.ts';
import { besideOf } from './beside.ts';
import { type BodyBudget, withBody } from './body.ts';
import type { HookConfig, ServerConfig } from './config.ts';
import { decodeBody } from './decode-body.ts';
import { ingestAnswer } from './ingest-answer.ts';
import { parametersOf } from './parameters.ts';
import { isEqual, SIGNATURES, type SignatureName } from './signatures.ts';

/** Address of the webhooks; their name follows. */
export const HOOKS_PATH = '/v1/hooks';

/** What WooCommerce sends when a webhook is made. */
const PING = /^webhook_id=\d+$/;

/**
 * `POST /v1/hooks/NAME`: webhooks of other systems. Who may send is told by the system's signature, or by a secret in the address. What is no
 * event is stored as a bad row: the sender can't correct it, and would end the webhook after some refusals.
 */
export function registerHooks(
  app: FastifyInstance,
  backend: IngestBackend,
  guard: Guard,
  config: ServerConfig,
  budget: BodyBudget,
): void {
  app.post<{ Params: { name: string } }>(`${HOOKS_PATH}/:name`, async (request) => {
    guard.checkPlace(request);
    const hook = config.hooks.find(({ name }) => name === request.params.name);
    if (hook === undefined) throw new ApiError('not_found', 'The config has no webhook with this name.');
    const { secret } = parametersOf(request, ['secret']);
    const mapper = hook.map === undefined ? undefined : await backend.mapper(hook.map);
    return withBody(request, config, budget, async (body) => {
      if (!isFrom(hook, request, body, secret, backend.now())) {
        guard.refused.count(hook.name, backend.now());
        throw new ApiError('not_signed', `The webhook ${hook.name} is not signed with its secret.`);
      }
      if (body.length < 64 && PING.test(body.toString('latin1'))) return { accepted: 0, rejected: 0 };
      const records = await decodeBody(body, config.decoded_bytes_max, {
        formats: backend.formats,
        ...mapper?.detecting,
      });
      const result = await backend.ingest(hook.name, records, {
        strict: false,
        takesMarked: false,
        keepsRejected: true,
        mapper,
        beside: besideOf(request, backend),
      });
      return ingestAnswer(result);
    });
  });
}

/** How a webhook is signed where the config does not say it. */
export function signatureOf({
  map,
  signature,
}: Pick<HookConfig, 'map' | 'signature'>): SignatureName | 'address' {
  if (signature !== undefined) return signature;
  return map !== undefined && Object.hasOwn(SIGNATURES, map) ? (map as SignatureName) : 'address';
}

function isFrom(
  hook: HookConfig,
  { headers }: FastifyRequest,
  body: Buffer,
  given: string | undefined,
  nowMs: number,
): boolean {
  const signature = signatureOf(hook);
  if (signature === 'address') return given !== undefined && isEqual(given, hook.secret);
  return SIGNATURES[signature]({ body, headers, secret: hook.secret, nowMs });
}
