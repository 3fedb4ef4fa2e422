import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openKafkaLog } from './adapters/log/kafka/index.ts';
import { openSegmentLog } from './adapters/log/segments/index.ts';
import { createKafkaSource } from './adapters/source/kafka/index.ts';
import { createPollSource, pollOptionsSchema } from './adapters/source/poll/index.ts';
import {
  runSimulator,
  type SimulatorOptions,
  SimulatorUsageError,
} from './adapters/source/simulator/index.ts';
import { createTailSource } from './adapters/source/tail/index.ts';
import { holderOf, takeDataDir } from './data-dir.ts';
import { ApiError, UsageError } from './domain/errors.ts';
import type { Logger } from './domain/logger.ts';
import type { Role } from './domain/roles.ts';
import type { PartStatus, Status } from './domain/status.ts';
import {
  CONFIG_SCHEMA,
  type Config,
  dataConfigFile,
  type Environment,
  readEnvironment,
} from './environment.ts';
import { CATALOGUE } from './metrics/catalogue.ts';
import { Door } from './pipeline/door.ts';
import type { EventLog } from './ports/event-log.ts';
import type { Ingest, Source } from './ports/source.ts';
import { type Closers, openReaders, type Readers } from './readers.ts';
import type { Backend, TapListener } from './server/backend.ts';
import { createServer, LinesRejected } from './server/http.ts';
import { configuredSinks, storeReaders } from './stores.ts';
import { createRegistry } from './telemetry/registry.ts';
import { VERSION } from './version.ts';

/** Everything of a data folder, opened: log, archive, metrics and their loops; no source and no server yet. */
export interface App {
  readonly environment: Environment;
  readonly backend: Backend;
  /** What was noticed at the start, for people. */
  readonly messages: string[];
  ingest: Ingest;
  /** Counts lines without storing them, as the door would judge them. */
  door: Door;
  /** Resolves when metrics whose state was gone have been filled from the archive. */
  filled(): Promise<void>;
  /** Resolves when all lines that the log has now are archived and measured, and no window is dirty. */
  settle(onProgress?: () => void): Promise<void>;
  /** UTC dates of the archived events, with their number. */
  dates(): { date: string; rows: number }[];
  /** Gives the archived events of a UTC date as NDJSON, in pieces. */
  exportDate(date: string, take: (text: string) => Promise<void>): Promise<void>;
  /** Starts the sources of the config (and further ones). */
  startSources(further?: Source[]): void;
  /** Starts to carry metrics and events to the stores of the config. */
  startStores(): Promise<void>;
  /** Starts the HTTP server; gives its URL. */
  listen(pageDir: string, ownerToken: string): Promise<string>;
  sources(): Source[];
  /** Stops sources and server, drains the log for at most so long, closes everything. */
  close(drainMsMax: number): Promise<void>;
}

/**
 * Opens the data folder. Metrics whose state is gone are filled from the archive first; with `fillLater` that goes on
 * when this resolves, and status tells.
 */
export async function openApp(
  environment: Environment,
  logger: Logger,
  { fillLater = false } = {},
): Promise<App> {
  const { dataDir } = environment;
  const lock = await takeDataDir(dataDir);
  const closers: Closers = [() => lock.release()];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const app = await wire(environment, logger, closers, closeAll);
    if (!fillLater) await app.filled();
    return app;
  } catch (error) {
    await closeAll().catch(() => {});
    throw error;
  }
}

