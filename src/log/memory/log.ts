import { randomUUID } from 'node:crypto';
import {
  AppendError,
  type AppendResult,
  type EventLog,
  type LogBatch,
  type LogBlock,
  type LogPartition,
  type LogStatus,
  type ReadLimits,
  SourceNames,
} from '../event-log.ts';
import { addCount, type CountsBySource, type Offset, type Positions } from '../offset.ts';
import { Waiters } from '../waiters.ts';

/**
 * An event log in memory, for tests: the same contract, but nothing outlives the process and nothing is deleted. Blocks go to
 * its partitions in turn. `id`: that of a log whose lines an archive has already.
 */
export function openMemoryLog(options: { now: () => number; partitions?: number; id?: string }): EventLog {
  return new MemoryLog(options.now, options.partitions ?? 1, options.id ?? randomUUID());
}

class MemoryLog implements EventLog {
  readonly id: string;
  private readonly now: () => number;
  private readonly ends: Offset[];
  private readonly batches: LogBatch[] = [];
  private readonly waiters = new Waiters();
  private readonly names = new SourceNames();
  private next = 0;
  private bytes = 0;
  private lastReceivedAtMs: number | null = null;
  private closed = false;

  constructor(now: () => number, partitions: number, id: string) {
    this.id = id;
    this.now = now;
    this.ends = Array.from({ length: partitions }, () => 0);
  }

  async append(block: LogBlock): Promise<AppendResult> {
    this.check(0);
    this.names.add(block.source, () => this.received());
    const bytes = Buffer.concat(block.bytes);
    if (block.lines < 1 || bytes.at(-1) !== 0x0a) throw new TypeError('a block must hold whole lines');
    const partition = this.next;
    this.next = (partition + 1) % this.ends.length;
    const firstOffset = this.ends[partition]!;
    const receivedAtMs = Math.max(this.lastReceivedAtMs ?? 0, this.now());
    const { lines, source, fields } = block;
    const nextOffset = firstOffset + lines;
    const range = { partition, firstOffset, nextOffset, sharesOffset: false };
    this.batches.push({ ...range, lines, receivedAtMs, source, bytes, canonical: true, fields });
    this.ends[partition] = nextOffset;
    this.bytes += bytes.length;
    this.lastReceivedAtMs = receivedAtMs;
    this.waiters.wake(partition, nextOffset);
    return { partition, firstOffset, receivedAtMs };
  }

  partitions(): LogPartition[] {
    return this.ends.map((end, partition) => ({ partition, start: 0, end }));
  }

  async read(partition: number, from: Offset, limits: ReadLimits): Promise<LogBatch[]> {
    this.check(partition);
    if (!Number.isSafeInteger(from) || from < 0 || from > this.ends[partition]!)
      throw new RangeError(`no offset ${from}`);
    const result: LogBatch[] = [];
    let bytes = 0;
    let lines = 0;
    for (const batch of this.batches) {
      if (batch.partition !== partition || batch.nextOffset <= from) continue;
      const cut = cutBefore(batch, from);
      bytes += cut.bytes.length;
      lines += cut.lines;
      if (result.length > 0 && (bytes > limits.bytesMax || lines > limits.linesMax)) break;
      result.push(cut);
    }
    return result;
  }

  async waitPast(positions: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    this.checkAll(positions);
    if (this.ends.some((end, partition) => end > (positions[partition] ?? end))) return true;
    return await this.waiters.wait(positions, timeoutMs, signal);
  }

  received(): CountsBySource {
    return this.count(this.ends);
  }

  async receivedBefore(positions: Positions): Promise<CountsBySource> {
    this.checkAll(positions);
    for (const [partition, offset] of Object.entries(positions))
      if (!(offset >= 0 && offset <= this.ends[Number(partition)]!))
        throw new RangeError(`no offset ${offset}`);
    return this.count(positions);
  }

  retain(_reader: string, positions: Positions): void {
    this.checkAll(positions);
    for (const from of Object.values(positions))
      if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`bad offset ${from}`);
  }

  status(): LogStatus {
    const { bytes, lastReceivedAtMs } = this;
    return { state: 'ready', message: '', bytes, lostLines: 0, lastReceivedAtMs };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.waiters.stop();
  }

  private count(positions: Positions): CountsBySource {
    const counts = Object.create(null) as CountsBySource;
    for (const batch of this.batches) {
      const lines = Math.min(batch.lines, (positions[batch.partition] ?? 0) - batch.firstOffset);
      if (lines > 0) addCount(counts, batch.source, lines);
    }
    return { ...counts };
  }

  private checkAll(positions: Positions): void {
    for (const partition of Object.keys(positions)) this.check(Number(partition));
  }

  private check(partition: number): void {
    if (this.closed) throw new AppendError('log_closed', 'The log is closed.');
    if (this.ends[partition] === undefined) throw new RangeError(`no partition ${partition}`);
  }
}

function cutBefore(batch: LogBatch, from: Offset): LogBatch {
  let { firstOffset, lines, bytes } = batch;
  for (; firstOffset < from; firstOffset += 1, lines -= 1) bytes = bytes.subarray(bytes.indexOf(0x0a) + 1);
  return { ...batch, firstOffset, lines, bytes };
}
