import { type Ledger, makeLedger } from '../domain/ledger.ts';
import type { Logger } from '../domain/logger.ts';
import type { Archive } from '../ports/archive.ts';
import type { BatchParser } from '../ports/batch.ts';
import type { BatchEngine, RebuildRange, RebuildResult } from '../ports/engine.ts';
import type { EventLog } from '../ports/event-log.ts';
import { ReaderLoop, sleep } from './reader-loop.ts';
import { type BatchLimits, SharedBatches } from './shared-batches.ts';

export interface PipelineOptions {
  log: EventLog;
  parser: BatchParser;
  archive: Archive;
  engine: BatchEngine;
  logger: Logger;
  limits: BatchLimits;
  archiveEveryMs: number;
  metricsEveryMs: number;
  /** With so many lines waiting, a reader takes them at once. */
  gatherLinesMax: number;
  compactEveryMs: number;
  vacuumRetentionHours: number;
}

const REPAIR_LOOK_MS = 500;
/** Dirty windows wait for the metrics to catch up, but no longer than this. */
const REPAIR_WAIT_MS_MAX = 60_000;

/** The embedded pipeline behind the log: the archive and the metrics, each with a loop and a position of its own. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #batches: SharedBatches;
  readonly #archiveLoop: ReaderLoop;
  readonly #metricsLoop: ReaderLoop;
  readonly #abort = new AbortController();
  readonly #background: Promise<void>[] = [];
  #repairFailure = '';

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { log, archive, engine, logger } = options;
    this.#batches = new SharedBatches(log, options.parser, options.limits);
    const common = { log, batches: this.#batches, logger, lingerLinesMax: options.gatherLinesMax };
    this.#archiveLoop = new ReaderLoop(0, {
      ...common,
      name: 'archive',
      lingerMs: options.archiveEveryMs,
      position: (partition) => archive.position(partition),
      step: (batch) => archive.append(batch),
    });
    this.#metricsLoop = new ReaderLoop(0, {
      ...common,
      name: 'metrics',
      lingerMs: options.metricsEveryMs,
      position: (partition) => engine.position(partition),
      step: (batch) => engine.apply(batch),
    });
  }

  /** Restores the metrics where their state is gone, then starts the loops. */
  async start(): Promise<void> {
    const { engine, archive, logger } = this.#options;
    if (engine.isEmpty() && archive.receivedExtentMs() !== null) {
      const startedMs = Date.now();
      logger.info({}, 'metrics: filling them from the archive');
      await engine.restore(archive);
      logger.info({ seconds: (Date.now() - startedMs) / 1000 }, 'metrics: filled from the archive');
    }
    await this.#archiveLoop.start();
    await this.#metricsLoop.start();
    this.#background.push(this.#repairLoop(), this.#housekeepingLoop());
  }

  /** Drains what the log holds, for at most `drainMsMax`, and stops. */
  async stop(drainMsMax: number): Promise<void> {
    this.#abort.abort();
    await Promise.all([
      this.#archiveLoop.stop(drainMsMax),
      this.#metricsLoop.stop(drainMsMax),
      ...this.#background,
    ]);
    await this.#batches.close();
  }

  /** Resolves when all lines that the log had at the call are archived and measured and no window is dirty, or at `signal`. */
  async settle(onProgress?: () => void, signal?: AbortSignal): Promise<void> {
    const end = this.#options.log.partitions()[0]!.end;
    const { archive, engine } = this.#options;
    const done = [this.#archiveLoop.hurry(), this.#metricsLoop.hurry()];
    const isSettled = () =>
      archive.position(0) >= end && engine.position(0) >= end && engine.dirtyWindows() === 0;
    while (!isSettled() && !signal?.aborted) {
      onProgress?.();
      await sleep(25, signal);
    }
    for (const stopHurrying of done) stopHurrying();
  }

  ledger(): Ledger {
    const { log, archive, engine } = this.#options;
    const counts = archive.counts();
    return makeLedger({
      received: log.received(),
      dirtyWindows: engine.dirtyWindows(),
      archive: {
        events: counts.events,
        badRows: counts.bad_rows,
        lost: archive.lost(),
        consumed: this.#archiveLoop.consumed(),
      },
      metrics: { ...engine.ledger(), consumed: this.#metricsLoop.consumed() },
    });
  }

  lag(): Record<string, number> {
    return { archive: this.#archiveLoop.lag(), metrics: this.#metricsLoop.lag() };
  }

  status() {
    const metrics = this.#metricsLoop.status();
    return {
      archive: this.#archiveLoop.status(),
      metrics:
        this.#repairFailure && metrics.state === 'ready'
          ? { ...metrics, state: 'waiting' as const, message: this.#repairFailure }
          : metrics,
    };
  }

  /** Computes windows anew from the archive, or compares them, as far as the metrics have come. */
  async rebuild(range: RebuildRange | null, diff: boolean): Promise<RebuildResult> {
    const { archive, engine } = this.#options;
    for (;;) {
      while (archive.position(0) < engine.position(0)) await sleep(50);
      try {
        return await engine.rebuild(archive, range, diff);
      } catch (error) {
        // The metrics moved on between the two looks; the archive will follow.
        if (archive.position(0) >= engine.position(0)) throw error;
      }
    }
  }

  async #repairLoop(): Promise<void> {
    const { signal } = this.#abort;
    const { engine, archive, logger, gatherLinesMax } = this.#options;
    let dirtySinceMs = 0;
    while (!signal.aborted) {
      await sleep(REPAIR_LOOK_MS, signal);
      if (engine.dirtyWindows() === 0) {
        dirtySinceMs = 0;
        continue;
      }
      dirtySinceMs ||= Date.now();
      if (this.#metricsLoop.lag() > gatherLinesMax && Date.now() - dirtySinceMs < REPAIR_WAIT_MS_MAX)
        continue;
      try {
        await engine.repair(archive);
        this.#repairFailure = '';
        dirtySinceMs = Date.now();
      } catch (error) {
        this.#repairFailure = `recomputing late windows failed: ${error instanceof Error ? error.message : error}`;
        logger.error({ err: error }, 'metrics: recomputing late windows failed, will try again');
        await sleep(5000, signal);
      }
    }
  }

  async #housekeepingLoop(): Promise<void> {
    const { signal } = this.#abort;
    const { archive, logger, compactEveryMs, vacuumRetentionHours } = this.#options;
    while (compactEveryMs > 0 && !signal.aborted) {
      await sleep(compactEveryMs, signal);
      if (signal.aborted) return;
      try {
        const compacted = await archive.compact();
        const vacuumed = await archive.vacuum(vacuumRetentionHours);
        if (compacted.filesBefore > 0)
          logger.info({ ...compacted, ...vacuumed }, 'archive: small files merged');
      } catch (error) {
        logger.warn({ err: error }, 'archive: housekeeping failed, will try again');
      }
    }
  }
}
