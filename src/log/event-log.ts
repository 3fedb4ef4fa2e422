import type { ComponentStatus } from '../telemetry/status.ts';
import {
  type CountsBySource,
  type Offset,
  type Positions,
  SOURCE_NAME,
  SOURCES_MAX,
  sumCounts,
} from './offset.ts';

/** Lines to append: NDJSON, each line ended by one "\n", no empty line, no "\r", valid UTF-8. */
export interface LogBlock {
  /** Which source brought them: [a-z0-9_-]{1,32}. */
  source: string;
  /** The bytes of all lines; several buffers are written one after the other. */
  bytes: readonly Buffer[];
  /** Number of lines, at least 1. */
  lines: number;
  /** Names of the fields that the events have; undefined where it is not known. Others may be among them. */
  fields?: readonly string[] | undefined;
}

/** A run of lines with one source and received-at. */
export interface LogBatch {
  partition: number;
  firstOffset: Offset;
  /** The offset after the batch: that of the first line, plus the lines, unless they share one. */
  nextOffset: Offset;
  /** All lines have `firstOffset`, as they came in one record, and are told apart by their number in it; else each has its own. */
  sharesOffset: boolean;
  lines: number;
  /** Milliseconds since 1970 at which the log took the lines; never falls along a partition. */
  receivedAtMs: number;
  source: string;
  /** NDJSON, each line ended by "\n". */
  bytes: Buffer;
  /**
   * Whether the lines came through `append`, before which ingest validates them, writes events in their canonical form
   * (event/canonical-line.ts) and marks what it rejects; else who reads them validates them.
   */
  canonical: boolean;
  /** As in LogBlock: whoever reads the lines need not look for other fields. */
  fields?: readonly string[] | undefined;
}

/** Whether the lines of two batches, one after the other, have one origin and offsets that follow on. */
export function isOneRun(last: LogBatch | undefined, next: LogBatch): boolean {
  return (
    last?.partition === next.partition &&
    last.source === next.source &&
    last.receivedAtMs === next.receivedAtMs &&
    last.firstOffset + last.lines === next.firstOffset &&
    !last.sharesOffset &&
    !next.sharesOffset
  );
}

export interface ReadLimits {
  /** About how many bytes are read at most; one batch may have more. */
  bytesMax: number;
  linesMax: number;
  /**
   * Where the log may put the bytes, so that a long read makes no garbage: `bytesMax` and READ_ROOM_BYTES. The batches are
   * valid until the caller uses this memory again.
   */
  memory?: Buffer;
}

/** What a log may need of `ReadLimits.memory` besides the lines. */
export const READ_ROOM_BYTES = 64 * 1024;

export interface AppendResult {
  partition: number;
  firstOffset: Offset;
  receivedAtMs: number;
}

