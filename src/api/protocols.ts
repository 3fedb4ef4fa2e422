import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Decoded } from '../ingest/format.ts';
import type { Mapper } from '../ingest/mapper.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Guard } from './auth.ts';
import type { IngestBackend } from './backend.ts';
import { besideOf } from './beside.ts';
import { type BodyBudget, withBody } from './body.ts';
import { allowOrigin, answerPreflight, HTTP_SOURCE } from './collector.ts';
import type { ServerConfig } from './config.ts';
import { decodeBody } from './decode-body.ts';
import { jsonRecordOf, PIXEL } from './pixel.ts';
import {
  firehoseSnippets,
  ga4Snippets,
  otlpSnippets,
  posthogSnippets,
  segmentSnippets,
  snowplowSnippets,
} from './sources/protocol-snippets.ts';
import type { Snippet, SnippetTarget } from './sources/snippet-text.ts';

/** An address that the clients of another system send to. */
interface Protocol {
  readonly name: string;
  /** The systems, for people. */
  readonly title: string;
  /** Addresses of POST. */
  readonly paths: readonly string[];
  /** Addresses of GET, whose parameters are an event; the answer is an image. */
  readonly pings?: readonly string[];
  /** The preset that makes events of what they send. */
  readonly map: string;
  /** Where the key is, other than in the header Authorization: a parameter of the address, or members of the body. */
  readonly key?:
    | { readonly parameter: string }
    | { readonly header: string }
    | { readonly members: readonly string[] };
  /** What the client calls its key, where it has a name for it. */
  readonly keyName?: string;
  /** How a client is pointed here. */
  readonly snippets: (to: SnippetTarget) => Snippet[];
  /** Its pages send cookies, so the answers must allow them. */
  readonly sendsCookies?: true;
  /** What the client wants to hear. */
  readonly answer: (
    reply: FastifyReply,
    contentType: string,
    headers: FastifyRequest['headers'],
    nowMs: number,
  ) => unknown;
  /** The body in a format that is read. */
  readonly decode?: (body: Buffer, contentType: string) => Promise<Buffer>;
}

const PROTOBUF = 'application/x-protobuf';

export const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'segment',
    title: 'Segment, RudderStack',
    // https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/, and RudderStack's, which is the same.
    paths: ['track', 'page', 'screen', 'identify', 'group', 'alias', 'batch'].map((call) => `/v1/${call}`),
    map: 'segment',
    keyName: 'the write key',
    snippets: segmentSnippets,
    answer: () => ({ success: true }),
  },
  {
    name: 'ga4',
    title: 'Google Analytics 4, Measurement Protocol',
    // https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference
    paths: ['/mp/collect'],
    map: 'ga4',
    key: { parameter: 'api_secret' },
    snippets: ga4Snippets,
    answer: (reply) => reply.code(204).send(),
  },
  {
    name: 'posthog',
    title: 'PostHog',
    // https://posthog.com/docs/api/capture
    paths: ['/batch', '/batch/', '/capture', '/capture/', '/i/v0/e', '/i/v0/e/', '/e', '/e/'],
    map: 'posthog',
    key: { members: ['api_key', 'token'] },
    keyName: 'the project key',
    snippets: posthogSnippets,
    answer: () => ({ status: 1 }),
  },
  {
    name: 'snowplow',
    title: 'Snowplow',
    // https://docs.snowplow.io/docs/events/going-deeper/http-requests/
    paths: ['/com.snowplowanalytics.snowplow/tp2'],
    pings: ['/i'],
    map: 'snowplow',
    key: { parameter: 'key' },
    snippets: snowplowSnippets,
    sendsCookies: true,
    answer: () => 'ok',
  },
  {
    name: 'otlp',
    title: 'OpenTelemetry logs, JSON and protobuf',
    // https://opentelemetry.io/docs/specs/otlp/#otlphttp
    paths: ['/v1/logs'],
    map: 'otlp',
    snippets: otlpSnippets,
    decode: fromProtobuf,
    // An empty answer is that of success, in both of its forms.
    answer: (reply, type) =>
      type === PROTOBUF ? reply.type(PROTOBUF).send(Buffer.alloc(0)) : reply.send({ partialSuccess: {} }),
  },
  {
    name: 'firehose',
    title: 'Amazon Firehose',
    // https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
    paths: ['/v1/firehose'],
    map: 'firehose',
    key: { header: 'x-amz-firehose-access-key' },
    keyName: 'the access key',
    snippets: firehoseSnippets,
    answer: (_reply, _type, headers, nowMs) => ({
      requestId: headers['x-amz-firehose-request-id'],
      timestamp: nowMs,
    }),
  },
];

