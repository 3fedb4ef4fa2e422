import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { errorCode, ignoreMissing } from '../../system/error-code.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import { AppendError, type AppendResult, type LogBlock, SourceNames } from '../event-log.ts';
import { addCount, copyCounts } from '../offset.ts';
import { type LogFiles, writeAll } from './files.ts';
import {
  checksum,
  encodeBatchHeader,
  encodeSegmentHeader,
  FORMAT_VERSION,
  HEADER_BYTES_MAX,
  headerSeed,
  segmentName,
} from './format.ts';
import { type DurableState, type Segment, SparseIndex } from './segment.ts';
import type { DiskReserve } from './space.ts';

/** Above this many buffers they are put together first: one copy is cheaper than a call with thousands of parts. */
const BUFFERS_MAX = 256;
/** Of few lines their names would take more room than they save time. */
const FIELDS_SAID_LINES_MIN = 50;
const SPACE_CHECK_MS = 1_000;
const TOO_LARGE_HEADER =
  'The log has lines of so many sources that it could not be read any more with another batch. Set it aside, and start with an empty one.';

interface WaitingBlock {
  block: LogBlock;
  bytes: number;
  crc: number;
  resolve: (result: AppendResult) => void;
  reject: (error: Error) => void;
}

/** What one write and one fdatasync bring to the disk together. */
interface Group {
  appends: { waiting: WaitingBlock; result: AppendResult; position: number }[];
  buffers: Buffer[];
  bytes: number;
  /** The segment that it starts, or null when it goes on with the last one. */
  created: Segment | null;
  after: Pick<DurableState, 'end' | 'received' | 'lastReceivedAtMs'>;
}

export interface WriterOptions {
  files: LogFiles;
  dir: string;
  logId: string;
  durable: DurableState;
  reserve: DiskReserve;
  segmentBytesMax: number;
  queueBytesMax: number;
  spaceCheckMs?: number | undefined;
  now: () => number;
  /** Called when there is more that is durable; `sealed` tells that a segment was finished. */
  onDurable: (sealed: boolean) => void;
}

/**
 * Appends blocks, one group after the other: everything that waits during one fdatasync shares the next one.
 *
 * What is durable changes only after the fdatasync, so a group that fails leaves nothing behind but bytes past the durable
 * end, which are cut off at once or, at the latest, when the log is opened again.
 */
