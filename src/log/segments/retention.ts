import { ignoreMissing } from '../../system/error-code.ts';
import type { Offset } from '../offset.ts';
import { segmentHeader } from './counts.ts';
import type { LogFiles } from './files.ts';
import type { DurableState } from './segment.ts';

export interface RetentionLimits {
  /** 0 keeps segments of any age. */
  maxAgeMs: number;
  /** 0 is no limit. */
  bytesMax: number;
}

/** Deletes old sealed segments that no reader needs. */
export class Retention {
  private readonly files: LogFiles;
  private readonly dir: string;
  private readonly durable: DurableState;
  private readonly seed: number;
  private readonly limits: RetentionLimits;
  private readonly now: () => number;
  /** Position of each reader that lines are kept for; null for one that has not given it yet, and may need everything. */
  private readonly positions = new Map<string, Offset | null>();
  private running: Promise<void> | null = null;

  constructor(
    files: LogFiles,
    dir: string,
    seed: number,
    durable: DurableState,
    limits: RetentionLimits,
    readers: readonly string[],
    now: () => number,
  ) {
    this.files = files;
    this.dir = dir;
    this.durable = durable;
    this.seed = seed;
    this.limits = limits;
    this.now = now;
    for (const name of readers) this.positions.set(name, null);
  }

  retain(name: string, from: Offset): void {
    // Lines are not kept for others: a store that is away must not fill the disk.
    if (this.positions.has(name)) this.positions.set(name, from);
    this.start();
  }

  /** Looks in the background whether there is something to delete. */
  start(): void {
    if (this.limits.maxAgeMs === 0 && this.limits.bytesMax === 0) return;
    // A folder that cannot be cleaned up now is tried again at the next call.
    this.running ??= this.run()
      .catch(() => undefined)
      .finally(() => {
        this.running = null;
      });
  }

  async stop(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    const { segments } = this.durable;
    let deleted = false;
    // Oldest first, so that the log never has a hole; never the one that is written to.
    while (segments.length > 1 && segments[1]!.first <= this.needed() && (await this.isOld())) {
      const oldest = segments[0]!;
      // Looked at again, as a reader may have gone back while the age was looked up.
      if (segments[1]!.first > this.needed()) break;
      segments.shift();
      await this.files.unlink(oldest.path).catch(ignoreMissing);
      deleted = true;
    }
    if (deleted) await this.files.syncDir(this.dir);
  }

  private needed(): Offset {
    let needed = Number.POSITIVE_INFINITY;
    for (const position of this.positions.values()) needed = Math.min(needed, position ?? 0);
    return needed === Number.POSITIVE_INFINITY ? 0 : needed;
  }

  private async isOld(): Promise<boolean> {
    const { segments } = this.durable;
    const { maxAgeMs, bytesMax } = this.limits;
    if (bytesMax > 0 && segments.reduce((sum, segment) => sum + segment.bytes, 0) > bytesMax) return true;
    if (maxAgeMs === 0) return false;
    const oldest = segments[0]!;
    oldest.lastReceivedAtMs ??= (await segmentHeader(this.files, this.seed, segments[1]!))?.lastReceivedAtMs;
    return typeof oldest.lastReceivedAtMs === 'number' && oldest.lastReceivedAtMs < this.now() - maxAgeMs;
  }
}
