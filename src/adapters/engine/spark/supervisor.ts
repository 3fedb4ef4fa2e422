import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../../domain/logger.ts';
import type { PartStatus } from '../../../domain/status.ts';
import { type DriverEvent, DriverProcess, type Progress } from './driver-process.ts';
import { explain, type Failure, wrongVersion } from './explain.ts';
import type { BatchJob, Job } from './job.ts';

export interface SupervisorOptions {
  job(): Promise<Job>;
  python: string;
  master: string;
  dir: string;
  env: Record<string, string>;
  logger: Logger;
  /** Called when all points of the lines that were computed so far are in the topic. */
  onBatch(): void;
  /** Whether there are lines that the query has not computed. */
  isBehind(): boolean;
  /** Waits before the first restart, ms; doubled up to BACKOFF_MS_MAX. For tests. */
  backoffMsMin?: number;
}

const BACKOFF_MS_MIN = 2000;
const BACKOFF_MS_MAX = 60_000;
/** A driver that has worked for so long starts with the shortest wait again. */
const WELL_MS = 300_000;
/** A query with lines to compute that says nothing for so long hangs. */
const SILENT_MS_MAX = 600_000;
const LOOK_MS = 5000;
const STARTED_LOOK_MS = 200;
/** A query that has begun may yet find that Kafka is away. */
const SURE_MS = 3000;
/** One that has told of a step so short ago waits for nothing. */
const WORKING_MS = 15_000;
/** How long a driver may take to end after it was told to. */
const END_MS_MAX = 20_000;

export interface SupervisorCounters {
  starts: number;
  exits: number;
  batches: number;
  records: number;
  /** Batches over the archive that were computed. */
  rebuilds: number;
  /** Rows that were too late even for Spark's state: their windows lack them until a rebuild. */
  dropped: number;
  batch_ms: number;
  state_bytes: number;
}

