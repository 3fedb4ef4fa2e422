import type { Archive } from '../../src/archive/archive.ts';
import { Consumers, type ConsumersOptions } from '../../src/consumers/consumers.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import type { DuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';

/** A pipeline that gathers for some milliseconds only; not started. */
export function quickPipeline(
  parts: { log: EventLog; duckdb: DuckDb; archive: Archive },
  options: Partial<ConsumersOptions> = {},
): Consumers {
  const { log, duckdb, archive } = parts;
  return new Consumers({
    reads: { archive: true, metrics: true },
    group: null,
    log,
    decoder: duckdb.decoder,
    deduplicator: duckdb.deduplicator,
    archived: duckdb.archived,
    archive,
    engine: duckdb.engine,
    program: null,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    limits: { linesMax: 1000, bytesMax: 1e7, runsMax: 2000, waitMsMax: 100 },
    archiveEveryMs: 10,
    metricsEveryMs: 10,
    gatherLinesMax: 1000,
    compactEveryMs: 0,
    vacuumRetentionHours: 168,
    ...options,
  });
}
