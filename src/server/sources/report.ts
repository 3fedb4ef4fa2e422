import type { Finding } from '../../domain/finding.ts';
import type { LedgerEntry } from '../../domain/ledger.ts';
import type { PartStatus } from '../../domain/status.ts';
import type { Activity } from '../../ingest/activity.ts';
import type { Backend } from '../backend.ts';
import { HTTP_SOURCE } from '../collector.ts';
import type { HookConfig, ServerConfig } from '../config.ts';
import { HOOKS_PATH, signatureOf } from '../hooks.ts';

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
  state: PartStatus['state'] | null;
  message: string;
  /** From the ledger: since the data folder was made. */
  received: number;
  events: number;
  bad_rows: number;
  counted: number;
  duplicate: number;
  excluded: number;
  in_flight: number;
  /** Since the start of this process; null where nothing came since then. */
  activity: Activity | null;
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
const KNOWN: Readonly<Record<string, string>> = { load: 'load', demo: 'demo', 'demo-history': 'demo' };

/** All sources: those of the config, and those that have sent before. The collector is first. */
export function reportSources(backend: Backend, config: ServerConfig): SourceReport[] {
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
  return [...told, ...others].map((source) => {
    const own = ledger[source.name] ?? NOTHING;
    return {
      ...source,
      received: own.received,
      events: own.archive.events,
      bad_rows: own.metrics.bad,
      counted: own.metrics.counted,
      duplicate: own.metrics.duplicate,
      excluded: own.metrics.excluded,
      in_flight: own.metrics.in_flight,
      activity: backend.activity(source.name) ?? null,
      findings: findings.get(source.name) ?? [],
    };
  });
}

function hookText(hook: HookConfig): string {
  const signature = signatureOf(hook);
  const how = signature === 'address' ? 'with its secret in the address' : `signed as by ${signature}`;
  return `POST ${HOOKS_PATH}/${hook.name}, ${how}`;
}

const NOTHING: LedgerEntry = {
  received: 0,
  archive: { events: 0, bad_rows: 0, in_flight: 0 },
  metrics: { counted: 0, duplicate: 0, excluded: 0, bad: 0, in_flight: 0 },
  balanced: true,
};
