import type { BatchParser, BatchSpan, ParsedBatch, ParsedLines } from '../decode/batch.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Positions } from '../log/offset.ts';
import { type BatchSource, linesLost } from './batch-source.ts';
import { type Merge, type MergeLimits, mergePartitions } from './merge-partitions.ts';

export interface BatchLimits extends MergeLimits {
  /** How long a reader waits for others before it goes on alone. */
  waitMsMax: number;
}

/** Decides about the rows of a batch, whose relation it changes. */
export type Decide = (batch: ParsedBatch) => Promise<void>;

interface SharedBatch {
  from: Positions;
  parsed: Promise<ParsedBatch>;
  users: number;
}

/**
 * Parses the log for its readers. Readers at the same place get the same parsed batch, so that each line is parsed once;
 * a reader elsewhere gets a batch of its own. Before it parses the next batch, a reader waits for others that still work
 * on one, so that they go on together and memory holds few batches; but at most `waitMsMax`: a reader that is stuck
 * stops no other.
 */
export class SharedBatches implements BatchSource {
  readonly #log: EventLog;
  readonly #parser: BatchParser;
  readonly #limits: BatchLimits;
  readonly #decide: Decide | null;
  /** Batches that a reader works on, or that are being parsed for one. */
  readonly #entries: SharedBatch[] = [];
  /** For the pieces of a batch, while none is read. */
  #memory: Buffer | undefined;
  #wake: (() => void)[] = [];

  /** Without `decide` nobody needs to know what is a duplicate. */
  constructor(log: EventLog, parser: BatchParser, limits: BatchLimits, decide: Decide | null = null) {
    this.#decide = decide;
    this.#log = log;
    this.#parser = parser;
    this.#limits = limits;
  }

  waitPast(from: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#log.waitPast(from, timeoutMs, signal);
  }

  async take(from: Positions): Promise<ParsedBatch> {
    const giveUpAt = Date.now() + this.#limits.waitMsMax;
    let entry = this.#find(from);
    while (!entry && this.#entries.length > 0 && Date.now() < giveUpAt) {
      await this.#change(giveUpAt - Date.now());
      entry = this.#find(from);
    }
    if (!entry) {
      entry = { from, parsed: this.#parse(from), users: 0 };
      this.#entries.push(entry);
    }
    entry.users++;
    try {
      return await entry.parsed;
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  async done(from: Positions, batch: ParsedBatch): Promise<void> {
    const entry = this.#find(from);
    if (entry && this.#leave(entry)) await this.#parser.release(batch);
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

  async #parse(from: Positions): Promise<ParsedBatch> {
    const { parsed, spans } = await this.#read(from);
    try {
      const lost = parsed.lines === offsetsIn(spans) ? {} : await linesLost(this.#log, spans, parsed.sources);
      const decoded = { ...parsed, spans, lost };
      await this.#decide?.(decoded);
      return decoded;
    } catch (error) {
      await this.#parser.release(parsed);
      throw error;
    }
  }

  async #read(from: Positions): Promise<{ parsed: ParsedLines; spans: BatchSpan[] }> {
    let merge: Merge | undefined;
    try {
      const parsed = await this.#parser.parse(() => {
        merge = mergePartitions(this.#log, from, this.#limits, merge?.memory ?? this.#memory);
        this.#memory = undefined;
        return merge.pieces;
      });
      return { parsed, spans: merge!.spans() };
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

function offsetsIn(spans: readonly BatchSpan[]): number {
  return spans.reduce((sum, span) => sum + span.to - span.from, 0);
}

function isSame(a: Positions, b: Positions): boolean {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length && left.every(([partition, at]) => b[Number(partition)] === at);
}
