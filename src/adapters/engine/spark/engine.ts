import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../../../domain/errors.ts';
import { type Offset, type Positions, sumCounts } from '../../../domain/offset.ts';
import type { PartStatus } from '../../../domain/status.ts';
import type { ParsedBatch } from '../../../ports/batch.ts';
import type {
  ArchiveReader,
  ClusterEngine,
  MetricsBooks,
  MetricsLedger,
  RebuildRange,
  RebuildResult,
} from '../../../ports/engine.ts';
import { linesBehind } from '../../../ports/event-log.ts';
import type { MetricsStore } from '../../../ports/metrics-store.ts';
import { EXAMPLES_MAX } from '../duckdb/difference.ts';
import { dayRanges, wholeDays } from '../duckdb/wanted.ts';
import { type JobStart, makeJob, notBefore } from './make-job.ts';
import type { SparkEngineOptions } from './options.ts';
import { PointsReader } from './points-reader.ts';
import { PointsStore } from './points-store.ts';
import { addressForSpark, rowsIn, withRebuildJob } from './rebuild-job.ts';
import { Supervisor } from './supervisor.ts';
import { withoutMergedDistincts } from './totals.ts';

/** Name by which the log knows this reader. */
const READER = 'metrics';
/** How long the ledger may be ahead of its parts before it is shown as it is. */
const UNEVEN_MS_MAX = 60_000;
const REPAIR_LOOK_MS = 1000;
const REPAIR_FAILED_MS = 5000;
const ARCHIVE_MS_MAX = 60_000;
/** What the first days of a job lack is computed so often, and where that takes long, for a tenth of the time. */
const REFRESH_MS_MIN = 2000;
const REFRESH_MS_MAX = 600_000;
const REFRESH_SHARE = 10;
/** Lines of other partitions may come so much later. */
const REFRESH_SLACK_MS = 6 * 3_600_000;

/**
 * Metrics computed by Apache Spark: the driver is another program, which reads the log itself; its points come back by a
 * topic into a store here. Of the port for engines in this process it has all but `apply`, as nobody feeds it.
 */
export class SparkEngine implements ClusterEngine {
  readonly store: MetricsStore;
  /** What was found at the start, for people; empty when all was well. */
  readonly message: string;
  readonly #options: SparkEngineOptions;
  readonly #start: JobStart | null;
  /** From then on the job itself knows of all that was received. */
  readonly #knowsAllFromMs: number;
  /** Positions up to which the days before that were computed. */
  #refreshed = '';
  readonly #points: PointsStore;
  readonly #reader: PointsReader;
  readonly #supervisor: Supervisor;
  readonly #stopping = new AbortController();
  #working: Promise<void> = Promise.resolve();
  #isReading = false;
  #books: MetricsBooks;
  #booksMs = 0;
  #failure = '';

  private constructor(
    options: SparkEngineOptions,
    start: JobStart | null,
    points: PointsStore,
    reader: PointsReader,
    supervisor: Supervisor,
  ) {
    this.#options = options;
    this.#start = start;
    this.#knowsAllFromMs = start ? notBefore(start, options.timeZone).quality['1d'] * 60_000 : 0;
    this.#points = points;
    this.#reader = reader;
    this.#supervisor = supervisor;
    this.message = points.message;
    this.#books = { ledger: { counted: {}, duplicate: {}, bad: {}, lost: {} }, consumed: {} };
    this.store = withoutMergedDistincts(points.store, options.catalogue);
  }

