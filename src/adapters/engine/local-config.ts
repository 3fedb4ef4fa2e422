import { availableParallelism } from 'node:os';
import { z } from 'zod';

/** What DuckDB may use in this process, whichever engine computes. */
export const THREADS = z
  .int()
  .min(1)
  .max(256)
  .default(availableParallelism())
  .describe('Threads for parsing, metrics and Parquet.');
export const MEMORY_MB = z
  .int()
  .min(128)
  .default(340)
  .describe(
    'Memory of DuckDB in MiB; what does not fit goes to a temp file. The process needs about 600 MB more.',
  );
