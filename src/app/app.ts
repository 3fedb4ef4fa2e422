// A command that asks a running process starts in a third of the time: DuckDB, the HTTP server, and the clients of Kafka and S3 are
// loaded where they are used.

import { join } from 'node:path';
import {
  demoLive,
  demoPast,
  RATE_DEFAULT,
  runSimulator,
  SIMULATED_CURRENCIES,
  type SimulatorOptions,
  SimulatorUsageError,
} from '../../tools/simulator/index.ts';
import type { Backend, TapListener } from '../api/backend.ts';
import { SourceActivity } from '../ingest/activity.ts';
import { Ingestor } from '../ingest/ingestor.ts';
import { metricList } from '../metrics/catalogue.ts';
import type { Ingest, Source } from '../sources/source.ts';
import { now } from '../system/clock.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createRegistry } from '../telemetry/registry.ts';
import { createBackend, needOf } from './backend.ts';
import { CONFIG_SCHEMA, type Config, isOther } from './config/schema.ts';
import {
  DataDirInUseError,
  dataDirError,
  holderOf,
  type Opening,
  type TakenDataDir,
  takeDataDir,
} from './data-dir.ts';
import { confirmDemo, DEMO_REFUSAL, type DemoMark, readDemoMark, writeDemoMark } from './demo-mark.ts';
import { LeftOutOrdersFile } from './left-out-orders.ts';
import { readParquet } from './read-parquet.ts';
import { recallSales } from './recall-sales.ts';
import { ADAPTERS } from './registry/adapters.ts';
import { openingOf, type RuntimeConfig, readRuntimeConfig } from './runtime-config.ts';
import {
  checkMappings,
  followerChecks,
  lineLimitWarning,
  refuseWrongSettings,
  storageChecks,
  withEngine,
} from './settings-check.ts';
import { configuredSources } from './sources.ts';
import { type AppState, lagOf, readingsFor } from './status.ts';

/** Everything of a data folder, opened: log, archive, metrics and their loops; no source and no server yet. */
export interface App {
  readonly runtime: RuntimeConfig;
  readonly backend: Backend;
  /** What was noticed at the start, for people. */
  readonly messages: string[];
  /** Mark of a folder of the demo, which takes no lines but those of the simulated shop; null for any other. */
  readonly demo: DemoMark | null;
  /** Where the data of a demo were moved at the opening; null where there was none. */
  readonly demoMovedTo: string | null;
  ingest: Ingest;
  ingestor: Ingestor;
  /** Resolves when metrics whose state was gone have been filled from the archive. */
  filled(): Promise<void>;
  /** Resolves when all lines that the log has now are archived and measured, and no window is invalidated. Rejects as `Consumers.waitUntilIdle`. */
  waitUntilIdle(onProgress?: () => void, signal?: AbortSignal): Promise<void>;
  /** Resolves when the stores of the config have them too, or can't take them; gives those that are behind, with the reason. */
  storesCaughtUp(signal?: AbortSignal): Promise<Record<string, string>>;
  /** UTC dates of the archived events, with their number. */
  dates(): { date: string; rows: number }[];
  /** Gives the archived events of a UTC date as NDJSON, in pieces. */
  exportDate(date: string, take: (text: string) => Promise<void>): Promise<void>;
  /** Starts the sources of the config (and further ones). */
  startSources(further?: Source[]): Promise<void>;
  /** Starts to carry metrics and events to the stores of the config. */
  startStores(): Promise<void>;
  /** Starts the HTTP server; gives its URL, and the path of the owner's socket. */
  listen(pageDir: string, ownerToken: string): Promise<{ url: string; socket: string | null }>;
  sources(): readonly Source[];
  /** Lines of the log that each consumer has not taken yet. */
  lag(): Record<string, number>;
  /** Stops sources and server, drains the log for at most so long, closes everything; gives the lag that is left. */
  close(drainMsMax: number): Promise<Record<string, number>>;
}

/**
 * Opens the data folder. Metrics whose state is gone are filled from the archive first; with `fillLater` this
 * resolves before, and the status shows it.
 */
export async function openApp(
  given: RuntimeConfig,
  logger: Logger,
  { fillLater = false, demo = 'as_is' as Opening['demo'] } = {},
): Promise<App> {
  await checkMappings(given);
  const runtime = await withEngine(given, (line) => logger.info({}, line));
  const folder = await takeDataDir(runtime.dataDir, openingOf(runtime, demo));
  const opened = new AsyncDisposableStack();
  opened.defer(() => folder.release());
  try {
    await refuseWrongSettings(runtime, logger);
    const app = await wire(runtime, logger, opened, folder);
    if (!fillLater) await app.filled();
    return app;
  } catch (error) {
    await opened
      .disposeAsync()
      .catch((failure) => logger.warn({ err: failure }, 'closing after a failed start failed'));
    throw error;
  }
}

