import { existsSync, statSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { App, RuntimeConfig } from '../app/app.ts';
import { BusyError } from '../load/target.ts';
import { DEFAULT_DATA_DIR } from '../system/own-files.ts';
import { ComponentError, hintElsewhere, UsageError } from '../telemetry/errors.ts';
import { printable } from '../telemetry/printable.ts';
import { reasonOf } from '../telemetry/system-error.ts';
import { jsonBodyOf, type RunFile, requestOwner } from './owner.ts';
import { say, terminalLogger, writeJson, writeOut } from './terminal.ts';

/** Options that every command takes. */
export interface CommonOptions {
  json?: boolean;
  config?: string;
  data?: string;
}

/** All of the program, which a command that asks a running process does without: it takes less than half the time. */
const loadApp = () => import('../app/app.ts');

const runFilePath = (dataDir: string) => join(dataDir, 'run.json');

export async function writeRunFile(dataDir: string, run: RunFile): Promise<void> {
  const temp = `${runFilePath(dataDir)}.tmp`;
  await rm(temp, { force: true });
  await writeFile(temp, JSON.stringify(run), { mode: 0o600 });
  await rename(temp, runFilePath(dataDir));
}

/** Removes the run file that the process left, and no other's. */
export async function removeRunFile(dataDir: string, pid: number): Promise<void> {
  if ((await readRunFile(dataDir))?.pid === pid) await rm(runFilePath(dataDir), { force: true });
}

/** `roles` is the list that the command was given, if any. */
export async function runtimeOf(options: CommonOptions, roles?: string): Promise<RuntimeConfig> {
  const { readRuntimeConfig } = await loadApp();
  return readRuntimeConfig({ ...options, roles }, process.env, DEFAULT_DATA_DIR);
}

/** The data folder of a command that needs nothing of the config: a broken one must not keep anybody from stopping. */
export function dataDirOf({ data }: CommonOptions): string {
  return resolve(data ?? (process.env.TILLSTREAM_DATA || DEFAULT_DATA_DIR));
}

function isFileOrBelow(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR';
  }
}

/** For commands that only look: they make no data folder. */
export function refuseMissing(dataDir: string): void {
  if (existsSync(join(dataDir, 'data.json'))) return;
  // What can't be a folder is refused when it is opened.
  if (isFileOrBelow(dataDir)) return;
  throw new CommandError(
    `There is no data folder ${dataDir}: nothing was ever received there. Check --data and TILLSTREAM_DATA, or start with ./start-pipeline.sh.`,
  );
}

/** What the last `up` on the data folder has left; null where it ended properly. */
export async function readRunFile(dataDir: string): Promise<RunFile | null> {
  try {
    return JSON.parse(await readFile(runFilePath(dataDir), 'utf8')) as RunFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      throw new CommandError(
        `The data folder ${dataDir} belongs to another user, and you may not look into it. Run the command as that user, or as root.`,
      );
    return null;
  }
}

/** How long a running process may take to answer before a command gives up on it. */
const ANSWER_MS_MAX = 10_000;

/**
 * The process that serves the data folder; null where none does. Throws NotAnsweringError when it has the folder open but does
 * not answer.
 */
