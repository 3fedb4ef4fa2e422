/**
 * Points of single events to a real InfluxDB, by our store and by a bare loop of 5,000-line requests whose bodies are ready
 * before the clock starts; in turn, and counted by InfluxDB afterwards.
 * Usage: node bench/influxdb.ts [POINTS=300000] [PAIRS=3]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RawEvent } from '../src/decode/batch.ts';
import { influxConfigSchema } from '../src/sinks/influxdb/config.ts';
import { InfluxSink } from '../src/sinks/influxdb/sink.ts';
import { quietLogger } from '../test/support/kafka.ts';
import { downServices, upServices } from '../tools/dev-services/services.ts';

const [count = 300_000, pairs = 3] = process.argv.slice(2).map(Number);
const REQUEST_LINES = 5000;
const CHUNK_EVENTS = 10_000;
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const say = (line: string) => console.error(line);
const { influxdb: info } = await upServices(dir, ['influxdb'], { say });
const { url, token } = info!;

const startMs = Date.now() - count;
const TYPES = ['view_product', 'add_to_cart', 'checkout', 'purchase'];
const eventAt = (index: number): RawEvent => ({
  timeMs: startMs + index,
  partition: 0,
  offset: index,
  line: 0,
  eventType: TYPES[index % TYPES.length]!,
  deviceType: index % 3 === 0 ? 'desktop' : 'mobile',
  statusCode: index % 50 === 0 ? 500 : 200,
  userId: `u${index % 5000}`,
  productId: `p${index % 800}`,
  responseTime: 20 + (index % 400),
});

async function ask(statement: string, database = ''): Promise<number> {
  const answer = await fetch(`${url}/query?db=${database}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(token).toString('base64')}` },
    body: new URLSearchParams({ q: statement }),
  });
  const { results } = (await answer.json()) as {
    results: { error?: string; series?: { values: number[][] }[] }[];
  };
  if (results[0]!.error) throw new Error(results[0]!.error);
  return Number(results[0]!.series?.[0]?.values[0]?.[1] ?? 0);
}

async function checkCount(database: string): Promise<void> {
  const found = await ask('SELECT count("events") FROM "ecommerce_event"', database);
  if (found !== count) throw new Error(`${database} has ${found} points, but should have ${count}`);
  await ask(`DROP DATABASE "${database}"`);
}

/** Seconds of a bare loop. */
async function bare(database: string): Promise<number> {
  await ask(`CREATE DATABASE "${database}"`);
  const bodies: string[] = [];
  for (let at = 0; at < count; at += REQUEST_LINES) {
    const lines: string[] = [];
    for (let index = at; index < Math.min(at + REQUEST_LINES, count); index++) {
      const { timeMs, eventType, deviceType, statusCode, userId, productId, responseTime } = eventAt(index);
      lines.push(
        `ecommerce_event,event_type=${eventType},device_type=${deviceType},status_code=${statusCode} ` +
          `events=1i,user_id="${userId}",product_id="${productId}",response_time=${responseTime}i ${timeMs}000000`,
      );
    }
    bodies.push(lines.join('\n'));
  }
  const startedMs = performance.now();
  for (const body of bodies) {
    const answer = await fetch(`${url}/api/v2/write?org=shop&bucket=${database}/autogen&precision=ns`, {
      method: 'POST',
      headers: { authorization: `Token ${token}` },
      body,
    });
    if (answer.status !== 204) throw new Error(`${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  await checkCount(database);
  return seconds;
}

/** Seconds of our store, with its defaults: lines made, places checked, compressed. */
async function ours(database: string): Promise<number> {
  await ask(`CREATE DATABASE "${database}"`);
  const sink = new InfluxSink({
    config: influxConfigSchema.parse({
      url,
      token,
      org: 'shop',
      bucket: `${database}/autogen`,
    }),
    schemas: [],
    tagsFile: { read: async () => null, write: async () => {} },
    logger: quietLogger,
    now: Date.now,
  });
  const { signal } = new AbortController();
  const chunks: RawEvent[][] = [];
  for (let at = 0; at < count; at += CHUNK_EVENTS)
    chunks.push(Array.from({ length: Math.min(CHUNK_EVENTS, count - at) }, (_, i) => eventAt(at + i)));
  const startedMs = performance.now();
  await sink.writeEvents(ReadableStream.from(chunks), signal);
  const seconds = (performance.now() - startedMs) / 1000;
  await checkCount(database);
  return seconds;
}

const ratios: number[] = [];
for (let pair = 0; pair < pairs; pair++) {
  const peer = await bare(`bare${pair}`);
  const own = await ours(`ours${pair}`);
  ratios.push(peer / own);
  const rate = (seconds: number) => `${Math.round(count / seconds / 1000)} k points/s`;
  console.log(
    `pair ${pair + 1}: bare loop ${rate(peer)}, tillstream ${rate(own)}, ratio ${(peer / own).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(
  JSON.stringify({ scenario: 'influxdb', points: count, ratio_median: ratios[ratios.length >> 1] }),
);
await downServices(dir, ['influxdb'], { say, removeData: true });
rmSync(dir, { recursive: true, force: true });
