import { randomUUID } from 'node:crypto';
import { addCount, type CountsBySource, type Offset, type Positions } from '../../../domain/offset.ts';
import {
  type AppendResult,
  type EventLog,
  type LogBatch,
  type LogBlock,
  type LogPartition,
  LogRefused,
  type LogStatus,
  type ReadLimits,
} from '../../../ports/event-log.ts';

/** An event log in memory, for tests: the same contract, but nothing outlives the process and nothing is deleted. */
export function openMemoryLog(options: { now: () => number }): EventLog {
  return new MemoryLog(options.now);
}

class MemoryLog implements EventLog {
  readonly id = randomUUID();
  private readonly now: () => number;
  private readonly batches: LogBatch[] = [];
  private readonly waiting = new Set<() => void>();
  private end: Offset = 0;
  private bytes = 0;
  private lastReceivedAtMs: number | null = null;
  private closed = false;

  constructor(now: () => number) {
    this.now = now;
  }

  async append(block: LogBlock): Promise<AppendResult> {
    this.check(0);
    const bytes = Buffer.concat(block.bytes);
    if (block.lines < 1 || bytes.at(-1) !== 0x0a) throw new TypeError('a block must hold whole lines');
    const firstOffset = this.end;
    const receivedAtMs = Math.max(this.lastReceivedAtMs ?? 0, this.now());
    const { lines, source } = block;
    const nextOffset = firstOffset + lines;
    const place = { partition: 0, firstOffset, nextOffset, sharesOffset: false };
    this.batches.push({ ...place, lines, receivedAtMs, source, bytes, judged: true });
    this.end = nextOffset;
    this.bytes += bytes.length;
    this.lastReceivedAtMs = receivedAtMs;
    for (const look of this.waiting) look();
    return { partition: 0, firstOffset, receivedAtMs };
  }

  partitions(): LogPartition[] {
    return [{ partition: 0, start: 0, end: this.end }];
  }

  async read(partition: number, from: Offset, limits: ReadLimits): Promise<LogBatch[]> {
    this.check(partition);
    if (!Number.isSafeInteger(from) || from < 0 || from > this.end) throw new RangeError(`no offset ${from}`);
    const result: LogBatch[] = [];
    let bytes = 0;
    let lines = 0;
    for (const batch of this.batches) {
      if (batch.firstOffset + batch.lines <= from) continue;
      const cut = cutBefore(batch, from);
      bytes += cut.bytes.length;
      lines += cut.lines;
      if (result.length > 0 && (bytes > limits.bytesMax || lines > limits.linesMax)) break;
      result.push(cut);
    }
    return result;
  }

  async waitPast(positions: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const offset = this.offsetIn(positions) ?? Number.POSITIVE_INFINITY;
    if (this.end > offset) return true;
    if (signal?.aborted) return false;
    return await new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', settle);
        this.waiting.delete(look);
        resolve(this.end > offset);
      };
      const look = () => {
        if (this.closed || this.end > offset) settle();
      };
      const timer = setTimeout(settle, timeoutMs);
      signal?.addEventListener('abort', settle, { once: true });
      this.waiting.add(look);
    });
  }

  received(): CountsBySource {
    return this.count(this.end);
  }

  async receivedBefore(positions: Positions): Promise<CountsBySource> {
    const offset = this.offsetIn(positions) ?? 0;
    if (!(offset >= 0 && offset <= this.end)) throw new RangeError(`no offset ${offset}`);
    return this.count(offset);
  }

  retain(_reader: string, positions: Positions): void {
    const from = this.offsetIn(positions) ?? 0;
    if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`bad offset ${from}`);
  }

  status(): LogStatus {
    const { bytes, lastReceivedAtMs } = this;
    return { state: 'ready', message: '', bytes, lostLines: 0, lastReceivedAtMs };
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const look of this.waiting) look();
  }

  private count(offset: Offset): CountsBySource {
    const counts = Object.create(null) as CountsBySource;
    for (const batch of this.batches) {
      const lines = Math.min(batch.lines, offset - batch.firstOffset);
      if (lines > 0) addCount(counts, batch.source, lines);
    }
    return { ...counts };
  }

  private offsetIn(positions: Positions): Offset | undefined {
    for (const partition of Object.keys(positions)) this.check(Number(partition));
    return positions[0];
  }

  private check(partition: number): void {
    if (this.closed) throw new LogRefused('log_closed', 'The log is closed.');
    if (partition !== 0) throw new RangeError(`no partition ${partition}`);
  }
}

function cutBefore(batch: LogBatch, from: Offset): LogBatch {
  let { firstOffset, lines, bytes } = batch;
  for (; firstOffset < from; firstOffset += 1, lines -= 1) bytes = bytes.subarray(bytes.indexOf(0x0a) + 1);
  return { ...batch, firstOffset, lines, bytes };
}
