import type { ArchiveAggregator } from '../aggregates.ts';
import type { Metric } from '../definition.ts';
import type { Connection } from './database.ts';

export interface EngineOptions {
  /** A connection of the engine's own, with the state file attached as STATE and its tables made. */
  connection: Connection;
  catalogue: readonly Metric[];
  timeZone: string;
  now: () => number;
  /** What computes aggregates of the archive; null: DuckDB does. */
  aggregator: ArchiveAggregator | null;
  /** Rows by which a table of the state grows before it is compacted; for tests. */
  compactRowsMin?: number;
  /** Rows of the archive that are computed again at a time; for tests. */
  rebuildRowsMax?: number;
}