async function wire(
  environment: Environment,
  logger: Logger,
  closers: Closers,
  closeAll: () => Promise<void>,
): Promise<App> {
  const { config, dataDir, server, roles } = environment;
  const timeZone = config.time_zone;
  const now = Date.now;
  const startedAt = new Date().toISOString();
  const log = await openLog(environment, logger);
  closers.push(() => log.close());
  const readers = await openReaders(environment, log, logger, closers);

  const taps = new Set<TapListener>();
  let lastIngestMs: number | null = null;
  let url = '';
  let running: Source[] = [];
  const registry = createRegistry(() => readings());
  const door = new Door({
    log,
    timeZone,
    lineBytesMax: server.line_bytes_max,
    now,
    onChecked(source, checked) {
      lastIngestMs = now();
      for (const [reason, lines] of Object.entries(checked.reasons))
        registry.countRejected(source, reason, lines);
      for (const tap of taps) tap(source, checked.bytes);
    },
  });
  const ingest: Ingest = ({ source, body }) => door.ingest(source, body);
  /** What a request needs that this process may not have. */
  const need = (role: Role): Readers => {
    if (readers && roles.has(role)) return readers;
    throw new ApiError(
      'other_role',
      `This process has the roles ${[...roles].join(', ')}; ask one with the role ${role}.`,
    );
  };

  const backend: Backend = {
    timeZone,
    async ingest(source, body, strict) {
      if (!roles.has('collect')) need('collect');
      const checked = door.check(body);
      if (strict && checked.rejected > 0) throw new LinesRejected(checked);
      return door.store(source, checked);
    },
    query: async (query) => need('measure').store.query(query),
    changes: async (version, metrics, windows) => need('measure').store.changes(version, metrics, windows),
    storeVersion: () => need('measure').store.version(),
    ledger: () => need('measure').pipeline.ledger(),
    status,
    async badRows(filter) {
      const { archive, duckdb } = need(roles.has('archive') ? 'archive' : 'measure');
      return archive.withFiles('bad_rows', {}, (paths) => duckdb.parquet.badRows(paths, filter));
    },
    compact: async () => need('archive').archive.compact(),
    vacuum: async (retentionHours) => need('archive').archive.vacuum(retentionHours),
    async settle(msMax) {
      const { pipeline } = need('measure');
      await pipeline.settle(undefined, AbortSignal.timeout(msMax));
      return pipeline.ledger();
    },
    rebuild: async (range, diff) => need('measure').pipeline.rebuild(range, diff),
    tap(listener) {
      taps.add(listener);
      return () => taps.delete(listener);
    },
    metrics: () => registry.text(),
  };

  function status(): Status {
    const iso = (ms: number | null | undefined) => (ms ? new Date(ms).toISOString() : null);
    const { lastReceivedAtMs } = log.status();
    return {
      running: true,
      pid: process.pid,
      url,
      version: VERSION,
      roles: [...roles],
      time_zone: timeZone,
      started_at: startedAt,
      now: new Date().toISOString(),
      data: dataDir,
      parts: {
        ...(roles.has('collect') ? { collector: logPart(log) } : {}),
        log: logPart(log),
        ...readerParts(),
        ...sourceParts(),
      },
      lag: { ...readers?.pipeline.lag(), ...readers?.stores.lag() },
      freshness: {
        collector: iso(Math.max(lastIngestMs ?? 0, lastReceivedAtMs ?? 0)),
        log: iso(lastReceivedAtMs),
        archive: iso(readers?.archive.status().lastReceivedAtMs),
        metrics: iso(readers?.engine.frontierMs()),
      },
      dirty_windows: readers?.engine.dirtyWindows() ?? 0,
      metrics: CATALOGUE.map(({ name, title, keys, values, derived, windows }) => ({
        name,
        title,
        keys: keys.map((key) => key.name),
        values: [...Object.keys(values), ...Object.keys(derived ?? {})],
        windows,
      })),
    };
  }

  function readerParts(): Record<string, PartStatus> {
    if (!readers) return {};
    const parts = readers.pipeline.status();
    const { archive } = parts;
    return {
      ...parts,
      ...(archive ? { archive: readers.archiveWatch?.status(archive) ?? archive } : {}),
      ...readers.stores.parts(),
    };
  }

  function sourceParts(): Record<string, PartStatus> {
    return Object.fromEntries(
      running.map((source) => {
        const { state, message } = source.status();
        return [`source ${source.name}`, { state, message, needed: false }];
      }),
    );
  }

  function readings() {
    const current = status();
    const ages = Object.entries(current.freshness).flatMap(([stage, at]) =>
      at ? [[stage, (now() - Date.parse(at)) / 1000]] : [],
    );
    const tables = readers?.archive.status().tables;
    return {
      ledger: readers && roles.has('measure') ? readers.pipeline.ledger() : null,
      lag: current.lag,
      parts: Object.fromEntries(
        Object.entries(current.parts).map(([part, { state }]) => [part, state === 'ready']),
      ),
      ageSeconds: Object.fromEntries(ages) as Record<string, number>,
      logBytes: log.status().bytes,
      archiveFiles: tables ? { events: tables.events.files, bad_rows: tables.bad_rows.files } : {},
      stores: readers?.stores.readings() ?? [],
      cluster: readers?.cluster?.counters() ?? {},
      sources: running.flatMap((source) =>
        Object.entries(source.status().counters).map(([counter, value]) => ({
          source: source.name,
          counter,
          value,
        })),
      ),
    };
  }

  const messages = readers?.message ? [readers.message] : [];
  for (const message of messages) logger.warn({}, message);
  let drainMs = 0;
  if (readers) {
    const { pipeline, stores } = readers;
    await pipeline.start();
    closers.push(async () => {
      const deadline = now() + drainMs;
      await Promise.all([pipeline.stop(drainMs), stores.stopEvents(drainMs)]);
      await stores.stopMetrics(Math.max(0, deadline - now()));
    });
  }
  closers.push(() => Promise.all(running.map((source) => source.stop())));

  return {
    environment,
    backend,
    messages,
    ingest,
    door,
    sources: () => running,
    async filled() {
      await readers?.pipeline.metricsFilled();
    },
    settle: (onProgress) => need('measure').pipeline.settle(onProgress),
    dates: () => need('archive').archive.dates('events'),
    exportDate(date, take) {
      const { archive, duckdb } = need('archive');
      return archive.withFiles('events', { dates: new Set([date]) }, async (paths) => {
        for await (const text of duckdb.parquet.exportEvents(paths)) await take(text);
      });
    },
    startSources(further = []) {
      running = roles.has('collect')
        ? [...configuredSources(environment, ingest, logger), ...further]
        : [...further];
      for (const source of running) source.start();
    },
    async startStores() {
      await readers?.stores.start();
    },
    async listen(pageDir, ownerToken) {
      const page = roles.has('serve') ? pageDir : null;
      const http = await createServer({ backend, config: server, pageDir: page, ownerToken, logger });
      closers.push(() => http.close());
      await http.listen({ host: server.host, port: server.port }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          throw new UsageError(
            `Port ${server.port} of ${server.host} is in use by another program. Set TILLSTREAM_PORT, or port in the config.`,
          );
        }
        throw error;
      });
      const address = http.server.address();
      const port = typeof address === 'object' && address ? address.port : server.port;
      url = `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${port}`;
      return url;
    },
    async close(drainMsMax) {
      drainMs = drainMsMax;
      await closeAll();
    },
  };
}