export async function findRunning(dataDir: string): Promise<RunFile | null> {
  const run = await readRunFile(dataDir);
  if (run === null) return null;
  let refused = false;
  try {
    const answer = await requestOwner(run, 'GET', '/v1/status', {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const { pid } = await jsonBodyOf<{ pid?: number }>(answer);
    if (answer.ok && pid === run.pid) return run;
  } catch (error) {
    refused = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
  // What a killed process has left names nobody who has the folder open.
  if ((await processWith(dataDir)) !== run.pid) return null;
  throw new NotAnsweringError(
    run.pid,
    (await isSuspended(run.pid)) ? 'suspended' : refused ? 'stopping' : 'silent',
    dataDir,
  );
}

/** Process id of who has the data folder open; null when nobody has. */
async function processWith(dataDir: string): Promise<number | null> {
  return (await import('../app/data-dir.ts')).holderOf(dataDir);
}

/** Throws where a process has the data folder open without serving it. */
export async function refuseHolder(dataDir: string): Promise<void> {
  const holder = await processWith(dataDir);
  if (holder === null) return;
  throw new CommandError(
    `Process ${holder} has the data folder open, but is not serving it: a command such as load, or a start that is not ready yet. Try again when it is done.`,
  );
}

/** Something that was asked for properly did not work: told without a stack trace, exit code 1. */
export class CommandError extends ComponentError {}

/** A process serves the data folder, by its files, and does not answer. */
export class NotAnsweringError extends CommandError {
  readonly pid: number;
  readonly why: 'suspended' | 'stopping' | 'silent';
  constructor(pid: number, why: NotAnsweringError['why'], dataDir: string) {
    const what = {
      suspended: `it is suspended, as by SIGSTOP. Resume it with "kill -CONT ${pid}"`,
      stopping: 'it is starting or stopping. Try again in a moment',
      silent: `it is overloaded or hangs. Try again; "tillstream down" ends it`,
    };
    super(`Process ${pid} does not answer, and has the data folder ${dataDir} open: ${what[why]}.`);
    this.pid = pid;
    this.why = why;
  }
}

/** Whether the process was told to stop running for now; only Linux tells. */
async function isSuspended(pid: number): Promise<boolean> {
  // The process has ended, or the system has no /proc.
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return /\) [Tt] /.test(stat);
}

/** Asks the running process; an error of the API becomes an error with its message and hint. */
export async function ask<T>(
  run: RunFile,
  method: string,
  path: string,
  body?: Buffer,
  headers: Record<string, string> = {},
): Promise<T> {
  const broken = (error: NodeJS.ErrnoException) => {
    throw new CommandError(`Process ${run.pid} at ${run.url} does not answer any more: ${reasonOf(error)}.`);
  };
  const answer = await requestOwner(run, method, path, { headers, ...(body ? { body } : {}) }).catch(broken);
  const result = await jsonBodyOf<T & ApiFailure>(answer).catch(broken);
  if (answer.ok) return result;
  const failure = result.error ?? {
    code: '',
    message: `The running process answered ${answer.status}.`,
    hint: '',
  };
  const text = `${failure.message} ${hintElsewhere(failure)}`.trim();
  if (answer.status === 429 || failure.code === 'log_busy') throw new BusyError(text);
  // What was asked is at fault, or the process is.
  throw answer.status < 500 ? new UsageError(text) : new CommandError(text);
}

interface ApiFailure {
  error?: { code: string; message: string; hint: string };
}

/**
 * Runs `work` on the data folder: over HTTP when a process serves it, else on the folder itself, opened for as long as
 * `work` takes.
 */
export async function onData<T>(
  options: CommonOptions,
  work: { remote: (run: RunFile) => Promise<T>; local: (app: App) => Promise<T> },
): Promise<T> {
  const dataDir = dataDirOf(options);
  const run = await findRunning(dataDir);
  if (run) return work.remote(run);
  refuseMissing(dataDir);
  const { openApp, withEngine } = await loadApp();
  const runtime = await withEngine(await runtimeOf(options), say);
  const app = await openApp(runtime, terminalLogger('warn'));
  try {
    return await work.local(app);
  } finally {
    await app.close(0);
  }
}

/** Prints one JSON document with --json, else text for people. */
export function print(options: CommonOptions, value: unknown, text: () => string): void {
  if (options.json) writeJson(`${JSON.stringify(value)}\n`);
  else writeOut(`${text()}\n`);
}

/** A table for people: columns as wide as their widest cell, numbers to the right. */
export function table(rows: readonly Record<string, unknown>[], columns?: readonly string[]): string {
  if (rows.length === 0) return '(no rows)';
  const names = columns ?? Object.keys(rows[0]!);
  const cell = (value: unknown) =>
    value === null || value === undefined
      ? '-'
      : typeof value === 'number'
        ? round(value)
        : printable(String(value));
  const widths = names.map((name) =>
    rows.reduce((width, row) => Math.max(width, cell(row[name]).length), name.length),
  );
  const line = (cells: string[], right: boolean[]) =>
    cells
      .map((text, index) => (right[index] ? text.padStart(widths[index]!) : text.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd();
  const numeric = names.map((name) =>
    rows.every((row) => row[name] === null || typeof row[name] === 'number'),
  );
  return [
    line([...names], numeric),
    ...rows.map((row) =>
      line(
        names.map((name) => cell(row[name])),
        numeric,
      ),
    ),
  ].join('\n');
}

function round(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
