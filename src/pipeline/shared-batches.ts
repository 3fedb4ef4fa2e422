import type { Offset } from '../domain/offset.ts';
import type { BatchParser, ParsedBatch } from '../ports/batch.ts';
import type { EventLog, LogBatch } from '../ports/event-log.ts';

export interface BatchLimits {
  linesMax: number;
  bytesMax: number;
  /** Most runs of lines with one source and received-at in a batch. */
  runsMax: number;
  /** How long a reader waits for others before it goes on alone. */
  waitMsMax: number;
}

interface Entry {
  partition: number;
  from: Offset;
  parsed: Promise<ParsedBatch>;
  users: number;
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
  #wake: (() => void)[] = [];

  constructor(log: EventLog, parser: BatchParser, limits: BatchLimits) {
    this.#log = log;
    this.#parser = parser;
    this.#limits = limits;
  }

  /** The batch that starts at `from`; the log must have lines there. Give it back with `done`. */
  async take(partition: number, from: Offset): Promise<ParsedBatch> {
    const giveUpAt = Date.now() + this.#limits.waitMsMax;
    let entry = this.#find(partition, from);
    while (!entry && this.#entries.length > 0 && Date.now() < giveUpAt) {
      await this.#change(giveUpAt - Date.now());
      entry = this.#find(partition, from);
    }
    if (!entry) {
      entry = { partition, from, parsed: this.#parse(partition, from), users: 0 };
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

  /** The reader is done with the batch: it has processed it, or will ask for it again. */
  async done(batch: ParsedBatch): Promise<void> {
    const entry = this.#find(batch.partition, batch.from);
    if (entry && this.#leave(entry)) await this.#parser.release(batch);
  }

  #find(partition: number, from: Offset): Entry | undefined {
    return this.#entries.find((entry) => entry.partition === partition && entry.from === from);
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

  async #parse(partition: number, from: Offset): Promise<ParsedBatch> {
    const { linesMax, bytesMax, runsMax } = this.#limits;
    const { end } = this.#log.partitions().find((candidate) => candidate.partition === partition)!;
    const batches = cutRuns(await this.#log.read(partition, from, { linesMax, bytesMax }), runsMax);
    const last = batches.at(-1);
    return this.#parser.parse(partition, from, last ? last.firstOffset + last.lines : end, batches);
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

/** Cuts the list where it would have more than `runsMax` runs. */
function cutRuns(batches: LogBatch[], runsMax: number): LogBatch[] {
  let runs = 0;
  let last: LogBatch | undefined;
  for (const [index, batch] of batches.entries()) {
    if (last?.source !== batch.source || last.receivedAtMs !== batch.receivedAtMs) runs++;
    if (runs > runsMax) return batches.slice(0, index);
    last = batch;
  }
  return batches;
}
