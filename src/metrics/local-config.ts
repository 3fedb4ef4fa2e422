import { availableParallelism } from 'node:os';
import { z } from 'zod';

/**
 * Validating keeps one core busy. With a thread for each core, those of DuckDB wait for each other in a busy loop: on two cores a load
 * then took a quarter more CPU time.
 */
export const THREADS_DEFAULT = Math.max(1, availableParallelism() - 1);

/** What DuckDB may use in this process, whichever engine computes. */
export const THREADS = z
  .int()
  .min(1)
  .max(256)
  .default(THREADS_DEFAULT)
  .describe('Threads of each DuckDB statement, for decoding, metrics and Parquet.');
export const MEMORY_MB = z
  .int()
  .min(128)
  .default(340)
  .describe(
    'Memory of DuckDB in MiB. Data that does not fit goes to a temporary file. The process needs about 600 MB more.',
  );

/** The settings that each kind of engine has. */
export interface LocalSettings {
  threads: number;
  memory_mb: number;
}