  /** Opens the store and the points topic; throws UsageError where that can't be. Spark is not started yet. */
  static async open(options: SparkEngineOptions): Promise<SparkEngine> {
    const { config, dir, archiveDirs, catalogue, timeZone, now, kafka, logger, log } = options;
    const made = await makeJob(options);
    const { threads, memory_mb: memoryMb } = config;
    const points = await PointsStore.open({
      dir,
      archiveDirs,
      catalogue,
      timeZone,
      job: made.id,
      threads,
      memoryMb,
      now,
    });
    try {
      const connection = { ...kafka, topic: config.points_topic };
      const { replicationFactor, backoffMsMin } = options;
      const reader = await PointsReader.open({ connection, replicationFactor }, points).catch(
        (error: Error) => {
          throw new UsageError(
            `The topic ${config.points_topic}, by which Spark's points come, can't be used: ${error.message}.`,
          );
        },
      );
      const isBehind = () => log.partitions().some(({ partition, end }) => points.position(partition) < end);
      const supervisor = new Supervisor({
        job: async () => made.job,
        python: config.python,
        master: config.master,
        dir: made.dir,
        env: made.env,
        logger,
        isBehind,
        onBatch: () => void reader.batchIsDone(),
        ...(backoffMsMin === undefined ? {} : { backoffMsMin }),
      });
      return new SparkEngine(options, made.start, points, reader, supervisor);
    } catch (error) {
      await points.close();
      throw error;
    }
  }

  /** Starts Spark, and computes cold windows from the archive as they get dirty. */
  start(archive: ArchiveReader): void {
    this.#supervisor.start();
    this.#working = this.#work(archive);
  }

  status(): PartStatus {
    const status = this.#supervisor.status();
    if (status.state !== 'ready') return status;
    const fault = this.#reader.fault() || this.#failure;
    return fault ? { state: 'waiting', message: fault } : status;
  }

