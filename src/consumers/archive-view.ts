import type { Archive } from '../archive/archive.ts';
import { type LogReader, linesBehind } from '../log/event-log.ts';
import type { CountsBySource, Offset, Positions } from '../log/offset.ts';
import { sleep } from '../system/sleep.ts';
import type { Logger } from '../telemetry/logger.ts';
import { messageOf } from '../telemetry/system-error.ts';
import { counted } from '../telemetry/words.ts';

/** What the archive holds, and what the log had before the archive's positions: numbers of one moment. */
export interface ArchiveCounters {
  events: CountsBySource;
  badRows: CountsBySource;
  lost: CountsBySource;
  /** By other programs. */
  deleted: CountsBySource;
  added: CountsBySource;
  consumed: CountsBySource;
}

const EVERY_MS = 1000;
/** An archive that takes none of the lines that wait for so long, besides the time for which it gathers, is nobody's. */
const STALLED_MS = 20_000;

/** Keeps up with an archive that other processes write to. */
export class ArchiveView {
  readonly #log: LogReader;
  readonly #archive: Archive;
  readonly #logger: Logger;
  readonly #stalledMs: number;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #counters: ArchiveCounters = { events: {}, badRows: {}, lost: {}, deleted: {}, added: {}, consumed: {} };
  #failure = '';
  /** Where the archive was when it last moved or had nothing to take, and when that was. */
  #positions = '';
  #movedMs = Date.now();

  /** `gatherMs`: how long who archives gathers lines. */
  constructor(log: LogReader, archive: Archive, logger: Logger, gatherMs: number) {
    this.#log = log;
    this.#archive = archive;
    this.#logger = logger;
    this.#stalledMs = STALLED_MS + gatherMs;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#running = this.#run();
  }

  counters(): ArchiveCounters {
    return this.#counters;
  }

  /** Lines of the log that wait to be archived by others. */
  lag(): number {
    return linesBehind(
      this.#log.partitions(),
      positionsIn(this.#log, this.#archive),
      this.#counters.consumed,
    );
  }

  /** Why it could not be read the last time, or that nobody archives what waits; empty when all is well. */
  failure(): string {
    if (this.#failure || Date.now() - this.#movedMs <= this.#stalledMs) return this.#failure;
    const lines = this.lag();
    return lines === 0
      ? ''
      : `${counted(lines, 'line')} ${lines === 1 ? 'waits' : 'wait'} to be archived, and no process archives ${lines === 1 ? 'it' : 'them'}. Start one with the role archive ("up --roles archive"), or see its status.`;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await sleep(EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#look();
        this.#failure = '';
      } catch (error) {
        if (!this.#failure) this.#logger.warn({ err: error }, 'archive: could not be read, will try again');
        this.#failure = messageOf(error);
      }
    }
  }

  async #look(): Promise<void> {
    await this.#archive.refresh();
    const { events, bad_rows: badRows } = structuredClone(this.#archive.counts());
    const lost = { ...this.#archive.lost() };
    const changed = structuredClone(this.#archive.changed());
    const consumed = await this.#log.receivedBefore(positionsIn(this.#log, this.#archive));
    this.#counters = { events, badRows, lost, ...changed, consumed };
    const positions = JSON.stringify(positionsIn(this.#log, this.#archive));
    if (positions !== this.#positions || this.lag() === 0)
      [this.#positions, this.#movedMs] = [positions, Date.now()];
  }
}

/** Where a consumer stands in each partition of the log. */
export function positionsIn(log: LogReader, consumer: { position(partition: number): Offset }): Positions {
  return Object.fromEntries(
    log.partitions().map(({ partition }) => [partition, consumer.position(partition)]),
  );
}
