import type { Logger } from '../domain/logger.ts';
import type { Positions } from '../domain/offset.ts';
import type { PartStatus } from '../domain/status.ts';
import { type BatchParser, type EventReader, type ParsedBatch, positionsAfter } from '../ports/batch.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Sink } from '../ports/sink.ts';
import type { StateFile } from '../ports/state-file.ts';
import { ReaderLoop } from './reader-loop.ts';
import { SharedBatches } from './shared-batches.ts';

export interface EventFeedOptions {
  /** Name of the reader of the log. */
  name: string;
  log: EventLog;
  parser: BatchParser;
  events: EventReader;
  sink: Sink;
  file: StateFile;
  logger: Logger;
  /** Most runs of lines with one source and received-at in a batch. */
  runsMax: number;
}

/** How far the sink has come in the log, in the file. */
interface Progress {
  /** The sink's id and the log's: offsets say nothing about others. */
  sink: string;
  log: string;
  positions: Positions;
}

/** A batch is held for as long as the sink takes, which may be long: it is a small one. */
const BATCH_LINES_MAX = 50_000;
const BATCH_BYTES_MAX = 32 * 1024 * 1024;
const LINGER_MS = 1000;

/**
 * Carries single events from the log to a sink: a reader of the log with a position of its own. Its batches are its own too, so
 * that archive and metrics never wait for a sink that is slow or away; that costs to parse the lines once more.
 */
export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #batches: SharedBatches;
  readonly #loop: ReaderLoop;
  readonly #abort = new AbortController();
  #progress: Progress;

  constructor(options: EventFeedOptions) {
    this.#options = options;
    const { log, parser, logger, name, runsMax, sink } = options;
    this.#progress = { sink: sink.id, log: log.id, positions: {} };
    this.#batches = new SharedBatches(log, parser, {
      linesMax: BATCH_LINES_MAX,
      bytesMax: BATCH_BYTES_MAX,
      runsMax,
      // Reading ahead would hold more of the log than the sink may ever take.
      stageLinesMin: Number.POSITIVE_INFINITY,
      waitMsMax: 0,
    });
    this.#loop = new ReaderLoop({
      name,
      log,
      batches: this.#batches,
      logger,
      positions: () => this.#positions(),
      step: (batch) => this.#step(batch),
      lingerMs: LINGER_MS,
      lingerLinesMax: BATCH_LINES_MAX,
    });
  }

  async start(): Promise<void> {
    const { file, sink, log, name, logger } = this.#options;
    const saved = asProgress(await file.read());
    if (saved?.sink === sink.id && saved.log === log.id) this.#progress = saved;
    for (const { partition, start } of log.partitions()) {
      const missed = start - (this.#progress.positions[partition] ?? start);
      if (missed > 0)
        logger.warn(
          { reader: name, partition, lines: missed },
          `${name}: the log no longer has lines that it has not taken`,
        );
    }
    await this.#loop.start();
  }

  /** Stops when the sink has the lines that the log has now, or when it fails, but no later than `drainMsMax`. */
  async stop(drainMsMax: number): Promise<void> {
    const giveUp = () => this.#abort.abort();
    const timer = setTimeout(giveUp, this.#loop.status().state === 'ready' ? drainMsMax : 0);
    await this.#loop.stop(drainMsMax);
    clearTimeout(timer);
    await this.#batches.close();
  }

  /** Lines of the log that the sink lacks. */
  lag(): number {
    return this.#loop.lag();
  }

  status(): PartStatus {
    const { state, message } = this.#loop.status();
    return { state, message };
  }

  /** A new reader begins where the log does, and one that was away for too long where it still does. */
  #positions(): Positions {
    const saved = this.#progress.positions;
    return Object.fromEntries(
      this.#options.log
        .partitions()
        .map(({ partition, start }) => [partition, Math.max(start, saved[partition] ?? 0)]),
    );
  }

  async #step(batch: ParsedBatch): Promise<void> {
    const { events, sink, file } = this.#options;
    await sink.writeEvents(events.events(batch), this.#abort.signal);
    const positions = { ...this.#progress.positions, ...positionsAfter(batch.spans) };
    const reached = { ...this.#progress, positions };
    await file.write(reached);
    this.#progress = reached;
  }
}

/** Null where it is not what a feed writes. */
function asProgress(saved: unknown): Progress | null {
  const { sink, log, positions } = (saved ?? {}) as Partial<Progress>;
  if (typeof sink !== 'string' || typeof log !== 'string' || typeof positions !== 'object') return null;
  return Object.values(positions ?? {}).every(Number.isSafeInteger)
    ? { sink, log, positions: positions ?? {} }
    : null;
}
