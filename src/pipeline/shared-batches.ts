import type { CountsBySource, Offset, Positions } from '../domain/offset.ts';
import {
  type BatchParser,
  type BatchSpan,
  type ParsedBatch,
  positionsAfter,
  type StagedBatch,
} from '../ports/batch.ts';
import type { EventLog } from '../ports/event-log.ts';
import { type MergeLimits, mergePartitions } from './merge-partitions.ts';

export interface BatchLimits extends MergeLimits {
  /** With so many lines waiting, the next batch is staged while readers work on this one. */
  stageLinesMin: number;
  /** How long a reader waits for others before it goes on alone. */
  waitMsMax: number;
}

interface Entry {
  from: Positions;
  parsed: Promise<ParsedBatch>;
  users: number;
}

interface Staged {
  batch: StagedBatch;
  spans: BatchSpan[];
}

/**
 * Parses the log for its readers. Readers at the same place get the same parsed batch, so that each line is parsed once;
 * a reader elsewhere gets a batch of its own. Before it parses the next batch, a reader waits for others that still work
 * on one, so that they go on together and memory holds few batches; but at most `waitMsMax`: a reader that is stuck
 * stops no other.
 */
export class SharedBatches {
  readonly #log: EventLog;
  readonly #parser: BatchParser;
  readonly #limits: BatchLimits;
  /** Batches that a reader works on, or that are being parsed for one. */
  readonly #entries: Entry[] = [];
  #ahead: { from: Positions; staged: Promise<Staged> } | undefined;
  /** For the pieces of a batch, while none is staged. */
  #memory: Buffer | undefined;
  #wake: (() => void)[] = [];

  constructor(log: EventLog, parser: BatchParser, limits: BatchLimits) {
    this.#log = log;
    this.#parser = parser;
    this.#limits = limits;
  }

  /** The batch that starts at `from`; the log must have lines past one of the positions. Give it back with `done`. */
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
      const parsed = await entry.parsed;
      this.#stageAfter(from, parsed);
      return parsed;
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  /** The reader that took the batch from there is done with it: it has processed it, or will ask for it again. */
  async done(from: Positions, batch: ParsedBatch): Promise<void> {
    const entry = this.#find(from);
    if (entry && this.#leave(entry)) await this.#parser.release(batch);
  }

  /** Gives up what was read ahead; no reader may take a batch any more. */
  close(): Promise<void> {
    return this.#discardAhead();
  }

  #find(from: Positions): Entry | undefined {
    return this.#entries.find((entry) => isSame(entry.from, from));
  }

  /** True when this was the last user, and the batch is nobody's any more. */
  #leave(entry: Entry): boolean {
    entry.users--;
    if (entry.users > 0) return false;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
    return true;
  }

  async #parse(from: Positions): Promise<ParsedBatch> {
    const { batch, spans } = await (this.#takeAhead(from) ?? this.#stage(from));
    const parsed = await batch.parse();
    const lost = parsed.lines === offsetsIn(spans) ? {} : await this.#lost(spans, parsed.sources);
    return { ...parsed, spans, lost };
  }

  /** Stages the batch after this one where it is a large one: reading the log takes a quarter as long as the rest. */
  #stageAfter(from: Positions, { spans, lines }: ParsedBatch): void {
    const next = { ...from, ...positionsAfter(spans) };
    // After a failed step the batch may have become larger, and hold what was staged behind it.
    const ahead = this.#ahead?.from;
    const isPassed = spans.some(({ partition, to }) => to > (ahead?.[partition] ?? to));
    const isAhead = spans.some(({ partition, from: start }) => start < (ahead?.[partition] ?? 0));
    if (isPassed && isAhead) void this.#discardAhead();
    // An offset may hold several lines: about as many as in this batch.
    const waiting = (this.#waitingOffsets(next) * lines) / Math.max(1, offsetsIn(spans));
    if (this.#ahead || waiting < this.#limits.stageLinesMin) return;
    this.#ahead = { from: next, staged: this.#stage(next) };
    // Who takes it hears of the failure.
    this.#ahead.staged.catch(() => {});
  }

  async #stage(from: Positions): Promise<Staged> {
    const memory = this.#memory;
    this.#memory = undefined;
    const merge = mergePartitions(this.#log, from, this.#limits, memory);
    try {
      const batch = await this.#parser.stage(merge.pieces);
      return { batch, spans: merge.spans() };
    } finally {
      this.#memory = merge.memory;
    }
  }

  #takeAhead(from: Positions): Promise<Staged> | undefined {
    const ahead = this.#ahead;
    if (!ahead || !isSame(ahead.from, from)) return undefined;
    this.#ahead = undefined;
    return ahead.staged;
  }

  async #discardAhead(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    await ahead?.staged.then(({ batch }) => batch.discard()).catch(() => {});
  }

  /** What the log's books have in the spans besides `read`. */
  async #lost(spans: readonly BatchSpan[], read: CountsBySource): Promise<CountsBySource> {
    const starts = Object.fromEntries(
      spans.map(({ partition, from }): [number, Offset] => [partition, from]),
    );
    const before = await this.#log.receivedBefore(starts);
    const lost: CountsBySource = {};
    for (const [source, lines] of Object.entries(await this.#log.receivedBefore(positionsAfter(spans)))) {
      const missing = lines - (before[source] ?? 0) - (read[source] ?? 0);
      if (missing > 0) lost[source] = missing;
    }
    return lost;
  }

  #waitingOffsets(from: Positions): number {
    return this.#log
      .partitions()
      .reduce((sum, { partition, end }) => sum + Math.max(0, end - (from[partition] ?? end)), 0);
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
