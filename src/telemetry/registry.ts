import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Ledger } from './ledger.ts';
import type { Status } from './status.ts';

export interface Readings {
  /** Null where the metrics are not here. */
  ledger: Ledger | null;
  /** Lines that each reader of the log has not taken yet. */
  lag: Record<string, number>;
  /** 1 ready, 0 not. */
  parts: Record<string, boolean>;
  /** Seconds since the last line of each stage was received. */
  ageSeconds: Record<string, number>;
  logBytes: number;
  archiveFiles: Record<string, number>;
  /** Counters of the sources: name of the source, name of the counter, value. */
  sources: { source: string; counter: string; value: number }[];
  /** Stores that follow the built-in one. */
  stores: { store: string; counters: Record<string, number>; behindSeconds: number }[];
  /** What a program that computes for the engine tells of itself. */
  cluster: Record<string, number>;
}

/** What the status has of the readings. */
export function readingsOf({ freshness, lag, parts }: Status, nowMs: number) {
  const ages = Object.entries(freshness).flatMap(([stage, at]) =>
    at === null ? [] : [[stage, (nowMs - Date.parse(at)) / 1000] as const],
  );
  return {
    lag,
    parts: Object.fromEntries(Object.entries(parts).map(([part, { state }]) => [part, state === 'ready'])),
    ageSeconds: Object.fromEntries(ages),
  } satisfies Partial<Readings>;
}

/** Prometheus metrics of Tillstream itself, read when they are asked for. */
export function createRegistry(read: () => Readings) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Counter({
    name: 'tillstream_ledger_lines_total',
    help: 'Lines by source and state: received, archived_events, archived_bad_rows, counted, duplicate, excluded, bad.',
    labelNames: ['source', 'state'],
    registers,
    collect() {
      this.reset();
      for (const [source, entry] of Object.entries(read().ledger?.by_source ?? {})) {
        const states = {
          received: entry.received,
          archived_events: entry.archive.events,
          archived_bad_rows: entry.archive.bad_rows,
          counted: entry.metrics.counted,
          duplicate: entry.metrics.duplicate,
          excluded: entry.metrics.excluded,
          bad: entry.metrics.bad,
        };
        for (const [state, lines] of Object.entries(states)) this.inc({ source, state }, lines);
      }
    },
  });
  const gauge = (name: string, help: string, label: string | null, values: () => Record<string, number>) =>
    new Gauge({
      name,
      help,
      labelNames: label ? [label] : [],
      registers,
      collect() {
        this.reset();
        for (const [key, value] of Object.entries(values())) this.set(label ? { [label]: key } : {}, value);
      },
    });
  const ofLedger = (pick: (ledger: Ledger) => number): Record<string, number> => {
    const { ledger } = read();
    return ledger ? { '': pick(ledger) } : {};
  };
  gauge('tillstream_ledger_balanced', '1 when the ledger balances, in total and per source.', null, () =>
    ofLedger(({ balanced }) => Number(balanced)),
  );
  gauge('tillstream_lost_lines', 'Lines lost to damage of the log files.', null, () =>
    ofLedger(({ lost }) => lost),
  );
  gauge(
    'tillstream_expired_lines',
    'Lines that the topic of the log deleted before they were read.',
    null,
    () => ofLedger(({ expired }) => expired),
  );
  gauge('tillstream_dirty_windows', 'Windows waiting to be recomputed from the archive.', null, () =>
    ofLedger(({ dirty_windows }) => dirty_windows),
  );
  gauge(
    'tillstream_lag_lines',
    'Lines of the log that a consumer has not read yet.',
    'reader',
    () => read().lag,
  );
  gauge('tillstream_part_ready', '1 when the component is ready.', 'part', () =>
    Object.fromEntries(Object.entries(read().parts).map(([part, ready]) => [part, Number(ready)])),
  );
  gauge(
    'tillstream_age_seconds',
    'Seconds since the newest line of a stage was received.',
    'stage',
    () => read().ageSeconds,
  );
  gauge('tillstream_log_bytes', 'Bytes of the event log on disk.', null, () => ({ '': read().logBytes }));
  gauge('tillstream_archive_files', 'Current Parquet files of a table.', 'table', () => read().archiveFiles);
  new Counter({
    name: 'tillstream_source_total',
    help: 'Counters of the sources, such as polls, gaps or refused redirects.',
    labelNames: ['source', 'counter'],
    registers,
    collect() {
      this.reset();
      for (const { source, counter, value } of read().sources) this.inc({ source, counter }, value);
    },
  });
  new Counter({
    name: 'tillstream_store_total',
    help: 'Counters of the further stores: points (written), requests, failed_requests, expired_points (older than the retention of the store), rejected_points (never accepted) and overwritten_points.',
    labelNames: ['store', 'counter'],
    registers,
    collect() {
      this.reset();
      for (const { store, counters } of read().stores)
        for (const [counter, value] of Object.entries(counters)) this.inc({ store, counter }, value);
    },
  });
  gauge(
    'tillstream_store_behind_seconds',
    'Seconds for which a store has been behind the metrics.',
    'store',
    () => Object.fromEntries(read().stores.map(({ store, behindSeconds }) => [store, behindSeconds])),
  );
  gauge(
    'tillstream_cluster',
    'Counters of the external program of the engine: starts, exits, jobs, failed_jobs, and job_ms of the last job.',
    'reading',
    () => read().cluster,
  );
  const rejected = new Counter({
    name: 'tillstream_rejected_lines_total',
    help: 'Lines rejected at ingest, by source and reason.',
    labelNames: ['source', 'reason'],
    registers,
  });
  return {
    countRejected: (source: string, reason: string, lines: number) => rejected.inc({ source, reason }, lines),
    async text() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
