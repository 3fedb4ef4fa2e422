import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { EventFeed } from '../consumers/event-feed.ts';
import { SinkFollower } from '../consumers/sink-follower.ts';
import type { BatchDecoder, EventReader } from '../decode/batch.ts';
import type { EventLog } from '../log/event-log.ts';
import { CATALOGUE } from '../metrics/catalogue.ts';
import type { Aggregate } from '../metrics/definition.ts';
import type { ArchiveReader } from '../metrics/engine.ts';
import type { MetricsStore } from '../metrics/metrics-store.ts';
import {
  type InfluxConfig,
  InfluxSink,
  influxConfigSchema,
  type MetricSchema,
} from '../sinks/influxdb/index.ts';
import type { Sink } from '../sinks/sink.ts';
import { now } from '../system/clock.ts';
import type { StateFile } from '../system/state-file.ts';
import { writeFileDurable } from '../system/write-durable.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';

/** Stores besides the built-in one, which is always there: they follow it. */
export const storeSchema = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('duckdb') })
    .describe('The built-in store. It is always there; naming it changes nothing.'),
  influxConfigSchema,
]);
type StoreConfig = z.infer<typeof storeSchema>;

/** The store's parts in the status; its reader of the log has the first name. */
const METRICS_PART = 'influxdb';
const EVENTS_PART = 'influxdb raw';
const CAUGHT_UP_LOOK_MS = 50;

const INFLUX_VARIABLES = {
  token: 'TILLSTREAM_INFLUX_TOKEN',
  org: 'TILLSTREAM_INFLUX_ORG',
  bucket: 'TILLSTREAM_INFLUX_BUCKET',
  url: 'TILLSTREAM_INFLUX_URL',
} as const;

/** The stores of the config, and the InfluxDB that the environment names. */
export function withStoreOf(
  stores: readonly StoreConfig[],
  env: Readonly<Record<string, string | undefined>>,
): StoreConfig[] {
  const given = Object.entries(INFLUX_VARIABLES).flatMap(([name, variable]) =>
    env[variable] ? [[name, env[variable]] as const] : [],
  );
  const all = [...stores];
  if (given.length > 0) all.push(influxOf(Object.fromEntries(given)));
  if (all.filter(({ kind }) => kind === 'influxdb').length > 1) {
    throw new UsageError(
      'There is more than one store of kind influxdb, and there can be one. ' +
        'Remove it from the config, or unset the TILLSTREAM_INFLUX_ variables.',
    );
  }
  return all;
}

function influxOf(settings: Record<string, string>): StoreConfig {
  for (const [name, variable] of Object.entries(INFLUX_VARIABLES)) {
    if (name !== 'url' && !settings[name])
      throw new UsageError(`${variable} is not set; an InfluxDB needs its token, org and bucket.`);
  }
  const result = influxConfigSchema.safeParse({ kind: 'influxdb', ...settings });
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const variable = INFLUX_VARIABLES[path[0] as keyof typeof INFLUX_VARIABLES];
  throw new UsageError(`${variable ?? 'TILLSTREAM_INFLUX_*'}: ${message}.`);
}

interface StoreContext {
  dataDir: string;
  logger: Logger;
}

/** The sinks that the config names; they do nothing by themselves. */
export function configuredSinks(
  stores: readonly StoreConfig[],
  place: StoreContext,
): { name: string; sink: Sink }[] {
  return stores.flatMap((store) =>
    store.kind === 'influxdb' ? [{ name: 'influxdb', sink: influxSink(store, place) }] : [],
  );
}

function influxSink(config: InfluxConfig, { dataDir, logger }: StoreContext): InfluxSink {
  const tagsFile = stateFile(join(dataDir, 'stores', 'influxdb', 'tag-values.json'));
  return new InfluxSink({ config, schemas: CATALOGUE.map(schemaOf), tagsFile, logger, now });
}

/** What a store outside of ours needs to know of a metric. */
function schemaOf({ name, keys, values, derived }: (typeof CATALOGUE)[number]): MetricSchema {
  return {
    name,
    keys: keys.map((key) => key.name),
    values: [
      ...Object.entries(values).map(([value, of]) => ({ name: value, ...fieldOf(of) })),
      ...Object.keys(derived ?? {}).map((value) => ({ name: value, type: 'float' as const, merge: null })),
    ],
  };
}