function openLog({ config, dataDir, roles }: Environment, logger: Logger): Promise<EventLog> {
  const program = `tillstream ${VERSION}`;
  const readers = [
    ...(roles.has('archive') ? ['archive'] : []),
    ...(roles.has('measure') ? ['metrics', ...storeReaders(config.stores)] : []),
  ];
  const now = Date.now;
  if (config.log.kind === 'kafka') {
    const { kind: _kind, ...kafka } = config.log;
    return openKafkaLog({ config: kafka, dir: join(dataDir, 'kafka-log'), readers, now, logger, program });
  }
  const { kind: _kind, ...segments } = config.log;
  return openSegmentLog({ dir: join(dataDir, 'log'), config: segments, readers, now, program });
}

const SOURCES = { poll: createPollSource, tail: createTailSource, kafka: createKafkaSource };

/** The sources of the config but http, which is the server itself. */
export function configuredSources(environment: Environment, ingest: Ingest, logger: Logger): Source[] {
  return environment.config.sources.flatMap((options): Source[] => {
    if (options.kind === 'http') return [];
    const stateDir = join(environment.dataDir, 'sources', options.name);
    mkdirSync(stateDir, { recursive: true });
    const context = {
      ingest,
      stateDir,
      log: logger,
      now: Date.now,
      random: Math.random,
    };
    const { kind, ...rest } = options;
    return [SOURCES[kind](rest as never, context)];
  });
}

export {
  CONFIG_SCHEMA,
  type Config,
  configuredSinks,
  createPollSource,
  dataConfigFile,
  type Environment,
  holderOf,
  pollOptionsSchema,
  readEnvironment,
  runSimulator,
  type SimulatorOptions,
  SimulatorUsageError,
};

function logPart(log: EventLog): PartStatus {
  const { state, message } = log.status();
  return { state: state === 'ready' ? 'ready' : state === 'full' ? 'waiting' : 'failed', message };
}