/** Keeps the driver running. Every exit that nobody asked for is a failure, whatever the code. */
export class Supervisor {
  readonly counters: SupervisorCounters = {
    starts: 0,
    exits: 0,
    batches: 0,
    records: 0,
    rebuilds: 0,
    dropped: 0,
    batch_ms: 0,
    state_bytes: 0,
  };
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #driver: DriverProcess | null = null;
  #failure: Failure | null = null;
  #isRunning = false;
  /** From when on a query that runs is taken to work. */
  #sureMs = 0;
  #waits = '';
  #heardMs = 0;
  #running: Promise<void> = Promise.resolve();
  #watch: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
    this.#watch = setInterval(() => this.#endHung(), LOOK_MS);
  }

  /** The driver's process; undefined while none runs. */
  get pid(): number | undefined {
    return this.#driver?.pid;
  }

  status(): PartStatus {
    const isSure = this.#isRunning && Date.now() >= this.#sureMs;
    const failure = isSure ? null : this.#failure;
    // What it waits for now says more than why it failed before, unless a person is needed.
    const message = failure?.isFinal ? failure.message : this.#waits || failure?.message;
    if (message) return { state: failure?.isFinal ? 'failed' : 'waiting', message };
    if (!isSure) return { state: 'starting', message: 'Spark is starting.' };
    if (this.counters.dropped > 0) {
      const message = `${this.counters.dropped} lines came too late for Spark; "tillstream rebuild" takes them in from the archive.`;
      return { state: 'ready', message };
    }
    return { state: 'ready', message: '' };
  }

  /** Has Spark compute a batch beside the query; its output is whole when this resolves. Rejects where Spark is not at work. */
  async compute(job: BatchJob): Promise<void> {
    while (!this.#isRunning && !this.#failure && !this.#stopping.signal.aborted) await sleep(STARTED_LOOK_MS);
    const driver = this.#driver;
    if (!driver || !this.#isRunning || this.#stopping.signal.aborted)
      throw new Error(this.#failure?.message ?? 'Spark has been stopped.');
    await driver.compute(job);
    this.counters.rebuilds++;
  }

  /** Lets the query compute what the log has, for at most `drainMsMax`, and ends the driver. */
  async stop(drainMsMax: number): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#watch);
    const driver = this.#driver;
    if (driver) {
      const ended = driver.exit.then(() => true);
      const within = (ms: number) => Promise.race([ended, sleep(ms, false, { ref: false })]);
      // It listens only when its query runs, and before that there is nothing to lose.
      if (!this.#isRunning) driver.kill();
      if (drainMsMax > 0 && this.#isRunning) driver.tell('drain');
      if (!(drainMsMax > 0 && (await within(drainMsMax)))) driver.tell('stop');
      if (!(await within(END_MS_MAX))) driver.kill();
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    const { logger, python, master } = this.#options;
    const { signal } = this.#stopping;
    const backoffMsMin = this.#options.backoffMsMin ?? BACKOFF_MS_MIN;
    let backoffMs = backoffMsMin;
    while (!signal.aborted) {
      const startedMs = Date.now();
      const failure = await this.#once();
      this.#driver = null;
      this.#isRunning = false;
      this.#waits = '';
      if (signal.aborted) return;
      this.counters.exits++;
      this.#failure = failure;
      if (Date.now() - startedMs > WELL_MS) backoffMs = backoffMsMin;
      const waitMs = backoffMs * (0.75 + Math.random() / 2);
      const what = `spark: the driver ended and is started again in ${Math.round(waitMs / 1000)} s. ${failure.message}`;
      if (failure.isFinal) logger.error({ python, master }, what);
      else logger.warn({ python, master }, what);
      await sleep(waitMs, undefined, { signal }).catch(() => {});
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
    }
  }

  /** One run of the driver, and why it ended. */
  async #once(): Promise<Failure> {
    const { job, python, master, dir, env } = this.#options;
    let wrong: Failure | null = null;
    try {
      this.counters.starts++;
      this.#heardMs = Date.now();
      const driver = await DriverProcess.start(await job(), {
        python,
        dir,
        env,
        onEvent: (event) => {
          if (event.event === 'begun') wrong = wrongVersion('pyspark', event.pyspark, python);
          if (event.event === 'session') wrong = wrongVersion('spark', event.version, python);
          if (wrong) driver.kill();
          else this.#hear(event);
        },
      });
      this.#driver = driver;
      // Told to stop while it was being started.
      if (this.#stopping.signal.aborted) driver.tell('stop');
      const exit = await driver.exit;
      return wrong ?? explain(exit, { python, master });
    } catch (error) {
      return { message: error instanceof Error ? error.message : String(error), isFinal: false };
    }
  }

  #hear(event: DriverEvent): void {
    if (event.event === 'waits') {
      // One broker of several may be away while the query goes on.
      const isWorking = this.#isRunning && this.#sureMs === 0 && Date.now() - this.#heardMs < WORKING_MS;
      if (!isWorking) this.#waits = event.message;
      // One that waits may hang.
      return;
    }
    this.#waits = '';
    this.#heardMs = Date.now();
    if (event.event === 'started') {
      this.#isRunning = true;
      this.#sureMs = Date.now() + SURE_MS;
    }
    if (event.event === 'progress' || event.event === 'idle') {
      this.#sureMs = 0;
      this.#failure = null;
    }
    if (event.event === 'progress') this.#count(event.progress);
    if (event.event === 'progress' || event.event === 'idle') this.#options.onBatch();
  }

  #count({ numInputRows, batchDuration, stateOperators }: Progress): void {
    const { counters } = this;
    const sum = (of: (operator: Progress['stateOperators'][number]) => number) =>
      stateOperators.reduce((total, operator) => total + of(operator), 0);
    counters.batches++;
    counters.records += numInputRows;
    counters.batch_ms = batchDuration;
    counters.dropped += sum(({ numRowsDroppedByWatermark }) => numRowsDroppedByWatermark);
    counters.state_bytes = sum(({ memoryUsedBytes }) => memoryUsedBytes);
  }

  #endHung(): void {
    if (!this.#driver || !this.#isRunning || !this.#options.isBehind()) return;
    if (Date.now() - this.#heardMs < SILENT_MS_MAX) return;
    this.#options.logger.warn({}, 'spark: the driver has said nothing for too long and is ended');
    this.#driver.kill();
  }
}
