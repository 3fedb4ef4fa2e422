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
  .regex(/^[^.]+(\.[^.]+)*$/, 'must be names separated by dots, such as data.orders');
const parameter = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\s&=#?]+$/, 'must be the name of a query parameter');

const sinceSchema = z.strictObject({
  parameter: parameter.describe('Query parameter for the time, such as updated_at_min.'),
  field: path.describe(
    'Field of an entry with its time, such as updated_at. The latest value is sent, exactly as received.',
  ),
  start: z
    .string()
    .max(64)
    .optional()
    .describe('Value for the first poll. Default: the first poll omits the parameter.'),
});

/** Options of a `kind: poll` source. */
export const pollOptionsSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe(
      'Address of a list of entries, or of a log API. Without settings that describe a list, `GET /logs` is used if the server has it.',
    ),
  entries: path
    .optional()
    .describe('Path of the list in the answer, such as `data.orders`. Default: detected.'),
  next: path
    .optional()
    .describe(
      'Where the answer names the next page: `link` for the header `Link`, or a field such as `paging.next` that holds a cursor or an ' +
        'address on the same server. Default: `X-Next-Cursor`, `Link`, or a field `next`.',
    ),
  cursor_parameter: parameter.optional().describe('Query parameter for the cursor. Default: `after`.'),
  since: sinceSchema.optional().describe('For an API that can return only entries newer than a given time.'),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'must be the name of a header'),
      z
        .string()
        .max(8192)
        .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line of characters that are valid in a header'),
    )
    .refine((all) => Object.keys(all).length <= HEADERS_MAX, `must have at most ${HEADERS_MAX} headers`)
    .refine(
      (all) => !Object.keys(all).some((name) => OWN_HEADERS.has(name.toLowerCase())),
      `must not have ${[...OWN_HEADERS].join(', ')}`,
    )
    .default({})
    .describe(
      'Headers of each request, such as `X-Api-Key: ${API_KEY}`. They are secrets: sent only to the server of `url`, and never logged.',
    ),
  every_seconds: z
    .number()
    .positive()
    .max(86_400)
    .default(3)
    .describe('Seconds between two polls. After a full page, the next one is read at once.'),
  limit: z.int().min(1).max(10_000).default(1000).describe('Most entries requested at once from a log API.'),
  timeout_seconds: z.number().positive().max(600).default(10).describe('Longest time for one answer.'),
  body_bytes_max: z
    .int()
    .min(1024)
    .max(1024 ** 3)
    .default(16 * 1024 * 1024)
    .describe('Largest answer. A larger one is an error; a log API is then asked for fewer entries.'),
  allow_hosts: z
    .array(z.string().min(1))
    .optional()
    .describe('Hosts, with or without port, that a redirect can lead to. Default: the host of `url`.'),
  ...readOptions,
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('poll')
    .describe('Name of the source in the ledger.'),
});

export type PollOptions = z.infer<typeof pollOptionsSchema>;
