import type { SourceActivity } from '../ingest/activity.ts';
import type { Ingestor } from '../ingest/ingestor.ts';
import { type EventLog, logComponent } from '../log/event-log.ts';
import type { Source } from '../sources/source.ts';
import { now } from '../system/clock.ts';
import { VERSION } from '../system/version.ts';
import { type Readings, readingsOf } from '../telemetry/registry.ts';
import type { ComponentStatus, Status } from '../telemetry/status.ts';
import type { DemoMark } from './demo-mark.ts';
import type { Processing } from './processing.ts';
import type { RuntimeConfig } from './runtime-config.ts';
import { sourceComponents, sourceCounters } from './sources.ts';

/** What the status is about. */
export interface AppState {
  readonly runtime: RuntimeConfig;
  readonly log: EventLog;
  readonly processing: Processing | null;
  readonly ingestor: Ingestor;
  readonly metrics: Status['metrics'];
  readonly startedAt: string;
  readonly activity: SourceActivity;
  /** Mark of the data folder of a demo; null for any other. */
  demo: DemoMark | null;
  /** Empty before the server listens. */
  url: string;
  /** Sources that run here. */
  sources: readonly Source[];
}

const iso = (ms: number | null | undefined) => (ms ? new Date(ms).toISOString() : null);

export function statusOf(state: AppState): Status {
  const { runtime, log, processing, ingestor, metrics, startedAt } = state;
  const { config, dataDir, roles } = runtime;
  const { lastReceivedAtMs } = log.status();
  return {
    running: true,
    pid: process.pid,
    url: state.url,
    version: VERSION,
    demo: state.demo !== null,
    roles: [...roles],
    time_zone: config.time_zone,
    started_at: startedAt,
    now: new Date(now()).toISOString(),
    data: dataDir,
    parts: {
      ...(roles.has('collect') ? { collector: logComponent(log) } : {}),
      log: logComponent(log),
      ...consumerComponents(processing),
      ...sourceComponents(state.sources),
    },
    lag: { ...processing?.consumers.lagOfOthers(), ...lagOf(state) },
    freshness: {
      collector: iso(Math.max(state.activity.lastStoredMs() ?? 0, lastReceivedAtMs ?? 0)),
      log: iso(lastReceivedAtMs),
      archive: iso(processing?.archive.status().lastReceivedAtMs),
      metrics: iso(processing?.engine.maxReceivedAtMs()),
    },
    dirty_windows: processing?.engine.invalidatedWindows() ?? 0,
    newest_event_day: processing?.archive.dates('events').at(-1)?.date ?? null,
    currency: config.currency ?? null,
    findings: ingestor.findings(),
    metrics,
  };
}

/** Lines of the log that each consumer of this process has not taken yet. */
export function lagOf({ processing }: Pick<AppState, 'processing'>): Record<string, number> {
  return { ...processing?.consumers.lag(), ...processing?.stores.lag() };
}

function consumerComponents(processing: Processing | null): Record<string, ComponentStatus> {
  if (!processing) return {};
  const parts = processing.consumers.status();
  const { archive } = parts;
  return {
    ...parts,
    ...(archive ? { archive: processing.archiveWatch?.status(archive) ?? archive } : {}),
    ...processing.stores.parts(),
  };
}

/** The numbers for Prometheus. */
export function readingsFor(state: AppState): Readings {
  const { runtime, log, processing } = state;
  const tables = processing?.archive.status().tables;
  return {
    ledger: processing && runtime.roles.has('metrics') ? processing.consumers.ledger() : null,
    ...readingsOf(statusOf(state), now()),
    logBytes: log.status().bytes,
    archiveFiles: tables ? { events: tables.events.files, bad_rows: tables.bad_rows.files } : {},
    stores: processing?.stores.readings() ?? [],
    cluster: processing?.program?.counters() ?? {},
    sources: sourceCounters(state.sources),
  };
}
