import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../src/telemetry/ledger.ts';
import { clockEnv } from './clock.ts';

export const PROJECT_DIR = join(import.meta.dirname, '..', '..');
/** The program. test.sh has it in fewer files, by test/support/bundle-program.ts, from which each process of it starts faster. */
export const MAIN = process.env.TILLSTREAM_TEST_PROGRAM ?? join(PROJECT_DIR, 'src', 'main.ts');
const READY_MS_MAX = 60_000;
const SETTLED_MS_MAX = 60_000;

const dirs: string[] = [];
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

/** A folder that is removed when the tests of the file are over. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tillstream-test-'));
  dirs.push(dir);
  return dir;
}

export interface ProductOptions {
  dataDir: string;
  /** The config, as an object. */
  config?: object;
  env?: Record<string, string>;
  /** Further arguments of `up`. */
  args?: string[];
  /** How long it may take until every part is ready; Spark needs long on a busy machine. */
  readyMsMax?: number;
}

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined where it is none. */
  json: T;
}

/** A Tillstream process of its own, as a user would start it in the foreground. */
export interface Product {
  pid: number;
  url: string;
  port: number;
  dataDir: string;
  /** Secret of this start, as the commands on this machine have it. */
  token: string;
  /** What it wrote to stdout and stderr. */
  output(): string;
  request<T = unknown>(method: string, path: string, options?: RequestOptions): Promise<Answer<T>>;
  send(body: string | Uint8Array, headers?: Record<string, string>): Promise<Answer<SendResult>>;
  ledger(): Promise<Ledger>;
  /** Waits until all lines received are archived and measured, and no window is invalidated; gives the ledger. */
  settled(): Promise<Ledger>;
  /** Resident memory in bytes. */
  memory(): number;
  /** Ends it at once, as a power cut of the process would. */
  kill(): Promise<void>;
  /** Ends it properly; gives the exit code. */
  stop(): Promise<number | null>;
  exited: Promise<number | null>;
  isRunning(): boolean;
}

export interface RequestOptions {
  body?: string | Uint8Array;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

export interface SendResult {
  accepted: number;
  rejected: number;
  errors: { line: number; record: number; code: string; field?: string; example?: string }[];
  error?: { code: string; message: string; hint: string };
}

/** The environment of a child: nothing of the caller's settings, a free port, the clock of the test. */
export function childEnv(env: Record<string, string> = {}): Record<string, string> {
  const { PATH = '', HOME = tmpdir(), NODE_COMPILE_CACHE, JAVA_HOME } = process.env;
  return {
    PATH,
    HOME,
    UV_THREADPOOL_SIZE: '16',
    TILLSTREAM_PORT: '0',
    NODE_NO_WARNINGS: '1',
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
    // That of test.sh, which starts faster; Spark does not take the one of PATH.
    ...(JAVA_HOME === undefined ? {} : { JAVA_HOME }),
    ...clockEnv(),
    ...env,
  };
}

/** Starts `up` and returns without waiting for anything. */
export function spawnUp(options: ProductOptions): {
  child: ChildProcess;
  output(): string;
  exited: Promise<number | null>;
} {
  const args = [MAIN, 'up', '--data', options.dataDir, ...(options.args ?? [])];
  if (options.config) args.push('--config', configFile(options.config));
  const child = spawn(process.execPath, args, {
    env: childEnv(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return { child, output: () => output, exited };
}

/** Writes a config file; JSON is YAML. */
export function configFile(config: object): string {
  const file = join(temporaryDir(), 'config.yaml');
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  return file;
}

/** Starts the product and waits until every part is ready. */
export async function startProduct(options: ProductOptions): Promise<Product> {
  const { child, output, exited } = spawnUp(options);
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  const runFile = join(options.dataDir, 'run.json');
  const { readyMsMax = READY_MS_MAX } = options;
  const startedMs = performance.now();
  const deadline = startedMs + readyMsMax;
  let run: { pid: number; url: string; token: string } | null = null;
  for (;;) {
    assert.ok(!isOver, `the product did not start:\n${output()}`);
    assert.ok(performance.now() < deadline, `the product is not ready after ${readyMsMax} ms:\n${output()}`);
    if (existsSync(runFile)) run = JSON.parse(readFileSync(runFile, 'utf8'));
    if (run?.pid === child.pid && run && (await isReady(run.url))) break;
    await pause(startedMs);
  }
  const { pid, url, token } = run;

  async function request<T>(method: string, path: string, { body, headers, timeoutMs }: RequestOptions = {}) {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: headers ?? { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: body as string }),
      signal: AbortSignal.timeout(timeoutMs ?? 30_000),
    });
    const text = await answer.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, headers: answer.headers, text, json: json as T };
  }

  const ledger = async () => (await request<Ledger>('GET', '/v1/ledger')).json;

  return {
    pid,
    url,
    port: Number(new URL(url).port),
    dataDir: options.dataDir,
    token,
    output,
    request,
    send: (body, headers = { 'content-type': 'application/x-ndjson' }) =>
      request<SendResult>('POST', '/v1/events', { body, headers }),
    ledger,
    async settled() {
      const sinceMs = performance.now();
      for (;;) {
        const now = await ledger();
        if (now.archive.in_flight === 0 && now.metrics.in_flight === 0 && now.dirty_windows === 0) return now;
        assert.ok(
          performance.now() < sinceMs + SETTLED_MS_MAX,
          `not settled after ${SETTLED_MS_MAX} ms: ${JSON.stringify(now)}\n${output().slice(-4000)}`,
        );
        await pause(sinceMs);
      }
    },
    memory: () => memoryOf(pid),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
    exited,
    isRunning: () => !isOver,
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

function memoryOf(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as JSON; throws where it is not exactly one document. */
  json<T>(): T;
}

/** Runs one command of the command line to its end. */
export async function cli(
  args: string[],
  options: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: childEnv(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  children.add(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  children.delete(child);
  return {
    code,
    stdout,
    stderr,
    json<T>() {
      assert.match(stdout, /^[^\n]+\n$/, `stdout is not one line of JSON: ${stdout}\n${stderr}`);
      return JSON.parse(stdout) as T;
    },
  };
}

/** Before one looks again: the longer it takes the rarer, as looking takes time from what is waited for. */
function pause(sinceMs: number): Promise<void> {
  return sleep(Math.min(15 + (performance.now() - sinceMs) / 20, 100));
}

/** Waits until `condition` holds, looking often. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  msMax = 20_000,
): Promise<void> {
  const sinceMs = performance.now();
  while (!(await condition())) {
    assert.ok(performance.now() < sinceMs + msMax, `not within ${msMax} ms: ${what}`);
    await pause(sinceMs);
  }
}
