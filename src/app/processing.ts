import { join } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ArchiveWatch } from '../consumers/archive-watch.ts';
import { archivedDoubts } from '../consumers/archived-doubts.ts';
import { Consumers } from '../consumers/consumers.ts';
import { NewestEvents } from '../consumers/newest-events.ts';
import { recentSales } from '../consumers/recent-sales.ts';
import type { Ingestor } from '../ingest/ingestor.ts';
import { ORDERS_MAX } from '../ingest/order-reports.ts';
import type { EventLog } from '../log/event-log.ts';
import type { PartitionGroup } from '../log/partition-group.ts';
import type { ArchiveAggregator } from '../metrics/aggregates.ts';
import type { ArchiveAnswer, ArchivedSale, DoubtsAsked } from '../metrics/doubt-reader.ts';
import { type DuckDb, openDuckDb } from '../metrics/duckdb/open-duckdb.ts';
import type { BatchEngine, EngineProgram } from '../metrics/engine.ts';
import type { MetricsStore } from '../metrics/metrics-store.ts';
import { now } from '../system/clock.ts';
import { VERSION } from '../system/version.ts';
import type { Logger } from '../telemetry/logger.ts';
import { isOther } from './config/schema.ts';
import { chosenOf } from './registry/adapters.ts';
import type { RuntimeConfig } from './runtime-config.ts';
import { Stores } from './stores.ts';

/** Most runs of source and received-at in a batch: so many take about 50 MB while the batch is decoded. */
const RUNS_MAX = 65_536;
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
  /** What is doubtful in what a source has brought, beside what the archive had before. */
  doubts(asked: DoubtsAsked): Promise<ArchiveAnswer>;
  /** The newest archived sales that name an order. */
  recentSales(): Promise<readonly ArchivedSale[]>;
  readonly consumers: Consumers;
  readonly stores: Stores;
}

/** Opens the event log of the config, which keeps what archive and metrics of this process still need; a store catches up from the archive. */
export async function openLog(runtime: RuntimeConfig, logger: Logger): Promise<EventLog> {
  const { config, dataDir, roles, adapters } = runtime;
  const program = `tillstream ${VERSION}`;
  const readers = [
    ...(roles.has('archive') ? ['archive'] : []),
    ...(roles.has('metrics') ? ['metrics'] : []),
  ];
  const { adapter, settings } = chosenOf(adapters.logs, config.log);
  return adapter.open(settings, { dataDir, readers, now, logger, program });
}

/** Opens what the roles need, null where that is nothing; starts nothing yet. What must be closed is added to `opened`. */
export async function openProcessing(
  runtime: RuntimeConfig,
  log: EventLog,
  ingestor: Ingestor,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<Processing | null> {
  const { config, dataDir, roles, adapters } = runtime;
  const reads = { archive: roles.has('archive'), metrics: roles.has('metrics') };
  if (!reads.archive && !reads.metrics) return null;
  const archives = chosenOf(adapters.archives, config.archive);
  const location = await archives.adapter.locate(archives.settings, dataDir);
  const program = reads.metrics ? await openEngineProgram(runtime, logger) : null;
  const { threads, memory_mb } = config.engine;
  const duckdb = await openDuckDb({
    dir: join(dataDir, 'metrics'),
    archiveDirs: [location.dir],
    catalogue: adapters.metrics,
    timeZone: config.time_zone,
    logId: log.id,
    config: { threads, memory_mb },
    aggregator: program,
    now,
    validateExternal: (batch) => ingestor.validateExternal(batch),
    onStateLost: (found) => logger.warn({}, found),
  });
  opened.defer(() => duckdb.close());
  const archive = await location.open({ parquet: duckdb.parquet, logId: log.id, now, logger });
  const archiveWatch = archives.adapter.isRemote ? new ArchiveWatch(archive) : null;
  opened.defer(async () => archiveWatch?.stop());
  const group = reads.archive && archives.adapter.isRemote ? await joinGroup(runtime, log.id, logger) : null;
  opened.defer(async () => group?.close());
  const store = duckdb.store;
  const stores = new Stores({
    adapters,
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
    program,
    logger,
    limits: {
      linesMax: config.batch.lines_max,
      bytesMax: config.batch.bytes_max,
      runsMax: RUNS_MAX,
      waitMsMax: READER_WAIT_MS_MAX,
      decodesAhead: true,
    },
    archiveEveryMs: config.batch.archive_every_ms,
    metricsEveryMs: config.batch.metrics_every_ms,
    areMetricsFollowed: config.stores.some(isOther),
    gatherLinesMax: config.batch.gather_lines_max,
    compactEveryMs: config.maintenance.compact_every_minutes * 60_000,
    vacuumRetentionHours: config.maintenance.vacuum_retention_hours,
    onRebuilt: () => stores.onRebuilt(),
  });
  const { message } = duckdb;
  return {
    duckdb,
    engine: duckdb.engine,
    program,
    store,
    message,
    archive,
    archiveWatch,
    doubts: (asked) => archivedDoubts(archive, duckdb.doubts, asked),
    recentSales: () => recentSales(archive, duckdb.doubts, now(), ORDERS_MAX),
    newestEvents: new NewestEvents(archive, duckdb.parquet, now),
    consumers,
    stores,
  };
}

/** Opens what computes the metrics outside of this process; null where the engine of the config has nothing there. */
async function openEngineProgram(
  runtime: RuntimeConfig,
  logger: Logger,
): Promise<(ArchiveAggregator & EngineProgram) | null> {
  const { config, dataDir, adapters } = runtime;
  const archive = chosenOf(adapters.archives, config.archive);
  const engine = chosenOf(adapters.engines, config.engine);
  const program = await engine.adapter.open?.(engine.settings, {
    archive: archive.adapter.address(archive.settings, dataDir),
    dir: join(dataDir, 'metrics', config.engine.kind),
    logger,
  });
  return program ?? null;
}

/** Joins the processes that share the partitions of the log among them to archive it; null where a log has no such group. */
async function joinGroup(
  runtime: RuntimeConfig,
  logId: string,
  logger: Logger,
): Promise<PartitionGroup | null> {
  const { adapter, settings } = chosenOf(runtime.adapters.logs, runtime.config.log);
  return (await adapter.joinGroup?.(settings, `tillstream-archive-${logId}`, logger)) ?? null;
}
