import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock, type Lock } from '../../system/process-lock.ts';
import {
  AppendError,
  type AppendResult,
  type EventLog,
  type LogBatch,
  type LogBlock,
  type LogPartition,
  type LogStatus,
  type ReadLimits,
} from '../event-log.ts';
import type { CountsBySource, Offset, Positions } from '../offset.ts';
import { Waiters } from '../waiters.ts';
import type { SegmentLogConfig } from './config.ts';
import { countReceivedBefore } from './counts.ts';
import { type LogFiles, nodeFiles } from './files.ts';
import { FORMAT_VERSION, headerSeed } from './format.ts';
import { type LogIdentity, openIdentity, writeIdentity } from './identity.ts';
import { Quarantine } from './quarantine.ts';
import { SegmentReader } from './reader.ts';
import { recover } from './recovery.ts';
import { Retention } from './retention.ts';
import type { DurableState } from './segment.ts';
import { DiskReserve } from './space.ts';
import { Writer } from './writer.ts';

/** How long a reader is held up that is at lost lines with nothing behind them yet. */
const NOTHING_LEFT_MS = 200;

export interface SegmentLogOptions {
  /** Folder of the log; made if it is missing. */
  dir: string;
  config: SegmentLogConfig;
  /** Readers whose position must be known (`retain`) before anything is deleted. */
  readers: readonly string[];
  now: () => number;
  /** Name and version of this program, noted in the folder for who opens it with an older one. */
  program?: string;
  /** For tests: files that fail or forget. */
  files?: LogFiles;
  /** For tests: how often a full log looks for space. */
  spaceCheckMs?: number;
}

/** Opens the embedded event log in a folder and recovers it. Throws LockHeldError while another process has it open. */
export async function openSegmentLog(options: SegmentLogOptions): Promise<EventLog> {
  const { dir, config } = options;
  const files = options.files ?? nodeFiles;
  await files.mkdir(dir);
  let log: SegmentLog | null = null;
  const lock = await acquireLock(`${dir}/lock`, () => log?.onLockLost());
  try {
    const identity = await openIdentity(files, dir, options.program ?? 'tillstream');
    const quarantine = new Quarantine(files, dir);
    await quarantine.open();
    const durable = await recover(files, dir, identity, quarantine);
    const reserve = new DiskReserve(files, dir, config.disk_reserve_bytes);
    log = new SegmentLog(options, { files, lock, identity, quarantine, durable, reserve });
    return log;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface Parts {
  files: LogFiles;
  lock: Lock;
  identity: LogIdentity;
  quarantine: Quarantine;
  durable: DurableState;
  reserve: DiskReserve;
}

class SegmentLog implements EventLog {
  readonly id: string;
  private readonly parts: Parts;
  private readonly options: SegmentLogOptions;
  private readonly writer: Writer;
  private readonly reader: SegmentReader;
  private readonly retention: Retention;
  private readonly waiters = new Waiters();
  private readonly reads = new Set<Promise<unknown>>();
  private closing: Promise<void> | null = null;

  constructor(options: SegmentLogOptions, parts: Parts) {
    const { dir, config, now } = options;
    const { files, durable, reserve, quarantine, identity } = parts;
    this.id = identity.id;
    this.options = options;
    this.parts = parts;
    this.reader = new SegmentReader(files, headerSeed(this.id), durable, quarantine);
    const limits = {
      maxAgeMs: config.retention.max_age_hours * 3_600_000,
      bytesMax: config.retention.max_bytes,
    };
    this.retention = new Retention(files, dir, headerSeed(this.id), durable, limits, options.readers, now);
    this.writer = new Writer({
      files,
      dir,
      logId: this.id,
      durable,
      reserve,
      segmentBytesMax: config.segment_bytes_max,
      queueBytesMax: config.queue_bytes_max,
      spaceCheckMs: options.spaceCheckMs,
      now,
      onDurable: (sealed) => {
        this.waiters.wake(0, durable.end);
        if (sealed) this.retention.start();
      },
    });
  }

  async append(block: LogBlock): Promise<AppendResult> {
    return await this.writer.append(block);
  }

  partitions(): LogPartition[] {
    const { segments, end } = this.parts.durable;
    return [{ partition: 0, start: segments[0]?.first ?? end, end }];
  }

  async read(partition: number, from: Offset, limits: ReadLimits): Promise<LogBatch[]> {
    this.check(partition);
    const batches = await this.track(this.reader.read(from, limits));
    if (batches.length === 0 && from < this.parts.durable.end) {
      // All that there is from here on is lost. The reader's position stays, so it would ask again at once.
      await sleep(NOTHING_LEFT_MS);
    }
    return batches;
  }

  async waitPast(positions: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const offset = this.offsetIn(positions) ?? Number.POSITIVE_INFINITY;
    if (this.parts.durable.end > offset) return true;
    return await this.waiters.wait(positions, timeoutMs, signal);
  }

  received(): CountsBySource {
    return { ...this.parts.durable.received };
  }

  async receivedBefore(positions: Positions): Promise<CountsBySource> {
    const offset = this.offsetIn(positions) ?? 0;
    const { files, durable } = this.parts;
    return { ...(await this.track(countReceivedBefore(files, headerSeed(this.id), durable, offset))) };
  }

  retain(reader: string, positions: Positions): void {
    const from = this.offsetIn(positions) ?? 0;
    if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`bad offset ${from}`);
    this.retention.retain(reader, from);
  }

  status(): LogStatus {
    const { durable, quarantine } = this.parts;
    const { state, message } = this.writer;
    return {
      state: state === 'closed' ? 'ready' : state,
      message,
      bytes: durable.segments.reduce((sum, segment) => sum + segment.bytes, 0),
      lostLines: quarantine.lostLines,
      lastReceivedAtMs: durable.lastReceivedAtMs,
    };
  }

  async close(): Promise<void> {
    this.closing ??= this.shutDown();
    await this.closing;
  }

  /** Another process has taken the folder over: writing on would mix two logs. */
  onLockLost(): void {
    this.writer.fail('Another process has opened this log while this one was suspended. Restart.');
  }

  private async shutDown(): Promise<void> {
    const { files, lock, identity, durable } = this.parts;
    await this.writer.close();
    this.waiters.stop();
    await this.retention.stop();
    await Promise.allSettled(this.reads);
    try {
      if (this.writer.state === 'closed') {
        const closed = {
          end: durable.end,
          received: durable.received,
          last_received_at: durable.lastReceivedAtMs,
        };
        const written_by = this.options.program ?? identity.written_by;
        await writeIdentity(files, this.options.dir, {
          ...identity,
          format_version: FORMAT_VERSION,
          written_by,
          closed,
        });
      }
    } catch {
      // Only a help for the next start: everything in it can be found in the segments as well.
    } finally {
      await lock.release();
    }
  }

  private offsetIn(positions: Positions): Offset | undefined {
    for (const partition of Object.keys(positions)) this.check(Number(partition));
    return positions[0];
  }

  private check(partition: number): void {
    if (partition !== 0) throw new RangeError(`this log has partition 0 only, not ${partition}`);
    if (this.closing !== null) throw new AppendError('log_closed', 'The log is closed.');
  }

  private async track<T>(read: Promise<T>): Promise<T> {
    this.reads.add(read);
    try {
      return await read;
    } finally {
      this.reads.delete(read);
    }
  }
}
