import { type OffsetRange, positionsAfter, type TypedBatch } from '../decode/batch.ts';
import type { LogReader } from '../log/event-log.ts';
import { type CountsBySource, countOf, type Offset, type Positions } from '../log/offset.ts';

/** Where a consumer of the log takes its batches from. */
export interface BatchSource {
  /** Resolves true as soon as there is something past one of the positions, or false after `timeoutMs` or when `signal` aborts. */
  waitPast(from: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  /** The batch that starts at `from`; there must be something past one of the positions. Give it back with `done`. */
  take(from: Positions): Promise<TypedBatch>;
  /** The consumer that took the batch from there is done with it: it has processed it, or will ask for it again. */
  done(from: Positions, batch: TypedBatch): Promise<void>;
}

/** What the log's counters have in the ranges besides `read`. */
export async function linesLost(
  log: LogReader,
  ranges: readonly OffsetRange[],
  read: CountsBySource,
): Promise<CountsBySource> {
  const starts = Object.fromEntries(
    ranges.map(({ partition, start }): [number, Offset] => [partition, start]),
  );
  const before = await log.receivedBefore(starts);
  const lost: CountsBySource = {};
  for (const [source, lines] of Object.entries(await log.receivedBefore(positionsAfter(ranges)))) {
    const missing = lines - countOf(before, source) - countOf(read, source);
    if (missing > 0) lost[source] = missing;
  }
  return lost;
}
