import { mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { openLocalArchive } from './adapters/archive/delta/archive.ts';
import { localArchiveConfig } from './adapters/archive/delta/config.ts';
import { duckDbConfig } from './adapters/engine/duckdb/config.ts';
import { openDuckDb } from './adapters/engine/duckdb/index.ts';
import { openSegmentLog, segmentLogConfigSchema } from './adapters/log/segments/index.ts';
import { createPollSource, pollOptionsSchema } from './adapters/source/poll/index.ts';
import {
  runSimulator,
  type SimulatorOptions,
  SimulatorUsageError,
} from './adapters/source/simulator/index.ts';
import { createTailSource, tailOptionsSchema } from './adapters/source/tail/index.ts';
import { loadConfig } from './config/load.ts';
import { configSchema } from './config/schema.ts';
import { holderOf, takeDataDir } from './data-dir.ts';
import { UsageError } from './domain/errors.ts';
import type { Logger } from './domain/logger.ts';
import type { PartStatus, Status } from './domain/status.ts';
import { CATALOGUE } from './metrics/catalogue.ts';
import { Door } from './pipeline/door.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import type { EventLog } from './ports/event-log.ts';
import type { Ingest, Source } from './ports/source.ts';
import type { Backend, TapListener } from './server/backend.ts';
import { isLoopback, type ServerConfig, serverConfig } from './server/config.ts';
import { createServer, LinesRejected } from './server/http.ts';
import { createRegistry } from './telemetry/registry.ts';
import { VERSION } from './version.ts';

/** Most runs of source and received-at in a batch: what the parser's CASE tree takes. */
const RUNS_MAX = 2048;
const READER_WAIT_MS_MAX = 3000;

const sourceSchema = z.discriminatedUnion('kind', [
  serverConfig.extend({ kind: z.literal('http') }),
  pollOptionsSchema.extend({ kind: z.literal('poll') }),
  tailOptionsSchema.extend({ kind: z.literal('tail') }),
]);

/** The config of this program: the parts are the adapters that it has. */
export const CONFIG_SCHEMA = configSchema({
  sources: sourceSchema,
  log: segmentLogConfigSchema.extend({ kind: z.literal('segments').default('segments') }).prefault({}),
  archive: localArchiveConfig.prefault({}),
  engine: duckDbConfig.prefault({}),
  store: z.strictObject({ kind: z.literal('duckdb') }),
});
export type Config = z.infer<typeof CONFIG_SCHEMA>;

export interface Environment {
  config: Config;
  /** Where the config came from, for messages. */
  configFile: string | undefined;
  dataDir: string;
  server: ServerConfig;
}

/** Reads the config and decides on data folder and port, from options and environment. */
export async function readEnvironment(
  options: { config?: string | undefined; data?: string | undefined },
  env: Readonly<Record<string, string | undefined>>,
  defaultDataDir: string,
): Promise<Environment> {
  const configFile = options.config ?? env.TILLSTREAM_CONFIG;
  const config = await loadConfig(CONFIG_SCHEMA, configFile, env);
  const http = config.sources.filter((source) => source.kind === 'http');
  if (http.length > 1)
    throw new UsageError('The config has more than one source of kind http; there is one port.');
  const { kind: _kind, ...server } =
    http[0] ?? (sourceSchema.parse({ kind: 'http' }) as (typeof http)[number]);
  if (env.TILLSTREAM_PORT) {
    const port = Number(env.TILLSTREAM_PORT);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new UsageError(`TILLSTREAM_PORT="${env.TILLSTREAM_PORT}" is no port number.`);
    }
    server.port = port;
  }
  if (!isLoopback(server.host) && server.api_keys.length === 0) {
    throw new UsageError(
      `The http source listens on ${server.host}, which others can reach, and has no api_keys. ` +
        'Add api_keys, or listen on 127.0.0.1.',
    );
  }
  const names = config.sources.map((source) => ('name' in source ? source.name : 'http'));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) throw new UsageError(`Two sources have the name "${twice}"; give each a name of its own.`);
  const dataDir = resolve(options.data ?? env.TILLSTREAM_DATA ?? defaultDataDir);
  return { config, configFile, dataDir, server };
}

/** Everything of a data folder, opened: log, archive, metrics and their loops; no source and no server yet. */
export interface App {
  readonly environment: Environment;
  readonly backend: Backend;
  readonly pipeline: Pipeline;
  /** What was noticed at the start, for people. */
  readonly messages: string[];
  ingest: Ingest;
  /** Counts lines without storing them, as the door would judge them. */
  door: Door;
  /** Starts the sources of the config (and further ones). */
  startSources(further?: Source[]): void;
  /** Starts the HTTP server; gives its URL. */
  listen(pageDir: string, ownerToken: string): Promise<string>;
  sources(): Source[];
  /** Stops sources and server, drains the log for at most so long, closes everything. */
  close(drainMsMax: number): Promise<void>;
}

export async function openApp(environment: Environment, logger: Logger): Promise<App> {
  const { dataDir } = environment;
  const lock = await takeDataDir(dataDir);
  const closers: (() => Promise<unknown>)[] = [() => lock.release()];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await wire(environment, logger, closers, closeAll);
  } catch (error) {
    await closeAll().catch(() => {});
    throw error;
  }
}

