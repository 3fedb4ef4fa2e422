import { FUTURE_TOLERANCE_MS } from '../../event/fields.ts';

/** In this range of offsets no record was taken for newer than `limitMs`. */
export interface Ahead {
  from: number;
  to: number;
  limitMs: number;
}

/** Records that are read within so long have the same limit: a writer whose clock is wrong must not fill the counters. */
const LIMIT_STEP_MS = 10_000;

/**
 * The received-at of a partition's records: their own times, but never falling, and never more than some minutes ahead
 * of ours. As the latter depends on when they are read first, it is written down, or the same record would have
 * another time when it is read again.
 */
export class ReceivedClock {
  readonly ahead: Ahead[];
  private readonly now: () => number;

  constructor(now: () => number, ahead: Ahead[] = []) {
    this.now = now;
    this.ahead = ahead;
  }

  /** The time of a record batch that is read for the first time, after records of `lastMs`. */
  first(lastMs: number, batch: { baseOffset: number; lastOffset: number; maxTimestampMs: number }): number {
    const limitMs = Math.floor(this.now() / LIMIT_STEP_MS) * LIMIT_STEP_MS + FUTURE_TOLERANCE_MS;
    if (batch.maxTimestampMs <= limitMs) return Math.max(lastMs, batch.maxTimestampMs);
    const last = this.ahead.at(-1);
    if (last?.limitMs === limitMs && last.to === batch.baseOffset) last.to = batch.lastOffset + 1;
    else this.ahead.push({ from: batch.baseOffset, to: batch.lastOffset + 1, limitMs });
    return Math.max(lastMs, limitMs);
  }

  /** The same for one that was read before. */
  again(lastMs: number, batch: { baseOffset: number; maxTimestampMs: number }): number {
    const { baseOffset, maxTimestampMs } = batch;
    const limit = this.ahead.find(({ from, to }) => from <= baseOffset && baseOffset < to);
    return Math.max(lastMs, Math.min(maxTimestampMs, limit?.limitMs ?? maxTimestampMs));
  }

  forgetBefore(offset: number): void {
    while (this.ahead.length > 0 && this.ahead[0]!.to <= offset) this.ahead.shift();
  }
}
