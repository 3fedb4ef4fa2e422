/**
 * HTTP batches of 500 simulated lines: our collector (checked lines, durable before the 200) against a bare fastify
 * server that parses and group-fsyncs (bench/peer-collector.ts), in turn; checks that every line arrived.
 * Our process runs the whole pipeline behind the collector, which the peer has not: `--log-only` leaves it asleep.
 * Usage: node bench/collector.ts [SECONDS=10] [PAIRS=3] [--log-only]
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRODUCT_URL, started } from './started.ts';

const [seconds = 10, pairs = 3] = process.argv
  .slice(2)
  .filter((arg) => !arg.startsWith('--'))
  .map(Number);
const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const LINES = 500;
const CONNECTIONS = 16;
const env = { ...process.env, UV_THREADPOOL_SIZE: '16', TILLSTREAM_PORT: '0' };

const input = join(dir, 'lines.ndjson');
const simulate = [
  'simulate',
  '--out',
  input,
  '--count',
  String(LINES * 40),
  '--rate',
  '1000',
  '--malformed',
  '0',
];
execFileSync(process.execPath, [join(root, 'src/main.ts'), ...simulate], { env });
const all = readFileSync(input, 'utf8').trimEnd().split('\n');
const bodies = Array.from({ length: 40 }, (_, n) =>
  Buffer.from(`${all.slice(n * LINES, (n + 1) * LINES).join('\n')}\n`),
);

/** Posts bodies over some connections for a while; gives the lines that were acknowledged. */
async function load(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const until = Date.now() + seconds * 1000;
  let acknowledged = 0;
  const post = (body: Buffer) =>
    new Promise<void>((resolve, reject) => {
      const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
      const sent = request(
        { port, host: '127.0.0.1', method: 'POST', path: '/v1/events', agent, headers },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part) => {
            text += part;
          });
          answer.on('end', () => {
            if (answer.statusCode === 200)
              acknowledged += (JSON.parse(text) as { accepted: number }).accepted;
            else if (answer.statusCode !== 503 && answer.statusCode !== 429) return reject(new Error(text));
            resolve();
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (Date.now() < until) await post(bodies[next++ % bodies.length]!);
    }),
  );
  agent.destroy();
  return acknowledged;
}

async function peer(): Promise<number> {
  const child = spawn(process.execPath, [join(root, 'bench/peer-collector.ts'), join(dir, 'peer.ndjson')], {
    env,
  });
  const port = Number(await started(child, (text) => /^\d+$/m.exec(text)?.[0]));
  const lines = await load(port);
  const { lines: counted } = (await (await fetch(`http://127.0.0.1:${port}/lines`)).json()) as {
    lines: number;
  };
  child.kill();
  if (counted !== lines) throw new Error(`the peer has ${counted} lines, but acknowledged ${lines}`);
  return lines / seconds;
}

async function ours(): Promise<number> {
  const data = join(dir, 'data');
  const config = join(dir, 'config.yaml');
  const asleep = process.argv.includes('--log-only');
  writeFileSync(
    config,
    asleep
      ? 'batch: {archive_every_ms: 600000, metrics_every_ms: 600000, gather_lines_max: 1000000000}\n'
      : '',
  );
  const child = spawn(
    process.execPath,
    [join(root, 'src/main.ts'), 'up', '--data', data, '--config', config],
    { env },
  );
  const url = await started(child, (text) => PRODUCT_URL.exec(text)?.[1]);
  const lines = await load(Number(new URL(url).port));
  const ledger = (await (await fetch(`${url}/v1/ledger`)).json()) as { received: number; balanced: boolean };
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  rmSync(data, { recursive: true, force: true });
  if (ledger.received !== lines || !ledger.balanced) {
    throw new Error(`the ledger has ${ledger.received} lines of ${lines}, balanced: ${ledger.balanced}`);
  }
  return lines / seconds;
}

const ratios: number[] = [];
for (let pair = 0; pair < pairs; pair++) {
  const [theirRate, ourRate] = [await peer(), await ours()];
  ratios.push(ourRate / theirRate);
  console.log(
    `pair ${pair + 1}: peer ${Math.round(theirRate / 1000)} k/s, tillstream ${Math.round(ourRate / 1000)} k/s, ratio ${(ourRate / theirRate).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(JSON.stringify({ scenario: 'collector', ratio_median: ratios[ratios.length >> 1] }));
rmSync(dir, { recursive: true, force: true });
