import type { BatchDecoder, OffsetRange, TypedBatch, TypedRows } from '../decode/batch.ts';
import type { LogReader } from '../log/event-log.ts';
import type { Positions } from '../log/offset.ts';
import { type BatchSource, linesLost } from './batch-source.ts';
import { type Merge, type MergeLimits, mergePartitions } from './merge-partitions.ts';

export interface BatchLimits extends MergeLimits {
  /** How long a reader waits for others before it goes on alone. */
  waitMsMax: number;
}

/** Decides about the rows of a batch, whose relation it changes. */
export type Decide = (batch: TypedBatch) => Promise<void>;

interface SharedBatch {
  from: Positions;
  decoded: Promise<TypedBatch>;
  users: number;
}

/**
 * Decodes the log for its consumers. Consumers at the same place get the same decoded batch, so that each line is decoded once;
 * a reader elsewhere gets a batch of its own. Before it parses the next batch, a reader waits for others that still work
 * on one, so that they go on together and memory holds few batches; but at most `waitMsMax`: a reader that is stuck
 * stops no other.
 */
export class SharedBatches implements BatchSource {
  readonly #log: LogReader;
  readonly #decoder: BatchDecoder;
  readonly #limits: BatchLimits;
  readonly #decide: Decide | null;
  /** Batches that a reader works on, or that are being decoded for one. */
  readonly #entries: SharedBatch[] = [];
  /** For the pieces of a batch, while none is read. */
  #memory: Buffer | undefined;
  #wake: (() => void)[] = [];

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
    while (!entry && this.#entries.length > 0 && Date.now() < giveUpAt) {
      await this.#change(giveUpAt - Date.now());
      entry = this.#find(from);
    }
    if (!entry) {
      entry = { from, decoded: this.#decode(from), users: 0 };
      this.#entries.push(entry);
    }
    entry.users++;
    try {
      return await entry.decoded;
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  async done(from: Positions, batch: TypedBatch): Promise<void> {
    const entry = this.#find(from);
    if (entry && this.#leave(entry)) await this.#decoder.release(batch);
  }

  #find(from: Positions): SharedBatch | undefined {
    return this.#entries.find((entry) => isSame(entry.from, from));
  }

  /** True when this was the last user, and the batch is nobody's any more. */
  #leave(entry: SharedBatch): boolean {
    entry.users--;
    if (entry.users > 0) return false;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
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
