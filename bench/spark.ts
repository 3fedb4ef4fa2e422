/**
 * Kafka to points by Spark on this machine (local[*]), lines and CPU time: the whole catalogue with duplicates told apart, and in
 * the same Spark a plain job that only counts by minute, type and device. Each is run once cold and then in turn, with one
 * event in each record; ours at the end with NDJSON blocks, too. Beside them: the engine in our process, with the archive, from the
 * same topic; and the old pipeline's pattern on Spark. All counts are checked against the simulator's.
 * Usage: node bench/spark.ts [LINES=2000000] [PAIRS=1] [SPARK_CONF=VALUE ...]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Consumer } from '@platformatic/kafka';
import type { Job } from '../src/adapters/engine/spark/job.ts';
import { createKafkaClient } from '../src/adapters/kafka-client/client.ts';
import { downServices, upServices } from '../src/services/services.ts';
import { createTopic } from '../test/support/kafka.ts';
import { SparkJobs, sparkDir, sparkPrograms, testJob } from '../test/support/spark.ts';
import { cpuSeconds } from './cpu-seconds.ts';
import { fillTopic, shopLines } from './fill-topic.ts';
import { productRun } from './product-run.ts';

const [count = 2_000_000, pairs = 1] = process.argv.slice(2, 4).map(Number);
const [OLD_LINES, OLD_WARM_UP] = [60, 10];
const env = { ...process.env, UV_THREADPOOL_SIZE: '16', TILLSTREAM_PORT: '0', NODE_NO_WARNINGS: '1' };
const conf = Object.fromEntries(process.argv.slice(4).map((each) => each.split(/=(.*)/s, 2)));
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const say = (line: string) => console.error(line);
const brokers = (await upServices(dir, ['kafka'], { say })).kafka!.brokers;
const programs = await sparkPrograms();

const { lines, truth } = shopLines(count);

/** What somebody writes who needs one number now. */
const PLAIN: Job['views'] = [
  {
    name: 'events',
    sql: `SELECT date_trunc('MINUTE', e.timestamp) AS minute, e.event_type, e.device_type
      FROM (SELECT from_json(CAST(value AS STRING), 'timestamp TIMESTAMP, event_type STRING, device_type STRING') AS e FROM records)
      WHERE e.event_type IS NOT NULL AND e.timestamp IS NOT NULL`,
  },
  {
    name: 'points',
    sql: `SELECT concat_ws(' ', minute, event_type, device_type) AS key, to_json(named_struct('metric', 'plain', 'events', count(*))) AS value
      FROM events GROUP BY minute, event_type, device_type`,
  },
];

let runs = 0;
interface Measured {
  seconds: number;
  /** CPU seconds of all its processes. */
  cpu: number;
}

async function run(topic: string, which: 'tillstream' | 'plain'): Promise<Measured> {
  const pointsTopic = `points-${runs++}`;
  await createTopic(brokers, pointsTopic, { configs: { 'cleanup.policy': 'compact' } });
  const master = 'local[*]';
  const batchRecordsMax = topic === 'blocks' ? 1000 : 500_000;
  const test = {
    programs,
    batchRecordsMax,
    master,
    brokers,
    topic,
    pointsTopic,
    timeZone: 'UTC',
    dir: sparkDir(),
  };
  const job = testJob(test);
  const [from, cpuFrom] = [performance.now(), cpuSeconds(spark.pid)];
  await spark.run(which === 'plain' ? { ...job, views: PLAIN } : job);
  const measured = { seconds: (performance.now() - from) / 1000, cpu: cpuSeconds(spark.pid) - cpuFrom };
  await check(pointsTopic, which);
  return measured;
}

