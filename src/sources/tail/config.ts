import { z } from 'zod';
import { readOptions } from '../read-options.ts';

/** Options of a `kind: tail` source. */
export const tailOptionsSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      'Log file, or a glob pattern such as /var/log/shop/*.ndjson. Compressed files are read if the pattern ends in .gz, .zst or .bz2.',
    ),
  every_seconds: z
    .number()
    .positive()
    .max(3600)
    .default(0.25)
    .describe('Seconds between two checks of the files.'),
  rotate_wait_seconds: z
    .number()
    .min(0)
    .max(3600)
    .default(5)
    .describe(
      'How long a rotated file must be quiet before the new one is read, because its writer may still have it open. A last line without a line end is read ' +
        'after the same time, and after at least a minute if the file was not rotated.',
    ),
  line_bytes_max: z
    .int()
    .min(1024)
    .max(4 * 1024 * 1024 - 8)
    .default(1024 * 1024)
    .describe('If a line fills a whole block of 4 MiB, about this much of it is kept, as a bad row.'),
  files_max: z.int().min(1).max(10_000).default(1000).describe('Most files followed at once.'),
  ...readOptions,
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('tail')
    .describe('Name of the source in the ledger.'),
});

export type TailOptions = z.infer<typeof tailOptionsSchema>;
