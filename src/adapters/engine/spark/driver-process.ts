import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DRIVER, type Job } from './job.ts';

/** What Spark tells after each step of the query, as far as we read it (StreamingQueryProgress). */
export interface Progress {
  batchId: number;
  batchDuration: number;
  numInputRows: number;
  processedRowsPerSecond?: number;
  stateOperators: {
    operatorName: string;
    numRowsTotal: number;
    numRowsDroppedByWatermark: number;
    memoryUsedBytes: number;
  }[];
  sources: {
    endOffset: Record<string, Record<string, number>> | null;
    latestOffset: Record<string, Record<string, number>> | null;
  }[];
}

export type DriverEvent =
  | { event: 'session'; version: string; application: string }
  | { event: 'started'; run: string }
  | { event: 'progress'; progress: Progress }
  /** There was nothing to compute for a while. */
  | { event: 'idle' }
  | { event: 'terminated'; error: string | null }
  | { event: 'end' };

export interface Exit {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The end of what it wrote to stderr. */
  stderr: string;
}

const STDERR_KEPT = 16_384;

/** One run of the driver. */
export class DriverProcess {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  #stderr = '';

  private constructor(child: ChildProcess, log: string, onEvent: (event: DriverEvent) => void) {
    this.#child = child;
    const file = createWriteStream(log, { mode: 0o600 });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      file.write(text);
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    // A driver that has died can't be told anything; its exit says so.
    child.stdin!.on('error', () => {});
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const event = parseEvent(line);
      if (event) onEvent(event);
    });
    this.exit = new Promise((resolve) => {
      child.once('error', (error) => {
        file.end();
        resolve({ code: null, signal: null, stderr: error.message });
      });
      child.once('close', (code, signal) => {
        file.end();
        resolve({ code, signal, stderr: this.#stderr });
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
      env: { ...process.env, PYTHONUNBUFFERED: '1', ...env },
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
