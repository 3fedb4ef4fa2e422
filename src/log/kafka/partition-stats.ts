import type { LogBatch } from '../event-log.ts';
import { addCount, type CountsBySource, copyCounts } from '../offset.ts';
import { type Ahead, ReceivedClock } from './clock.ts';
import { addBatch } from './counts.ts';
import { UNNAMED } from './origin.ts';

/** What was received before an offset: where counting can begin when records are read again. */
export interface Mark {
  offset: number;
  /** Received-at of the newest record before it, ms. */
  lastMs: number;
  counts: CountsBySource;
}

/** The counters of a partition as they are stored. */
export interface StoredStats {
  end: number;
  line_end: number;
  last_ms: number;
  lost_lines: number;
  counts: CountsBySource;
  marks: { offset: number; last_ms: number; counts: CountsBySource }[];
  ahead: { from: number; to: number; limit_ms: number }[];
}

/** At most so many marks: past it, the one is dropped whose neighbours are nearest to each other. */
const MARKS_MAX = 256;
/** No two marks are nearer than this. */
const MARK_LINES_MIN = 2000;

/**
 * The ledger of one partition: what was received, as far as the records have been read without a gap. It is extended by
 * what is read at its end, and tells for any offset behind that where to begin counting.
 */
export class PartitionStats {
  readonly partition: number;
  readonly clock: ReceivedClock;
  /** Records before it are counted. */
  end: number;
  /** Offset behind the last line: what follows it up to `end` holds none. */
  lineEnd: number;
  lastMs: number;
  lostLines: number;
  /** Grows in place; `countsAt` and marks are copies. */
  readonly counts: CountsBySource;
  private marks: Mark[];

  constructor(partition: number, now: () => number, stored: StoredStats | number) {
    this.partition = partition;
    const from: StoredStats = typeof stored === 'number' ? emptyStats(stored) : stored;
    this.end = from.end;
    this.lineEnd = from.line_end;
    this.lastMs = from.last_ms;
    this.lostLines = from.lost_lines;
    this.counts = copyCounts(from.counts);
    this.marks = from.marks.map(({ offset, last_ms, counts }) => ({
      offset,
      lastMs: last_ms,
      counts: copyCounts(counts),
    }));
    if (this.marks.length === 0) this.addMark();
    const ahead = from.ahead.map(
      ({ from: start, to, limit_ms }): Ahead => ({ from: start, to, limitMs: limit_ms }),
    );
    this.clock = new ReceivedClock(now, ahead);
  }

  /** Counts what was read from `end` up to `next`. */
  extend(batches: readonly LogBatch[], next: number, lastMs: number): void {
    for (const batch of batches) {
      addBatch(this.counts, batch, next);
      this.lineEnd = batch.nextOffset;
    }
    this.end = next;
    this.lastMs = lastMs;
    if (next - this.marks.at(-1)!.offset >= MARK_LINES_MIN) this.addMark();
  }

  /** Records up to `start` were deleted before anybody read them. */
  skipLost(start: number): void {
    const lost = start - this.end;
    this.addMark();
    addCount(this.counts, UNNAMED, lost);
    this.lostLines += lost;
    this.end = start;
    this.lineEnd = start;
    this.addMark();
  }

  /** The nearest mark at or before the offset. */
  markBefore(offset: number): Mark | undefined {
    return this.marks.findLast((mark) => mark.offset <= offset);
  }

  /** The nearest one behind it, or the end. */
  markAfter(offset: number): Mark {
    return this.marks.find((mark) => mark.offset > offset) ?? this.here();
  }

  here(): Mark {
    return { offset: this.end, lastMs: this.lastMs, counts: copyCounts(this.counts) };
  }

  /** No reader needs what is before the offset: of the marks there, the last one stays. */
  forgetBefore(offset: number): void {
    const keep = this.marks.findLastIndex((mark) => mark.offset <= offset);
    if (keep > 0) this.marks.splice(0, keep);
    this.clock.forgetBefore(this.marks[0]!.offset);
  }

  toStored(): StoredStats {
    return {
      end: this.end,
      line_end: this.lineEnd,
      last_ms: this.lastMs,
      lost_lines: this.lostLines,
      counts: this.counts,
      marks: this.marks.map(({ offset, lastMs, counts }) => ({ offset, last_ms: lastMs, counts })),
      ahead: this.clock.ahead.map(({ from, to, limitMs }) => ({ from, to, limit_ms: limitMs })),
    };
  }

  private addMark(): void {
    this.marks.push(this.here());
    if (this.marks.length <= MARKS_MAX) return;
    let least = 1;
    for (let at = 1; at < this.marks.length - 1; at++) if (this.room(at) < this.room(least)) least = at;
    this.marks.splice(least, 1);
  }

  private room(at: number): number {
    return this.marks[at + 1]!.offset - this.marks[at - 1]!.offset;
  }
}

function emptyStats(start: number): StoredStats {
  return { end: start, line_end: start, last_ms: 0, lost_lines: 0, counts: {}, marks: [], ahead: [] };
}
