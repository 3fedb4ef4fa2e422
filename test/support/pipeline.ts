import type { DuckDb } from '../../src/adapters/engine/duckdb/index.ts';
import { Pipeline, type PipelineOptions } from '../../src/pipeline/pipeline.ts';
import type { Archive } from '../../src/ports/archive.ts';
import type { EventLog } from '../../src/ports/event-log.ts';

/** A pipeline that gathers for some milliseconds only; not started. */
export function quickPipeline(
  parts: { log: EventLog; duckdb: DuckDb; archive: Archive },
  options: Partial<PipelineOptions> = {},
): Pipeline {
  const { log, duckdb, archive } = parts;
  return new Pipeline({
    reads: { archive: true, metrics: true },
    group: null,
    log,
    parser: duckdb.parser,
    decoder: duckdb.decoder,
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
