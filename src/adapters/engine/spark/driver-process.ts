import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Exit, waitOf } from './explain.ts';
import { type BatchJob, DRIVER, DRIVER_LOGGING, type Job } from './job.ts';

/** What Spark tells after each step of the query, as far as we read it (StreamingQueryProgress). */
export interface Progress {
  batchId: number;
  batchDuration: number;
  numInputRows: number;
  processedRowsPerSecond?: number;
  stateOperators: {
    operatorName: string;
    numRowsDroppedByWatermark: number;
    memoryUsedBytes: number;
  }[];
  sources: {
    endOffset: Record<string, Record<string, number>> | null;
    latestOffset: Record<string, Record<string, number>> | null;
  }[];
}

export type DriverEvent =
  /** It has read the job, and Java is next. */
  | { event: 'begun'; pyspark: string }
  | { event: 'session'; version: string; application: string }
  | { event: 'started'; run: string }
  | { event: 'progress'; progress: Progress }
  /** It waits for something outside, and goes on when it has that. */
  | { event: 'waits'; message: string }
  /** There was nothing to compute for a while. */
  | { event: 'idle' }
  | { event: 'terminated'; error: string | null }
  | { event: 'computed'; job: string; error: string | null }
  | { event: 'end' };

/** Folder in that of the job for Spark's temporary files, where all of it is one process; emptied before each start. */
export const WORK = 'work';
const STDERR_KEPT = 16_384;
const LINE_KEPT = 1000;

/** One run of the driver. */
export class DriverProcess {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #computing = new Map<string, (failure: string | null) => void>();
  #stderr = '';
  #hasBegun = false;

  private constructor(child: ChildProcess, log: string, onEvent: (event: DriverEvent) => void) {
    this.#child = child;
    const file = createWriteStream(log, { mode: 0o600 });
    createInterface({ input: child.stderr! }).on('line', (line) => {
      file.write(`${line}\n`);
      // Traces of stacks and plans of queries are so long that what they are about would go. Java tells its own start that way, too.
      if (/^(\S|\s+[\w.]+(Error|Exception):)/.test(line))
        this.#stderr = `${this.#stderr}${line.slice(0, LINE_KEPT)}\n`.slice(-STDERR_KEPT);
      const message = waitOf(line);
      if (message !== null) onEvent({ event: 'waits', message });
    });
    // A driver that has died can't be told anything; its exit says so.
    child.stdin!.on('error', () => {});
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const event = parseEvent(line);
      if (event) this.#hasBegun = true;
      if (event?.event === 'computed') this.#computing.get(event.job)?.(event.error);
      else if (event) onEvent(event);
    });
    this.exit = new Promise((resolve) => {
      child.once('error', (error) => {
        file.end();
        resolve({ code: null, signal: null, stderr: error.message, hasBegun: false });
      });
      child.once('close', (code, signal) => {
        file.end();
        resolve({ code, signal, stderr: this.#stderr, hasBegun: this.#hasBegun });
      });
    });
  }

  /** Writes the job to `dir`, for the eyes of this user only as it may hold passwords, and starts the driver on it. */
  static async start(
    job: Job,
    options: {
      python: string;
      dir: string;
      env: Record<string, string>;
      onEvent: (event: DriverEvent) => void;
    },
  ): Promise<DriverProcess> {
    const { python, dir, env, onEvent } = options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    await rm(join(dir, WORK), { recursive: true, force: true });
    const file = join(dir, 'job.json');
    await writeFile(file, `${JSON.stringify(job, null, 1)}\n`, { mode: 0o600 });
    const log = join(dir, 'driver.log');
    try {
      renameSync(log, `${log}.old`);
    } catch {
      // The first start has none.
    }
    const child = spawn(python, [DRIVER, file], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { LOG4J_CONFIGURATION_FILE: DRIVER_LOGGING, ...process.env, PYTHONUNBUFFERED: '1', ...env },
      cwd: dir,
    });
    return new DriverProcess(child, log, onEvent);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Tells it to end: after what the log has now, or at once. */
  tell(what: 'drain' | 'stop'): void {
    this.#child.stdin!.write(`${what}\n`);
  }

  /** Has it compute a batch beside the query; rejects with what Spark says, or when it ends meanwhile. */
  async compute(job: BatchJob): Promise<void> {
    const file = `${job.output}.job.json`;
    await writeFile(file, `${JSON.stringify(job, null, 1)}\n`, { mode: 0o600 });
    const computed = new Promise<string | null>((resolve) => {
      this.#computing.set(file, resolve);
    });
    this.#child.stdin!.write(`compute ${file}\n`);
    const ended = this.exit.then(() => 'Spark ended before it was done.');
    const failure = await Promise.race([computed, ended]);
    this.#computing.delete(file);
    await rm(file, { force: true });
    if (failure !== null)
      throw new Error(`Spark could not compute it, and says in driver.log why: ${failure}`);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function parseEvent(line: string): DriverEvent | null {
  // Other code in the driver may print as well.
  if (!line.startsWith('{"event"')) return null;
  try {
    return JSON.parse(line) as DriverEvent;
  } catch {
    return null;
  }
}
