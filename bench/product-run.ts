import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../src/telemetry/ledger.ts';
import { cpuSeconds } from './cpu-seconds.ts';
import { startProduct } from './started.ts';

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
  const startedMs = performance.now();
  const product = await startProduct(data, env, ['--config', config]);
  for (;;) {
    const ledger = (await (await product.ask('/v1/ledger')).json()) as Ledger;
    if (ledger.received === expected && ledger.archive.in_flight + ledger.metrics.in_flight === 0) {
      const seconds = (performance.now() - startedMs) / 1000;
      const cpu = cpuSeconds(product.pid);
      await product.stop();
      rmSync(data, { recursive: true, force: true });
      return { seconds, cpu, ledger };
    }
    await sleep(20);
  }
}