/** The newest value of each key in the topic, added up, is what the simulator knows. */
async function check(pointsTopic: string, which: 'tillstream' | 'plain'): Promise<void> {
  const { events, duplicates, bad } = truth.summary();
  const expected = which === 'plain' ? events + duplicates : events;
  let found = 0;
  for (const value of await latestValues(pointsTopic)) {
    const point = JSON.parse(value) as { metric: string; events?: number; values: { counted: number } };
    if (point.metric === 'plain') found += point.events!;
    if (point.metric === '~ledger') found += point.values.counted;
  }
  // The plain job takes only the usual forms of timestamps; and some bad lines are bad for a time in the future, which is over.
  const slack = which === 'plain' ? count * 0.1 : bad / 4;
  if (Math.abs(found - expected) > slack)
    throw new Error(`${which}: counted ${found}, but should have ${expected}`);
}

/** The newest value of each key. */
async function latestValues(topic: string): Promise<Iterable<string>> {
  const client = await createKafkaClient({ brokers, topic, request_timeout_seconds: 10 });
  await client.refresh();
  const { end } = await client.range(0);
  await client.close();
  const consumer = new Consumer({ clientId: 'bench', groupId: topic, bootstrapBrokers: brokers });
  const messages = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  const latest = new Map<string, string>();
  for await (const { key, value, offset } of messages) {
    latest.set(key.toString(), value.toString());
    if (Number(offset) >= end - 1) break;
  }
  await consumer.close(true);
  return latest.values();
}

/** The engine in our process, with the archive; the time of a start on an empty topic is taken off. */
async function runDuckDb(): Promise<Measured> {
  await createTopic(brokers, 'nothing');
  const empty = await productRun(dir, brokers[0]!, 'nothing', 0, env);
  const { seconds, cpu, ledger } = await productRun(dir, brokers[0]!, 'events', count, env);
  if (!ledger.balanced) throw new Error(`the ledger does not balance: ${JSON.stringify(ledger)}`);
  return { seconds: seconds - empty.seconds, cpu: cpu - empty.cpu };
}

/** The old pipeline's pattern, on a few lines. */
async function oldPattern(): Promise<number> {
  const file = join(dir, 'messages.ndjson');
  const good = lines.filter((line) => line.startsWith('{') && line.endsWith('}')).slice(0, OLD_LINES);
  writeFileSync(file, good.map((line) => `${line}\n`).join(''));
  const args = [join(import.meta.dirname, 'peer-old-spark.py'), file];
  const { stdout } = await promisify(execFile)(programs.python, args, {
    env: { ...env, SPARK_LOCAL_IP: '127.0.0.1' },
  });
  const { messages, seconds } = JSON.parse(stdout) as { messages: number; seconds: number };
  if (messages !== good.length - OLD_WARM_UP) throw new Error(`the old pattern counted ${messages}`);
  return messages / seconds;
}

const text = ({ seconds, cpu }: Measured) =>
  `${Math.round(count / seconds)} lines/s (${Math.round((cpu / count) * 1e6)} CPU s per million)`;
const started = performance.now();
const spark = SparkJobs.start(programs, 'local[*]', conf);
const ratios: number[] = [];
try {
  await fillTopic(brokers, 'events', 'events', lines);
  await fillTopic(brokers, 'blocks', 'blocks', lines);
  say(`the topics are full after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  for (let pair = 0; pair <= pairs; pair++) {
    const plain = await run('events', 'plain');
    const own = await run('events', 'tillstream');
    const ratio = plain.seconds / own.seconds;
    if (pair > 0) ratios.push(ratio);
    const which = pair === 0 ? 'cold' : `pair ${pair}`;
    console.log(`${which}: plain job ${text(plain)}, tillstream ${text(own)}, ratio ${ratio.toFixed(2)}`);
  }
  console.log(`blocks: tillstream ${text(await run('blocks', 'tillstream'))}`);
  spark.stop();
  console.log(`engine in our process, with the archive: ${text(await runDuckDb())}`);
  console.log(`old pattern, a DataFrame for each message: ${(await oldPattern()).toFixed(1)} lines/s`);
  ratios.sort((a, b) => a - b);
  console.log(JSON.stringify({ scenario: 'spark', lines: count, ratio_median: ratios[ratios.length >> 1] }));
} finally {
  spark.stop();
  await downServices(dir, ['kafka'], { removeData: true, say });
  rmSync(dir, { recursive: true, force: true });
}