function fieldOf(aggregate: Aggregate): Pick<MetricSchema['values'][number], 'type' | 'merge'> {
  switch (aggregate.kind) {
    case 'count':
      return { type: 'integer', merge: 'sum' };
    case 'sum':
      if (aggregate.type === 'decimal') return { type: 'decimal', merge: 'sum' };
      return { type: aggregate.type === 'integer' ? 'integer' : 'float', merge: 'sum' };
    case 'max':
      return { type: 'float', merge: 'max' };
    case 'quantile':
      return { type: 'float', merge: null };
    case 'distinct':
      return { type: 'integer', merge: null };
  }
}

export interface StoresOptions extends StoreContext {
  stores: readonly StoreConfig[];
  log: EventLog;
  decoder: BatchDecoder;
  events: EventReader;
  archive: ArchiveReader;
  metrics: MetricsStore;
  runsMax: number;
}

/** Numbers of a store for Prometheus. */
export interface StoreReading {
  store: string;
  counters: Record<string, number>;
  behindSeconds: number;
}

/** What carries metrics and events to the stores outside of ours. */
export class Stores {
  readonly #options: StoresOptions;
  #sink: Sink | undefined;
  #follower: SinkFollower | undefined;
  #feed: EventFeed | undefined;

  constructor(options: StoresOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { stores, dataDir, log, decoder, events, archive, metrics: store, logger, runsMax } = this.#options;
    const config = stores.find((candidate) => candidate.kind === 'influxdb');
    if (!config) return;
    const sink = influxSink(config, this.#options);
    const file = (name: string) => stateFile(join(dataDir, 'stores', 'influxdb', name));
    const metrics = CATALOGUE.map(({ name }) => name);
    this.#sink = sink;
    this.#follower = new SinkFollower({
      name: METRICS_PART,
      store,
      sink,
      file: file('metrics.json'),
      metrics,
      logger,
    });
    await this.#follower.start();
    if (!config.raw_events) return;
    const name = METRICS_PART;
    this.#feed = new EventFeed({
      name,
      log,
      decoder,
      events,
      archive,
      sink,
      file: file('events.json'),
      logger,
      runsMax,
    });
    await this.#feed.start();
  }

  /** Hands over what the log has, for at most so long. */
  async stopEvents(drainMsMax: number): Promise<void> {
    await this.#feed?.stop(drainMsMax);
  }

  /** Hands over what the metrics have, which must not change any more, for at most so long. */
  async stopMetrics(drainMsMax: number): Promise<void> {
    await this.#follower?.stop(drainMsMax);
  }

  /** Windows were computed again; rows that went away can't be reported to a store that only takes points. */
  onRebuilt(): void {
    if (this.#sink)
      this.#options.logger.warn(
        { store: METRICS_PART },
        'InfluxDB gets the points that the rebuild changed, and keeps points of rows that no longer exist. If rows were deleted from the ' +
          'archive, set a new bucket: it is filled from the start',
      );
  }

  /** A store that waits keeps nobody from sending and reading. */
  parts(): Record<string, ComponentStatus> {
    return {
      ...(this.#follower ? { [METRICS_PART]: { ...this.#follower.status(), needed: false } } : {}),
      ...(this.#feed ? { [EVENTS_PART]: { ...this.#feed.status(), needed: false } } : {}),
    };
  }

  /**
   * Resolves when the stores have all that the metrics and the log have, or when one can't take it. Gives those that are behind,
   * with the reason.
   */
  async caughtUp(signal: AbortSignal): Promise<Record<string, string>> {
    for (;;) {
      const behind: Record<string, string> = {};
      if (this.#follower && this.#follower.behindSeconds() > 0)
        behind[METRICS_PART] = this.#follower.status().message;
      if (this.#feed && this.#feed.lag() > 0) behind[EVENTS_PART] = this.#feed.status().message;
      const reasons = Object.values(behind);
      if (reasons.length === 0 || reasons.every((reason) => reason !== '') || signal.aborted) return behind;
      await sleep(CAUGHT_UP_LOOK_MS);
    }
  }

  /** Lines of the log that a store has not taken. */
  lag(): Record<string, number> {
    return this.#feed ? { [EVENTS_PART]: this.#feed.lag() } : {};
  }

  readings(): StoreReading[] {
    if (!this.#sink || !this.#follower) return [];
    const counters = { ...this.#sink.counters() };
    return [{ store: METRICS_PART, counters, behindSeconds: this.#follower.behindSeconds() }];
  }
}

function stateFile(path: string): StateFile {
  return {
    async read() {
      try {
        return JSON.parse(await readFile(path, 'utf8'));
      } catch (error) {
        if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    async write(value) {
      mkdirSync(dirname(path), { recursive: true });
      await writeFileDurable(path, `${JSON.stringify(value)}\n`);
    },
  };
}
