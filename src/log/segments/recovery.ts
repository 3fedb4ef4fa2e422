import { addCount, type CountsBySource, copyCounts, type Offset } from '../offset.ts';
import type { LogFiles } from './files.ts';
import { HEADER_BYTES_USUAL, headerSeed, segmentFirst, segmentName } from './format.ts';
import { type LogIdentity, refuseNewer } from './identity.ts';
import type { Damage, Quarantine } from './quarantine.ts';
import { Scanner } from './scan.ts';
import { type DurableState, type Segment, SparseIndex } from './segment.ts';

interface Surveyed {
  /** Size of the part that is to be kept: up to the end of the last whole batch. */
  keepBytes: number;
  /** False when there is neither a segment header nor a whole batch in it. */
  usable: boolean;
  end: Offset;
  received: CountsBySource;
  lastReceivedAtMs: number | null;
  damages: Damage[];
}

/**
 * Brings the folder into a state that can be appended to, after whatever happened to it, and gives what it holds.
 *
 * Only the last segment is gone through: the ones before it were complete when it was created. What ends it without
 * being a whole batch was torn by a crash before it was acknowledged, and is cut off. Except when a line after it is
 * known to have existed (a later file was started, or the log was closed in order at a later offset): then it was
 * durable once and was damaged since. Its lines are counted as lost, and their offsets are never used again.
 */
export async function recover(
  files: LogFiles,
  dir: string,
  identity: LogIdentity,
  quarantine: Quarantine,
): Promise<DurableState> {
  const segments = await listSegments(files, dir);
  let floor = identity.closed?.end ?? 0;
  for (;;) {
    const last = segments.at(-1);
    if (last === undefined) return afterLoss(emptySurvey(), segments, floor, identity);
    const fd = await files.open(last.path, 'update');
    let keepOpen = false;
    try {
      last.bytes = await files.size(fd);
      const found = await survey(files, fd, last, identity.id);
      if (!found.usable) {
        // The crash came while this file was being created. Its name tells where the one before it ended.
        floor = Math.max(floor, last.first);
        segments.pop();
        await files.unlink(last.path);
        await files.syncDir(dir);
        continue;
      }
      for (const damage of found.damages) await quarantine.take(damage);
      if (found.end < floor) {
        await quarantine.take({
          segment: last,
          position: found.keepBytes,
          bytes: last.bytes - found.keepBytes,
          first: found.end,
          lines: floor - found.end,
        });
        return afterLoss(found, segments, floor, identity);
      }
      if (found.keepBytes < last.bytes) await files.truncate(fd, found.keepBytes);
      last.bytes = found.keepBytes;
      // After a mere kill, whole batches may be readable that never reached the disk. They are durable from here on.
      await files.fdatasync(fd);
      await files.syncDir(dir);
      keepOpen = true;
      const { end, received, lastReceivedAtMs } = found;
      return { segments, activeFd: fd, end, received, lastReceivedAtMs };
    } finally {
      if (!keepOpen) await files.close(fd);
    }
  }
}

/** The state that goes on at `floor` with a new segment, because what was before it is (partly) lost. */
function afterLoss(found: Surveyed, segments: Segment[], floor: Offset, identity: LogIdentity): DurableState {
  const { closed } = identity;
  let received = found.received;
  if (closed?.end === floor) received = copyCounts(closed.received);
  else if (floor > found.end) addCount(received, 'unknown', floor - found.end);
  const times = [found.lastReceivedAtMs, closed?.last_received_at].filter((time) => typeof time === 'number');
  return {
    segments,
    activeFd: null,
    end: floor,
    received,
    lastReceivedAtMs: times.reduce<number | null>((newest, time) => Math.max(newest ?? time, time), null),
  };
}

async function listSegments(files: LogFiles, dir: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of (await files.readdir(dir)).sort()) {
    const first = segmentFirst(name);
    if (first === null) continue;
    const path = `${dir}/${segmentName(first)}`;
    const fd = await files.open(path, 'read');
    try {
      const bytes = await files.size(fd);
      segments.push({ first, path, bytes, lastReceivedAtMs: undefined, index: new SparseIndex() });
    } finally {
      await files.close(fd);
    }
  }
  return segments;
}

function emptySurvey(): Surveyed {
  return {
    keepBytes: 0,
    usable: false,
    end: 0,
    received: copyCounts({}),
    lastReceivedAtMs: null,
    damages: [],
  };
}

/** Checks every byte of a segment. */
async function survey(files: LogFiles, fd: number, segment: Segment, logId: string): Promise<Surveyed> {
  const scanner = new Scanner(files, fd, segment.bytes, headerSeed(logId), 16 * HEADER_BYTES_USUAL);
  const found = emptySurvey();
  found.end = segment.first;
  let position = 0;
  const start = await scanner.segmentHeader();
  if (start !== null) {
    const { header, headerBytes } = start;
    refuseNewer(segment.path, header.formatVersion, 'a later version');
    if (header.logId !== logId) {
      throw new Error(
        `${segment.path} belongs to another event log (${header.logId}, not ${logId}): move it away.`,
      );
    }
    position = headerBytes;
    found.usable = true;
    found.keepBytes = headerBytes;
    found.received = copyCounts(header.before);
    found.lastReceivedAtMs = header.lastReceivedAtMs;
  }
  for (;;) {
    const step = await scanner.step(position, found.end);
    if (step === null) return found;
    position = step.next;
    if (step.kind === 'damage') continue;
    // Only now that a whole batch follows is the damage before it known to be none of a torn end.
    if (step.position > found.keepBytes || step.header.first > found.end) {
      found.damages.push({
        segment,
        position: found.keepBytes,
        bytes: step.position - found.keepBytes,
        first: found.end,
        lines: step.header.first - found.end,
      });
    }
    segment.index.add(step.header.first, step.position);
    found.usable = true;
    found.keepBytes = step.next;
    found.end = step.header.first + step.header.lines;
    found.received = copyCounts(step.header.before);
    addCount(found.received, step.header.source, step.header.lines);
    found.lastReceivedAtMs = step.header.receivedAtMs;
  }
}
