import { z } from 'zod';
import { readOptions } from '../read-options.ts';

const HEADERS_MAX = 50;
/** Headers that belong to the connection, or that this program needs as they are. */
const OWN_HEADERS = new Set(
  'accept-encoding connection content-length expect host keep-alive te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);

const path = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^.]+(\.[^.]+)*$/, 'must be names with points between them, such as data.orders');
const parameter = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\s&=#?]+$/, 'must be the name of a query parameter');

const sinceSchema = z.strictObject({
  parameter: parameter.describe('Query parameter that gets the time, such as updated_at_min.'),
  field: path.describe(
    'Where an entry has its time, such as updated_at. The latest one is sent, as it was written.',
  ),
  start: z
    .string()
    .max(64)
    .optional()
    .describe('Value for the first poll. Without it, that has no such parameter.'),
});

/** Options of a `kind: poll` source. */
export const pollOptionsSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe(
      'Address of a list of entries, or of a log API: without the settings that describe a list, its `GET /logs` is used where there is one.',
    ),
  entries: path
    .optional()
    .describe('Where the list is in the answer, such as `data.orders`. Detected where it is left out.'),
  next: path
    .optional()
    .describe(
      'Where the answer names its next page: `link` for the header `Link`, else a member such as `paging.next`, which holds a cursor or an ' +
        'address on the same server. Default: `X-Next-Cursor`, `Link`, or a member `next`.',
    ),
  cursor_parameter: parameter.optional().describe('Query parameter that gets the cursor. Default: `after`.'),
  since: sinceSchema.optional().describe('For a list that can be asked for what is new since a time.'),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'must be the name of a header'),
      z
        .string()
        .max(8192)
        .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be on one line, and of characters that a header may have'),
    )
    .refine((all) => Object.keys(all).length <= HEADERS_MAX, `must have at most ${HEADERS_MAX} headers`)
    .refine(
      (all) => !Object.keys(all).some((name) => OWN_HEADERS.has(name.toLowerCase())),
      `must not have ${[...OWN_HEADERS].join(', ')}`,
    )
    .default({})
    .describe(
      'Headers of each request, such as `X-Api-Key: ${API_KEY}`. They are secrets: sent to the server of `url` only, and never logged.',
    ),
  every_seconds: z
    .number()
    .positive()
    .max(86_400)
    .default(3)
    .describe('Seconds between two polls. Full pages are read without a wait.'),
  limit: z.int().min(1).max(10_000).default(1000).describe('Most entries asked for at once, of a log API.'),
  timeout_seconds: z
    .number()
    .positive()
    .max(600)
    .default(10)
    .describe('Most seconds that one answer may take.'),
  body_bytes_max: z
    .int()
    .min(1024)
    .max(1024 ** 3)
    .default(16 * 1024 * 1024)
    .describe('Most bytes of one answer; a longer one is a fault, and a log API is asked for fewer entries.'),
  allow_hosts: z
    .array(z.string().min(1))
    .optional()
    .describe('Hosts, with or without port, to which a redirect may lead. Default: the host of `url`.'),
  ...readOptions,
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('poll')
    .describe('Name of the source in the ledger.'),
});

export type PollOptions = z.infer<typeof pollOptionsSchema>;
