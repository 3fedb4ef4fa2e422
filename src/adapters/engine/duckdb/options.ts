import type { Metric } from '../../../metrics/definition.ts';
import type { Connection } from './database.ts';

export interface EngineOptions {
  /** A connection of the engine's own, with the state file attached as STATE and its tables made. */
  connection: Connection;
  catalogue: readonly Metric[];
  timeZone: string;
  now: () => number;
}
