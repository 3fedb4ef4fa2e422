import { type CountsBySource, countOf, sumCounts } from '../log/offset.ts';

/**
 * Rows that other programs have deleted from the archive's tables since they were archived, or added to them. The metrics
 * have them where they were filled from the archive after that: what they counted when a line came stays counted.
 */
export interface ChangedByOthers {
  deleted?: number;
  added?: number;
}

/**
 * What became of the lines received; the promise is that nothing is missing on either side. `lost` is there where damage
 * of the log's files cost lines before they were read, `expired` where the topic had deleted them by then.
 */
export interface LedgerEntry {
  received: number;
  archive: {
    events: number;
    bad_rows: number;
    in_flight: number;
    lost?: number;
    expired?: number;
  } & ChangedByOthers;
  metrics: {
    counted: number;
    duplicate: number;
    /** Test orders and known bots. */
    excluded: number;
    bad: number;
    in_flight: number;
    lost?: number;
    expired?: number;
  } & ChangedByOthers;
  /** Nothing is missing, here and in each source. */
  balanced: boolean;
}

export interface Ledger extends LedgerEntry {
  /** Windows that are to be recomputed from the archive. */
  dirty_windows: number;
  /** Lines that damage of the log's files has cost the archive or the metrics, whichever lost more. */
  lost: number;
  /** Lines that the topic of the log deleted before they were archived or measured, whichever missed more. */
  expired: number;
  by_source: Record<string, LedgerEntry>;
}

export interface LedgerInput {
  received: CountsBySource;
  /** What the log lost has expired, and was not damaged. */
  expires?: boolean;
  invalidatedWindows: number;
  archive: {
    events: CountsBySource;
    badRows: CountsBySource;
    lost: CountsBySource;
    deleted: CountsBySource;
    added: CountsBySource;
    consumed: CountsBySource;
  };
  metrics: {
    counted: CountsBySource;
    duplicate: CountsBySource;
    excluded: CountsBySource;
    bad: CountsBySource;
    lost: CountsBySource;
    /** Less than 0: added. */
    deleted?: CountsBySource;
    consumed: CountsBySource;
  };
}

/**
 * The ledger from four independent sets of counters: the log's received counts, the rows of the archive's tables, the
 * counters of the metrics, and the log's counts before each reader's position (which give what is in flight).
 */
export function makeLedger(input: LedgerInput): Ledger {
  const entry = (pick: (counts: CountsBySource) => number): LedgerEntry => {
    const received = pick(input.received);
    const lossIs = input.expires ? 'expired' : 'lost';
    const lost = { archive: pick(input.archive.lost), metrics: pick(input.metrics.lost) };
    const missing = pick(input.metrics.deleted ?? {});
    const archive = {
      events: pick(input.archive.events),
      bad_rows: pick(input.archive.badRows),
      in_flight: received - pick(input.archive.consumed),
      ...(lost.archive > 0 ? { [lossIs]: lost.archive } : {}),
      ...changed(pick(input.archive.deleted), pick(input.archive.added)),
    };
    const metrics = {
      counted: pick(input.metrics.counted),
      duplicate: pick(input.metrics.duplicate),
      excluded: pick(input.metrics.excluded),
      bad: pick(input.metrics.bad),
      in_flight: received - pick(input.metrics.consumed),
      ...(lost.metrics > 0 ? { [lossIs]: lost.metrics } : {}),
      ...changed(Math.max(0, missing), Math.max(0, -missing)),
    };
    const archiveSum =
      archive.events + archive.bad_rows + archive.in_flight + lost.archive + difference(archive);
    const metricsSum =
      metrics.counted +
      metrics.duplicate +
      metrics.excluded +
      metrics.bad +
      metrics.in_flight +
      lost.metrics +
      difference(metrics);
    return { received, archive, metrics, balanced: archiveSum === received && metricsSum === received };
  };
  const bySource: Record<string, LedgerEntry> = {};
  for (const source of Object.keys(input.received).sort())
    bySource[source] = entry((counts) => countOf(counts, source));
  const all = entry(sumCounts);
  return {
    ...all,
    balanced: all.balanced && Object.values(bySource).every(({ balanced }) => balanced),
    dirty_windows: input.invalidatedWindows,
    lost: Math.max(all.archive.lost ?? 0, all.metrics.lost ?? 0),
    expired: Math.max(all.archive.expired ?? 0, all.metrics.expired ?? 0),
    by_source: bySource,
  };
}

function changed(deleted: number, added: number): ChangedByOthers {
  return { ...(deleted > 0 ? { deleted } : {}), ...(added > 0 ? { added } : {}) };
}

const difference = ({ deleted = 0, added = 0 }: ChangedByOthers) => deleted - added;
