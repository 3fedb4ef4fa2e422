import { UsageError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { addCount, type CountsBySource, type Offset } from '../domain/offset.ts';
import type { ParsedBatch } from '../ports/batch.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { SharedBatches } from './shared-batches.ts';

export interface ReaderLoopOptions {
  /** Name of the reader: archive or metrics. */
  name: string;
  log: EventLog;
  batches: SharedBatches;
  logger: Logger;
  position(partition: number): Offset;
  /** Takes the batch; its position must have moved when this resolves. */
  step(batch: ParsedBatch): Promise<void>;
  /** How long to gather lines before a step, and with how many waiting not to gather. */
  lingerMs: number;
  lingerLinesMax: number;
}

export interface ReaderLoopStatus {
  state: 'ready' | 'waiting';
  message: string;
  /** Received-at of the newest line that it has taken since the start, ms. */
  lastReceivedAtMs: number | null;
}

const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 30_000;

/**
 * Carries one reader through one partition of the log: waits for lines, takes the batch at the reader's position, steps,
 * and tries again with back-off when the step fails. Nothing else stops it but `stop`.
 */
export class ReaderLoop {
  readonly #options: ReaderLoopOptions;
  readonly #partition: number;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #failure = '';
  #lastReceivedAtMs: number | null = null;
  #draining = false;
  #hurrying = 0;
  /** Lines by source before the position, for the position now and the one before a step that is under way. */
  readonly #consumed = new Map<Offset, CountsBySource>();

  constructor(partition: number, options: ReaderLoopOptions) {
    this.#partition = partition;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { log, name, position } = this.#options;
    const at = position(this.#partition);
    const end = this.#end();
    if (at > end) {
      throw new UsageError(
        `The ${name} has come to line ${at}, but the event log ends at ${end}: the log is an older copy. ` +
          'Put the newer log folder back, or start with a new data folder and load the events of the archive again.',
      );
    }
    this.#consumed.set(at, await log.receivedBefore(this.#partition, at));
    log.retain(name, this.#partition, at);
    this.#running = this.#run();
  }

  /** Stops after the lines that the log has now, but no later than `drainMsMax`. */
  async stop(drainMsMax: number): Promise<void> {
    this.#draining = true;
    const deadline = Date.now() + drainMsMax;
    while (this.lag() > 0 && Date.now() < deadline && !this.#failure) await sleep(20);
    this.#abort.abort();
    await this.#running;
  }

  /** Until the returned function is called, lines are taken as they come, without gathering. */
  hurry(): () => void {
    this.#hurrying++;
    return () => {
      this.#hurrying--;
    };
  }

  /** Lines that wait to be taken. */
  lag(): number {
    return Math.max(0, this.#end() - this.#options.position(this.#partition));
  }

  /** Lines by source before the reader's position, as the log counted them. */
  consumed(): CountsBySource {
    return this.#consumed.get(this.#options.position(this.#partition)) ?? {};
  }

  status(): ReaderLoopStatus {
    return {
      state: this.#failure ? 'waiting' : 'ready',
      message: this.#failure,
      lastReceivedAtMs: this.#lastReceivedAtMs,
    };
  }

  #end(): Offset {
    return this.#options.log.partitions().find(({ partition }) => partition === this.#partition)!.end;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { log, logger, name, position } = this.#options;
    let backoffMs = BACKOFF_MS_MIN;
    while (!signal.aborted) {
      const from = position(this.#partition);
      try {
        if (!(await log.waitPast(this.#partition, from, 1000, signal))) continue;
        await this.#linger();
        if (signal.aborted) return;
        await this.#step(from);
        if (this.#failure) logger.info({ reader: name }, `${name}: works again`);
        this.#failure = '';
        backoffMs = BACKOFF_MS_MIN;
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = error instanceof Error ? error.message : String(error);
        logger.error(
          { err: error, reader: name, from, retryMs: backoffMs },
          `${name}: a batch failed, will try again`,
        );
        await sleep(backoffMs * (0.5 + Math.random() / 2), signal);
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
      }
    }
  }

  async #linger(): Promise<void> {
    const { lingerMs, lingerLinesMax } = this.#options;
    const until = Date.now() + lingerMs;
    while (
      this.lag() < lingerLinesMax &&
      !this.#draining &&
      this.#hurrying === 0 &&
      !this.#abort.signal.aborted
    ) {
      const leftMs = until - Date.now();
      if (leftMs <= 0) return;
      await sleep(Math.min(leftMs, 50), this.#abort.signal);
    }
  }

  async #step(from: Offset): Promise<void> {
    const { batches, log, name, position } = this.#options;
    const batch = await batches.take(this.#partition, from);
    try {
      const consumed = { ...this.#consumed.get(batch.from) };
      for (const counts of [batch.sources, batch.lost])
        for (const [source, lines] of Object.entries(counts)) addCount(consumed, source, lines);
      this.#consumed.set(batch.to, consumed);
      await this.#options.step(batch);
      this.#lastReceivedAtMs = Math.max(this.#lastReceivedAtMs ?? 0, batch.receivedAtMaxMs);
    } finally {
      await batches.done(batch);
      const at = position(this.#partition);
      for (const offset of this.#consumed.keys()) if (offset !== at) this.#consumed.delete(offset);
      log.retain(name, this.#partition, at);
    }
  }
}

/** Resolves after `ms`, or earlier when `signal` aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
