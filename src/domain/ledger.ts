import { type CountsBySource, sumCounts } from './offset.ts';

/**
 * What became of the lines received; the promise is that nothing is missing on either side. `lost` is there where damage
 * of the log's files cost lines before they were read.
 */
export interface LedgerEntry {
  received: number;
  archive: { events: number; bad_rows: number; in_flight: number; lost?: number };
  metrics: { counted: number; duplicate: number; bad: number; in_flight: number; lost?: number };
  /** Nothing is missing, here and in each source. */
  balanced: boolean;
}

export interface Ledger extends LedgerEntry {
  /** Windows that are to be recomputed from the archive. */
  dirty_windows: number;
  /** Lines that damage of the log's files has cost the archive or the metrics, whichever lost more. */
  lost: number;
  by_source: Record<string, LedgerEntry>;
}

export interface LedgerInput {
  received: CountsBySource;
  dirtyWindows: number;
  archive: {
    events: CountsBySource;
    badRows: CountsBySource;
    lost: CountsBySource;
    consumed: CountsBySource;
  };
  metrics: {
    counted: CountsBySource;
    duplicate: CountsBySource;
    bad: CountsBySource;
    lost: CountsBySource;
    consumed: CountsBySource;
  };
}

/**
 * The ledger from four independent sets of books: the log's received counts, the rows of the archive's tables, the
 * counters of the metrics, and the log's counts before each reader's position (which give what is in flight).
 */
export function makeLedger(input: LedgerInput): Ledger {
  const entry = (pick: (counts: CountsBySource) => number): LedgerEntry => {
    const received = pick(input.received);
    const lost = { archive: pick(input.archive.lost), metrics: pick(input.metrics.lost) };
    const archive = {
      events: pick(input.archive.events),
      bad_rows: pick(input.archive.badRows),
      in_flight: received - pick(input.archive.consumed),
      ...(lost.archive > 0 ? { lost: lost.archive } : {}),
    };
    const metrics = {
      counted: pick(input.metrics.counted),
      duplicate: pick(input.metrics.duplicate),
      bad: pick(input.metrics.bad),
      in_flight: received - pick(input.metrics.consumed),
      ...(lost.metrics > 0 ? { lost: lost.metrics } : {}),
    };
    const archiveSum = archive.events + archive.bad_rows + archive.in_flight + lost.archive;
    const metricsSum = metrics.counted + metrics.duplicate + metrics.bad + metrics.in_flight + lost.metrics;
    return { received, archive, metrics, balanced: archiveSum === received && metricsSum === received };
  };
  const bySource: Record<string, LedgerEntry> = {};
  for (const source of Object.keys(input.received).sort())
    bySource[source] = entry((counts) => counts[source] ?? 0);
  const all = entry(sumCounts);
  return {
    ...all,
    balanced: all.balanced && Object.values(bySource).every(({ balanced }) => balanced),
    dirty_windows: input.dirtyWindows,
    lost: Math.max(all.archive.lost ?? 0, all.metrics.lost ?? 0),
    by_source: bySource,
  };
}
