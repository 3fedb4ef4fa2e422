import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventFeed } from '../consumers/event-feed.ts';
import { SinkFollower } from '../consumers/sink-follower.ts';
import type { BatchDecoder, EventReader } from '../decode/batch.ts';
import type { LogReader } from '../log/event-log.ts';
import type { ArchiveReader } from '../metrics/engine.ts';
import type { MetricsStore } from '../metrics/metrics-store.ts';
import type { Sink } from '../sinks/sink.ts';
import type { SinkKind } from '../sinks/sink-kind.ts';
import { now } from '../system/clock.ts';
import { openStateFile } from '../system/state-file.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import { isOther } from './config/schema.ts';
import { type Adapters, type Chosen, chosenOf } from './registry/adapters.ts';

const CAUGHT_UP_LOOK_MS = 50;

/** The stores of the config, and those that the environment names. There is one of each kind. */
export function withStoresOf(
  stores: readonly Chosen[],
  kinds: Adapters['stores'],
  env: Readonly<Record<string, string | undefined>>,
): Chosen[] {
  const all = [...stores];
  for (const [kind, { fromEnvironment }] of Object.entries(kinds)) {
    const given = fromEnvironment?.(env);
    if (given) all.push({ kind, ...given });
  }
  const twice = all.find(
    (store, at) => isOther(store) && all.findIndex(({ kind }) => kind === store.kind) < at,
  );
  if (twice)
    throw new UsageError(
      `Only one store of kind ${twice.kind} is allowed. Remove the other from the config` +
        `${kinds[twice.kind]?.fromEnvironment ? ', or unset the variables of the environment that name another one' : ''}.`,
    );
  return all;
}

interface StoreContext {
  adapters: Adapters;
  stores: readonly Chosen[];
  dataDir: string;
  logger: Logger;
}

interface OpenStore {
  name: string;
  kind: SinkKind;
  sink: Sink;
}

/** The sinks that the config names; they do nothing by themselves. */
export async function configuredSinks(context: StoreContext): Promise<OpenStore[]> {
  const { adapters, stores, dataDir, logger } = context;
  const opened: OpenStore[] = [];
  for (const store of stores.filter(isOther)) {
    const { adapter: kind, settings } = chosenOf(adapters.stores, store);
    const sink = await kind.create(settings, {
      metrics: adapters.metrics,
      stateFile: (name) => stateFile(dataDir, store.kind, name),
      logger,
      now,
    });
    opened.push({ name: store.kind, kind, sink });
  }
  return opened;
}

const stateFile = (dataDir: string, store: string, name: string) =>
  openStateFile(join(dataDir, 'stores', store, name));

export interface StoresOptions extends StoreContext {
  log: LogReader;
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

interface Following extends OpenStore {
  follower: SinkFollower;
  /** Null where the store takes no single events. */
  feed: EventFeed | null;
}

/** Name of what carries single events, in the status. */
const eventsOf = (store: string) => `${store} raw`;

/** What carries metrics and events to the stores outside of ours. */
export class Stores {
  readonly #options: StoresOptions;
  readonly #following: Following[] = [];

  constructor(options: StoresOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (const store of await configuredSinks(this.#options)) await this.#follow(store);
  }

  async #follow({ name, kind, sink }: OpenStore): Promise<void> {
    const {
      adapters,
      dataDir,
      log,
      decoder,
      events,
      archive,
      metrics: store,
      logger,
      runsMax,
    } = this.#options;
    const metrics = adapters.metrics.map((metric) => metric.name);
    const common = { name, logger };
    const follower = new SinkFollower({
      ...common,
      store,
      sink,
      file: stateFile(dataDir, name, 'metrics.json'),
      metrics,
    });
    const following: Following = { name, kind, sink, follower, feed: null };
    this.#following.push(following);
    await follower.start();
    if (sink.events === null) return;
    following.feed = new EventFeed({
      ...common,
      log,
      decoder,
      events,
      archive,
      sink: sink.events,
      file: stateFile(dataDir, name, 'events.json'),
      runsMax,
    });
    await following.feed.start();
  }

  /** Hands over what the log has, for at most so long. */
  async stopEvents(drainMsMax: number): Promise<void> {
    await Promise.all(this.#following.map(({ feed }) => feed?.stop(drainMsMax)));
  }

  /** Hands over what the metrics have, which must not change any more, for at most so long. */
  async stopMetrics(drainMsMax: number): Promise<void> {
    await Promise.all(this.#following.map(({ follower }) => follower.stop(drainMsMax)));
  }

  /** Windows were computed again; rows that went away can't be reported to a store that only takes points. */
  onRebuilt(): void {
    for (const { name, kind } of this.#following)
      if (kind.afterRebuild) this.#options.logger.warn({ store: name }, kind.afterRebuild);
  }

  /** A store that waits keeps nobody from sending and reading. */
  parts(): Record<string, ComponentStatus> {
    const parts: Record<string, ComponentStatus> = {};
    for (const { name, follower, feed } of this.#following) {
      parts[name] = { ...follower.status(), needed: false };
      if (feed) parts[eventsOf(name)] = { ...feed.status(), needed: false };
    }
    return parts;
  }

  /**
   * Resolves when the stores have all that the metrics and the log have, or when one can't take it. Gives those that are behind,
   * with the reason.
   */
  async caughtUp(signal: AbortSignal): Promise<Record<string, string>> {
    for (;;) {
      const behind: Record<string, string> = {};
      for (const { name, follower, feed } of this.#following) {
        if (follower.behindSeconds() > 0) behind[name] = follower.status().message;
        if (feed && feed.lag() > 0) behind[eventsOf(name)] = feed.status().message;
      }
      const reasons = Object.values(behind);
      if (reasons.length === 0 || reasons.every((reason) => reason !== '') || signal.aborted) return behind;
      await sleep(CAUGHT_UP_LOOK_MS);
    }
  }

  /** Lines of the log that a store has not taken. */
  lag(): Record<string, number> {
    return Object.fromEntries(
      this.#following.flatMap(({ name, feed }) => (feed ? [[eventsOf(name), feed.lag()]] : [])),
    );
  }

  readings(): StoreReading[] {
    return this.#following.map(({ name, sink, follower }) => ({
      store: name,
      counters: { ...sink.counters() },
      behindSeconds: follower.behindSeconds(),
    }));
  }
}
