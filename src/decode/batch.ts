import type { LogBatch } from '../log/event-log.ts';
import type { CountsBySource, Offset, Positions } from '../log/offset.ts';

/** Lines of the log, read and checked by the event schema in SQL. */
export interface ParsedLines {
  readonly lines: number;
  readonly badLines: number;
  /** Lines per source, from the headers of the log. */
  readonly sources: CountsBySource;
  /** Largest received-at of the lines, ms since 1970; 0 without any. */
  readonly receivedAtMaxMs: number;
  /**
   * A relation of the engine's SQL with one row per line, in any order: the columns of EVENT_COLUMNS, and `reason`, `field`, `raw` (set for
   * bad lines only). `duplicate` and `new_order` are decided by a Decoder. `row` is the rowid in `table`.
   */
  readonly relation: string;
  /** The table behind it; batches of the archive, which nobody decides about, have none. */
  readonly table?: string;
  /** What lines that were aggregated elsewhere have in place of a relation: one for each pass, by its name. */
  readonly aggregates?: Readonly<Record<string, string>>;
}

/** What a partition of the log has in [from, to). */
export interface BatchSpan {
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
}

/** The offsets after the spans. */
export function positionsAfter(spans: readonly BatchSpan[]): Positions {
  return Object.fromEntries(spans.map(({ partition, to }) => [partition, to]));
}

/**
 * A step of a reader through the log: all lines of some spans, at most one of each partition. All readers that are at the
 * same place use the same parsed batch. Along the batches of a reader received-at only grows, as far as the clocks
 * of the partitions agree.
 */
export interface ParsedBatch extends ParsedLines {
  readonly spans: readonly BatchSpan[];
  /** Lines per source in the spans that the log has lost. */
  readonly lost: CountsBySource;
}

/**
 * Turns batches of the log into relations. `read` gives the batches; it may be called once more, where lines turn out not to be
 * what they claim. The relation lives until `release`; a released batch must not be used.
 */
export interface BatchParser {
  parse(read: () => LogPieces): Promise<ParsedLines>;
  release(lines: ParsedLines): Promise<void>;
}

/** Batches of the log, a few at a time, those of a partition in its order. */
export type LogPieces = AsyncIterable<LogBatch[]> | Iterable<LogBatch[]>;

/** A row of the table `events`, as far as other stores take it; null where the event has no such field. */
export interface RawEvent {
  timeMs: number;
  partition: number;
  offset: Offset;
  /** Line within the offset, where one record holds several; else 0. */
  line: number;
  eventType: string;
  deviceType: string | null;
  statusCode: number | null;
  userId: string | null;
  productId: string | null;
  responseTime: number | null;
}

/** Gives events, some thousands at a time. */
export interface EventReader {
  /** The good rows of a batch, in the order of the log. */
  events(batch: ParsedBatch): AsyncIterable<RawEvent[]>;
  /** The rows of a span in local files of the table `events`, in the order of the files. */
  archived(files: readonly string[], span: BatchSpan): AsyncIterable<RawEvent[]>;
}