/**
 * The addresses of other systems' clients. What is no event is stored as a bad row: such a client would drop it, and nobody would learn of
 * it.
 */
export function registerProtocols(
  app: FastifyInstance,
  backend: IngestBackend,
  guard: Guard,
  config: ServerConfig,
  budget: BodyBudget,
): void {
  for (const protocol of PROTOCOLS) {
    const open = (request: FastifyRequest, reply: FastifyReply) =>
      allowOrigin(request, reply, config, protocol.sendsCookies);
    const ingest = async (request: FastifyRequest, records: readonly Decoded[], mapper: Mapper) => {
      const path = request.routeOptions.url ?? '';
      await backend.ingest(HTTP_SOURCE, records, {
        strict: false,
        takesMarked: false,
        keepsRejected: true,
        mapper,
        beside: { ...besideOf(request, backend), call: path.slice(path.lastIndexOf('/') + 1) },
        way: protocol.name,
      });
    };
    for (const path of protocol.paths)
      app.post(path, async (request, reply) => {
        open(request, reply);
        const { key } = protocol;
        const isInBody = key !== undefined && 'members' in key;
        // Where the key is not in the body, nothing of that is read without it.
        if (!isInBody) guard.check(request, 'write', key && keyOf(request, key));
        const mapper = await backend.mapper(protocol.map);
        return withBody(request, config, budget, async (body) => {
          if (isInBody) {
            const given = memberOf(body, key.members);
            guard.check(request, 'write', guard.needsKey ? given : undefined);
            if (given) blankKey(body, key.members, given);
          }
          const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
          const text = (await protocol.decode?.(body, type)) ?? body;
          await ingest(
            request,
            await decodeBody(text, config.decoded_bytes_max, {
              formats: backend.formats,
              ...mapper.detecting,
            }),
            mapper,
          );
          return protocol.answer(reply, type, request.headers, backend.now());
        });
      });
    for (const path of protocol.pings ?? [])
      app.get(path, { exposeHeadRoute: false }, async (request, reply) => {
        open(request, reply);
        const { key, ...event } = request.query as Record<string, unknown>;
        guard.check(request, 'write', typeof key === 'string' ? key : undefined);
        await ingest(request, [jsonRecordOf(event)], await backend.mapper(protocol.map));
        return reply.type('image/gif').send(PIXEL);
      });
    for (const path of [...protocol.paths, ...(protocol.pings ?? [])])
      app.options(path, async (request, reply) =>
        answerPreflight(request, reply, config, protocol.sendsCookies),
      );
  }
}

function keyOf(
  request: FastifyRequest,
  key: { readonly parameter: string } | { readonly header: string },
): string | undefined {
  const value =
    'header' in key ? request.headers[key.header] : (request.query as Record<string, unknown>)[key.parameter];
  return typeof value === 'string' ? value : undefined;
}

/** OTLP's protobuf as its JSON. */
async function fromProtobuf(body: Buffer, type: string): Promise<Buffer> {
  if (type !== PROTOBUF) return body;
  const { otlpJson } = await import('../ingest/otlp-protobuf.ts');
  try {
    return otlpJson(body);
  } catch {
    throw new ApiError('bad_encoding', 'The body is not an OTLP logs request in protobuf.');
  }
}

/** Overwrites the key in the body, so that it is kept nowhere: neither in an event nor in a bad row. */
export function blankKey(body: Buffer, names: readonly string[], key: string): void {
  const text = Buffer.from(JSON.stringify(key));
  const blank = Buffer.from('""'.padEnd(text.length));
  for (let at = body.indexOf(text); at >= 0; at = body.indexOf(text, at + text.length))
    if (names.includes(nameBefore(body, at))) blank.copy(body, at);
}

/** Bytes before a value in which its name is looked for. */
const NAME_BYTES_MAX = 64;

/** Name of the member whose value begins there; '' where none comes before it. */
function nameBefore(body: Buffer, at: number): string {
  const before = body.toString('latin1', Math.max(0, at - NAME_BYTES_MAX), at);
  return /"(\w+)"\s*:\s*$/.exec(before)?.[1] ?? '';
}

/** The first of the members that a JSON object has as a text. */
function memberOf(body: Buffer, names: readonly string[]): string | undefined {
  try {
    const value = JSON.parse(body.toString('utf8')) as Record<string, unknown> | null;
    return names.map((name) => value?.[name]).find((key) => typeof key === 'string') as string | undefined;
  } catch {
    // Not JSON: then it has no members.
    return undefined;
  }
}
