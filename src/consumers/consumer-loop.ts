import { positionsAfter, type TypedBatch } from '../decode/batch.ts';
import { type LogReader, linesBehind } from '../log/event-log.ts';
import { addCount, type CountsBySource, type Positions } from '../log/offset.ts';
import { Backoff } from '../system/backoff.ts';
import { sleep } from '../system/sleep.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { messageOf } from '../telemetry/system-error.ts';
import type { BatchSource } from './batch-source.ts';

export interface ConsumerLoopOptions {
  /** Name of the consumer: archive or metrics. */
  name: string;
  log: LogReader;
  batches: BatchSource;
  logger: Logger;
  /** Where it stands in each partition that it reads. */
  positions(): Positions;
  /** What must be done before a step where it is needed, and with `mustPrepare` before the first one. */
  prepare?: Preparation;
  mustPrepare?: boolean;
  /** Takes the batch; the positions must have moved when this resolves. */
  step(batch: TypedBatch): Promise<void>;
  /** How long to gather lines before a step, and with how many waiting not to gather. */
  batchDelayMs(): number;
  fullBatchLines: number;
}

export interface Preparation {
  /** For people: what the consumer is doing. */
  message(): string;
  isNeeded(): boolean;
  /** `signal` asks it to give up. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ConsumerLoopStatus {
  state: 'starting' | 'ready' | 'waiting';
  message: string;
  /** Received-at of the newest line that it has taken since the start, ms. */
  lastReceivedAtMs: number | null;
}

/** How often a loop that gathers looks how much there is. */
const LOOK_MS = 100;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 30_000;

/**
 * Carries one consumer through the log: waits for lines, takes the batch at the consumer's positions, steps,
 * and tries again with back-off when the step fails. Nothing else stops it but `stop`.
 */
export class ConsumerLoop {
  readonly #options: ConsumerLoopOptions;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #preparing: Preparation | undefined;
  readonly #prepared = Promise.withResolvers<void>();
  #failure = '';
  #lastReceivedAtMs: number | null = null;
  #draining = false;
  #flushing = 0;
  /** Ends the pause of a loop that gathers. */
  #wake = () => {};
  /** Lines by source before the positions, for those now and the ones before a step that is under way. */
  readonly #consumed = new Map<string, CountsBySource>();

  constructor(options: ConsumerLoopOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { name, log, positions } = this.#options;
    const at = positions();
    for (const { partition, end } of log.partitions()) {
      if ((at[partition] ?? 0) <= end) continue;
      throw new UsageError(
        `The ${name} has come to line ${at[partition]}, but the event log ends at ${end}: the log is an older copy. ` +
          'Put the newer log folder back, or start with a new data folder and load the events of the archive again.',
      );
    }
    // Who does not ask for it must not die of it.
    this.#prepared.promise.catch(() => {});
    if (this.#options.mustPrepare) this.#preparing = this.#options.prepare;
    if (!this.#preparing) await this.#enter();
    this.#running = this.#run();
  }

  /** Resolves when the preparation is done; rejects where it failed the first time. */
  prepared(): Promise<void> {
    return this.#prepared.promise;
  }

  /** Takes its place at its positions, from which on the log must keep the lines. */
  async #enter(): Promise<void> {
    const { log, name, positions } = this.#options;
    const at = positions();
    this.#consumed.set(keyOf(at), await log.receivedBefore(at));
    log.retain(name, at);
    this.#prepared.resolve();
  }

  /** Stops after the lines that the log has now, but no later than `drainMsMax`. */
  async stop(drainMsMax: number): Promise<void> {
    this.#draining = true;
    this.#wake();
    const deadline = Date.now() + drainMsMax;
    const { batches, positions } = this.#options;
    while (Date.now() < deadline && !this.#failure && !this.#preparing) {
      if (!(await batches.waitPast(positions(), 0))) break;
      await sleep(20);
    }
    this.#abort.abort();
    this.#wake();
    await this.#running;
  }

  /** Until the returned function is called, lines are taken as they come, without gathering. */
  flushNow(): () => void {
    this.#flushing++;
    this.#wake();
    return () => {
      this.#flushing--;
    };
  }

  /** Lines that wait to be taken. */
  lag(): number {
    const { log, positions } = this.#options;
    return linesBehind(log.partitions(), positions(), this.consumed());
  }

  /** Lines by source before the consumer's positions, as the log counted them; null before it has taken its place. */
  consumed(): CountsBySource | null {
    return this.#consumed.get(keyOf(this.#options.positions())) ?? null;
  }

  status(): ConsumerLoopStatus {
    return {
      state: this.#failure ? 'waiting' : this.#preparing ? 'starting' : 'ready',
      message: this.#failure || (this.#preparing?.message() ?? ''),
      lastReceivedAtMs: this.#lastReceivedAtMs,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { batches, logger, name, positions } = this.#options;
    const backoff = new Backoff(BACKOFF_MS_MIN, BACKOFF_MS_MAX);
    while (!signal.aborted) {
      let from = positions();
      try {
        if (this.#options.prepare?.isNeeded()) this.#preparing = this.#options.prepare;
        if (this.#preparing) {
          await this.#preparing.run(signal);
          await this.#enter();
          this.#preparing = undefined;
          from = positions();
        }
        if (await batches.waitPast(from, 1000, signal)) {
          await this.#gather();
          if (signal.aborted) return;
          await this.#step(from);
        }
        // Also where nothing is left to do: what failed may have been the preparation, or a step that has moved on nevertheless.
        if (this.#failure) logger.info({ consumer: name }, `${name}: works again`);
        this.#failure = '';
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        this.#prepared.reject(error);
        this.#failure = messageOf(error);
        const retryMs = Math.round(backoff.next());
        logger.error({ err: error, consumer: name, from, retryMs }, `${name}: a step failed, will try again`);
        await sleep(retryMs, signal);
      }
    }
  }

  async #gather(): Promise<void> {
    const { batchDelayMs, fullBatchLines } = this.#options;
    const sinceMs = Date.now();
    while (
      this.lag() < fullBatchLines &&
      !this.#draining &&
      this.#flushing === 0 &&
      !this.#abort.signal.aborted
    ) {
      const leftMs = sinceMs + batchDelayMs() - Date.now();
      if (leftMs <= 0) return;
      await this.#pause(Math.min(leftMs, LOOK_MS));
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #step(from: Positions): Promise<void> {
    const { batches, log, name, positions } = this.#options;
    const batch = await batches.take(from);
    try {
      const consumed = { ...(this.#consumed.get(keyOf(from)) ?? (await log.receivedBefore(from))) };
      for (const counts of [batch.sources, batch.lost])
        for (const [source, lines] of Object.entries(counts)) addCount(consumed, source, lines);
      this.#consumed.set(keyOf({ ...from, ...positionsAfter(batch.ranges) }), consumed);
      await this.#options.step(batch);
      this.#lastReceivedAtMs = Math.max(this.#lastReceivedAtMs ?? 0, batch.maxReceivedAtMs);
    } finally {
      await batches.done(from, batch);
      const at = positions();
      // A step that failed may have moved on nevertheless, to a place that no batch of ours ended at.
      if (!this.#consumed.has(keyOf(at))) this.#consumed.set(keyOf(at), await log.receivedBefore(at));
      for (const key of this.#consumed.keys()) if (key !== keyOf(at)) this.#consumed.delete(key);
      log.retain(name, at);
    }
  }
}

const keyOf = (positions: Positions) => JSON.stringify(positions);
