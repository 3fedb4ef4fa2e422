import { type CountsBySource, sumCounts } from './offset.ts';

/** What became of the lines received; the promise is that nothing is missing on either side. */
export interface LedgerEntry {
  received: number;
  archive: { events: number; bad_rows: number; in_flight: number };
  metrics: { counted: number; duplicate: number; bad: number; in_flight: number };
  balanced: boolean;
}

export interface Ledger extends LedgerEntry {
  /** Windows that are to be recomputed from the archive. */
  dirty_windows: number;
  /** Lines that damage of the log's files has cost; they are on both sides of the balance. */
  lost: number;
  by_source: Record<string, LedgerEntry>;
}

export interface LedgerInput {
  received: CountsBySource;
  lost: number;
  dirtyWindows: number;
  archive: { events: CountsBySource; badRows: CountsBySource; consumed: CountsBySource };
  metrics: {
    counted: CountsBySource;
    duplicate: CountsBySource;
    bad: CountsBySource;
    consumed: CountsBySource;
  };
}

/**
 * The ledger from four independent sets of books: the log's received counts, the rows of the archive's tables, the
 * counters of the metrics, and the log's counts before each reader's position (which give what is in flight).
 */
export function makeLedger(input: LedgerInput): Ledger {
  const entry = (pick: (counts: CountsBySource) => number, lost: number): LedgerEntry => {
    const received = pick(input.received);
    const archive = {
      events: pick(input.archive.events),
      bad_rows: pick(input.archive.badRows),
      in_flight: received - pick(input.archive.consumed),
    };
    const metrics = {
      counted: pick(input.metrics.counted),
      duplicate: pick(input.metrics.duplicate),
      bad: pick(input.metrics.bad),
      in_flight: received - pick(input.metrics.consumed),
    };
    const archiveSum = archive.events + archive.bad_rows + archive.in_flight + lost;
    const metricsSum = metrics.counted + metrics.duplicate + metrics.bad + metrics.in_flight + lost;
    return { received, archive, metrics, balanced: archiveSum === received && metricsSum === received };
  };
  const bySource: Record<string, LedgerEntry> = {};
  for (const source of Object.keys(input.received).sort())
    bySource[source] = entry((counts) => counts[source] ?? 0, 0);
  return {
    ...entry(sumCounts, input.lost),
    dirty_windows: input.dirtyWindows,
    lost: input.lost,
    by_source: bySource,
  };
}
