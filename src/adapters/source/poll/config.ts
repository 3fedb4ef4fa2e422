import { z } from 'zod';

/** Options of a `kind: poll` source. */
export const pollOptionsSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe(
      'Address of the log API. Its `GET /logs` is used where there is one, else `GET` of the address itself.',
    ),
  every_seconds: z
    .number()
    .positive()
    .max(86_400)
    .default(3)
    .describe('Seconds between two polls. Full pages are read without a wait.'),
  limit: z.int().min(1).max(10_000).default(1000).describe('Most entries asked for at once.'),
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
    .describe('Most bytes of one answer; a longer one is a fault, and fewer entries are asked for.'),
  allow_hosts: z
    .array(z.string().min(1))
    .optional()
    .describe('Hosts, with or without port, to which a redirect may lead. Default: the host of `url`.'),
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('poll')
    .describe('Name of the source in the ledger.'),
});

export type PollOptions = z.infer<typeof pollOptionsSchema>;
