import type { LogBatch } from '../log/event-log.ts';
import type { CountsBySource, Offset, Positions } from '../log/offset.ts';

/** Lines of the log, read and checked by the event schema in SQL. */
export interface TypedRows {
  readonly lines: number;
  readonly badLines: number;
  /** Lines per source, from the headers of the log. */
  readonly sources: CountsBySource;
  /** Largest received-at of the lines, ms since 1970; 0 without any. */
  readonly maxReceivedAtMs: number;
  /**
   * A relation of the engine's SQL with one row per line, in any order: the columns of EVENT_COLUMNS, and `reason`, `field`, `raw` (set for
   * bad lines only). `duplicate` and `new_order` are decided by a Deduplicator. `row` is the rowid in `table`.
   */
  readonly rowsSql: string;
  /** The table behind it; batches of the archive, which nobody decides about, have none. */
  readonly table?: string;
  /** What lines that were aggregated elsewhere have in place of a relation: one for each pass, by its name. */
  readonly aggregates?: Readonly<Record<string, string>>;
}

/** What a partition of the log has in [start, end). */
export interface OffsetRange {
  readonly partition: number;
  readonly start: Offset;
  readonly end: Offset;
}

/** The offsets after the ranges. */
export function positionsAfter(ranges: readonly OffsetRange[]): Positions {
  return Object.fromEntries(ranges.map(({ partition, end }) => [partition, end]));
}

/**
 * A step of a consumer through the log: all lines of some ranges, at most one of each partition. All consumers at the same
 * positions use the same decoded batch. Along the batches of a consumer received-at only grows, as far as the clocks of the
 * partitions agree.
 */
export interface TypedBatch extends TypedRows {
  readonly ranges: readonly OffsetRange[];
  /** Lines per source in the ranges that the log has lost. */
  readonly lost: CountsBySource;
}

/**
 * Turns batches of the log into relations. `read` gives the batches; it may be called once more, where lines turn out not to be
 * what they claim. The relation lives until `release`; a released batch must not be used.
 */
export interface BatchDecoder {
  decode(read: () => LogPieces): Promise<TypedRows>;
  release(lines: TypedRows): Promise<void>;
}

/**
 * Validates lines that came past ingest, as other programs wrote them into the log: gives them in the form in which ingest stores lines,
 * one for each, in their order.
 */
export type ValidateExternal = (batch: LogBatch) => Buffer;

/** Batches of the log, a few at a time, those of a partition in its order. */
export type LogPieces = AsyncIterable<LogBatch[]> | Iterable<LogBatch[]>;

/** A row of the table `events`, as far as other stores take it; null where the event has no such field. */
export interface RawEvent {
  timeMs: number;
  partition: number;
  offset: Offset;
  /** Line within the offset, if one record holds several lines; otherwise 0. */
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
  events(batch: TypedBatch): AsyncIterable<RawEvent[]>;
  /** The rows of a range in local files of the table `events`, in the order of the files. */
  archived(files: readonly string[], range: OffsetRange): AsyncIterable<RawEvent[]>;
}
