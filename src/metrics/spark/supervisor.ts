import { setTimeout as timer } from 'node:timers/promises';
import { Backoff } from '../../system/backoff.ts';
import { sleep } from '../../system/sleep.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ComponentStatus } from '../../telemetry/status.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import { type DriverEvent, DriverProcess, type DriverSession } from './driver-process.ts';
import { explain, type Failure, known, wrongVersion } from './explain.ts';
import type { Job } from './job.ts';

export interface SupervisorOptions {
  session: DriverSession;
  python: string;
  master: string;
  /** Folder for the driver's log and its temporary files. */
  dir: string;
  env: Record<string, string>;
  logger: Logger;
  /** Waits before the first restart, ms; doubled up to BACKOFF_MS_MAX. For tests. */
  backoffMsMin?: number;
}

const BACKOFF_MS_MIN = 2000;
const BACKOFF_MS_MAX = 60_000;
/** A driver that has worked for so long starts with the shortest wait again. */
const WELL_MS = 300_000;
/** A driver with a job that finishes no task for so long hangs. */
const SILENT_MS_MAX = 600_000;
const LOOK_MS = 5000;
const STARTED_LOOK_MS = 100;
/** How long a driver may take to end after it was told to. */
const END_MS_MAX = 20_000;

/** Keeps the driver running. Every exit that nobody asked for is a failure, whatever the code. */
export class Supervisor {
  readonly counters = { starts: 0, exits: 0, jobs: 0, failed_jobs: 0, job_ms: 0 };
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #driver: DriverProcess | null = null;
  #failure: Failure | null = null;
  #isReady = false;
  #waits = '';
  /** When it last got a job, or told of a task that is done; and which tasks those were. */
  #movedMs = 0;
  #tasks = '';
  #computing = 0;
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

  status(): ComponentStatus {
    const { isFinal = false, message = '' } = (!this.#isReady && this.#failure) || {};
    // What it waits for now says more than why it failed before, unless a person is needed.
    const text = isFinal ? message : this.#waits || message;
    if (text) return { state: isFinal ? 'failed' : 'waiting', message: text };
    return this.#isReady
      ? { state: 'ready', message: '' }
      : { state: 'starting', message: 'Spark is starting.' };
  }

  /** Has Spark compute a job; its output is whole when this resolves. Waits for Spark to start; rejects where it can't. */
  async compute(job: Job): Promise<void> {
    while (!this.#isReady && !this.#failure && !this.#stopping.signal.aborted) await sleep(STARTED_LOOK_MS);
    const driver = this.#driver;
    if (!driver || !this.#isReady || this.#stopping.signal.aborted)
      throw new Error(this.#failure?.message ?? 'Spark has been stopped.');
    const startedMs = performance.now();
    this.#movedMs = startedMs;
    this.#computing++;
    try {
      await driver.compute(job);
      this.counters.jobs++;
    } catch (error) {
      this.counters.failed_jobs++;
      const said = messageOf(error);
      const words = known(said, this.#options)?.message;
      throw new Error(words ?? `The Spark job failed (details in driver.log): ${said}`);
    } finally {
      this.#computing--;
      this.#waits = '';
      this.counters.job_ms = Math.round(performance.now() - startedMs);
    }
  }

  /** Ends the driver, whatever it computes. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#watch);
    const driver = this.#driver;
    if (driver) {
      // It listens only when it takes jobs, and before that there is nothing to end.
      if (this.#isReady) driver.end();
      else driver.kill();
      const ended = driver.exit.then(() => true);
      if (!(await Promise.race([ended, timer(END_MS_MAX, false, { ref: false })]))) driver.kill();
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    const { logger, python, master } = this.#options;
    const { signal } = this.#stopping;
    const backoffMsMin = this.#options.backoffMsMin ?? BACKOFF_MS_MIN;
    const backoff = new Backoff(backoffMsMin, BACKOFF_MS_MAX);
    while (!signal.aborted) {
      const startedMs = performance.now();
      const failure = await this.#once();
      this.#driver = null;
      this.#isReady = false;
      this.#waits = '';
      if (signal.aborted) return;
      this.counters.exits++;
      this.#failure = failure;
      if (performance.now() - startedMs > WELL_MS) backoff.reset();
      const waitMs = backoff.next();
      const what = `spark: the driver ended and is started again in ${Math.round(waitMs / 1000)} s. ${failure.message}`;
      if (failure.isFinal) logger.error({ python, master }, what);
      else logger.warn({ python, master }, what);
      await sleep(waitMs, signal);
    }
  }

  /** One run of the driver, and why it ended. */
  async #once(): Promise<Failure> {
    const { session, python, master, dir, env } = this.#options;
    let wrong: Failure | null = null;
    try {
      this.counters.starts++;
      const driver = await DriverProcess.start(session, {
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
      if (this.#stopping.signal.aborted) driver.kill();
      const exit = await driver.exit;
      return wrong ?? explain(exit, { python, master });
    } catch (error) {
      return { message: messageOf(error), isFinal: false };
    }
  }

  #hear(event: DriverEvent): void {
    if (event.event === 'session') {
      this.#isReady = true;
      this.#failure = null;
      this.#waits = '';
    }
    // One server of several may be away while there is nothing to do.
    if (event.event === 'waits' && (this.#computing > 0 || !this.#isReady)) this.#waits = event.message;
    if (event.event !== 'working') return;
    const tasks = JSON.stringify(event.tasks);
    if (tasks === this.#tasks) return;
    [this.#tasks, this.#movedMs, this.#waits] = [tasks, performance.now(), ''];
  }

  #endHung(): void {
    if (!this.#driver || this.#computing === 0 || performance.now() - this.#movedMs < SILENT_MS_MAX) return;
    this.#options.logger.warn({}, 'spark: the driver has finished no task for too long and is ended');
    this.#driver.kill();
  }
}