async function wire(
  environment: Environment,
  logger: Logger,
  closers: (() => Promise<unknown>)[],
  closeAll: () => Promise<void>,
): Promise<App> {
  const { config, dataDir, server } = environment;
  const timeZone = config.time_zone;
  const now = Date.now;
  const startedAt = new Date().toISOString();
  const { kind: _kind, ...logConfig } = config.log;
  const log = await openSegmentLog({
    dir: join(dataDir, 'log'),
    config: logConfig,
    readers: ['archive', 'metrics'],
    now,
    program: `tillstream ${VERSION}`,
  });
  closers.push(() => log.close());
  const archiveDir = config.archive.path ? resolve(config.archive.path) : join(dataDir, 'archive');
  await mkdir(archiveDir, { recursive: true });
  const duckdb = await openDuckDb({
    dir: join(dataDir, 'metrics'),
    archiveDirs: [archiveDir],
    catalogue: CATALOGUE,
    timeZone,
    logId: log.id,
    config: config.engine,
    now,
  });
  closers.push(() => duckdb.close());
  const archive = await openLocalArchive(archiveDir, { parquet: duckdb.parquet, logId: log.id, now });
  const pipeline = new Pipeline({
    log,
    parser: duckdb.parser,
    archive,
    engine: duckdb.engine,
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

  const backend: Backend = {
    timeZone,
    async ingest(source, body, strict) {
      const checked = door.check(body);
      if (strict && checked.rejected > 0) throw new LinesRejected(checked);
      return door.store(source, checked);
    },
    query: (query) => duckdb.store.query(query),
    changes: (version, metrics, windows) => duckdb.store.changes(version, metrics, windows),
    storeVersion: () => duckdb.store.version(),
    ledger: () => pipeline.ledger(),
    status,
    badRows: (filter) => archive.withFiles('bad_rows', {}, (paths) => duckdb.parquet.badRows(paths, filter)),
    compact: () => archive.compact(),
    vacuum: (retentionHours) => archive.vacuum(retentionHours),
    async settle(msMax) {
      await pipeline.settle(undefined, AbortSignal.timeout(msMax));
      return pipeline.ledger();
    },
    rebuild: (range, diff) => pipeline.rebuild(range, diff),
    tap(listener) {
      taps.add(listener);
      return () => taps.delete(listener);
    },
    metrics: () => registry.text(),
  };

  function status(): Status {
    const loops = pipeline.status();
    const iso = (ms: number | null) => (ms === null || ms === 0 ? null : new Date(ms).toISOString());
    return {
      running: true,
      pid: process.pid,
      url,
      version: VERSION,
      time_zone: timeZone,
      started_at: startedAt,
      now: new Date().toISOString(),
      data: dataDir,
      parts: {
        collector: collectorStatus(log),
        log: logPart(log),
        archive: loops.archive,
        metrics: loops.metrics,
        ...sourceParts(),
      },
      lag: pipeline.lag(),
      freshness: {
        collector: iso(Math.max(lastIngestMs ?? 0, log.status().lastReceivedAtMs ?? 0)),
        log: iso(log.status().lastReceivedAtMs),
        archive: iso(archive.status().lastReceivedAtMs),
        metrics: iso(duckdb.engine.frontierMs()),
      },
      dirty_windows: duckdb.engine.dirtyWindows(),
      metrics: CATALOGUE.map(({ name, title, keys, values, derived, windows }) => ({
        name,
        title,
        keys: keys.map((key) => key.name),
        values: [...Object.keys(values), ...Object.keys(derived ?? {})],
        windows,
      })),
    };
  }

  function sourceParts(): Record<string, PartStatus> {
    return Object.fromEntries(
      running.map((source) => {
        const { state, message } = source.status();
        return [`source ${source.name}`, { state, message }];
      }),
    );
  }

  function readings() {
    const current = status();
    const ages = Object.entries(current.freshness).flatMap(([stage, at]) =>
      at ? [[stage, (now() - Date.parse(at)) / 1000]] : [],
    );
    const tables = archive.status().tables;
    return {
      ledger: pipeline.ledger(),
      lag: current.lag,
      parts: Object.fromEntries(
        Object.entries(current.parts).map(([part, { state }]) => [part, state === 'ready']),
      ),
      ageSeconds: Object.fromEntries(ages) as Record<string, number>,
      logBytes: log.status().bytes,
      archiveFiles: { events: tables.events.files, bad_rows: tables.bad_rows.files },
      sources: running.flatMap((source) =>
        Object.entries(source.status().counters).map(([counter, value]) => ({
          source: source.name,
          counter,
          value,
        })),
      ),
    };
  }

  for (const message of duckdb.message ? [duckdb.message] : []) logger.warn({}, message);
  await pipeline.start();
  let drainMs = 0;
  closers.push(() => pipeline.stop(drainMs));
  closers.push(() => Promise.all(running.map((source) => source.stop())));

  return {
    environment,
    backend,
    pipeline,
    messages: duckdb.message ? [duckdb.message] : [],
    ingest,
    door,
    sources: () => running,
    startSources(further = []) {
      running = [...configuredSources(environment, ingest, logger), ...further];
      for (const source of running) source.start();
    },
    async listen(pageDir, ownerToken) {
      const http = await createServer({ backend, config: server, pageDir, ownerToken, logger });
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
    return [
      kind === 'poll' ? createPollSource(rest as never, context) : createTailSource(rest as never, context),
    ];
  });
}

export {
  createPollSource,
  holderOf,
  pollOptionsSchema,
  runSimulator,
  type SimulatorOptions,
  SimulatorUsageError,
};

function collectorStatus(log: EventLog): PartStatus {
  const { state, message } = log.status();
  return { state: state === 'ready' ? 'ready' : state === 'full' ? 'waiting' : 'failed', message };
}

const logPart = collectorStatus;
