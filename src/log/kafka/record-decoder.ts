import { isUtf8 } from 'node:buffer';
import { externalLine, isTooDeep } from '../../event/mark-line.ts';
import { type RecordBatch, RecordReader } from '../../kafka-client/record-batches.ts';
import { externalLines } from '../../kafka-client/value-lines.ts';
import type { LogBatch } from '../event-log.ts';
import { type Origin, Origins } from './origin.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** A run of records is cut here, so that readers can stay near their limits. */
const RUN_BYTES = 512 * 1024;

/** Makes batches of lines from records; one for each read, as it keeps the run that it is in. */
export class KafkaRecordDecoder {
  private readonly partition: number;
  private readonly lineBytesMax: number;
  private readonly origins = new Origins();
  private batches: LogBatch[] = [];
  /** Lines of the run, one after the other. */
  private room = Buffer.alloc(0);
  private start = 0;
  private at = 0;
  private lines = 0;
  private firstOffset = 0;
  private nextOffset = 0;
  private receivedAtMs = 0;
  private origin: Origin | null = null;
  /** Position of the next line end in the records, to find out cheaply that a value has none. */
  private newline = -1;

  constructor(partition: number, lineBytesMax: number) {
    this.partition = partition;
    this.lineBytesMax = lineBytesMax;
  }

  /** The lines of the records from offset `from` on; `receivedAt` is asked once for each record batch, in their order. */
  decode(
    records: readonly RecordBatch[],
    from: number,
    receivedAt: (batch: RecordBatch) => number,
  ): LogBatch[] {
    this.batches = [];
    for (const batch of records) {
      const atMs = receivedAt(batch);
      const record = new RecordReader(batch.records);
      this.newline = -1;
      this.makeRoom(batch.records.length);
      for (let left = batch.count; left > 0; left--) {
        record.next();
        const offset = batch.baseOffset + record.offsetDelta;
        if (offset >= from) this.add(record, offset, atMs);
      }
    }
    this.endRun();
    return this.batches;
  }

  private add(record: RecordReader, offset: number, atMs: number): void {
    const { bytes, valueStart, valueLength } = record;
    const origin = this.origins.of(record);
    const end = valueStart + valueLength;
    if (valueLength > 0 && origin.canonical) {
      const newline = this.newlineFrom(bytes, valueStart);
      const lineEnd = Math.min(newline, end);
      // Whoever may write to the topic may claim that a line is canonical, and DuckDB's stack has an end.
      if (newline >= end || (newline > valueStart && newline === end - 1)) {
        if (!isTooDeep(bytes, valueStart, lineEnd)) {
          this.addLine(bytes, valueStart, lineEnd, offset, atMs, origin);
          return;
        }
      } else if (this.addBlock(bytes.subarray(valueStart, end), offset, atMs, origin)) return;
    }
    this.addForeign(valueLength < 0 ? null : bytes.subarray(valueStart, end), offset, atMs, origin.source);
  }

  private newlineFrom(bytes: Buffer, start: number): number {
    if (this.newline < start) {
      const found = bytes.indexOf(NEWLINE, start);
      this.newline = found < 0 ? bytes.length : found;
    }
    return this.newline;
  }

  /** Lines that ingest wrote as one record: true where they are such. */
  private addBlock(value: Buffer, offset: number, atMs: number, { source }: Origin): boolean {
    if (value.at(-1) !== NEWLINE || !isText(value)) return false;
    let lines = 0;
    for (let start = 0; start < value.length; lines++) {
      const end = value.indexOf(NEWLINE, start);
      if (end === start || isTooDeep(value, start, end)) return false;
      start = end + 1;
    }
    this.emit(value, lines, true, offset, atMs, source, true);
    return true;
  }

  private addForeign(value: Buffer | null, offset: number, atMs: number, source: string): void {
    const lines = externalLines(value, this.lineBytesMax);
    if (lines.length > 1) {
      this.emit(Buffer.concat(lines), lines.length, true, offset, atMs, source, false);
      return;
    }
    const line = lines[0]!;
    this.addLine(line, 0, line.length - 1, offset, atMs, FOREIGN.of(source));
  }

  private addLine(
    bytes: Buffer,
    start: number,
    end: number,
    offset: number,
    atMs: number,
    origin: Origin,
  ): void {
    const goesOn =
      this.lines > 0 &&
      this.origin === origin &&
      this.nextOffset === offset &&
      this.receivedAtMs === atMs &&
      this.at - this.start < RUN_BYTES;
    if (!goesOn) {
      this.endRun();
      this.firstOffset = offset;
      this.receivedAtMs = atMs;
      this.origin = origin;
    }
    this.makeRoom(end - start + 1);
    bytes.copy(this.room, this.at, start, end);
    this.at += end - start;
    this.room[this.at++] = NEWLINE;
    this.lines++;
    this.nextOffset = offset + 1;
  }

  private endRun(): void {
    if (this.lines === 0) return;
    const { lines, firstOffset, receivedAtMs } = this;
    const { source, canonical } = this.origin!;
    const bytes = this.room.subarray(this.start, this.at);
    this.start = this.at;
    this.lines = 0;
    // Whoever may write to the topic may claim that it is canonical.
    if (!canonical || isText(bytes)) {
      this.emit(bytes, lines, false, firstOffset, receivedAtMs, source, canonical);
    } else {
      this.emit(this.repaired(bytes), lines, false, firstOffset, receivedAtMs, source, false);
    }
  }

  private repaired(bytes: Buffer): Buffer {
    const lines: Buffer[] = [];
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, start);
      lines.push(externalLine(bytes.subarray(start, end), this.lineBytesMax));
      start = end + 1;
    }
    return Buffer.concat(lines);
  }

  private emit(
    bytes: Buffer,
    lines: number,
    sharesOffset: boolean,
    firstOffset: number,
    receivedAtMs: number,
    source: string,
    canonical: boolean,
  ): void {
    if (sharesOffset) this.endRun();
    const { partition } = this;
    const nextOffset = firstOffset + (sharesOffset ? 1 : lines);
    this.batches.push({
      partition,
      firstOffset,
      nextOffset,
      sharesOffset,
      lines,
      receivedAtMs,
      source,
      bytes,
      canonical,
    });
  }

  /** Room for so many bytes behind those of the run, which move along. */
  private makeRoom(bytes: number): void {
    if (this.room.length - this.at >= bytes) return;
    const run = this.room.subarray(this.start, this.at);
    this.room = Buffer.allocUnsafeSlow(run.length + Math.max(bytes, 64 * 1024));
    run.copy(this.room);
    this.at -= this.start;
    this.start = 0;
  }
}

/** Whether readers can tell the lines apart: no canonical line has a return. */
function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(RETURN);
}

/** One object for each source, as runs are compared by it. */
const FOREIGN = {
  known: new Map<string, Origin>(),
  of(source: string): Origin {
    let origin = FOREIGN.known.get(source);
    if (origin === undefined) {
      origin = { source, canonical: false };
      if (FOREIGN.known.size < 1000) FOREIGN.known.set(source, origin);
    }
    return origin;
  },
};
