import { addCount, type CountsBySource, copyCounts, countOf, type Offset } from '../offset.ts';
import type { LogFiles } from './files.ts';
import type { SegmentHeader } from './format.ts';
import { type BatchPosition, locate } from './locate.ts';
import { Scanner } from './scan.ts';
import { type DurableState, type Segment, segmentOf } from './segment.ts';

/** Lines received before `offset`, by source, from the counts that every header carries. */
export async function countReceivedBefore(
  files: LogFiles,
  seed: number,
  durable: DurableState,
  offset: Offset,
): Promise<CountsBySource> {
  if (offset === durable.end) return copyCounts(durable.received);
  const at = segmentOf(durable.segments, offset);
  const segment = durable.segments[at];
  if (segment === undefined || !(offset >= segment.first && offset < durable.end)) {
    throw new RangeError(`offset ${offset} is outside of the log, which reaches to ${durable.end}`);
  }
  const earlier = durable.segments[at - 1] ?? null;
  const later = durable.segments[at + 1] ?? null;
  // Taken now, as the log grows on: they stand for the end of the last segment.
  const atEnd = copyCounts(durable.received);

  const batch = await search(files, seed, segment, offset);
  if (batch.header !== null && batch.header.first <= offset) {
    const counts = copyCounts(batch.header.before);
    if (offset > batch.header.first) addCount(counts, batch.header.source, offset - batch.header.first);
    return counts;
  }
  const low =
    countsAfter(batch) ??
    (await segmentHeader(files, seed, segment))?.before ??
    (earlier && countsAfter(await search(files, seed, earlier, segment.first))) ??
    {};
  const high =
    batch.header?.before ??
    (later === null
      ? atEnd
      : ((await segmentHeader(files, seed, later))?.before ??
        (await search(files, seed, later, later.first)).header?.before)) ??
    low;
  return between(low, high, offset);
}

/** The header of a segment file, or null when it is damaged. */
export async function segmentHeader(
  files: LogFiles,
  seed: number,
  segment: Segment,
): Promise<SegmentHeader | null> {
  const fd = await files.open(segment.path, 'read');
  try {
    return (await new Scanner(files, fd, segment.bytes, seed).segmentHeader())?.header ?? null;
  } finally {
    await files.close(fd);
  }
}

async function search(
  files: LogFiles,
  seed: number,
  segment: Segment,
  offset: Offset,
): Promise<BatchPosition> {
  const fd = await files.open(segment.path, 'read');
  try {
    const batch = await locate(new Scanner(files, fd, segment.bytes, seed), segment, offset);
    const isLost = batch.header === null || batch.header.first > offset;
    if (!isLost || batch.before !== null) return batch;
    // The batch that the index knew is gone, but there may be one before it.
    return await locate(new Scanner(files, fd, segment.bytes, seed), segment, offset, true);
  } finally {
    await files.close(fd);
  }
}

function countsAfter({ before }: BatchPosition): CountsBySource | null {
  if (before === null) return null;
  const counts = copyCounts(before.before);
  addCount(counts, before.source, before.lines);
  return counts;
}

/**
 * The counts at an offset among lost lines, between what was counted before and after the loss: the lines are given to
 * the sources in the order of their names. So the sum is right, and no count falls along the log.
 */
function between(low: CountsBySource, high: CountsBySource, offset: Offset): CountsBySource {
  const counts = copyCounts(low);
  let missing = offset;
  for (const lines of Object.values(counts)) missing -= lines;
  for (const source of Object.keys(high).sort()) {
    const lines = Math.min(missing, high[source]! - countOf(counts, source));
    if (lines <= 0) continue;
    addCount(counts, source, lines);
    missing -= lines;
  }
  if (missing > 0) addCount(counts, 'unknown', missing);
  return counts;
}
