import type { OffsetRange } from '../decode/batch.ts';
import { isOneRun, type LogBatch, type LogReader, READ_ROOM_BYTES } from '../log/event-log.ts';
import type { Offset, Positions } from '../log/offset.ts';

export interface MergeLimits {
  linesMax: number;
  bytesMax: number;
  /** Most runs of lines (isOneRun) in a batch. */
  runsMax: number;
}

export interface Merge {
  /** The lines, piece by piece; a piece is valid until the next one is asked for. */
  pieces: AsyncGenerator<LogBatch[]>;
  /** When all pieces have been taken: what they cover. */
  ranges(): OffsetRange[];
  memory: Buffer;
}

/** Bytes of the log that are in memory at once, of all partitions together. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** How far one partition was read. */
interface Cursor {
  partition: number;
  from: Offset;
  /** What was given out ends here. */
  to: Offset;
  /** What was read ends here. */
  readTo: Offset;
  /** The end of the partition when the merge began. */
  end: Offset;
  /** Read, and not given out yet. */
  waiting: LogBatch[];
  memory: Buffer;
}

/**
 * Reads the log from `from` on up to about the limits, its partitions merged by received-at: what a consumer takes of several
 * partitions grows in time as the lines of one do. A partition that was read up to the end that it had at the call stops no
 * other. `memory` is that of an earlier merge that is over.
 */
export function mergePartitions(
  log: LogReader,
  from: Positions,
  limits: MergeLimits,
  memory: Buffer | undefined,
): Merge {
  const open = log
    .partitions()
    .filter(({ partition, end }) => end > (from[partition] ?? end))
    .map(({ partition, end }) => ({ partition, end, from: from[partition]! }));
  const bytes = PIECE_BYTES + open.length * READ_ROOM_BYTES;
  const room = memory && memory.length >= bytes ? memory : Buffer.allocUnsafeSlow(bytes);
  const share = Math.floor(bytes / Math.max(1, open.length));
  const cursors = open.map(
    (range, index): Cursor => ({
      ...range,
      to: range.from,
      readTo: range.from,
      waiting: [],
      memory: room.subarray(index * share, (index + 1) * share),
    }),
  );
  return {
    pieces: merged(log, cursors, limits),
    ranges: () =>
      cursors
        .filter((cursor) => cursor.to > cursor.from)
        .map(({ partition, from, to }) => ({ partition, start: from, end: to })),
    memory: room,
  };
}

async function* merged(log: LogReader, cursors: Cursor[], limits: MergeLimits): AsyncGenerator<LogBatch[]> {
  const left = { lines: limits.linesMax, bytes: limits.bytesMax, runs: limits.runsMax };
  let last: LogBatch | undefined;
  const hasRoomFor = (batch: LogBatch) =>
    left.lines > 0 && left.bytes > 0 && (left.runs > 0 || isOneRun(last, batch));
  while (left.lines > 0 && left.bytes > 0) {
    for (const cursor of cursors) {
      if (cursor.waiting.length === 0 && cursor.readTo < cursor.end) await readOn(log, cursor, left);
    }
    const piece: LogBatch[] = [];
    // Until one has to read on: its next lines may be older than those of the others.
    for (let next = oldest(cursors); next; next = oldest(cursors)) {
      const batch = next.waiting[0]!;
      if (!hasRoomFor(batch)) {
        if (piece.length > 0) yield piece;
        return;
      }
      next.waiting.shift();
      if (!isOneRun(last, batch)) left.runs--;
      left.lines -= batch.lines;
      left.bytes -= batch.bytes.length;
      next.to = batch.nextOffset;
      last = batch;
      piece.push(batch);
      if (next.waiting.length === 0 && next.readTo < next.end) break;
    }
    if (piece.length === 0) return;
    yield piece;
  }
}

/** Where nothing is left to read, all up to the end was lost, or holds no line. */
async function readOn(log: LogReader, cursor: Cursor, left: { lines: number; bytes: number }): Promise<void> {
  cursor.waiting = await log.read(cursor.partition, cursor.readTo, {
    linesMax: left.lines,
    bytesMax: Math.min(left.bytes, cursor.memory.length - READ_ROOM_BYTES),
    memory: cursor.memory,
  });
  const last = cursor.waiting.at(-1);
  cursor.readTo = last ? last.nextOffset : cursor.end;
  if (!last) cursor.to = cursor.end;
}

function oldest(cursors: Cursor[]): Cursor | undefined {
  let found: Cursor | undefined;
  for (const cursor of cursors) {
    const at = cursor.waiting[0]?.receivedAtMs;
    if (at !== undefined && (!found || at < found.waiting[0]!.receivedAtMs)) found = cursor;
  }
  return found;
}
