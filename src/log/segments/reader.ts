import { errorCode } from '../../system/error-code.ts';
import type { LogBatch, ReadLimits } from '../event-log.ts';
import type { Offset } from '../offset.ts';
import type { LogFiles } from './files.ts';
import { type BatchHeader, HEADER_BYTES_USUAL, skipLines } from './format.ts';
import { locate } from './locate.ts';
import type { Quarantine } from './quarantine.ts';
import { Scanner } from './scan.ts';
import { type DurableState, type Segment, segmentOf } from './segment.ts';

const HINTS_MAX = 64;

/** Reads whole batches from the segments, in the durable part only, and steps over what is damaged. */
export class SegmentReader {
  private readonly files: LogFiles;
  private readonly seed: number;
  private readonly durable: DurableState;
  private readonly quarantine: Quarantine;
  /** Where the last reads ended: a reader goes on there without a search. */
  private readonly hints = new Map<Offset, { segment: Segment; position: number }>();

  constructor(files: LogFiles, seed: number, durable: DurableState, quarantine: Quarantine) {
    this.files = files;
    this.seed = seed;
    this.durable = durable;
    this.quarantine = quarantine;
  }

  /** See EventLog.read. Stays within one segment, unless nothing is left to read in it. */
  async read(from: Offset, limits: ReadLimits): Promise<LogBatch[]> {
    const { durable } = this;
    if (!Number.isSafeInteger(from) || from < 0 || from > durable.end) {
      throw new RangeError(`offset ${from} is outside of the log, which ends at ${durable.end}`);
    }
    let offset = from;
    while (offset < durable.end) {
      const at = segmentOf(durable.segments, offset);
      const segment = durable.segments[at];
      if (segment === undefined) return [];
      // Taken before anything is awaited: the log goes on growing, and segments may be deleted.
      const segmentEnd = durable.segments[at + 1]?.first ?? durable.end;
      const bytes = segment.bytes;
      try {
        const batches = await this.readSegment(segment, bytes, segmentEnd, offset, limits);
        if (batches.length > 0) return batches;
      } catch (error) {
        // Retention took it away in the meantime.
        if (errorCode(error) !== 'ENOENT' || durable.segments.includes(segment)) throw error;
      }
      offset = segmentEnd;
    }
    return [];
  }

  private async readSegment(
    segment: Segment,
    bytes: number,
    segmentEnd: Offset,
    from: Offset,
    limits: ReadLimits,
  ): Promise<LogBatch[]> {
    const fd = await this.files.open(segment.path, 'read');
    try {
      const hint = this.hints.get(from);
      let position: number;
      let expected: Offset;
      if (hint?.segment === segment) {
        position = hint.position;
        expected = from;
      } else {
        const located = await locate(new Scanner(this.files, fd, bytes, this.seed), segment, from);
        position = located.position;
        expected = located.expected;
      }
      const start = position;
      // One read for all of it, with room for the header of a block that is just as large as asked for.
      const ahead = Math.min(limits.bytesMax + HEADER_BYTES_USUAL, bytes - position);
      const scanner = new Scanner(this.files, fd, bytes, this.seed, ahead, limits.memory);
      const batches: LogBatch[] = [];
      let lines = 0;
      let sawEnd = false;
      while (batches.length === 0 || (position - start < limits.bytesMax && lines < limits.linesMax)) {
        if (batches.length > 0) {
          const peek = await scanner.headerAt(position, expected);
          if (peek === null) break;
          if (position - start + peek.header.bytes > limits.bytesMax) break;
          if (lines + peek.header.lines > limits.linesMax) break;
        }
        const step = await scanner.step(position, expected);
        if (step === null) {
          sawEnd = true;
          break;
        }
        if (step.kind === 'damage') {
          if (batches.length > 0) break;
          const nextFirst = step.nextFirst ?? segmentEnd;
          await this.lost(segment, position, step.next - position, expected, nextFirst);
          position = step.next;
          expected = nextFirst;
          continue;
        }
        const { header } = step;
        await this.lost(segment, position, 0, expected, header.first);
        segment.index.add(header.first, position);
        position = step.next;
        expected = header.first + header.lines;
        if (expected <= from) continue;
        const batch = toBatch(header, step.body, from);
        batches.push(batch);
        lines += batch.lines;
      }
      if (sawEnd) await this.lost(segment, position, 0, expected, segmentEnd);
      this.hint(expected, segment, position);
      return batches;
    } finally {
      await this.files.close(fd);
    }
  }

  private async lost(
    segment: Segment,
    position: number,
    bytes: number,
    first: Offset,
    end: Offset,
  ): Promise<void> {
    if (bytes === 0 && end <= first) return;
    await this.quarantine.take({ segment, position, bytes, first, lines: Math.max(0, end - first) });
  }

  private hint(offset: Offset, segment: Segment, position: number): void {
    this.hints.delete(offset);
    this.hints.set(offset, { segment, position });
    if (this.hints.size > HINTS_MAX) this.hints.delete(this.hints.keys().next().value!);
  }
}

function toBatch(header: BatchHeader, body: Buffer, from: Offset): LogBatch {
  const skipped = Math.max(0, from - header.first);
  return {
    partition: 0,
    firstOffset: header.first + skipped,
    nextOffset: header.first + header.lines,
    sharesOffset: false,
    lines: header.lines - skipped,
    receivedAtMs: header.receivedAtMs,
    source: header.source,
    bytes: skipped === 0 ? body : skipLines(body, skipped),
    canonical: header.canonical,
    fields: header.fields,
  };
}
