/**
 * Kafka to points by Spark on this machine (local[*]), lines for each second: the whole catalogue with duplicates told apart, and in
 * the same Spark a plain job that only counts by minute, type and device. Each is run once cold and then in turn, with one
 * event in each record; ours at the end with NDJSON blocks, too. The counts of both are checked against the simulator's.
 * Usage: node bench/spark.ts [LINES=300000] [PAIRS=2] [SPARK_CONF=VALUE ...]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Consumer } from '@platformatic/kafka';
import type { Job } from '../src/adapters/engine/spark/job.ts';
import { createKafkaClient } from '../src/adapters/kafka-client/client.ts';
import { downServices, upServices } from '../src/services/services.ts';
import { createTopic } from '../test/support/kafka.ts';
import { SparkJobs, sparkDir, sparkPrograms, testJob } from '../test/support/spark.ts';
import { fillTopic, shopLines } from './fill-topic.ts';

const [count = 300_000, pairs = 2] = process.argv.slice(2, 4).map(Number);
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
/** Seconds of a run. */
async function run(topic: string, which: 'tillstream' | 'plain'): Promise<number> {
  const pointsTopic = `points-${runs++}`;
  await createTopic(brokers, pointsTopic, { configs: { 'cleanup.policy': 'compact' } });
  const master = 'local[*]';
  const test = { programs, master, brokers, topic, pointsTopic, timeZone: 'UTC', dir: sparkDir() };
  const job = testJob(test);
  const from = performance.now();
  await spark.run(which === 'plain' ? { ...job, views: PLAIN } : job);
  const seconds = (performance.now() - from) / 1000;
  await check(pointsTopic, which);
  return seconds;
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

const rate = (seconds: number) => `${Math.round(count / seconds)} lines/s`;
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
    if (pair > 0) ratios.push(plain / own);
    const which = pair === 0 ? 'cold' : `pair ${pair}`;
    console.log(
      `${which}: plain job ${rate(plain)}, tillstream ${rate(own)}, ratio ${(plain / own).toFixed(2)}`,
    );
  }
  console.log(`blocks: tillstream ${rate(await run('blocks', 'tillstream'))}`);
  ratios.sort((a, b) => a - b);
  console.log(JSON.stringify({ scenario: 'spark', lines: count, ratio_median: ratios[ratios.length >> 1] }));
} finally {
  spark.stop();
  await downServices(dir, ['kafka'], { removeData: true, say });
  rmSync(dir, { recursive: true, force: true });
}
