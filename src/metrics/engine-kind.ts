import type { z } from 'zod';
import type { ArchiveAddress } from '../archive/archive.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ArchiveAggregator } from './aggregates.ts';
import type { EngineProgram } from './engine.ts';

export interface EngineContext {
  /** Where the archive is; null where that takes settings that the config does not have. */
  archive: ArchiveAddress | null;
  /** Folder for what it gives, its log and its temporary files. */
  dir: string;
  logger: Logger;
}

/** A kind of engine that the config can name. Decoding, merging and the store are in this process with each of them. */
export interface EngineKind<S extends z.ZodObject = z.ZodObject> {
  /** With the settings of `local-config.ts`. */
  readonly schema: S;
  /** What computes aggregates of the archive, not started yet; without it they are computed in this process. Throws UsageError. */
  open?(config: z.infer<S>, context: EngineContext): Promise<ArchiveAggregator & EngineProgram>;
  /** The settings, with programs found or fetched that it needs; `say` shows progress. Throws UsageError. */
  prepare?(config: z.infer<S>, say: (line: string) => void): Promise<z.infer<S>>;
  /** Tries what it needs, without starting it. Gives a sentence for people, or throws UsageError. */
  check?(config: z.infer<S>, archive: ArchiveAddress | null): Promise<string>;
  /** What of the settings decides whether it works at all. */
  decisive?(config: z.infer<S>): object;
  /** What is not as it should be, and keeps nothing from working. */
  warnings?(config: z.infer<S>): string[];
}
