import { z } from 'zod';
import { readOptions } from '../read-options.ts';

/** Options of a `kind: tail` source. */
export const tailOptionsSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      'Log file, or a glob pattern such as /var/log/shop/*.ndjson. Packed files are read where the pattern ends in .gz, .zst or .bz2.',
    ),
  every_seconds: z
    .number()
    .positive()
    .max(3600)
    .default(0.25)
    .describe('Seconds between two looks at the files.'),
  rotate_wait_seconds: z
    .number()
    .min(0)
    .max(3600)
    .default(5)
    .describe(
      'How long a rotated file must be quiet before the new one is read: its writer may still hold it open. A last line without a line end is taken ' +
        'after the same time, and at least a minute where the file was not rotated.',
    ),
  line_bytes_max: z
    .int()
    .min(1024)
    .max(4 * 1024 * 1024 - 8)
    .default(1024 * 1024)
    .describe(
      'Of a line that fills a whole block of 4 MiB, this much and a little more is kept, as a bad row.',
    ),
  files_max: z.int().min(1).max(10_000).default(1000).describe('Most files that are followed at once.'),
  ...readOptions,
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('tail')
    .describe('Name of the source in the ledger.'),
});

export type TailOptions = z.infer<typeof tailOptionsSchema>;