export class Writer {
  state: 'ready' | 'full' | 'failed' | 'closed' = 'ready';
  message = '';
  private readonly options: WriterOptions;
  private readonly durable: DurableState;
  private readonly seed: number;
  private readonly names = new SourceNames();
  private queue: WaitingBlock[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | null = null;
  private spaceTimer: NodeJS.Timeout | null = null;

  constructor(options: WriterOptions) {
    this.options = options;
    this.durable = options.durable;
    this.seed = headerSeed(options.logId);
  }

  append(block: LogBlock): Promise<AppendResult> {
    const bytes = checkBlock(block);
    const refusal = this.refusal();
    if (refusal !== null) return Promise.reject(refusal);
    try {
      this.names.add(block.source, () => this.durable.received);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.queuedBytes > 0 && this.queuedBytes + bytes > this.options.queueBytesMax) {
      return Promise.reject(new AppendError('log_busy', 'The log is waiting for the disk.', 1));
    }
    return new Promise((resolve, reject) => {
      this.queue.push({ block, bytes, crc: checksum(block.bytes), resolve, reject });
      this.queuedBytes += bytes;
      this.running ??= this.run();
    });
  }

  /** Ends after what was appended before; the file is closed. */
  async close(): Promise<void> {
    const wasFailed = this.state === 'failed';
    if (!wasFailed) this.state = 'closed';
    if (this.spaceTimer !== null) clearInterval(this.spaceTimer);
    await this.running;
    const fd = this.durable.activeFd;
    this.durable.activeFd = null;
    // All in it is synced.
    if (fd !== null) await this.options.files.close(fd).catch(() => undefined);
  }

  /** Refuses everything from now on: what is on the disk is no longer certain, or no longer ours. */
  fail(message: string): void {
    if (this.state === 'failed') return;
    this.state = 'failed';
    this.message = message;
    if (this.spaceTimer !== null) clearInterval(this.spaceTimer);
  }

  private refusal(): AppendError | null {
    if (this.state === 'full') return new AppendError('log_full', this.message);
    if (this.state === 'failed') return new AppendError('log_failed', this.message, 30);
    if (this.state === 'closed') return new AppendError('log_closed', 'The log is closed.');
    return null;
  }

  private async run(): Promise<void> {
    // Lets all that came with the same events, such as the answers to the last group, into the group.
    await yieldToEvents();
    while (this.queue.length > 0) {
      const group = this.nextGroup();
      if (group.appends.length === 0) continue;
      let refused: AppendError | null;
      try {
        refused = await this.commit(group);
      } catch (error) {
        this.fail(`The log has failed: ${text(error)}. Restart to recover what is on the disk.`);
        refused = this.refusal();
      }
      for (const { waiting, result } of group.appends) {
        this.queuedBytes -= waiting.bytes;
        if (refused === null) waiting.resolve(result);
        else waiting.reject(refused);
      }
      if (refused !== null) this.rejectQueue(refused);
      await yieldToEvents();
    }
    this.running = null;
  }

  private rejectQueue(refused: AppendError): void {
    const rest = this.queue;
    this.queue = [];
    for (const waiting of rest) {
      this.queuedBytes -= waiting.bytes;
      waiting.reject(refused);
    }
  }

  /** Takes from the queue what fits into the segment, at least one block. */
  private nextGroup(): Group {
    const { durable } = this;
    const { now, segmentBytesMax } = this.options;
    const after = {
      end: durable.end,
      received: copyCounts(durable.received),
      lastReceivedAtMs: Math.max(durable.lastReceivedAtMs ?? 0, Math.trunc(now())),
    };
    const group: Group = { appends: [], buffers: [], bytes: 0, created: null, after };
    const last = durable.segments.at(-1);
    let position = durable.activeFd === null ? 0 : last!.bytes;
    let taken = 0;
    for (const waiting of this.queue) {
      const { block, bytes, crc } = waiting;
      const header = encodeBatchHeader(
        {
          first: after.end,
          lines: block.lines,
          bytes,
          crc,
          receivedAtMs: after.lastReceivedAtMs,
          source: block.source,
          canonical: true,
          fields: block.lines < FIELDS_SAID_LINES_MIN ? undefined : block.fields,
          before: after.received,
        },
        this.seed,
      );
      if (header.length > HEADER_BYTES_MAX) {
        this.queuedBytes -= bytes;
        waiting.reject(new AppendError('log_failed', TOO_LARGE_HEADER));
        taken += 1;
        continue;
      }
      const overflows = position + header.length + bytes > segmentBytesMax;
      const isFirst = group.appends.length === 0;
      if (!isFirst && overflows) break;
      if (isFirst && (durable.activeFd === null || (overflows && last!.first < durable.end))) {
        position = this.startSegment(group);
      }
      group.buffers.push(header);
      for (const piece of block.bytes) group.buffers.push(piece);
      group.appends.push({
        waiting,
        result: { partition: 0, firstOffset: after.end, receivedAtMs: after.lastReceivedAtMs },
        position,
      });
      position += header.length + bytes;
      group.bytes += header.length + bytes;
      after.end += block.lines;
      addCount(after.received, block.source, block.lines);
      taken += 1;
    }
    this.queue = this.queue.slice(taken);
    if (group.buffers.length > BUFFERS_MAX) group.buffers = [Buffer.concat(group.buffers)];
    return group;
  }

  private startSegment(group: Group): number {
    const { durable } = this;
    const header = encodeSegmentHeader({
      formatVersion: FORMAT_VERSION,
      logId: this.options.logId,
      first: durable.end,
      lastReceivedAtMs: durable.lastReceivedAtMs,
      before: durable.received,
    });
    group.created = {
      first: durable.end,
      path: `${this.options.dir}/${segmentName(durable.end)}`,
      bytes: 0,
      lastReceivedAtMs: undefined,
      index: new SparseIndex(),
    };
    group.buffers.push(header);
    group.bytes += header.length;
    return header.length;
  }

  /** Brings the group to the disk, or returns why not. */
  private async commit(group: Group): Promise<AppendError | null> {
    const { files, dir, reserve } = this.options;
    if (this.state === 'failed') return this.refusal();
    if (!(await reserve.take(group.bytes)))
      return this.full('The disk has only its reserve of free space left (disk_reserve_bytes of the log)');
    const { durable } = this;
    const { created } = group;
    const segment = created ?? durable.segments.at(-1)!;
    let fd = durable.activeFd;
    if (created !== null) {
      try {
        fd = await files.open(created.path, 'create');
      } catch (error) {
        if (isFull(error)) return this.full('The disk is full');
        if (!['EMFILE', 'ENFILE'].includes(errorCode(error))) throw error;
        return new AppendError('log_busy', 'Too many files are open.', 1);
      }
    }
    try {
      await writeAll(files, fd!, group.buffers, segment.bytes);
    } catch (error) {
      await this.undo(fd!, created, segment);
      if (isFull(error)) return this.full('The disk is full');
      throw error;
    }
    try {
      await files.fdatasync(fd!);
      if (created !== null) await files.syncDir(dir);
    } catch (error) {
      // The kernel may have dropped the pages: another fsync would "succeed" without them. Nothing more goes into this
      // file; the cut is not synced either, it only helps who opens it next.
      await this.cut(fd!, created, segment).catch(() => undefined);
      throw error;
    }
    await this.publish(group, fd!, segment);
    return null;
  }

  private async publish(group: Group, fd: number, segment: Segment): Promise<void> {
    const { durable } = this;
    const sealedFd = group.created === null ? null : durable.activeFd;
    if (group.created !== null) {
      const sealed = durable.segments.at(-1);
      if (sealed !== undefined) sealed.lastReceivedAtMs = durable.lastReceivedAtMs;
      durable.segments.push(segment);
      durable.activeFd = fd;
    }
    for (const { result, position } of group.appends) segment.index.add(result.firstOffset, position);
    segment.bytes += group.bytes;
    durable.end = group.after.end;
    durable.received = group.after.received;
    durable.lastReceivedAtMs = group.after.lastReceivedAtMs;
    this.options.onDurable(group.created !== null);
    // All of it was synced when it was written: nothing can be lost by an error here.
    if (sealedFd !== null) await this.options.files.close(sealedFd).catch(() => undefined);
  }

  /** Takes back what was written of a group, durably: a line that was refused must not be there after a crash. */
  private async undo(fd: number, created: Segment | null, segment: Segment): Promise<void> {
    await this.cut(fd, created, segment);
    if (created === null) await this.options.files.fdatasync(fd);
    else await this.options.files.syncDir(this.options.dir);
  }

  private async cut(fd: number, created: Segment | null, segment: Segment): Promise<void> {
    const { files } = this.options;
    if (created === null) {
      await files.truncate(fd, segment.bytes);
      return;
    }
    // Nothing in it is needed.
    await files.close(fd).catch(() => undefined);
    await files.unlink(created.path).catch(ignoreMissing);
  }

  private full(reason: string): AppendError {
    if (this.state === 'ready') {
      this.state = 'full';
      this.message = `${reason}: new lines are refused. Free some space. The log then continues without a restart.`;
      this.spaceTimer = setInterval(() => this.checkSpace(), this.options.spaceCheckMs ?? SPACE_CHECK_MS);
      this.spaceTimer.unref();
    }
    return new AppendError('log_full', `${reason}. Free some space: lines are then accepted again.`);
  }

  private async checkSpace(): Promise<void> {
    if (!(await this.options.reserve.hasRoom()) || this.state !== 'full') return;
    if (this.spaceTimer !== null) clearInterval(this.spaceTimer);
    this.spaceTimer = null;
    this.state = 'ready';
    this.message = '';
  }
}

function checkBlock(block: LogBlock): number {
  let bytes = 0;
  for (const buffer of block.bytes) bytes += buffer.length;
  if (!Number.isSafeInteger(block.lines) || block.lines < 1)
    throw new TypeError(`bad line count: ${block.lines}`);
  if (block.bytes.findLast((buffer) => buffer.length > 0)?.at(-1) !== 0x0a) {
    throw new TypeError('a block must end with a newline');
  }
  return bytes;
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error));
}

function text(error: unknown): string {
  return messageOf(error);
}
