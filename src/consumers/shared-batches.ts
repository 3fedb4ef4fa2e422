import {
  type BatchDecoder,
  type OffsetRange,
  positionsAfter,
  type TypedBatch,
  type TypedRows,
} from '../decode/batch.ts';
import { type LogReader, linesBehind } from '../log/event-log.ts';
import type { Positions } from '../log/offset.ts';
import { sleep } from '../system/sleep.ts';
import { type BatchSource, linesLost } from './batch-source.ts';
import { type Merge, type MergeLimits, mergePartitions } from './merge-partitions.ts';

export interface BatchLimits extends MergeLimits {
  /** How long a consumer waits for others before it goes on alone. */
  waitMsMax: number;
  /** Decodes the next batch while consumers work on one, as soon as the log has enough lines for a whole one. */
  decodesAhead?: boolean;
}

/** How often the log is asked whether it has a whole batch. */
const AHEAD_LOOK_MS = 100;
/** The part of a whole batch that is worth it where the log has not grown since. */
const AHEAD_SHARE = 20;

/** Decides about the rows of a batch, whose relation it changes. */
export type Decide = (batch: TypedBatch) => Promise<void>;

interface SharedBatch {
  from: Positions;
  decoded: Promise<TypedBatch>;
  /** Consumers that have it; 0 for one that was decoded ahead. */
  users: number;
  /** The next one is being decoded ahead, or waited for. */
  isFollowed: boolean;
}

/**
 * Decodes the log for its consumers. Consumers at the same place get the same decoded batch, so that each line is decoded once;
 * a consumer elsewhere gets a batch of its own. Before it takes the next batch, a consumer waits for others that still work
 * on one, so that they go on together and memory holds few batches; but at most `waitMsMax`: a consumer that is stuck
 * stops no other. Of a backlog, one batch is decoded ahead.
 */
export class SharedBatches implements BatchSource {
  readonly #log: LogReader;
  readonly #decoder: BatchDecoder;
  readonly #limits: BatchLimits;
  readonly #decide: Decide | null;
  /** Batches that a consumer works on, or that are being decoded for one. */
  readonly #entries: SharedBatch[] = [];
  /** For the pieces of a batch, while none is read. */
  #memory: Buffer | undefined;
  #wake: (() => void)[] = [];
  readonly #closed = new AbortController();

  /** Without `decide` nobody needs to know what is a duplicate. */
  constructor(log: LogReader, decoder: BatchDecoder, limits: BatchLimits, decide: Decide | null = null) {
    this.#decide = decide;
    this.#log = log;
    this.#decoder = decoder;
    this.#limits = limits;
  }

  waitPast(from: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#log.waitPast(from, timeoutMs, signal);
  }

  async take(from: Positions): Promise<TypedBatch> {
    const giveUpAt = Date.now() + this.#limits.waitMsMax;
    let entry = this.#find(from);
    while (!entry?.users && this.#isUsed() && Date.now() < giveUpAt) {
      await this.#change(giveUpAt - Date.now());
      entry = this.#find(from);
    }
    if (!entry) {
      // Nobody is where it begins.
      await this.#dropUnused();
      entry = this.#find(from) ?? this.#add(from);
    }
    entry.users++;
    try {
      const batch = await entry.decoded;
      if (this.#limits.decodesAhead && !entry.isFollowed) {
        entry.isFollowed = true;
        void this.#decodeAhead(entry, batch);
      }
      return batch;
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  async done(from: Positions, batch: TypedBatch): Promise<void> {
    const entry = this.#find(from);
    if (entry && this.#leave(entry)) await this.#decoder.release(batch);
  }

  /** Gives back what was decoded ahead. No batch may be asked for any more. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#dropUnused();
  }

  #add(from: Positions): SharedBatch {
    const entry = { from, decoded: this.#decode(from), users: 0, isFollowed: false };
    this.#entries.push(entry);
    return entry;
  }

  #isUsed(): boolean {
    return this.#entries.some(({ users }) => users > 0);
  }

  /** While somebody works on the batch of `entry`, and on no other. */
  async #decodeAhead(entry: SharedBatch, { ranges }: TypedBatch): Promise<void> {
    const { signal } = this.#closed;
    const { linesMax } = this.#limits;
    const from = { ...entry.from, ...positionsAfter(ranges) };
    const isWorkedOn = () => entry.users > 0 && this.#entries.length === 1 && !signal.aborted;
    let [lines, before] = [this.#behind(from), 0];
    // More than a few of which there are no more to come are a whole one, too.
    while (isWorkedOn() && lines < (lines > before ? linesMax : linesMax / AHEAD_SHARE)) {
      await sleep(AHEAD_LOOK_MS, signal);
      [lines, before] = [this.#behind(from), lines];
    }
    if (!isWorkedOn()) return;
    const ahead = this.#add(from);
    // It is decoded again when it is asked for, and fails there.
    await ahead.decoded.catch(() => this.#remove(ahead));
  }

  #behind(from: Positions): number {
    return linesBehind(this.#log.partitions(), from, null);
  }

  async #dropUnused(): Promise<void> {
    for (const entry of this.#entries.filter(({ users }) => users === 0)) {
      this.#remove(entry);
      // One that failed has left nothing behind.
      const batch = await entry.decoded.catch(() => null);
      if (batch) await this.#decoder.release(batch);
    }
  }

  #remove(entry: SharedBatch): void {
    const at = this.#entries.indexOf(entry);
    if (at >= 0) this.#entries.splice(at, 1);
  }

  #find(from: Positions): SharedBatch | undefined {
    return this.#entries.find((entry) => isSame(entry.from, from));
  }

  /** True when this was the last user, and the batch is nobody's any more. */
  #leave(entry: SharedBatch): boolean {
    entry.users--;
    if (entry.users > 0) return false;
    this.#remove(entry);
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
    return true;
  }

  async #decode(from: Positions): Promise<TypedBatch> {
    const { rows, ranges } = await this.#read(from);
    try {
      const lost = rows.lines === offsetsIn(ranges) ? {} : await linesLost(this.#log, ranges, rows.sources);
      const decoded = { ...rows, ranges, lost };
      await this.#decide?.(decoded);
      return decoded;
    } catch (error) {
      await this.#decoder.release(rows);
      throw error;
    }
  }

  async #read(from: Positions): Promise<{ rows: TypedRows; ranges: OffsetRange[] }> {
    let merge: Merge | undefined;
    try {
      const rows = await this.#decoder.decode(() => {
        merge = mergePartitions(this.#log, from, this.#limits, merge?.memory ?? this.#memory);
        this.#memory = undefined;
        return merge.pieces;
      });
      return { rows, ranges: merge!.ranges() };
    } finally {
      this.#memory = merge?.memory;
    }
  }

  /** Resolves when a batch was given back, or after `ms`. */
  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function offsetsIn(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((sum, range) => sum + range.end - range.start, 0);
}

function isSame(a: Positions, b: Positions): boolean {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length && left.every(([partition, at]) => b[Number(partition)] === at);
}
