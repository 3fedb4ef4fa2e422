import { type Ledger, makeLedger } from '../domain/ledger.ts';
import type { Logger } from '../domain/logger.ts';
import type { PartStatus } from '../domain/status.ts';
import type { Archive } from '../ports/archive.ts';
import type { BatchParser } from '../ports/batch.ts';
import type { BatchEngine, ClusterEngine, RebuildRange, RebuildResult } from '../ports/engine.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { PartitionGroup } from '../ports/partition-group.ts';
import { type ArchiveBooks, ArchiveView, positionsIn } from './archive-view.ts';
import { ReaderLoop } from './reader-loop.ts';
import { SharedArchive } from './shared-archive.ts';
import { type BatchLimits, SharedBatches } from './shared-batches.ts';
import { sleep } from './sleep.ts';

export interface PipelineOptions {
  /** Which of the two readers of the log run here; the other one may run in other processes. */
  reads: { archive: boolean; metrics: boolean };
  /** Where several processes archive: who has which partitions. Null: the archive is this process's alone. */
  group: PartitionGroup | null;
  log: EventLog;
  parser: BatchParser;
  archive: Archive;
  engine: BatchEngine;
  /** The same engine where it is a program of its own; null where it is fed here. */
  cluster: ClusterEngine | null;
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
/** The same, and whether all is done, while a caller waits for it. */
const SETTLE_LOOK_MS = 25;
/** Dirty windows wait for the metrics to catch up, but no longer than this. */
const REPAIR_WAIT_MS_MAX = 60_000;

/** What is behind the log: the archive and the metrics, each with a loop and positions of its own. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #batches: SharedBatches;
  readonly #archiveLoop: ReaderLoop | null;
  readonly #metricsLoop: ReaderLoop | null;
  /** Where others write the archive too. */
  readonly #view: ArchiveView | null;
  readonly #shared: SharedArchive | null;
  readonly #abort = new AbortController();
  readonly #background: Promise<void>[] = [];
  #repairFailure = '';
  /** Callers that wait until no window is dirty. */
  #settling = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { log, archive, engine, logger, reads, group } = options;
    this.#batches = new SharedBatches(log, options.parser, options.limits);
    const common = { log, batches: this.#batches, logger, lingerLinesMax: options.gatherLinesMax };
    const shared = group && reads.archive ? new SharedArchive(archive, group) : null;
    this.#shared = shared;
    this.#view = group || !reads.archive ? new ArchiveView(log, archive, logger) : null;
    this.#archiveLoop = reads.archive
      ? new ReaderLoop({
          ...common,
          name: 'archive',
          lingerMs: options.archiveEveryMs,
          positions: () => shared?.positions() ?? positionsIn(log, archive),
          step: (batch) => archive.append(batch),
        })
      : null;
    const mustFill = engine.isEmpty() && archive.receivedExtentMs() !== null;
    const prepare = {
      message: 'The metrics are being filled from the archive.',
      run: (signal: AbortSignal) => this.#fillMetrics(signal),
    };
    this.#metricsLoop =
      reads.metrics && !options.cluster
        ? new ReaderLoop({
            ...common,
            ...(mustFill ? { prepare } : {}),
            name: 'metrics',
            lingerMs: options.metricsEveryMs,
            positions: () => positionsIn(log, engine),
            step: (batch) => engine.apply(batch),
          })
        : null;
  }

