import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Connections, ServiceName } from '../../tools/dev-services/server.ts';
import { downServices, statusOfServices, upServices } from '../../tools/dev-services/services.ts';
import { useRealClock } from './clock.ts';
import { until } from './product.ts';

const say = (line: string) => console.error(line);

/** A real server in a folder of its own, which goes when the tests of the file are over. */
export interface TestService<Name extends ServiceName> {
  info: Connections[Name];
  /** Ends processes and waits for it: all of them, or one by index (brokers from 0) or name ('namenode', 'datanode'). */
  kill(signal?: NodeJS.Signals, which?: number | string): Promise<void>;
  /** Starts what has ended, on the same ports and data; resolves when clients can work with it. */
  restart(): Promise<void>;
  /** Ends it in an orderly way, and keeps its data. */
  stop(): Promise<void>;
}

const running = new Map<string, ServiceName>();
after(async () => {
  for (const [dataDir, name] of running) {
    await killProcesses(dataDir, name, 'SIGKILL');
    await downServices(dataDir, [name], { say });
    rmSync(dataDir, { recursive: true, force: true });
  }
});

export async function startService<Name extends ServiceName>(
  name: Name,
  options: { brokers?: number } = {},
): Promise<TestService<Name>> {
  if (name === 'kafka') useRealClock();
  const dataDir = mkdtempSync(join(tmpdir(), 'tillstream-test-'));
  running.set(dataDir, name);
  const up = () => upServices(dataDir, [name], { ...options, say });
  const connections = await up();
  return {
    info: connections[name]!,
    kill: (signal = 'SIGKILL', which) => killProcesses(dataDir, name, signal, which),
    restart: async () => void (await up()),
    stop: async () => void (await downServices(dataDir, [name], { say })),
  };
}

/**
 * A server that keeps running, and that other files of the same run use as well: for tests that don't end it and that give their
 * topics, databases and folders a name of their own (`ownName`). The folder TILLSTREAM_TEST_SESSION belongs to ./test.sh, which ends
 * what was started in it. Where a file runs by itself it has a server of its own.
 */
export async function sharedService<Name extends ServiceName>(name: Name): Promise<Connections[Name]> {
  const session = process.env.TILLSTREAM_TEST_SESSION;
  if (!session) return (await startService(name)).info;
  if (name === 'kafka') useRealClock();
  // The first file starts it; others wait for that and find it running.
  return (await upServices(join(session, name), [name], { say }))[name]!;
}

const own = randomBytes(4).toString('hex');

/** A name that no other file uses on a shared server. */
export function ownName(name: string): string {
  return `${name}-${own}`;
}

async function killProcesses(
  dataDir: string,
  name: ServiceName,
  signal: NodeJS.Signals,
  which?: number | string,
): Promise<void> {
  const processes = () =>
    statusOfServices(dataDir, [name])[name]!.processes.filter(
      (process, index) => which === undefined || which === index || which === process.name,
    );
  const chosen = processes();
  assert.ok(which === undefined || chosen.length === 1, `${name} has no process ${which}`);
  for (const { pid, alive } of chosen) if (alive) process.kill(pid, signal);
  await until(() => processes().every(({ alive }) => !alive), `the end of ${name} after ${signal}`, 60_000);
}
