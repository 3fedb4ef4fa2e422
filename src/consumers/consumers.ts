import type { Archive } from '../archive/archive.ts';
import type { BatchDecoder } from '../decode/batch.ts';
import type { Deduplicator } from '../decode/deduplicator.ts';
import type { EventLog } from '../log/event-log.ts';
import { type CountsBySource, type Positions, sumOf } from '../log/offset.ts';
import type { PartitionGroup } from '../log/partition-group.ts';
import type {
  ArchivedBatches,
  BatchEngine,
  EngineProgram,
  RebuildRange,
  RebuildResult,
} from '../metrics/engine.ts';
import { settledWithin, sleep } from '../system/sleep.ts';
import { ApiError } from '../telemetry/errors.ts';
import { type Ledger, makeLedger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import { messageOf } from '../telemetry/system-error.ts';
import { ArchiveFeed, LogOrArchive } from './archive-feed.ts';
import { ArchiveUpgrade } from './archive-upgrade.ts';
import { type ArchiveCounters, ArchiveView, positionsIn } from './archive-view.ts';
import { Attention } from './attention.ts';
import type { BatchSource } from './batch-source.ts';
import { componentError, failureCheck, worse } from './component-status.ts';
import { ConsumerLoop } from './consumer-loop.ts';
import { maintainArchive } from './maintenance.ts';
import { RepairTiming } from './repair-timing.ts';
import { SharedArchive } from './shared-archive.ts';
import { type BatchLimits, SharedBatches } from './shared-batches.ts';

export interface ConsumersOptions {
  /** Which of the two consumers of the log run here; the other one may run in other processes. */
  reads: { archive: boolean; metrics: boolean };
  /** Where several processes archive: who has which partitions. Null: the archive is this process's alone. */
  group: PartitionGroup | null;
  log: EventLog;
  decoder: BatchDecoder;
  deduplicator: Deduplicator;
  /** Batches of the archive, for metrics that take them from there. */
  archived: ArchivedBatches;
  archive: Archive;
  engine: BatchEngine;
  /** What computes for the engine, from the archive's commits; null where all is computed here. */
  program: EngineProgram | null;
  logger: Logger;
  limits: BatchLimits;
  archiveEveryMs: number;
  metricsEveryMs: number;
  /** Somebody follows the metrics all the time. */
  areMetricsFollowed?: boolean;
  /** With so many lines waiting, a consumer takes them at once. */
  gatherLinesMax: number;
  compactEveryMs: number;
  vacuumRetentionHours: number;
  /** Metrics were computed again from the archive. */
  onRebuilt?: () => void;
  /** For tests. */
  failingMsMax?: number;
}

const UPGRADE_LOOK_MS = 200;
const REPAIR_LOOK_MS = 500;
/** The same, and whether all is done, while a caller waits for it. */
const SETTLE_LOOK_MS = 25;
/** A caller that waits for a consumer gets an error when that has failed for so long. */
const FAILING_MS_MAX = 60_000;
/** An archive that has lines to take, and takes none for so long, is away or is nobody's. */
const ARCHIVE_WAIT_MS_MAX = 20_000;
/** A rebuild waits so long for what has come before it, and for late windows: they are no difference. */
const IDLE_FIRST_MS_MAX = 10_000;
/** One failure may be over at the next try. */
const ARCHIVE_FAILING_MS_MAX = 3000;

/** What is behind the log: the archive and the metrics, each with a loop and positions of its own. */
export class Consumers {
  readonly #options: ConsumersOptions;
  readonly #batches: SharedBatches;
  readonly #archiveLoop: ConsumerLoop | null;
  readonly #metricsLoop: ConsumerLoop | null;
  /** Where others write the archive too. */
  readonly #view: ArchiveView | null;
  readonly #shared: SharedArchive | null;
  readonly #abort = new AbortController();
  readonly #failingMsMax: number;
  readonly #background: Promise<void>[] = [];
  readonly #upgrade: ArchiveUpgrade;
  readonly #attention: Attention;
  #recomputeFailure = '';
  /** Callers that wait until no window is invalidated. */
  #settling = 0;

  constructor(options: ConsumersOptions) {
    this.#options = options;
    this.#failingMsMax = options.failingMsMax ?? FAILING_MS_MAX;
    const { log, archive, engine, logger, reads, group } = options;
    this.#batches = new SharedBatches(log, options.decoder, options.limits, (batch) =>
      options.deduplicator.decide(batch, archive, this.#keepFrom()),
    );
    this.#attention = new Attention({
      isAlways: (options.areMetricsFollowed ?? false) || options.program !== null || Boolean(group),
      archiveEveryMs: options.archiveEveryMs,
      metricsEveryMs: options.metricsEveryMs,
    });
    const common = { log, logger, fullBatchLines: options.gatherLinesMax };
    const shared = group && reads.archive ? new SharedArchive(archive, group) : null;
    this.#shared = shared;
    this.#view =
      group || !reads.archive ? new ArchiveView(log, archive, logger, options.archiveEveryMs) : null;
    this.#archiveLoop = reads.archive
      ? new ConsumerLoop({
          ...common,
          batches: this.#batches,
          name: 'archive',
          batchDelayMs: () => this.#attention.archiveDelayMs(),
          positions: () => shared?.positions() ?? positionsIn(log, archive),
          step: (batch) => archive.append(batch),
        })
      : null;
    this.#upgrade = new ArchiveUpgrade(archive, logger, () => shared?.isFirst() !== false);
    const mustFill = engine.isEmpty() && archive.receivedExtentMs() !== null;
    const prepare = {
      isNeeded: () => engine.mustRestore?.() ?? false,
      message: () => this.#upgrade.message() || 'The metrics are being filled from the archive.',
      run: (signal: AbortSignal) => this.#fillMetrics(signal),
    };
    this.#metricsLoop = reads.metrics
      ? new ConsumerLoop({
          ...common,
          batches: this.#metricsBatches(),
          prepare,
          mustPrepare: mustFill,
          name: 'metrics',
          // The archive has gathered.
          batchDelayMs: () => (options.program ? 0 : this.#attention.metricsDelayMs()),
          positions: () => positionsIn(log, engine),
          step: (batch) => engine.apply(batch),
        })
      : null;
  }

  /** Where the metrics take their batches from: where others decide what is a duplicate, or compute, from the archive. */
  #metricsBatches(): BatchSource {
    const { log, archive, archived, limits, program } = this.#options;
    const shared = this.#shared;
    if (!program && !this.#view) return this.#batches;
    const feed = new ArchiveFeed(log, archive, archived, archived.linesMax ?? limits.linesMax);
    const archivesAll = () =>
      shared !== null && log.partitions().every(({ partition }) => shared.has(partition));
    return program ? feed : new LogOrArchive(this.#batches, feed, archivesAll);
  }

  /** Somebody looks: from now on lines are gathered for the shorter time. Resolves when archive and metrics have what the log had, or soon. */
  async attend(): Promise<void> {
    const { archive, engine, log } = this.#options;
    const ends = log.partitions();
    const loops = [this.#archiveLoop, this.#metricsLoop].filter((loop) => loop !== null);
    const consumers = [this.#archiveLoop && archive, this.#metricsLoop && engine].filter(
      (each) => each !== null,
    );
    const isBehind = () =>
      ends.some(({ partition, end }) => consumers.some((consumer) => consumer.position(partition) < end));
    await this.#attention.attend(loops, isBehind, this.#abort.signal);
  }

  /** Of the partitions that are read here, from where on their lines may be taken once more. */
  #keepFrom(): Positions {
    const { archive, engine } = this.#options;
    const keepFrom = { ...(this.#shared?.positions() ?? positionsIn(this.#options.log, archive)) };
    if (this.#metricsLoop && !this.#options.program)
      for (const id of Object.keys(keepFrom).map(Number))
        keepFrom[id] = Math.min(keepFrom[id]!, engine.position(id));
    return keepFrom;
  }

  /** Starts the loops. Metrics without state are filled from the archive meanwhile. */
  async start(): Promise<void> {
    await this.#adopt();
    this.#options.program?.start();
    await this.#archiveLoop?.start();
    await this.#metricsLoop?.start();
    await this.#view?.start();
    if (this.#metricsLoop) this.#background.push(this.#recomputeLoop(this.#metricsLoop));
    if (this.#archiveLoop)
      this.#background.push(
        this.#upgrade.run(this.#abort.signal),
        maintainArchive(
          { ...this.#options, isOurs: () => this.#shared?.isFirst() !== false },
          this.#abort.signal,
        ),
      );
  }

  /** Lets the log take over from the archive what it can't count any more. */
  async #adopt(): Promise<void> {
    const { log, archive } = this.#options;
    const positions = Object.fromEntries(archive.partitions().map((id) => [id, archive.position(id)]));
    await log.adopt?.({ positions, lines: sumOf(archive.archived(), archive.lost()) });
  }

  /** Resolves when the metrics hold what the archive holds; rejects where filling them failed. */
  async metricsFilled(): Promise<void> {
    await this.#metricsLoop?.prepared();
  }

  async #fillMetrics(signal: AbortSignal): Promise<void> {
    const { engine, archive, logger } = this.#options;
    // Until then, the archive does not say of each row whether it counts.
    while (engine.isEmpty() && archive.undecidedFiles() > 0 && !signal.aborted)
      await sleep(UPGRADE_LOOK_MS, signal);
    signal.throwIfAborted();
    const startedMs = Date.now();
    if (!(await engine.restore(archive, signal))) return;
    logger.info({ seconds: (Date.now() - startedMs) / 1000 }, 'metrics: filled from the archive');
  }

  /** Drains what the log holds, for at most `drainMsMax`, and stops. */
  async stop(drainMsMax: number): Promise<void> {
    const { program } = this.#options;
    this.#abort.abort();
    const untilMs = performance.now() + drainMsMax;
    const archived = this.#archiveLoop?.stop(drainMsMax);
    // What is archived last is to be measured, too.
    if (program) await archived;
    const leftMs = Math.max(0, untilMs - performance.now());
    const measured = Promise.all([this.#metricsLoop?.stop(leftMs), ...this.#background]);
    // Ending it ends the step that waits for it.
    if (program) await settledWithin(measured, leftMs);
    await program?.stop();
    await Promise.all([archived, measured]);
    await this.#batches.close();
    await this.#view?.stop();
  }

  /**
   * Resolves when all lines that the log had at the call are archived and measured and no window is invalidated, or at `signal`.
   * Rejects with ComponentError when a component needs a person, or has failed for a minute.
   */
  async waitUntilIdle(onProgress?: () => void, signal?: AbortSignal): Promise<void> {
    const { archive, engine, log } = this.#options;
    const ends = log.partitions();
    const done = [this.#archiveLoop?.flushNow(), this.#metricsLoop?.flushNow()];
    const isSettled = () =>
      ends.every(
        ({ partition, end }) => archive.position(partition) >= end && engine.position(partition) >= end,
      ) && engine.invalidatedWindows() === 0;
    const checkFailure = failureCheck(() => this.status(), this.#failingMsMax);
    this.#settling++;
    try {
      while (!isSettled() && !signal?.aborted) {
        onProgress?.();
        checkFailure();
        await sleep(SETTLE_LOOK_MS, signal);
      }
    } finally {
      this.#settling--;
      for (const stopFlushing of done) stopFlushing?.();
    }
  }

  ledger(): Ledger {
    const { log, engine } = this.#options;
    // While the metrics are filled from the archive, they count for nothing.
    const consumed = this.#metricsLoop?.consumed() ?? null;
    const counters = consumed && { ledger: engine.ledger(), consumed };
    const archive = this.#view?.counters() ?? this.#ownCounters();
    // The log can't count what expired before its own counts begin; whoever is past it has it.
    const before = log.archivedBefore?.() ?? {};
    const withBefore = (counts: CountsBySource) => sumOf(counts, before);
    return makeLedger({
      received: withBefore(log.received()),
      expires: log.expires ?? false,
      invalidatedWindows: engine.invalidatedWindows(),
      archive: { ...archive, consumed: withBefore(archive.consumed) },
      metrics: counters
        ? { ...counters.ledger, consumed: withBefore(counters.consumed) }
        : { counted: {}, duplicate: {}, excluded: {}, bad: {}, lost: {}, consumed: {} },
    });
  }

  #ownCounters(): ArchiveCounters {
    const { archive } = this.#options;
    const [{ events, bad_rows: badRows }, consumed] = [archive.counts(), this.#archiveLoop?.consumed() ?? {}];
    return { events, badRows, lost: archive.lost(), ...archive.changed(), consumed };
  }

  /** Lines that wait for an archive that only other processes write. */
  lagOfOthers(): Record<string, number> {
    return this.#view && !this.#archiveLoop ? { archive: this.#view.lag() } : {};
  }

  lag(): Record<string, number> {
    const [archive, metrics] = [this.#archiveLoop?.lag(), this.#metricsLoop?.lag()];
    return { ...(archive !== undefined && { archive }), ...(metrics !== undefined && { metrics }) };
  }

  /** States of the consumers that run here. */
  status(): Record<string, ComponentStatus> {
    const parts: Record<string, ComponentStatus> = {};
    if (this.#archiveLoop) {
      parts.archive = worse(this.#archiveLoop.status(), this.#options.group?.message() ?? '');
    } else if (this.#view) {
      parts.archive = worse({ state: 'ready', message: '' }, this.#view.failure());
    }
    if (this.#metricsLoop) {
      const program = this.#options.program?.status();
      const own = worse(this.#metricsLoop.status(), this.#recomputeFailure);
      parts.metrics = program && program.state !== 'ready' ? program : own;
    }
    return parts;
  }

  /**
   * Computes windows from the archive again, or compares them, as far as the metrics have come, which is given some time. Rejects with an error when the
   * archive lacks lines that the metrics have and does not take them, at `signal`, and when this is stopped.
   */
  async rebuild(range: RebuildRange | null, diff: boolean, signal?: AbortSignal): Promise<RebuildResult> {
    const { archive, engine } = this.#options;
    const stopped = AbortSignal.any([this.#abort.signal, ...(signal ? [signal] : [])]);
    await this.waitUntilIdle(undefined, AbortSignal.any([stopped, AbortSignal.timeout(IDLE_FIRST_MS_MAX)]));
    for (;;) {
      await this.#archiveCaughtUp(stopped);
      try {
        const result = await engine.rebuild(archive, range, diff);
        if (!diff) this.#options.onRebuilt?.();
        return result;
      } catch (error) {
        // The metrics moved on between the two looks; the archive will follow.
        if (this.#isArchiveAhead()) throw error;
      }
    }
  }

  /** The archive gathers for some seconds; one that takes nothing for longer is reported, with its reason where it has one. */
  async #archiveCaughtUp(signal: AbortSignal): Promise<void> {
    const { archive, log } = this.#options;
    const archivedSum = () =>
      log.partitions().reduce((sum, { partition }) => sum + archive.position(partition), 0);
    const stopFlushing = this.#archiveLoop?.flushNow();
    let [seen, movedMs] = [archivedSum(), Date.now()];
    try {
      while (!this.#isArchiveAhead()) {
        if (signal.aborted)
          throw new ApiError('archive_behind', 'It was stopped while lines waited for the archive.');
        if (archivedSum() !== seen) [seen, movedMs] = [archivedSum(), Date.now()];
        const { state, message } = this.status().archive ?? { state: 'ready', message: '' };
        const isFailing = state === 'waiting' || state === 'failed';
        if (isFailing && Date.now() - movedMs > ARCHIVE_FAILING_MS_MAX)
          throw componentError('archive', message);
        if (Date.now() - movedMs > ARCHIVE_WAIT_MS_MAX)
          throw new ApiError(
            'archive_behind',
            'Lines that the metrics have wait for the archive, and no process archives them.',
          );
        await sleep(50, signal);
      }
    } finally {
      stopFlushing?.();
    }
  }

  #isArchiveAhead(): boolean {
    const { archive, engine, log } = this.#options;
    return log
      .partitions()
      .every(({ partition }) => archive.position(partition) >= engine.position(partition));
  }

  async #recomputeLoop(metricsLoop: ConsumerLoop): Promise<void> {
    const { signal } = this.#abort;
    const { engine, archive, logger } = this.#options;
    const timing = new RepairTiming();
    while (!signal.aborted) {
      const isAwaited = this.#settling > 0;
      await sleep(isAwaited ? SETTLE_LOOK_MS : REPAIR_LOOK_MS, signal);
      const [nowMs, windows, lag] = [Date.now(), engine.invalidatedWindows(), metricsLoop.lag()];
      if (!timing.isDue({ nowMs, windows, lag, isAwaited })) continue;
      try {
        await engine.recompute(archive, signal);
        this.#recomputeFailure = '';
        timing.done(Date.now());
      } catch (error) {
        this.#recomputeFailure = `recomputing late windows failed: ${messageOf(error)}`;
        logger.error({ err: error }, 'metrics: recomputing late windows failed, will try again');
        await sleep(5000, signal);
      }
    }
  }
}
