import { availableParallelism } from 'node:os';
import { z } from 'zod';

export const duckDbConfig = z
  .strictObject({
    kind: z.literal('duckdb').default('duckdb'),
    threads: z
      .int()
      .min(1)
      .max(256)
      .default(availableParallelism())
      .describe('Threads for parsing, metrics and Parquet.'),
    memory_mb: z
      .int()
      .min(128)
      .default(340)
      .describe(
        'Memory of DuckDB in MiB; what does not fit goes to a temp file. The process needs about 600 MB more.',
      ),
  })
  .describe('Metrics engine in this process.');

export type DuckDbConfig = z.infer<typeof duckDbConfig>;
