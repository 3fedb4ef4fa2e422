import { z } from 'zod';
import { SIGNATURE_NAMES } from './signatures.ts';

const MIB = 1024 * 1024;

const apiKey = z.strictObject({
  name: z.string().min(1).max(64).describe('A name of your choice, shown in logs instead of the key.'),
  key: z.string().min(16).max(512).describe('The secret, at least 16 characters; use "${ENV_NAME}".'),
  scopes: z
    .array(z.enum(['write', 'read', 'admin']))
    .min(1)
    .default(['write', 'read'])
    .describe('write: send events; read: query and page; admin: compact, vacuum, rebuild, import.'),
});

const hook = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9_-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9, _ and -')
      .describe('Name in the address, POST /v1/hooks/NAME. Also the name of the source in the ledger.'),
    map: z.string().min(1).optional().describe('Mapping of the records: a preset or a name in `mappings`.'),
    secret: z.string().min(8).max(512).describe('The secret of the webhook; use "${ENV_NAME}".'),
    signature: z
      .enum([...SIGNATURE_NAMES, 'address'])
      .optional()
      .describe(
        'How a request is authenticated: by the signature of that system, or by the secret in the address (?secret=...). Default: the signature of the preset in `map`, otherwise address.',
      ),
  })
  .describe('A webhook of another system.');
export type HookConfig = z.infer<typeof hook>;

export const serverConfig = z
  .strictObject({
    host: z
      .string()
      .default('127.0.0.1')
      .describe('Address to listen on. Any address except loopback requires api_keys.'),
    port: z
      .int()
      .min(0)
      .max(65535)
      .default(8080)
      .describe('Port of the HTTP API and the page. 0 uses a free one.'),
    api_keys: z
      .array(apiKey)
      .default([])
      .describe('Who can write and read. Without keys, everyone on this machine can.'),
    hooks: z.array(hook).default([]).describe('Webhooks of other systems, POST /v1/hooks/NAME.'),
    cors_origins: z
      .array(z.string())
      .default([])
      .describe('Origins of web pages that can send events from the browser, such as https://shop.example.'),
    allowed_hosts: z
      .array(z.string())
      .default([])
      .describe(
        'Further host names accepted in requests while listening on loopback, for example behind a proxy.',
      ),
    body_bytes_max: z
      .int()
      .min(1024)
      .default(16 * MIB)
      .describe('Largest request body, as sent.'),
    decoded_bytes_max: z
      .int()
      .min(1024)
      .default(64 * MIB)
      .describe('Largest request body after decompression.'),
    line_bytes_max: z
      .int()
      .min(256)
      .max(MIB)
      .default(64 * 1024)
      .describe('Longest line. A longer one becomes a bad row.'),
    lines_max: z
      .int()
      .min(100_000)
      .default(1_000_000)
      .describe('Most lines of a request body, including empty ones. A request with more is refused (413).'),
    in_flight_bytes_max: z
      .int()
      .min(MIB)
      .default(256 * MIB)
      .describe('Most bytes of all bodies held at a time. Beyond that, requests get 429.'),
    import_bytes_max: z
      .int()
      .min(0)
      .default(1_000_000_000)
      .describe('Largest file that can be imported on the page. 0: none.'),
    connections_max: z
      .int()
      .min(1)
      .default(4096)
      .describe('Most open connections. Further ones are closed at once.'),
    header_timeout_seconds: z
      .int()
      .min(1)
      .default(10)
      .describe('Longest time for a client to send the headers.'),
    request_timeout_seconds: z
      .int()
      .min(1)
      .default(30)
      .describe('Longest time for a client to send a whole request.'),
    stream_clients_max: z.int().min(1).default(200).describe('Most open live streams (SSE).'),
  })
  .describe('HTTP: collector, query API and page.');

export type ServerConfig = z.infer<typeof serverConfig>;
