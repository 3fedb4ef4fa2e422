import { z } from 'zod';
import { SIGNATURE_NAMES } from './signatures.ts';

const MIB = 1024 * 1024;

const apiKey = z.strictObject({
  name: z.string().min(1).max(64).describe('For you: shown in logs instead of the key.'),
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
      .describe('Name in the address, POST /v1/hooks/NAME, and of the source in the ledger.'),
    map: z.string().min(1).optional().describe('Mapping of what is sent: a preset or a name in `mappings`.'),
    secret: z.string().min(8).max(512).describe('The secret of the webhook; use "${ENV_NAME}".'),
    signature: z
      .enum([...SIGNATURE_NAMES, 'address'])
      .optional()
      .describe(
        'How a request shows that it is from there: signed as that system does it, or by the secret in the address (?secret=...). That of the map where it is left out, else the address.',
      ),
  })
  .describe('A webhook of another system.');
export type HookConfig = z.infer<typeof hook>;

export const serverConfig = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('Address to listen on; any but loopback needs api_keys.'),
    port: z
      .int()
      .min(0)
      .max(65535)
      .default(8080)
      .describe('Port of the HTTP API and the page; 0 takes a free one.'),
    api_keys: z
      .array(apiKey)
      .default([])
      .describe('Who may write and read. Without any, everyone on this machine may.'),
    hooks: z.array(hook).default([]).describe('Webhooks of other systems, POST /v1/hooks/NAME.'),
    cors_origins: z
      .array(z.string())
      .default([])
      .describe('Origins of web pages that may send events from the browser, e.g. https://shop.example.'),
    allowed_hosts: z
      .array(z.string())
      .default([])
      .describe(
        'Further Host names that requests may carry while listening on loopback, e.g. behind a proxy.',
      ),
    body_bytes_max: z
      .int()
      .min(1024)
      .default(16 * MIB)
      .describe('Most bytes of a request body, as sent.'),
    decoded_bytes_max: z
      .int()
      .min(1024)
      .default(64 * MIB)
      .describe('Most bytes of a request body after decompression.'),
    line_bytes_max: z
      .int()
      .min(256)
      .max(MIB)
      .default(64 * 1024)
      .describe('Longest line; a longer one is a bad row.'),
    lines_max: z
      .int()
      .min(100_000)
      .default(1_000_000)
      .describe(
        'Most lines of a request body, empty ones included; a longer one is refused as a whole (413).',
      ),
    in_flight_bytes_max: z
      .int()
      .min(MIB)
      .default(256 * MIB)
      .describe('Bytes of bodies held at a time; beyond it requests get 429.'),
    import_bytes_max: z
      .int()
      .min(0)
      .default(1_000_000_000)
      .describe('Largest file that can be imported on the page; 0: none.'),
    connections_max: z
      .int()
      .min(1)
      .default(4096)
      .describe('Open connections; further ones are closed at once.'),
    header_timeout_seconds: z.int().min(1).default(10).describe('Time for a client to send the headers.'),
    request_timeout_seconds: z
      .int()
      .min(1)
      .default(30)
      .describe('Time for a client to send a whole request.'),
    stream_clients_max: z.int().min(1).default(200).describe('Open live streams (SSE).'),
  })
  .describe('HTTP: collector, query API and page.');

export type ServerConfig = z.infer<typeof serverConfig>;