  /** Starts the loops. Metrics without state are filled from the archive meanwhile. */
  async start(): Promise<void> {
    await this.#archiveLoop?.start();
    await this.#metricsLoop?.start();
    await this.#view?.start();
    if (this.#metricsLoop) this.#background.push(this.#repairLoop(this.#metricsLoop));
    if (this.#archiveLoop) this.#background.push(this.#housekeepingLoop());
    this.#options.cluster?.start(this.#options.archive);
  }

  /** Resolves when the metrics hold what the archive holds; rejects where filling them failed. */
  async metricsFilled(): Promise<void> {
    await this.#metricsLoop?.prepared();
  }

  async #fillMetrics(signal: AbortSignal): Promise<void> {
    const { engine, archive, logger } = this.#options;
    const startedMs = Date.now();
    logger.info({}, 'metrics: filling them from the archive');
    await engine.restore(archive, signal);
    logger.info({ seconds: (Date.now() - startedMs) / 1000 }, 'metrics: filled from the archive');
  }

  /** Drains what the log holds, for at most `drainMsMax`, and stops. */
  async stop(drainMsMax: number): Promise<void> {
    this.#abort.abort();
    await Promise.all([
      this.#archiveLoop?.stop(drainMsMax),
      this.#metricsLoop?.stop(drainMsMax),
      this.#options.cluster?.stop(drainMsMax),
      ...this.#background,
    ]);
    await this.#view?.stop();
    await this.#batches.close();
  }

  /** Resolves when all lines that the log had at the call are archived and measured and no window is dirty, or at `signal`. */
  async settle(onProgress?: () => void, signal?: AbortSignal): Promise<void> {
    const { archive, engine, log } = this.#options;
    const ends = log.partitions();
    const done = [this.#archiveLoop?.hurry(), this.#metricsLoop?.hurry()];
    const isSettled = () =>
      ends.every(
        ({ partition, end }) => archive.position(partition) >= end && engine.position(partition) >= end,
      ) && engine.dirtyWindows() === 0;
    this.#settling++;
    while (!isSettled() && !signal?.aborted) {
      onProgress?.();
      await sleep(SETTLE_LOOK_MS, signal);
    }
    this.#settling--;
    for (const stopHurrying of done) stopHurrying?.();
  }

  ledger(): Ledger {
    const { log, engine, cluster } = this.#options;
    // While the metrics are filled from the archive, they count for nothing.
    const consumed = this.#metricsLoop?.consumed() ?? null;
    const books = cluster?.books() ?? (consumed && { ledger: engine.ledger(), consumed });
    return makeLedger({
      received: log.received(),
      dirtyWindows: engine.dirtyWindows(),
      archive: this.#view?.books() ?? this.#ownBooks(),
      metrics: books
        ? { ...books.ledger, consumed: books.consumed }
        : { counted: {}, duplicate: {}, bad: {}, lost: {}, consumed: {} },
    });
  }

  #ownBooks(): ArchiveBooks {
    const { archive } = this.#options;
    const { events, bad_rows: badRows } = archive.counts();
    return { events, badRows, lost: archive.lost(), consumed: this.#archiveLoop?.consumed() ?? {} };
  }

  lag(): Record<string, number> {
    const lag: Record<string, number> = {};
    if (this.#archiveLoop) lag.archive = this.#archiveLoop.lag();
    const metrics = this.#metricsLoop ?? this.#options.cluster;
    if (metrics) lag.metrics = metrics.lag();
    return lag;
  }

  /** States of the readers that run here. */
  status(): Record<string, PartStatus> {
    const parts: Record<string, PartStatus> = {};
    if (this.#archiveLoop) {
      parts.archive = worse(this.#archiveLoop.status(), this.#options.group?.message() ?? '');
    } else if (this.#view) {
      parts.archive = worse({ state: 'ready', message: '' }, this.#view.failure());
    }
    const metrics = this.#metricsLoop ?? this.#options.cluster;
    if (metrics) parts.metrics = worse(metrics.status(), this.#repairFailure);
    return parts;
  }

  /** Computes windows anew from the archive, or compares them, as far as the metrics have come. */
  async rebuild(range: RebuildRange | null, diff: boolean): Promise<RebuildResult> {
    const { archive, engine } = this.#options;
    for (;;) {
      while (!this.#isArchiveAhead()) await sleep(50);
      try {
        return await engine.rebuild(archive, range, diff);
      } catch (error) {
        // The metrics moved on between the two looks; the archive will follow.
        if (this.#isArchiveAhead()) throw error;
      }
    }
  }

  #isArchiveAhead(): boolean {
    const { archive, engine, log } = this.#options;
    return log
      .partitions()
      .every(({ partition }) => archive.position(partition) >= engine.position(partition));
  }

  async #repairLoop(metricsLoop: ReaderLoop): Promise<void> {
    const { signal } = this.#abort;
    const { engine, archive, logger, gatherLinesMax } = this.#options;
    let dirtySinceMs = 0;
    while (!signal.aborted) {
      await sleep(this.#settling > 0 ? SETTLE_LOOK_MS : REPAIR_LOOK_MS, signal);
      if (engine.dirtyWindows() === 0) {
        dirtySinceMs = 0;
        continue;
      }
      dirtySinceMs ||= Date.now();
      if (metricsLoop.lag() > gatherLinesMax && Date.now() - dirtySinceMs < REPAIR_WAIT_MS_MAX) continue;
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
      if (this.#shared?.isFirst() === false) continue;
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

/** The status of a loop, or what is wrong beside it. */
function worse({ state, message }: PartStatus, failure: string): PartStatus {
  return failure && state === 'ready' ? { state: 'waiting', message: failure } : { state, message };
}
