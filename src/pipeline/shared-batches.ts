import type { Offset } from '../domain/offset.ts';
import type { BatchParser, ParsedBatch } from '../ports/batch.ts';
import type { EventLog, LogBatch } from '../ports/event-log.ts';

export interface BatchLimits {
  linesMax: number;
  bytesMax: number;
  /** Most runs of lines with one source and received-at in a batch. */
  runsMax: number;
  /** How long the faster reader waits for the slower one before it goes on alone. */
  waitMsMax: number;
}

interface Entry {
  partition: number;
  from: Offset;
  parsed: Promise<ParsedBatch>;
  users: number;
  dropped: boolean;
}

/** Parsed batches that are kept for a reader that has not come to them yet. */
const KEPT_MAX = 2;

/**
 * Parses the log for its readers. Readers at the same place get the same parsed batch, so that each line is parsed once;
 * a reader elsewhere gets a batch of its own. The faster reader waits a moment for the slower, at most `waitMsMax`: a
 * reader that is stuck is then left behind, and stops no other.
 */
export class SharedBatches {
  readonly #log: EventLog;
  readonly #parser: BatchParser;
  readonly #limits: BatchLimits;
  readonly #entries: Entry[] = [];
  /** Where each reader is that keeps up, per partition. */
  readonly #following = new Map<string, Offset>();
  #wake: (() => void)[] = [];

  constructor(log: EventLog, parser: BatchParser, limits: BatchLimits) {
    this.#log = log;
    this.#parser = parser;
    this.#limits = limits;
  }

  /** The batch that starts at `from`; the log must have lines there. Give it back with `done`. */
  async take(reader: string, partition: number, from: Offset): Promise<ParsedBatch> {
    const id = `${reader}/${partition}`;
    this.#following.set(id, from);
    this.#changed();
    let entry = this.#find(partition, from);
    if (!entry) {
      await this.#waitForOthers(id, partition);
      entry = this.#find(partition, from) ?? this.#add(partition, from);
    }
    entry.users++;
    try {
      return await entry.parsed;
    } catch (error) {
      this.#release(entry);
      this.#drop(entry);
      throw error;
    }
  }

  /** The reader is done with the batch: it has processed it, or will ask for it again. */
  done(batch: ParsedBatch): void {
    const entry = this.#entries.find(
      ({ partition, from }) => partition === batch.partition && from === batch.from,
    );
    if (entry) this.#release(entry);
    else this.#parser.release(batch).catch(() => {});
  }

  #find(partition: number, from: Offset): Entry | undefined {
    return this.#entries.find((entry) => entry.partition === partition && entry.from === from);
  }

  #add(partition: number, from: Offset): Entry {
    for (const old of this.#entries.slice(0, -(KEPT_MAX - 1)))
      if (old.partition === partition) this.#drop(old);
    const entry = { partition, from, parsed: this.#parse(partition, from), users: 0, dropped: false };
    entry.parsed.catch(() => {});
    this.#entries.push(entry);
    return entry;
  }

  async #parse(partition: number, from: Offset): Promise<ParsedBatch> {
    const { linesMax, bytesMax, runsMax } = this.#limits;
    const { end } = this.#log.partitions().find((candidate) => candidate.partition === partition)!;
    const batches = cutRuns(await this.#log.read(partition, from, { linesMax, bytesMax }), runsMax);
    const last = batches.at(-1);
    return this.#parser.parse(partition, from, last ? last.firstOffset + last.lines : end, batches);
  }

  /** Waits while another reader that keeps up still needs the oldest of the kept batches. */
  async #waitForOthers(id: string, partition: number): Promise<void> {
    const giveUpAt = Date.now() + this.#limits.waitMsMax;
    for (;;) {
      const kept = this.#entries.filter((entry) => entry.partition === partition);
      const oldest = kept[0];
      if (!oldest || kept.length < KEPT_MAX) return;
      const waitedFor = [...this.#following].filter(
        ([other, at]) => other !== id && other.endsWith(`/${partition}`) && at <= oldest.from,
      );
      if (waitedFor.length === 0) return;
      const leftMs = giveUpAt - Date.now();
      if (leftMs <= 0) {
        for (const [other] of waitedFor) this.#following.delete(other);
        return;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #release(entry: Entry): void {
    entry.users--;
    const needed = [...this.#following].some(
      ([id, at]) => id.endsWith(`/${entry.partition}`) && at <= entry.from,
    );
    if (!needed) this.#drop(entry);
    this.#free(entry);
  }

  #drop(entry: Entry): void {
    entry.dropped = true;
    this.#free(entry);
  }

  #free(entry: Entry): void {
    if (!entry.dropped || entry.users > 0) return;
    const index = this.#entries.indexOf(entry);
    if (index < 0) return;
    this.#entries.splice(index, 1);
    entry.parsed.then((batch) => this.#parser.release(batch)).catch(() => {});
    this.#changed();
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
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
