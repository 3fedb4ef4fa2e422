import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Ledger } from '../domain/ledger.ts';

export interface Readings {
  ledger: Ledger;
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
}

/** Prometheus metrics of Tillstream itself, read when they are asked for. */
export function createRegistry(read: () => Readings) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Counter({
    name: 'tillstream_ledger_lines_total',
    help: 'Lines by source and what became of them: received, archived_events, archived_bad_rows, counted, duplicate, bad.',
    labelNames: ['source', 'state'],
    registers,
    collect() {
      this.reset();
      for (const [source, entry] of Object.entries(read().ledger.by_source)) {
        const states = {
          received: entry.received,
          archived_events: entry.archive.events,
          archived_bad_rows: entry.archive.bad_rows,
          counted: entry.metrics.counted,
          duplicate: entry.metrics.duplicate,
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
  gauge('tillstream_ledger_balanced', '1 when the ledger balances, in total and per source.', null, () => {
    const { balanced, by_source } = read().ledger;
    return { '': Number(balanced && Object.values(by_source).every((entry) => entry.balanced)) };
  });
  gauge('tillstream_lost_lines', 'Lines lost to damage of the log files.', null, () => ({
    '': read().ledger.lost,
  }));
  gauge('tillstream_dirty_windows', 'Windows that wait to be recomputed from the archive.', null, () => ({
    '': read().ledger.dirty_windows,
  }));
  gauge(
    'tillstream_lag_lines',
    'Lines of the log that a reader has not taken yet.',
    'reader',
    () => read().lag,
  );
  gauge('tillstream_part_ready', '1 when the part is ready.', 'part', () =>
    Object.fromEntries(Object.entries(read().parts).map(([part, ready]) => [part, Number(ready)])),
  );
  gauge(
    'tillstream_age_seconds',
    'Seconds since the newest line of a stage was received.',
    'stage',
    () => read().ageSeconds,
  );
  gauge('tillstream_log_bytes', 'Bytes of the event log on disk.', null, () => ({ '': read().logBytes }));
  gauge('tillstream_archive_files', 'Live Parquet files of a table.', 'table', () => read().archiveFiles);
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
  const rejected = new Counter({
    name: 'tillstream_rejected_lines_total',
    help: 'Lines judged bad at the door, by source and reason.',
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
