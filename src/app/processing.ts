import { join } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { type ArchiveLocation, archiveLocation } from '../archive/delta/location.ts';
import { ArchiveWatch } from '../consumers/archive-watch.ts';
import { Consumers } from '../consumers/consumers.ts';
import { NewestEvents } from '../consumers/newest-events.ts';
import type { EventLog } from '../log/event-log.ts';
import type { PartitionGroup } from '../log/partition-group.ts';
import { openSegmentLog } from '../log/segments/index.ts';
import { CATALOGUE } from '../metrics/catalogue.ts';
import { type DuckDb, openDuckDb } from '../metrics/duckdb/index.ts';
import type { BatchEngine, EngineProgram } from '../metrics/engine.ts';
import type { MetricsStore } from '../metrics/metrics-store.ts';
import { Spark } from '../metrics/spark/index.ts';
import { now } from '../system/clock.ts';
import { VERSION } from '../system/version.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RuntimeConfig } from './runtime-config.ts';
import { Stores } from './stores.ts';

/** Most runs of source and received-at in a batch: what the decoder's CASE tree takes. */
const RUNS_MAX = 2048;
const READER_WAIT_MS_MAX = 3000;

/** What reads the log in this process: the archive, the metrics or both, and the stores that follow the metrics. */
export interface Processing {
  /** Parses lines and writes the archive, whichever engine computes the metrics. */
  readonly duckdb: DuckDb;
  readonly engine: BatchEngine;
  /** What computes for it elsewhere; null where nothing does. */
  readonly program: EngineProgram | null;
  /** Where the metrics of the engine are. */
  readonly store: MetricsStore;
  /** What was found wrong with the metrics at the start; empty when all was well. */
  readonly message: string;
  readonly archive: Archive;
  /** Looks after an archive on a server; null for a local one. */
  readonly archiveWatch: ArchiveWatch | null;
  readonly newestEvents: NewestEvents;
  readonly consumers: Consumers;
  readonly stores: Stores;
}

/** Opens the event log of the config, which keeps what archive and metrics of this process still need; a store catches up from the archive. */
export async function openLog({ config, dataDir, roles }: RuntimeConfig, logger: Logger): Promise<EventLog> {
  const program = `tillstream ${VERSION}`;
  const readers = [
    ...(roles.has('archive') ? ['archive'] : []),
    ...(roles.has('measure') ? ['metrics'] : []),
  ];
  if (config.log.kind === 'kafka') {
    const { kind: _kind, ...kafka } = config.log;
    const { openKafkaLog } = await import('../log/kafka/index.ts');
    return openKafkaLog({ config: kafka, dir: join(dataDir, 'kafka-log'), readers, now, logger, program });
  }
  const { kind: _kind, ...segments } = config.log;
  return openSegmentLog({ dir: join(dataDir, 'log'), config: segments, readers, now, program });
}

/** Opens what the roles need, null where that is nothing; starts nothing yet. What must be closed is added to `opened`. */
export async function openProcessing(
  runtime: RuntimeConfig,
  log: EventLog,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<Processing | null> {
  const { config, dataDir, roles } = runtime;
  const reads = { archive: roles.has('archive'), metrics: roles.has('measure') };
  if (!reads.archive && !reads.metrics) return null;
  const place = await archiveLocation(config.archive, dataDir);
  const spark = reads.metrics ? await openSpark(runtime, place, logger) : null;
  const { threads, memory_mb } = config.engine;
  const duckdb = await openDuckDb({
    dir: join(dataDir, 'metrics'),
    archiveDirs: [place.dir],
    catalogue: CATALOGUE,
    timeZone: config.time_zone,
    logId: log.id,
    config: { threads, memory_mb },
    aggregator: spark,
    now,
    onStateLost: (found) => logger.warn({}, found),
  });
  opened.defer(() => duckdb.close());
  const archive = await place.open({ parquet: duckdb.parquet, logId: log.id, now, logger });
  const archiveWatch = place.isRemote ? new ArchiveWatch(archive) : null;
  opened.defer(async () => archiveWatch?.stop());
  let group: PartitionGroup | null = null;
  if (config.log.kind === 'kafka' && place.isRemote && reads.archive) {
    const { kind: _kind, ...logConfig } = config.log;
    const { joinPartitionGroup } = await import('../log/kafka/index.ts');
    const joined = await joinPartitionGroup({
      config: logConfig,
      group: `tillstream-archive-${log.id}`,
      logger,
    });
    opened.defer(() => joined.close());
    group = joined;
  }
  const store = duckdb.store;
  const stores = new Stores({
    // They follow the metrics of this process.
    stores: reads.metrics ? config.stores : [],
    dataDir,
    logger,
    log,
    decoder: duckdb.decoder,
    events: duckdb.events,
    archive,
    metrics: store,
    runsMax: RUNS_MAX,
  });
  const consumers = new Consumers({
    reads,
    group,
    log,
    decoder: duckdb.decoder,
    deduplicator: duckdb.deduplicator,
    archived: duckdb.archived,
    archive,
    engine: duckdb.engine,
    program: spark,
    logger,
    limits: {
      linesMax: config.batch.lines_max,
      bytesMax: config.batch.bytes_max,
      runsMax: RUNS_MAX,
      waitMsMax: READER_WAIT_MS_MAX,
    },
    archiveEveryMs: config.batch.archive_every_ms,
    metricsEveryMs: config.batch.metrics_every_ms,
    areMetricsFollowed: config.stores.some(({ kind }) => kind !== 'duckdb'),
    gatherLinesMax: config.batch.gather_lines_max,
    compactEveryMs: config.housekeeping.compact_every_minutes * 60_000,
    vacuumRetentionHours: config.housekeeping.vacuum_retention_hours,
    onRebuilt: () => stores.onRebuilt(),
  });
  const { message } = duckdb;
  return {
    duckdb,
    engine: duckdb.engine,
    program: spark,
    store,
    message,
    archive,
    archiveWatch,
    newestEvents: new NewestEvents(archive, duckdb.parquet, now),
    consumers,
    stores,
  };
}

/** Null where the metrics are computed in this process. */
async function openSpark(
  { config, dataDir }: RuntimeConfig,
  place: ArchiveLocation,
  logger: Logger,
): Promise<Spark | null> {
  if (config.engine.kind !== 'spark') return null;
  const { python } = config.engine;
  if (python === undefined) throw new Error('the programs of the engine are not resolved');
  return Spark.open({
    config: { ...config.engine, python },
    archive: place.address,
    dir: join(dataDir, 'metrics', 'spark'),
    logger,
  });
}