  /** Lines of the log that the points lack. */
  lag(): number {
    const consumed = this.#booksMs === 0 ? null : this.#books.consumed;
    return linesBehind(this.#options.log.partitions(), this.#positions(), consumed);
  }

  counters(): Record<string, number> {
    return { ...this.#supervisor.counters };
  }

  /** Process of the driver; undefined while none runs. */
  get driverPid(): number | undefined {
    return this.#supervisor.pid;
  }

  position(partition: number): Offset {
    return this.#points.position(partition);
  }

  ledger(): MetricsLedger {
    return this.#points.ledger();
  }

  /** The ledger, and the log's counts before the position that it belongs to. */
  books(): MetricsBooks {
    return this.#books;
  }

  dirtyWindows(): number {
    return this.#points.dirtyWindows() + (this.#needsRefresh() ? 1 : 0);
  }

  frontierMs(): number {
    return this.#points.frontierMs();
  }

  /** Its state is in Spark and in the topic: it is never to be filled from here. */
  isEmpty(): boolean {
    return false;
  }

  async apply(_batch: ParsedBatch): Promise<void> {
    throw new Error('Spark reads the log itself');
  }

  async restore(): Promise<void> {}

  repair(archive: ArchiveReader): Promise<number> {
    return this.#points.repair(archive);
  }

  /** By Spark where that pays; days that change meanwhile are computed here then, as they can be held still. */
  async rebuild(archive: ArchiveReader, range: RebuildRange | null, diff: boolean): Promise<RebuildResult> {
    const { catalogue, timeZone, config, archiveAddress: place } = this.#options;
    const days = wholeDays(range, timeZone);
    const address = addressForSpark(config, place);
    if (address === null || rowsIn(archive, days) < config.rebuild_rows_min)
      return this.#points.rebuild(archive, range, diff);
    const since = this.#points.version();
    const positions = this.#points.positionsIn(archive);
    const output = join(this.#points.tempDir, `${randomUUID()}.ndjson`);
    const input = { catalogue, timeZone, range: days, positions, address, output };
    try {
      await withRebuildJob(archive, input, (job) => this.#supervisor.compute(job));
      const { changedDays, ...result } = await this.#points.takeComputed({
        output,
        range: days,
        since,
        diff,
      });
      for (const changed of dayRanges(changedDays, timeZone)) {
        const more = await this.#points.rebuild(archive, changed, diff);
        result.windows += more.windows;
        result.differences += more.differences;
        result.examples = [...result.examples, ...more.examples].slice(0, EXAMPLES_MAX);
      }
      return result;
    } finally {
      await rm(output, { force: true });
    }
  }

  /** Lets Spark compute what the log has, for at most so long, ends it, and takes its last points. */
  async stop(drainMsMax: number): Promise<void> {
    const until = Date.now() + drainMsMax;
    await this.#supervisor.stop(drainMsMax);
    const left = Math.max(0, until - Date.now());
    if (this.#isReading) await this.#reader.caughtUp(AbortSignal.timeout(left)).catch(() => {});
    this.#stopping.abort();
    await this.#working;
    await this.#reader.stop();
  }

  /** After `stop`. */
  close(): Promise<void> {
    return this.#points.close();
  }

  /** Fills the store where the log alone can't, then reads points and looks after cold windows until it is stopped. */
  async #work(archive: ArchiveReader): Promise<void> {
    const { signal } = this.#stopping;
    const archiveMsMax = Date.now() + ARCHIVE_MS_MAX;
    let refreshMs = 0;
    while (!signal.aborted) {
      try {
        if (this.#start && this.#points.lacksBase()) {
          if (Date.now() < archiveMsMax && this.#isArchiveBefore(archive, this.#start)) {
            this.#failure = 'The metrics wait for the archive, from which they are to be filled.';
            await this.#wait(REPAIR_LOOK_MS);
            continue;
          }
          this.#failure = 'The metrics are being filled from the archive.';
          await this.#points.restore(archive, this.#start.offsets, signal);
        }
        if (!this.#isReading) this.#reader.start();
        this.#isReading = true;
        await this.#lookAtBooks();
        if (this.#points.dirtyWindows() > 0) await this.#points.repair(archive);
        if (this.#needsRefresh() && Date.now() >= refreshMs && this.#points.aheadOf(archive) === undefined) {
          const startedMs = Date.now();
          const positions = JSON.stringify(this.#points.positions());
          await this.#points.refresh(archive, this.#start!, this.#knowsAllFromMs);
          this.#refreshed = positions;
          const tookMs = Date.now() - startedMs;
          refreshMs = Date.now() + Math.min(REFRESH_MS_MAX, Math.max(REFRESH_MS_MIN, REFRESH_SHARE * tookMs));
        }
        this.#failure = '';
        await this.#wait(REPAIR_LOOK_MS);
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = `computing from the archive failed: ${error instanceof Error ? error.message : String(error)}`;
        this.#options.logger.warn(
          { err: error },
          'metrics: computing from the archive failed, will try again',
        );
        await this.#wait(REPAIR_FAILED_MS);
      }
    }
  }

  /** Where it is in the log, within what the log has. */
  #positions(): Positions {
    return Object.fromEntries(
      this.#options.log
        .partitions()
        .map(({ partition, start, end }) => [
          partition,
          Math.min(end, Math.max(start, this.position(partition))),
        ]),
    );
  }

  /**
   * Points come one after the other: the rows of the ledger are compared with the log's own books when they fit together,
   * and after a while in any case, so that what is missing shows.
   */
  async #lookAtBooks(): Promise<void> {
    const { log } = this.#options;
    const positions = this.#positions();
    const ledger = this.#points.ledger();
    const consumed = await log.receivedBefore(positions);
    log.retain(READER, positions);
    const isEven =
      sumCounts(ledger.counted) + sumCounts(ledger.duplicate) + sumCounts(ledger.bad) === sumCounts(consumed);
    if (!isEven && Date.now() - this.#booksMs < UNEVEN_MS_MAX) return;
    this.#booksMs = Date.now();
    this.#books = { ledger, consumed };
  }

  /** It may be about to take lines of before the job's first, which it has read while the log had them. */
  #isArchiveBefore(archive: ArchiveReader, { offsets }: JobStart): boolean {
    return this.#options.log.partitions().some(({ partition, end }) => {
      const first = offsets[partition] ?? 0;
      return first < end && archive.position(partition) < first;
    });
  }

  /** Lines have come about whose receipt the job can't know all: bad rows and duplicates mark no window dirty. */
  #needsRefresh(): boolean {
    return (
      this.#start !== null &&
      !this.#points.lacksBase() &&
      this.frontierMs() < this.#knowsAllFromMs + REFRESH_SLACK_MS &&
      this.#refreshed !== JSON.stringify(this.#points.positions())
    );
  }

  #wait(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}
