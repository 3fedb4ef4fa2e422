import type { z } from 'zod';
import type { Metric } from '../metrics/definition.ts';
import type { StateFile } from '../system/state-file.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Sink } from './sink.ts';

export interface SinkContext {
  /** The metrics that are written to it. */
  metrics: readonly Metric[];
  /** A file of its own for what it must not forget. */
  stateFile(name: string): StateFile;
  logger: Logger;
  now: () => number;
}

/** A kind of store, besides the built-in one, that the config can name. */
export interface SinkKind<S extends z.ZodObject = z.ZodObject> {
  readonly schema: S;
  /** Makes it; it does nothing by itself. */
  create(config: z.infer<S>, context: SinkContext): Promise<Sink>;
  /** What variables of the environment say, as the config would have it; null where they say nothing. Throws UsageError. */
  fromEnvironment?(env: Readonly<Record<string, string | undefined>>): z.infer<S> | null;
  /** What to tell people after a rebuild, which can't take back what was written. */
  readonly afterRebuild?: string;
}
