/**
 * What a steady stream of events costs: CPU time and memory of the whole product, page closed, beside a bare fastify server that
 * parses and group-fsyncs the same requests (bench/peer-collector.ts); then, with somebody who looks, how long an event takes until the
 * API counts it. Checks that every event was counted.
 * Usage: node bench/steady.ts [EVENTS_PER_SECOND=10] [SECONDS=120] [EVENTS_PER_REQUEST=1]
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from './cpu-seconds.ts';
import { PRODUCT_URL, started } from './started.ts';

const [perSecond = 10, seconds = 120, perRequest = 1] = process.argv.slice(2).map(Number);
const WARM_UP_SECONDS = 20;
const PROBES = 40;
const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const env = { ...process.env, UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2', TILLSTREAM_PORT: '0' };
const periodMs = (1000 * perRequest) / perSecond;

const input = join(dir, 'lines.ndjson');
const count = Math.ceil(perSecond * (seconds + WARM_UP_SECONDS));
const simulate = ['simulate', '--out', input, '--count', String(count), '--rate', String(perSecond)];
execFileSync(process.execPath, [join(root, 'src/main.ts'), ...simulate, '--malformed', '0'], { env });
const lines = readFileSync(input, 'utf8').trimEnd().split('\n');

async function post(url: string, body: string): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson' };
  const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body });
  if (answer.status !== 200) throw new Error(await answer.text());
  await answer.arrayBuffer();
}

/** Posts for so long at the rate; gives the events that were acknowledged. */
async function stream(url: string, from: number, forSeconds: number): Promise<number> {
  const requests = Math.round((forSeconds * 1000) / periodMs);
  const sent: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let n = 0; n < requests; n++) {
    const waitMs = startedMs + n * periodMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const first = from + n * perRequest;
    sent.push(post(url, `${lines.slice(first, first + perRequest).join('\n')}\n`));
  }
  await Promise.all(sent);
  return requests * perRequest;
}

/** Share of a core, and MiB, of a server under the stream. */
async function measured(child: ChildProcess, url: string) {
  const warm = await stream(url, 0, WARM_UP_SECONDS);
  const [cpuBefore, startedMs] = [cpuSeconds(child.pid!), performance.now()];
  const events = await stream(url, warm, seconds);
  const share = (cpuSeconds(child.pid!) - cpuBefore) / ((performance.now() - startedMs) / 1000);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const mib = (name: string) =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) / 1024);
  return { events: warm + events, share, rssMiB: mib('VmRSS'), peakMiB: mib('VmHWM') };
}

/** Milliseconds from before an event is posted until the API counts it, while the stream goes on and a script looks. */
async function freshness(url: string): Promise<number[]> {
  const delays: number[] = [];
  const background = stream(url, 0, PROBES * 1.2);
  for (let n = 0; n < PROBES; n++) {
    const eventType = `probe_${n}`;
    const startedMs = performance.now();
    await post(url, `${JSON.stringify({ timestamp: new Date().toISOString(), event_type: eventType })}\n`);
    for (;;) {
      const answer = await fetch(`${url}/v1/metrics/traffic?window=1d`);
      const text = await answer.text();
      if (answer.status === 200 && text.includes(`"${eventType}"`)) break;
      if (performance.now() - startedMs > 30_000) throw new Error(`an event did not come: ${text}`);
      await sleep(20);
    }
    delays.push(performance.now() - startedMs);
  }
  await background;
  return delays.sort((a, b) => a - b);
}

const floorServer = spawn(
  process.execPath,
  [join(root, 'bench/peer-collector.ts'), join(dir, 'floor.ndjson')],
  { env },
);
const port = await started(floorServer, (text) => /^\d+$/m.exec(text)?.[0]);
const floor = await measured(floorServer, `http://127.0.0.1:${port}`);
floorServer.kill();

const product = spawn(process.execPath, [join(root, 'src/main.ts'), 'up', '--data', join(dir, 'data')], {
  env,
});
const url = await started(product, (text) => PRODUCT_URL.exec(text)?.[1]);
const ours = await measured(product, url);
const delaysMs = await freshness(url);
const ledger = (await (await fetch(`${url}/v1/ledger`)).json()) as { received: number; balanced: boolean };
const expected = ours.events + PROBES + Math.round((PROBES * 1.2 * 1000) / periodMs) * perRequest;
product.kill('SIGTERM');
await new Promise((resolve) => product.once('close', resolve));
rmSync(dir, { recursive: true, force: true });
if (ledger.received !== expected || !ledger.balanced)
  throw new Error(`the ledger has ${ledger.received} events of ${expected}, balanced: ${ledger.balanced}`);
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
console.log(
  `${perSecond} events/s: floor ${percent(floor.share)} of a core, ${floor.rssMiB} MiB; tillstream ${percent(ours.share)}, ${ours.rssMiB} MiB (at most ${ours.peakMiB})`,
);
console.log(
  JSON.stringify({
    scenario: 'steady',
    events_per_second: perSecond,
    core_share: ours.share,
    core_share_of_floor: floor.share,
    rss_mib: ours.rssMiB,
    event_to_api_p50_ms: Math.round(delaysMs[PROBES >> 1]!),
    event_to_api_p95_ms: Math.round(delaysMs[Math.floor(PROBES * 0.95)]!),
  }),
);
