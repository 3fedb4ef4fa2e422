import { z } from 'zod';
import { MEMORY_MB, THREADS } from '../local-config.ts';

export const duckDbConfig = z
  .strictObject({
    threads: THREADS,
    memory_mb: MEMORY_MB,
  })
  .describe('The metrics are computed in this process.');

export type DuckDbConfig = z.infer<typeof duckDbConfig>;
