import type { Logger } from '../domain/logger.ts';
import type { CountsBySource, Offset, Positions } from '../domain/offset.ts';
import type { Archive } from '../ports/archive.ts';
import type { EventLog } from '../ports/event-log.ts';
import { sleep } from './sleep.ts';

/** What the archive holds, and what the log had before the archive's positions: numbers of one moment. */
export interface ArchiveBooks {
  events: CountsBySource;
  badRows: CountsBySource;
  lost: CountsBySource;
  consumed: CountsBySource;
}

const EVERY_MS = 1000;

/** Keeps up with an archive that other processes write to. */
export class ArchiveView {
  readonly #log: EventLog;
  readonly #archive: Archive;
  readonly #logger: Logger;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #books: ArchiveBooks = { events: {}, badRows: {}, lost: {}, consumed: {} };
  #failure = '';

  constructor(log: EventLog, archive: Archive, logger: Logger) {
    this.#log = log;
    this.#archive = archive;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#running = this.#run();
  }

  books(): ArchiveBooks {
    return this.#books;
  }

  /** Why it could not be read the last time; empty when it could. */
  failure(): string {
    return this.#failure;
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
        this.#failure = error instanceof Error ? error.message : String(error);
      }
    }
  }

  async #look(): Promise<void> {
    await this.#archive.refresh();
    const { events, bad_rows: badRows } = structuredClone(this.#archive.counts());
    const lost = { ...this.#archive.lost() };
    const consumed = await this.#log.receivedBefore(positionsIn(this.#log, this.#archive));
    this.#books = { events, badRows, lost, consumed };
  }
}

/** Where a reader stands in each partition of the log. */
export function positionsIn(log: EventLog, reader: { position(partition: number): Offset }): Positions {
  return Object.fromEntries(log.partitions().map(({ partition }) => [partition, reader.position(partition)]));
}
