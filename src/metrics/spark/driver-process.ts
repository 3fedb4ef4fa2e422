import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SPARK_DIR } from '../../system/own-files.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import { type Exit, waitOf } from './explain.ts';
import type { Job } from './job.ts';

const DRIVER = join(SPARK_DIR, 'driver.py');
/** What the driver writes to its log. */
const DRIVER_LOGGING = join(SPARK_DIR, 'log4j2.properties');

/** What the driver is started with. */
export interface DriverSession {
  /** Version of pyspark; a driver with another one ends before it does anything. */
  spark: string;
  conf: Record<string, string>;
  /** Folder for results elsewhere, which it empties. */
  scratch?: string;
}

export type DriverEvent =
  /** Python and pyspark are there, and Java is next. */
  | { event: 'begun'; pyspark: string }
  /** It takes jobs. */
  | { event: 'session'; version: string }
  /** It computes; stages that are being computed, with the number of their tasks that are done. */
  | { event: 'working'; tasks: [number, number][] }
  | { event: 'computed'; id: string; error: string | null }
  /** It waits for something outside, and goes on when it has that. */
  | { event: 'waits'; message: string };

/** Folder in that of the driver for Spark's temporary files, where all of it is one process; emptied before each start. */
export const WORK = 'work';
/** How often it is tried again to delete what is in it, and the pause before the first time; each is longer by as much. */
const WORK_TRIES = 8;
const WORK_PAUSE_MS = 100;
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
      if (!event) return;
      this.#hasBegun = true;
      if (event.event === 'computed') this.#computing.get(event.id)?.(event.error);
      else onEvent(event);
    });
    this.exit = new Promise((resolve) => {
      child.once('error', (error) => {
        file.end();
        resolve({
          code: null,
          signal: null,
          stderr: `${error.message}: ${reasonOf(error)}`,
          hasBegun: false,
        });
      });
      child.once('close', (code, signal) => {
        file.end();
        resolve({ code, signal, stderr: this.#stderr, hasBegun: this.#hasBegun });
      });
    });
  }

  /** Starts the driver in `dir`. It gets its settings by a pipe, as they may hold passwords. */
  static async start(
    session: DriverSession,
    options: {
      python: string;
      dir: string;
      env: Record<string, string>;
      onEvent: (event: DriverEvent) => void;
    },
  ): Promise<DriverProcess> {
    const { python, dir, env, onEvent } = options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // The driver of a process that was killed may still write there until it notices.
    await rm(join(dir, WORK), {
      recursive: true,
      force: true,
      maxRetries: WORK_TRIES,
      retryDelay: WORK_PAUSE_MS,
    });
    const log = join(dir, 'driver.log');
    try {
      renameSync(log, `${log}.old`);
    } catch {
      // The first start has none.
    }
    const child = spawn(python, [DRIVER], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { LOG4J_CONFIGURATION_FILE: DRIVER_LOGGING, ...process.env, PYTHONUNBUFFERED: '1', ...env },
      cwd: dir,
    });
    const driver = new DriverProcess(child, log, onEvent);
    child.stdin.write(`${JSON.stringify(session)}\n`);
    return driver;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Has it compute a job; rejects with what Spark says, or when it ends meanwhile. */
  async compute(job: Job): Promise<void> {
    const computed = new Promise<string | null>((resolve) => {
      this.#computing.set(job.id, resolve);
    });
    this.#child.stdin!.write(`${JSON.stringify(job)}\n`);
    const ended = this.exit.then(() => 'Spark ended before it was done.');
    const failure = await Promise.race([computed, ended]);
    this.#computing.delete(job.id);
    if (failure !== null) throw new Error(failure);
  }

  /** Tells it to end, whatever it computes. */
  end(): void {
    this.#child.stdin!.end();
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
    // A line of Spark itself.
    return null;
  }
}
