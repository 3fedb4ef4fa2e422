import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type App, type Environment, openApp, readEnvironment } from '../app.ts';
import { UsageError } from '../domain/errors.ts';
import { createLogger } from '../telemetry/logger.ts';

/** Options that every command takes. */
export interface CommonOptions {
  json?: boolean;
  config?: string;
  data?: string;
}

export const PROJECT_DIR = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const PAGE_DIR = join(PROJECT_DIR, 'web', 'dist');

/** What a running process leaves in its data folder for the commands of the same user. */
export interface RunFile {
  pid: number;
  url: string;
  /** Lets commands on this machine do everything; new with each start. */
  token: string;
}

const runFilePath = (dataDir: string) => join(dataDir, 'run.json');

export async function writeRunFile(dataDir: string, run: RunFile): Promise<void> {
  const temp = `${runFilePath(dataDir)}.tmp`;
  await writeFile(temp, JSON.stringify(run), { mode: 0o600 });
  await rename(temp, runFilePath(dataDir));
}

/** Removes the run file that the process left, and no other's. */
export async function removeRunFile(dataDir: string, pid: number): Promise<void> {
  if ((await readRunFile(dataDir))?.pid === pid) await rm(runFilePath(dataDir), { force: true });
}

/** `roles` is the list that the command was given, if any. */
export function environmentOf(options: CommonOptions, roles?: string): Promise<Environment> {
  return readEnvironment({ ...options, roles }, process.env, join(PROJECT_DIR, 'data'));
}

/** What the last `up` on the data folder has left; null where it ended properly. */
export async function readRunFile(dataDir: string): Promise<RunFile | null> {
  try {
    return JSON.parse(await readFile(runFilePath(dataDir), 'utf8')) as RunFile;
  } catch {
    return null;
  }
}

/** The process that serves the data folder, if one answers. */
export async function findRunning(dataDir: string): Promise<RunFile | null> {
  const run = await readRunFile(dataDir);
  if (run === null) return null;
  try {
    const answer = await fetch(`${run.url}/v1/status`, {
      headers: { authorization: `Bearer ${run.token}` },
      signal: AbortSignal.timeout(5000),
    });
    const status = (await answer.json()) as { pid?: number };
    return answer.ok && status.pid === run.pid ? run : null;
  } catch {
    return null;
  }
}

/** Something that was asked for properly did not work: told without a stack trace, exit code 1. */
export class CommandFailed extends Error {}

/** Asks the running process; an error of the API becomes an error with its message and hint. */
export async function ask<T>(
  run: RunFile,
  method: string,
  path: string,
  body?: Buffer,
  headers: Record<string, string> = {},
): Promise<T> {
  const answer = await fetch(`${run.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${run.token}`, ...headers },
    ...(body ? { body: new Uint8Array(body) } : {}),
  }).catch((error: Error) => {
    const { code } = (error.cause ?? error) as NodeJS.ErrnoException;
    throw new CommandFailed(
      `Process ${run.pid} at ${run.url} does not answer any more${code ? ` (${code})` : ''}.`,
    );
  });
  const result = (await answer.json()) as T & ApiFailure;
  if (answer.ok) return result;
  const { message, hint } = result.error ?? {
    message: `The running process answered ${answer.status}.`,
    hint: '',
  };
  const text = `${message} ${hint}`.trim();
  if (answer.status === 429 || result.error?.code === 'log_busy') throw new Busy(text);
  // What was asked is at fault, or the process is.
  throw answer.status < 500 ? new UsageError(text) : new CommandFailed(text);
}

interface ApiFailure {
  error?: { code: string; message: string; hint: string };
}

/** The running process takes nothing at the moment; the same request will work soon. */
export class Busy extends CommandFailed {}

/**
 * Runs `work` on the data folder: over HTTP when a process serves it, else on the folder itself, opened for as long as
 * `work` takes.
 */
export async function onData<T>(
  options: CommonOptions,
  work: { remote: (run: RunFile) => Promise<T>; local: (app: App) => Promise<T> },
): Promise<T> {
  const environment = await environmentOf(options);
  const run = await findRunning(environment.dataDir);
  if (run) return work.remote(run);
  const app = await openApp(environment, createLogger('warn'));
  try {
    return await work.local(app);
  } finally {
    await app.close(0);
  }
}

/** Prints one JSON document with --json, else text for people. */
export function print(options: CommonOptions, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value) : text()}\n`);
}

/** A table for people: columns as wide as their widest cell, numbers to the right. */
export function table(rows: readonly Record<string, unknown>[], columns?: readonly string[]): string {
  if (rows.length === 0) return '(no rows)';
  const names = columns ?? Object.keys(rows[0]!);
  const cell = (value: unknown) =>
    value === null || value === undefined ? '-' : typeof value === 'number' ? round(value) : String(value);
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => cell(row[name]).length)));
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

/** One line on stderr that is rewritten, only on a terminal. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

export function progressDone(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
}
