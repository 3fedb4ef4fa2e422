import type { ArchivedEvent } from '../../archive/archive.ts';
import type { Activity, LatestEvent } from '../../ingest/activity.ts';
import type { Finding } from '../../ingest/finding.ts';
import { ArchiveError } from '../../telemetry/errors.ts';
import type { LedgerEntry } from '../../telemetry/ledger.ts';
import type { ComponentStatus } from '../../telemetry/status.ts';
import type { SourcesBackend, StateBackend } from '../backend.ts';
import { HTTP_SOURCE } from '../collector.ts';
import type { HookConfig, ServerConfig } from '../config.ts';
import { HOOKS_PATH, signatureOf } from '../hooks.ts';
import type { Refused, RefusedRequests } from '../refused-requests.ts';

/** What a source has brought, and how it is. */
export interface SourceReport {
  /** As in the ledger. */
  name: string;
  /** http, hook, or a kind of source of the config; load, demo or other for what no config names. */
  kind: string;
  /** Its address, or what it reads. */
  of: string;
  map: string | null;
  /** Of a source that this process reads; null for all others. */
  state: ComponentStatus['state'] | null;
  message: string;
  /** From the ledger: since the data folder was made. */
  received: number;
  events: number;
  bad_rows: number;
  counted: number;
  duplicate: number;
  excluded: number;
  in_flight: number;
  /** Of the last event or record, as far as it is known; also from before the start. */
  last_received_at: string | null;
  /** Newest first: those since the start, else those of the newest files of the archive. */
  latest_events: readonly LatestEvent[];
  /** Requests without a valid key or signature since the start; null where there were none. */
  refused: Refused | null;
  /** Since the start of this process; null where nothing came since then. */
  activity: Omit<Activity, 'latest_events'> | null;
  findings: readonly Finding[];
}

type Told = Pick<SourceReport, 'name' | 'kind' | 'of' | 'map' | 'state' | 'message'>;

const plain = (name: string, kind: string, of: string, map: string | null = null): Told => ({
  name,
  kind,
  of,
  map,
  state: null,
  message: '',
});

/** Names in the ledger that no config has. */
const KNOWN: Readonly<Record<string, string>> = {
  load: 'load',
  'page-import': 'load',
  demo: 'demo',
  'demo-history': 'demo',
};

/** What is known of the sources, and why the archive could not be asked for their latest events; null where it could. */
export interface SourcesReport {
  readonly sources: SourceReport[];
  readonly archive_error: string | null;
}

/** All sources: those of the config, and those that have sent before. The collector is first. */
export async function reportSources(
  backend: SourcesBackend & StateBackend,
  config: ServerConfig,
  refused: RefusedRequests,
): Promise<SourcesReport> {
  const ledger = backend.ledger().by_source;
  const findings = new Map(backend.status().findings.map(({ source, findings: list }) => [source, list]));
  const told: Told[] = [
    plain(HTTP_SOURCE, 'http', 'HTTP API, trackers and pages'),
    ...config.hooks.map((hook) => plain(hook.name, 'hook', hookText(hook), hook.map ?? null)),
    ...backend.declaredSources(),
  ];
  const names = new Set(told.map(({ name }) => name));
  const others = Object.keys(ledger)
    .filter((name) => !names.has(name))
    .map((name) => plain(name, KNOWN[name] ?? 'other', ''));
  const all = [...told, ...others].map((source) => ({
    source,
    own: ledger[source.name] ?? NOTHING,
    seen: backend.activity(source.name),
  }));
  // Only where the memory of this process does not do: it has started since, or another one collects.
  const isForgotten = all.some(({ own, seen }) => own.archive.events > 0 && !seen?.latest_events.length);
  let archive_error: string | null = null;
  const newest = isForgotten
    ? await backend.newestEvents().catch((error: Error): ArchivedEvent[] => {
        archive_error = error instanceof ArchiveError ? error.message : 'The archive could not be read.';
        return [];
      })
    : [];
  const archived = Map.groupBy(newest, ({ source }) => source);
  const sources = all.map(({ source, own, seen }) => {
    const { latest_events: fresh = [], ...activity } = seen ?? {};
    const latest = fresh.length > 0 ? fresh : (archived.get(source.name) ?? []);
    return {
      ...source,
      received: own.received,
      events: own.archive.events,
      bad_rows: own.metrics.bad,
      counted: own.metrics.counted,
      duplicate: own.metrics.duplicate,
      excluded: own.metrics.excluded,
      in_flight: own.metrics.in_flight,
      last_received_at: seen?.last_received_at ?? latest[0]?.received_at ?? null,
      latest_events: latest.map(({ received_at, event }) => ({ received_at, event })),
      refused:
        source.kind === 'http' ? refused.of(null) : source.kind === 'hook' ? refused.of(source.name) : null,
      activity: seen === undefined ? null : (activity as Omit<Activity, 'latest_events'>),
      findings: findings.get(source.name) ?? [],
    };
  });
  return { sources, archive_error };
}

function hookText(hook: HookConfig): string {
  const signature = signatureOf(hook);
  const how = signature === 'address' ? 'with its secret in the address' : `with signatures of ${signature}`;
  return `POST ${HOOKS_PATH}/${hook.name}, ${how}`;
}

const NOTHING: LedgerEntry = {
  received: 0,
  archive: { events: 0, bad_rows: 0, in_flight: 0 },
  metrics: { counted: 0, duplicate: 0, excluded: 0, bad: 0, in_flight: 0 },
  balanced: true,
};
