/**
 * What the product is like with many lines stored: files of a million simulated lines are loaded one after the other, by one running
 * process, and each is timed beside a copy of the lean job (bench/peer-lean-job.ts) on the same file, which shows how fast the machine is at
 * that moment. Then the process starts again, and answers queries. Checks the ledger. Lines that come days late reach windows that are
 * closed, which are computed from the archive again: by default none do.
 * Usage: node bench/many-lines.ts [MILLIONS=20] [LATE_SHARE=0]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cpuSeconds } from './cpu-seconds.ts';
import { startProduct } from './started.ts';

const [millions = 20, late = 0] = process.argv.slice(2).map(Number);
const LINES = 1_000_000;
const DAY_MS = 86_400_000;
const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const data = join(dir, 'data');
const env = { ...process.env, UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2', TILLSTREAM_PORT: '0' };
const run = async (script: string, ...args: string[]) =>
  (await promisify(execFile)(process.execPath, [join(root, script), ...args], { env, maxBuffer: 1 << 28 }))
    .stdout;

/** The product, when it is ready. */
async function start() {
  const startedMs = performance.now();
  const { pid, ask, stop } = await startProduct(data, env);
  while ((await ask('/readyz')).status !== 200) await sleep(20);
  const get = async (path: string) => (await ask(path)).json();
  return { pid, get, stop, seconds: (performance.now() - startedMs) / 1000 };
}

const memoryMiB = (pid: number) =>
  Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024);

const product = await start();
const costs: { seconds: number; cpu: number; ofJob: number }[] = [];
const from = Date.now() - 60 * DAY_MS;
for (let n = 0; n < millions; n++) {
  const file = join(dir, `lines-${n}.ndjson`);
  // Half a day each, one after the other: the days of an archive fill up and are left behind.
  const startAt = new Date(from + (n * DAY_MS) / 2).toISOString();
  const shop = ['--count', String(LINES), '--rate', String(LINES / 43_200), '--seed', String(n + 1)];
  const shares = ['--late', String(late), '--very-late', '0', '--malformed', '0'];
  await run('src/main.ts', 'simulate', '--out', file, '--start', startAt, ...shop, ...shares);
  const job = JSON.parse(await run('bench/peer-lean-job.ts', file, join(dir, 'peer'))) as { cpu: number };
  const [cpuBefore, startedMs] = [cpuSeconds(product.pid), performance.now()];
  await run('src/main.ts', 'load', file, '--data', data, '--json');
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = cpuSeconds(product.pid) - cpuBefore;
  costs.push({ seconds, cpu, ofJob: cpu / job.cpu });
  rmSync(file);
  console.log(
    `million ${n + 1}: ${seconds.toFixed(1)} s, CPU ${cpu.toFixed(1)} s of the product, ${(cpu / job.cpu).toFixed(2)} of the job's; memory at most ${memoryMiB(product.pid)} MiB`,
  );
}
const peakMiB = memoryMiB(product.pid);
await product.stop();
const again = await start();
const queries: Record<string, number> = {};
for (const path of ['traffic?window=1d', 'revenue?window=1h', 'products?window=1d', 'latency?window=1m']) {
  const times: number[] = [];
  for (let n = 0; n < 10; n++) {
    const startedMs = performance.now();
    await again.get(`/v1/metrics/${path}`);
    times.push(performance.now() - startedMs);
  }
  queries[path] = Math.round(times.sort((a, b) => a - b)[5]!);
}
const ledger = (await again.get('/v1/ledger')) as { received: number; balanced: boolean };
const startedMiB = memoryMiB(again.pid);
await again.stop();
rmSync(dir, { recursive: true, force: true });
if (ledger.received !== millions * LINES || !ledger.balanced)
  throw new Error(
    `the ledger has ${ledger.received} lines of ${millions * LINES}, balanced: ${ledger.balanced}`,
  );
/** Cost beside the job's, of a third of the files. */
const median = (of: typeof costs) => of.map(({ ofJob }) => ofJob).sort((a, b) => a - b)[of.length >> 1]!;
const third = Math.ceil(millions / 3);
console.log(
  JSON.stringify({
    scenario: 'many-lines',
    lines: millions * LINES,
    cost_at_the_end_to_the_beginning: median(costs.slice(-third)) / median(costs.slice(0, third)),
    start_seconds: again.seconds,
    query_ms: queries,
    peak_mib: peakMiB,
    peak_mib_after_start: startedMiB,
  }),
);