async function wire(
  runtime: RuntimeConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
  folder: TakenDataDir,
): Promise<App> {
  const { config, dataDir, server, roles, adapters } = runtime;
  const startedAt = new Date(now()).toISOString();
  const { openLog, openProcessing } = await import('./processing.ts');
  const log = await openLog(runtime, logger);
  opened.defer(() => log.close());

  const taps = new Set<TapListener>();
  const registry = createRegistry(() => readingsFor(state));
  const activity = new SourceActivity(now);
  const leftOut = await LeftOutOrdersFile.open(join(dataDir, 'left-out-orders.ndjson'));
  const ingestor = new Ingestor({
    log,
    settings: { time_zone: config.time_zone },
    isZoneSet: runtime.isZoneSet,
    currencies: folder.demo === null ? config.currencies : SIMULATED_CURRENCIES,
    lineBytesMax: server.line_bytes_max,
    now,
    onLeftOut: (source, orders) =>
      leftOut.add({ source, orders }).catch((error) => {
        logger.warn({ err: error }, 'Orders left out as cancelled are only remembered until the next start');
      }),
    onStored(source, checked, { leftOut, way }) {
      activity.stored(source, checked, leftOut, way);
      for (const [reason, lines] of Object.entries(checked.reasons))
        registry.countRejected(source, reason, lines);
      for (const tap of taps) tap(source, checked.bytes);
    },
  });
  const processing = await openProcessing(runtime, log, ingestor, logger, opened);
  const ingest: Ingest = ({ source, body, ...options }) => ingestor.ingest(source, body, options);
  const state: AppState = {
    runtime,
    log,
    processing,
    ingestor,
    metrics: metricList(adapters.metrics),
    startedAt,
    activity,
    demo: folder.demo,
    url: '',
    sources: [],
  };
  const need = needOf(state);

  const refuseDemo = () => {
    if (state.demo !== null) throw new ApiError('demo', DEMO_REFUSAL);
  };
  const waitUntilIdle: App['waitUntilIdle'] = (onProgress, signal) =>
    need('metrics').consumers.waitUntilIdle(onProgress, signal);
  const storesCaughtUp: App['storesCaughtUp'] = (signal = new AbortController().signal) =>
    need('metrics').stores.caughtUp(signal);

  const backend = createBackend({ state, need, refuseDemo, taps, registry });

  const messages = [
    ...runtime.warnings,
    ...(processing?.message ? [processing.message] : []),
    ...lineLimitWarning(log, server),
  ];
  for (const message of messages) logger.warn({}, message);
  let drainMs = 0;
  let left: Record<string, number> = {};
  if (processing) {
    const { consumers, stores } = processing;
    await consumers.start();
    opened.defer(async () => {
      const deadline = now() + drainMs;
      await Promise.all([consumers.stop(drainMs), stores.stopEvents(drainMs)]);
      await stores.stopMetrics(Math.max(0, deadline - now()));
      left = lagOf(state);
    });
  }
  opened.defer(async () => void (await Promise.all(state.sources.map((source) => source.stop()))));

  if (state.demo !== null && processing)
    state.demo = await confirmDemo(dataDir, state.demo, processing.consumers.ledger().by_source);

  return {
    runtime,
    backend,
    messages,
    demo: state.demo,
    demoMovedTo: folder.demoMovedTo,
    ingest,
    ingestor,
    sources: () => state.sources,
    filled: async () => processing?.consumers.metricsFilled(),
    lag: () => lagOf(state),
    waitUntilIdle,
    storesCaughtUp,
    dates: () => need('archive').archive.dates('events'),
    exportDate(date, take) {
      const { archive, duckdb } = need('archive');
      return archive.withFiles('events', { dates: new Set([date]) }, async (paths) => {
        for await (const text of duckdb.parquet.exportEvents(paths)) await take(text);
      });
    },
    async startSources(further = []) {
      if (processing && roles.has('collect'))
        opened.defer(recallSales(ingestor, processing, leftOut, logger));
      state.sources = roles.has('collect')
        ? [...(await configuredSources(runtime, ingest, logger)), ...further]
        : [...further];
      for (const source of state.sources) source.start();
    },
    startStores: async () => processing?.stores.start(),
    async listen(pageDir, ownerToken) {
      const { listen } = await import('./listen.ts');
      const listening = await listen({
        runtime,
        backend,
        data: { ingestor, backend, waitUntilIdle, storesCaughtUp },
        refuse: (is) => (is === 'load' ? refuseDemo() : need('collect') && need('metrics')),
        readParquet,
        openScratch: openApp,
        pageDir: roles.has('serve') ? pageDir : null,
        ownerToken,
        logger,
        opened,
      });
      state.url = listening.url;
      return listening;
    },
    async close(drainMsMax) {
      drainMs = drainMsMax;
      await opened.disposeAsync();
      return left;
    },
  };
}

export const mappersModule = () => import('./mappers.ts');

export {
  ADAPTERS,
  CONFIG_SCHEMA,
  type Config,
  configuredSources,
  DataDirInUseError,
  type DemoMark,
  dataDirError,
  demoLive,
  demoPast,
  followerChecks,
  holderOf,
  isOther,
  RATE_DEFAULT,
  type RuntimeConfig,
  readDemoMark,
  readParquet,
  readRuntimeConfig,
  runSimulator,
  type SimulatorOptions,
  SimulatorUsageError,
  storageChecks,
  withEngine,
  writeDemoMark,
};