/** Why an append was refused, and after how long the sender may try again. */
export class AppendError extends Error {
  readonly code: 'log_full' | 'log_busy' | 'log_failed' | 'log_closed' | 'too_many_sources';
  readonly retryAfterSeconds: number;
  constructor(code: AppendError['code'], message: string, retryAfterSeconds = 5) {
    super(message);
    this.name = 'AppendError';
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Names of the sources that a log has lines of. */
export class SourceNames {
  readonly #names = new Set<string>();

  /** Throws AppendError where the log has as many sources as it may, and this one is new; `known` gives those that it has. */
  add(source: string, known: () => CountsBySource): void {
    if (this.#names.has(source)) return;
    if (!SOURCE_NAME.test(source)) throw new TypeError(`bad source name: ${source}`);
    for (const name of Object.keys(known())) this.#names.add(name);
    if (!this.#names.has(source) && this.#names.size >= SOURCES_MAX)
      throw new AppendError(
        'too_many_sources',
        `The log has lines of ${this.#names.size} sources, and takes no lines of a new one: "${source}". Use one of the names that ` +
          '"tillstream ledger" lists.',
      );
    this.#names.add(source);
  }
}

export interface LogPartition {
  partition: number;
  /** First offset that can still be read. */
  start: Offset;
  /** Offset that the next line will get; all lines before it are durable. */
  end: Offset;
  /** Lines received before it, as far as counted, where an offset may hold several. */
  lines?: number;
}

/**
 * Lines that a consumer at these positions has not taken, of the partitions that it reads; `consumed`: lines before the
 * positions, where they are known. Without them, and in a log of one line an offset, offsets are counted.
 */
export function linesBehind(
  partitions: readonly LogPartition[],
  at: Positions,
  consumed: CountsBySource | null,
): number {
  const own = partitions.filter(({ partition }) => at[partition] !== undefined);
  const offsets = own.reduce((sum, { partition, end }) => sum + Math.max(0, end - at[partition]!), 0);
  if (offsets === 0 || consumed === null || own.some(({ lines }) => lines === undefined)) return offsets;
  // What is there may not have been counted yet.
  return Math.max(1, own.reduce((sum, { lines }) => sum + lines!, 0) - sumCounts(consumed));
}

/** What an archive holds of the log: rows of both tables, and lines that were lost, before its positions. */
export interface ArchivedLines {
  positions: Positions;
  lines: CountsBySource;
}

export interface LogStatus {
  /** `waiting`: what it needs is away, and it goes on by itself; `failed`: it needs a person. */
  state: 'ready' | 'full' | 'waiting' | 'failed';
  /** For people: what is wrong and what to do; empty when ready. */
  message: string;
  bytes: number;
  /** Lines that were lost before they were read: to damage of the files, or expired. */
  lostLines: number;
  lastReceivedAtMs: number | null;
}

/** The log as a part of the status. */
export function logComponent(log: LogReport): ComponentStatus {
  const { state, message } = log.status();
  return { state: state === 'full' ? 'waiting' : state, message };
}

/**
 * What takes lines.
 *
 * - `append` may be called concurrently. It resolves when the lines are durable (fsynced, or acked by all in-sync
 *   replicas) and readable, in one piece and in order; when it rejects with AppendError, none of them is stored, unless the message says that this is not
 *   known.
 *   Appends that wait together share one fsync. After a failed fsync the log refuses all appends until a restart.
 * - A log of several partitions may spread the lines of a block by their keys; lines without one stay in one piece. `append`
 *   tells where the first line went.
 */
export interface LogWriter {
  /** Longest line that it takes, its line end included; without a limit of its own undefined. May change. */
  readonly lineBytesMax?: number;
  append(block: LogBlock): Promise<AppendResult>;
}

/**
 * What consumers read.
 *
 * - One offset per line, or per record where a log holds records of several lines. Reading never blocks appending. A
 *   consumer keeps its own position, outside of the log.
 * - `read` gives whole batches, in offset order, starting at `from` exactly (a batch that straddles `from` is cut);
 *   at least one batch when `from < end`, and more up to about `bytesMax`. Lines lost to damage, and offsets that hold no
 *   line, are skipped: the next batch then starts later than `from`. It gives no batch only where there is none up to the end
 *   that it had when it was called. It throws RangeError when `from` is past the end.
 * - `receivedBefore(positions)` counts lines by source, from the log's own counters, lost lines included.
 * - `retain(consumer, positions)`: the consumer needs nothing before them; a log that deletes by itself never
 *   deletes what a consumer still needs that was named when it was opened. It keeps nothing for others.
 */
export interface LogReader {
  /** Identity of this log's content: a new folder or topic gets a new one. */
  readonly id: string;
  partitions(): LogPartition[];
  read(partition: number, from: Offset, limits: ReadLimits): Promise<LogBatch[]>;
  /** Resolves true as soon as one of the partitions has `end > offset`, or false after `timeoutMs` or when `signal` aborts. */
  waitPast(positions: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  receivedBefore(positions: Positions): Promise<CountsBySource>;
  retain(consumer: string, positions: Positions): void;
}

/** What the log reports of itself. `received` counts lines by source, from the log's own counters, lost lines included. */
export interface LogReport {
  /** Lines that it has lost were deleted by age, by the cluster; else they were damaged, and are kept aside. */
  readonly expires?: boolean;
  received(): CountsBySource;
  /** Lines by source that are archived and have expired before the counts of this log begin: in neither `received` nor `receivedBefore`. */
  archivedBefore?(): CountsBySource;
  status(): LogStatus;
}

/**
 * The durable, ordered, replayable log between the sources and everything else. After `close` resolves, every resolved append is on disk
 * and no file is open; further calls reject.
 */
export interface EventLog extends LogWriter, LogReader, LogReport {
  /**
   * A log whose first lines have expired, and whose own counts were made again since, takes over from the archive what it can't count any
   * more. Called once, before anybody reads.
   */
  adopt?(archived: ArchivedLines): Promise<void>;
  close(): Promise<void>;
}
