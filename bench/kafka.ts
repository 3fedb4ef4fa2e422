/**
 * Kafka to archive and metrics, against what the bare client library consumes of the same topic; once with one event in each
 * record, once with NDJSON blocks. The time of a start on an empty topic is measured, too, and taken off.
 * Usage: node bench/kafka.ts [LINES=500000] [PAIRS=3]
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Producer } from '@platformatic/kafka';
import { startBefore, stream, Truth } from '../src/adapters/source/simulator/index.ts';
import type { Ledger } from '../src/domain/ledger.ts';
import { downServices, upServices } from '../src/services/services.ts';

const [count = 500_000, pairs = 3] = process.argv.slice(2).map(Number);
const BLOCK_LINES = 500;
const SEND_BYTES = 512 * 1024;
const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const env = {
  ...process.env,
  UV_THREADPOOL_SIZE: '16',
  MALLOC_ARENA_MAX: '2',
  TILLSTREAM_PORT: '0',
  NODE_NO_WARNINGS: '1',
};
const say = (line: string) => console.error(line);
const { kafka } = await upServices(dir, ['kafka'], { say });
const broker = kafka!.brokers[0]!;

const truth = new Truth();
const lines: string[] = [];
const eventsPerSecond = count / (6 * 3600);
const startMs = startBefore(Date.now(), count, eventsPerSecond);
for (const line of stream({ seed: 1, count, startMs, eventsPerSecond })) {
  truth.add(line);
  lines.push(line.line.toString());
}

/** Fills the topic with records of so many lines. */
async function fill(topic: string, recordLines: number): Promise<void> {
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [broker], retries: 5 });
  let messages: { topic: string; value: Buffer; partition: number }[] = [];
  let bytes = 0;
  for (let at = 0, record = 0; at < lines.length; at += recordLines, record++) {
    const value = Buffer.from(lines.slice(at, at + recordLines).join('\n'));
    messages.push({ topic, value, partition: Math.floor((record * recordLines) / 5000) % 4 });
    bytes += value.length;
    if (bytes < SEND_BYTES && at + recordLines < lines.length) continue;
    await producer.send({ messages, acks: -1 });
    [messages, bytes] = [[], 0];
  }
  await producer.close();
}

/** Seconds from the start of the product until archive and metrics have so many lines of the topic. */
async function ours(topic: string, expected: number): Promise<{ seconds: number; ledger: Ledger }> {
  const data = mkdtempSync(join(dir, 'data-'));
  const config = join(data, 'config.yaml');
  writeFileSync(
    config,
    JSON.stringify({ log: { kind: 'kafka', brokers: [broker], topic }, log_level: 'warn' }),
  );
  const args = [join(root, 'src', 'main.ts'), 'up', '--data', data, '--config', config];
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const runFile = join(data, 'run.json');
  while (!existsSync(runFile)) await sleep(20);
  const { url, token } = JSON.parse(readFileSync(runFile, 'utf8')) as { url: string; token: string };
  for (;;) {
    const answer = await fetch(`${url}/v1/ledger`, { headers: { authorization: `Bearer ${token}` } });
    const ledger = (await answer.json()) as Ledger;
    if (ledger.received === expected && ledger.archive.in_flight + ledger.metrics.in_flight === 0) {
      const seconds = (performance.now() - startedMs) / 1000;
      child.kill('SIGTERM');
      await ended;
      rmSync(data, { recursive: true, force: true });
      return { seconds, ledger };
    }
    await sleep(20);
  }
}

async function peer(topic: string, records: number): Promise<number> {
  const args = [join(root, 'bench', 'peer-kafka.ts'), broker, topic, String(records)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

const rate = (seconds: number) => `${Math.round(count / seconds / 1000)} k events/s`;
const ratios: Record<string, number[]> = { events: [], blocks: [] };
for (let pair = 0; pair < pairs; pair++) {
  let bare = 0;
  for (const [name, recordLines] of [
    ['events', 1],
    ['blocks', BLOCK_LINES],
  ] as const) {
    const topic = `bench-${name}-${pair}`;
    const starting = await ours(topic, 0);
    await fill(topic, recordLines);
    const own = await peer(topic, Math.ceil(count / recordLines));
    // Both are measured against the library with one event in each record.
    if (name === 'events') bare = own;
    const { seconds: whole, ledger } = await ours(topic, count);
    const seconds = whole - starting.seconds;
    const { events, duplicates, bad } = truth.summary();
    const got = [ledger.archive.events, ledger.archive.bad_rows, ledger.metrics.counted, ledger.balanced];
    // The lines passed no door: the few differences of docs/events.md may move a line between the tables.
    if (Math.abs(Number(got[0]) - events - duplicates) > bad || !ledger.balanced)
      throw new Error(
        `${name}: the archive has ${got.join(', ')}, but the shop sold ${events} and ${duplicates}`,
      );
    ratios[name]!.push(bare / seconds);
    console.log(
      `pair ${pair + 1}, ${name}: library ${rate(own)}, tillstream ${rate(seconds)}, ratio to one event per record ${(bare / seconds).toFixed(2)}`,
    );
  }
}
const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1];
console.log(
  JSON.stringify({
    scenario: 'kafka',
    lines: count,
    ratio_events_median: median(ratios.events!),
    ratio_blocks_median: median(ratios.blocks!),
  }),
);
await downServices(dir, ['kafka'], { say, removeData: true });
rmSync(dir, { recursive: true, force: true });
