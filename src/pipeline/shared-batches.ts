import type { CountsBySource, Offset } from '../domain/offset.ts';
import type { BatchParser, ParsedBatch, StagedBatch } from '../ports/batch.ts';
import { type EventLog, type LogBatch, READ_ROOM_BYTES } from '../ports/event-log.ts';

export interface BatchLimits {
  linesMax: number;
  bytesMax: number;
  /** Most runs of lines with one source and received-at in a batch. */
  runsMax: number;
  /** With so many lines waiting, the next batch is staged while readers work on this one. */
  stageLinesMin: number;
  /** How long a reader waits for others before it goes on alone. */
  waitMsMax: number;
}

interface Entry {
  partition: number;
  from: Offset;
  parsed: Promise<ParsedBatch>;
  users: number;
}

interface Staged {
  partition: number;
  from: Offset;
  batch: Promise<StagedBatch>;
}

/** Bytes of the log that are in memory at once while a batch is staged. */
const PIECE_BYTES = 8 * 1024 * 1024;

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
  #staged: Staged | undefined;
  /** For the pieces of a batch, while none is staged. */
  #memory: Buffer | undefined;
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
      const parsed = await entry.parsed;
      this.#stageAfter(parsed);
      return parsed;
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

  /** Gives up what was read ahead; no reader may take a batch any more. */
  close(): Promise<void> {
    return this.#discardStaged();
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
    const end = this.#end(partition);
    const staged = await (this.#takeStaged(partition, from) ?? this.#stage(partition, from));
    const parsed = await staged.parse();
    // Where nothing was left to read, all up to the end was lost.
    const to = parsed.lines === 0 ? end : parsed.to;
    if (parsed.lines === to - from) return parsed;
    return { ...parsed, to, lost: await this.#lost(partition, from, to, parsed.sources) };
  }

  /** Stages the batch after this one where it is a large one: reading the log takes a quarter as long as the rest. */
  #stageAfter({ partition, from, to }: ParsedBatch): void {
    const ahead = this.#staged;
    // After a failed step the batch may have become larger, and hold what was staged behind it.
    if (ahead?.partition === partition && ahead.from > from && ahead.from < to) void this.#discardStaged();
    if (this.#staged || this.#end(partition) - to < this.#limits.stageLinesMin) return;
    this.#staged = { partition, from: to, batch: this.#stage(partition, to) };
    // Who takes it hears of the failure.
    this.#staged.batch.catch(() => {});
  }

  #stage(partition: number, from: Offset): Promise<StagedBatch> {
    return this.#parser.stage(partition, from, this.#pieces(partition, from));
  }

  #takeStaged(partition: number, from: Offset): Promise<StagedBatch> | undefined {
    const staged = this.#staged;
    if (staged?.partition !== partition || staged.from !== from) return undefined;
    this.#staged = undefined;
    return staged.batch;
  }

  async #discardStaged(): Promise<void> {
    const staged = this.#staged;
    this.#staged = undefined;
    await staged?.batch.then((batch) => batch.discard()).catch(() => {});
  }

  /** What the log's books have in [from, to) besides `read`. */
  async #lost(partition: number, from: Offset, to: Offset, read: CountsBySource): Promise<CountsBySource> {
    const before = await this.#log.receivedBefore(partition, from);
    const lost: CountsBySource = {};
    for (const [source, lines] of Object.entries(await this.#log.receivedBefore(partition, to))) {
      const missing = lines - (before[source] ?? 0) - (read[source] ?? 0);
      if (missing > 0) lost[source] = missing;
    }
    return lost;
  }

  #end(partition: number): Offset {
    return this.#log.partitions().find((candidate) => candidate.partition === partition)!.end;
  }

  /** What the log has from `from` on, up to the limits of a batch, piece by piece. */
  async *#pieces(partition: number, from: Offset): AsyncGenerator<LogBatch[]> {
    const memory = this.#memory ?? Buffer.allocUnsafeSlow(PIECE_BYTES + READ_ROOM_BYTES);
    this.#memory = undefined;
    try {
      yield* this.#piecesInto(memory, partition, from);
    } finally {
      this.#memory = memory;
    }
  }

  async *#piecesInto(memory: Buffer, partition: number, from: Offset): AsyncGenerator<LogBatch[]> {
    let { linesMax, bytesMax, runsMax: runs } = this.#limits;
    let last: LogBatch | undefined;
    for (let at = from; linesMax > 0 && bytesMax > 0; ) {
      const piece = await this.#log.read(partition, at, {
        linesMax,
        bytesMax: Math.min(bytesMax, PIECE_BYTES),
        memory,
      });
      const taken: LogBatch[] = [];
      for (const batch of piece) {
        if (last?.source !== batch.source || last.receivedAtMs !== batch.receivedAtMs) runs--;
        if (runs < 0) break;
        taken.push(batch);
        linesMax -= batch.lines;
        bytesMax -= batch.bytes.length;
        last = batch;
      }
      if (taken.length > 0) yield taken;
      if (taken.length === 0 || runs < 0) return;
      at = last!.firstOffset + last!.lines;
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
