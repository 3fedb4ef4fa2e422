import type { Backend, TapListener } from '../api/backend.ts';
import { ingestBody } from '../api/ingest-body.ts';
import { queryWithin } from '../api/row-limit.ts';
import { newestBadRows } from '../consumers/newest-bad-rows.ts';
import { LATEST_MAX } from '../ingest/activity.ts';
import { now } from '../system/clock.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { createRegistry } from '../telemetry/registry.ts';
import type { Role } from '../telemetry/roles.ts';
import type { RequestMappers } from './mappers.ts';
import type { Processing } from './processing.ts';
import { declaredSources } from './sources.ts';
import { type AppState, statusOf } from './status.ts';

/** What the answers are made from, besides the state. */
export interface BackendOptions {
  readonly state: AppState;
  /** What `needOf` gives. */
  readonly need: (role: Role) => Processing;
  /** Throws ApiError in the data folder of a demo. */
  readonly refuseDemo: () => void;
  /** Who gets the lines that are stored. */
  readonly taps: Set<TapListener>;
  readonly registry: ReturnType<typeof createRegistry>;
}

/** A function that gives what a role does here; it throws ApiError where this process does not have the role. */
export function needOf({ runtime: { roles }, processing }: Pick<AppState, 'runtime' | 'processing'>) {
  return (role: Role): Processing => {
    if (processing && roles.has(role)) return processing;
    throw new ApiError(
      'other_role',
      `This process has the roles ${[...roles].join(', ')}; send the request to one with the role ${role}.`,
    );
  };
}

/** What the HTTP server and the commands ask of a running process. */
export function createBackend(options: BackendOptions): Backend {
  const { state, need, refuseDemo, taps, registry } = options;
  const { runtime, processing, ingestor, activity } = state;
  const { config, roles, server } = runtime;
  const archiveRole = roles.has('archive') ? 'archive' : 'metrics';
  /** Of a role, with figures that are not older than the request. */
  const current = async (role: Role = 'metrics') => {
    const found = need(role);
    await found.consumers.attend();
    return found;
  };
  let mappers: RequestMappers | null = null;
  const requestMappers = async () => {
    mappers ??= new (await import('./mappers.ts')).RequestMappers(runtime);
    return mappers;
  };
  return {
    timeZone: config.time_zone,
    now,
    formats: runtime.adapters.formats,
    async ingest(source, records, asked) {
      if (!roles.has('collect')) need('collect');
      refuseDemo();
      return ingestBody(ingestor, server.lines_max, source, records, asked, activity);
    },
    mapper: async (name) => (await requestMappers()).get(name),
    presets: async () => (await requestMappers()).texts(),
    activity: (source) => activity.of(source),
    newestEvents: async () => (await processing?.newestEvents.get(LATEST_MAX)) ?? [],
    declaredSources: () => declaredSources(runtime, state.sources),
    query: async (query) => queryWithin(await current(), query),
    changes: async (...asked) => (await current()).store.changes(...asked),
    storeVersion: () => need('metrics').store.version(),
    ledger() {
      const { consumers } = need('metrics');
      void consumers.attend();
      return consumers.ledger();
    },
    status: () => statusOf(state),
    async badRows(filter) {
      const { archive, duckdb } = await current(archiveRole);
      return newestBadRows(archive, duckdb.parquet, filter);
    },
    doubts: async (asked) => (await current(archiveRole)).doubts(asked),
    compact: async () => need('archive').archive.compact(),
    vacuum: async (retentionHours) => need('archive').archive.vacuum(retentionHours),
    async waitUntilIdle(msMax) {
      const { consumers, stores } = need('metrics');
      const signal = AbortSignal.timeout(msMax);
      await consumers.waitUntilIdle(undefined, signal);
      const stores_behind = await stores.caughtUp(signal);
      return { ...consumers.ledger(), stores_behind };
    },
    rebuild: async (range, diff, signal) => need('metrics').consumers.rebuild(range, diff, signal),
    tap(listener) {
      taps.add(listener);
      return () => taps.delete(listener);
    },
    metrics: () => registry.text(),
  };
}
