import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../src/telemetry/ledger.ts';
import { cpuSeconds } from './cpu-seconds.ts';

/** The product from its start until archive and metrics have so many lines of a topic; then it is stopped. */
export async function productRun(
  dir: string,
  broker: string,
  topic: string,
  expected: number,
  env: NodeJS.ProcessEnv,
): Promise<{ seconds: number; cpu: number; ledger: Ledger }> {
  const data = mkdtempSync(join(dir, 'data-'));
  const config = join(data, 'config.yaml');
  writeFileSync(
    config,
    JSON.stringify({ log: { kind: 'kafka', brokers: [broker], topic }, log_level: 'warn' }),
  );
  const main = join(import.meta.dirname, '..', 'src', 'main.ts');
  const startedMs = performance.now();
  const child = spawn(process.execPath, [main, 'up', '--data', data, '--config', config], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const runFile = join(data, 'run.json');
  while (!existsSync(runFile)) await sleep(20);
  const { url, token } = JSON.parse(readFileSync(runFile, 'utf8')) as { url: string; token: string };
  for (;;) {
    const answer = await fetch(`${url}/v1/ledger`, { headers: { authorization: `Bearer ${token}` } });
    const ledger = (await answer.json()) as Ledger;
    if (ledger.received === expected && ledger.archive.in_flight + ledger.metrics.in_flight === 0) {
      const seconds = (performance.now() - startedMs) / 1000;
      const cpu = cpuSeconds(child.pid!);
      child.kill('SIGTERM');
      await ended;
      rmSync(data, { recursive: true, force: true });
      return { seconds, cpu, ledger };
    }
    await sleep(20);
  }
}
