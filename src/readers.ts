import { join } from 'node:path';
import { type ArchivePlace, archivePlace } from './adapters/archive/delta/place.ts';
import { duckDbConfig } from './adapters/engine/duckdb/config.ts';
import { type DuckDb, openDuckDb } from './adapters/engine/duckdb/index.ts';
import { SparkEngine } from './adapters/engine/spark/index.ts';
import { joinPartitionGroup, RECORD_MARKS } from './adapters/log/kafka/index.ts';
import type { Logger } from './domain/logger.ts';
import type { Environment } from './environment.ts';
import { CATALOGUE } from './metrics/catalogue.ts';
import { ArchiveWatch } from './pipeline/archive-watch.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import type { Archive } from './ports/archive.ts';
import type { BatchEngine, ClusterEngine } from './ports/engine.ts';
import type { EventLog } from './ports/event-log.ts';
import type { MetricsStore } from './ports/metrics-store.ts';
import type { PartitionGroup } from './ports/partition-group.ts';
import { Stores } from './stores.ts';

/** Most runs of source and received-at in a batch: what the parser's CASE tree takes. */
const RUNS_MAX = 2048;
const READER_WAIT_MS_MAX = 3000;

/** What reads the log in this process: the archive, the metrics or both, and the stores that follow the metrics. */
export interface Readers {
  /** Parses lines and writes the archive, whichever engine computes the metrics. */
  readonly duckdb: DuckDb;
  readonly engine: BatchEngine;
  /** The same where it runs on a cluster. */
  readonly cluster: ClusterEngine | null;
  /** Where the metrics of the engine are. */
  readonly store: MetricsStore;
  /** What was found wrong with the metrics at the start; empty when all was well. */
  readonly message: string;
  readonly archive: Archive;
  /** Looks after an archive on a server; null for a local one. */
  readonly archiveWatch: ArchiveWatch | null;
  readonly pipeline: Pipeline;
  readonly stores: Stores;
}

/** About as many lines come into one record where a collector is busy. */
const BLOCK_LINES = 500;

export type Closers = (() => Promise<unknown>)[];

/** Opens what the roles need, null where that is nothing; starts nothing yet. What must be closed is added to `closers`. */
export async function openReaders(
  environment: Environment,
  log: EventLog,
  logger: Logger,
  closers: Closers,
): Promise<Readers | null> {
  const { config, dataDir, roles } = environment;
  const reads = { archive: roles.has('archive'), metrics: roles.has('measure') };
  if (!reads.archive && !reads.metrics) return null;
  const now = Date.now;
  const place = await archivePlace(config.archive, dataDir);
  const duckdb = await openDuckDb({
    dir: join(dataDir, 'metrics'),
    archiveDirs: [place.dir],
    catalogue: CATALOGUE,
    timeZone: config.time_zone,
    logId: log.id,
    // Where Spark computes them, it has no metrics.
    config: config.engine.kind === 'duckdb' ? config.engine : duckDbConfig.parse({}),
    now,
  });
  closers.push(() => duckdb.close());
  const spark = reads.metrics ? await openSpark(environment, log, place, logger) : null;
  closers.push(async () => spark?.close());
  const archive = await place.open({ parquet: duckdb.parquet, logId: log.id, now });
  const archiveWatch = place.isRemote ? new ArchiveWatch(archive) : null;
  closers.push(async () => archiveWatch?.stop());
  let group: PartitionGroup | null = null;
  if (config.log.kind === 'kafka' && place.isRemote && reads.archive) {
    const { kind: _kind, ...logConfig } = config.log;
    const joined = await joinPartitionGroup({
      config: logConfig,
      group: `tillstream-archive-${log.id}`,
      logger,
    });
    closers.push(() => joined.close());
    group = joined;
  }
  const pipeline = new Pipeline({
    reads,
    group,
    log,
    parser: duckdb.parser,
    archive,
    engine: spark ?? duckdb.engine,
    cluster: spark,
    logger,
    limits: {
      linesMax: config.batch.lines_max,
      bytesMax: config.batch.bytes_max,
      runsMax: RUNS_MAX,
      stageLinesMin: config.batch.gather_lines_max,
      waitMsMax: READER_WAIT_MS_MAX,
    },
    archiveEveryMs: config.batch.archive_every_ms,
    metricsEveryMs: config.batch.metrics_every_ms,
    gatherLinesMax: config.batch.gather_lines_max,
    compactEveryMs: config.housekeeping.compact_every_minutes * 60_000,
    vacuumRetentionHours: config.housekeeping.vacuum_retention_hours,
  });
  const store = spark?.store ?? duckdb.store;
  const stores = new Stores({
    // They follow the metrics of this process.
    stores: reads.metrics ? config.stores : [],
    dataDir,
    logger,
    log,
    parser: duckdb.parser,
    events: duckdb.events,
    metrics: store,
    runsMax: RUNS_MAX,
  });
  const { message } = spark ?? duckdb;
  return {
    duckdb,
    engine: spark ?? duckdb.engine,
    cluster: spark,
    store,
    message,
    archive,
    archiveWatch,
    pipeline,
    stores,
  };
}

/** Null where the metrics are computed in this process. */
async function openSpark(
  { config, dataDir }: Environment,
  log: EventLog,
  place: ArchivePlace,
  logger: Logger,
): Promise<SparkEngine | null> {
  if (config.engine.kind !== 'spark' || config.log.kind !== 'kafka') return null;
  const { kind: _kind, replication_factor: replicationFactor, line_bytes_max, ...kafka } = config.log;
  return SparkEngine.open({
    config: config.engine,
    kafka,
    replicationFactor,
    lineBytesMax: line_bytes_max,
    linesPerRecord: config.log.records === 'blocks' ? BLOCK_LINES : 1,
    marks: RECORD_MARKS,
    log,
    dir: join(dataDir, 'metrics-spark'),
    archiveDirs: [place.dir],
    archiveAddress: place.address,
    catalogue: CATALOGUE,
    timeZone: config.time_zone,
    logger,
    now: Date.now,
  });
}
