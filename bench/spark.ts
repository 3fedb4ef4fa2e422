/**
 * Kafka to points by Spark on this machine (local[*]): lines for each second, cold and warm, with one event in each record and
 * with NDJSON blocks. All metrics of the catalogue, duplicates included.
 * Usage: node bench/spark.ts [LINES=300000]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JUDGED_HEADER, SOURCE_HEADER } from '../src/adapters/log/kafka/origin.ts';
import { stream } from '../src/adapters/source/simulator/index.ts';
import { downServices, upServices } from '../src/services/services.ts';
import { createTopic, produce } from '../test/support/kafka.ts';
import { SparkJobs, sparkDir, sparkPrograms } from '../test/support/spark.ts';

const [count = 300_000] = process.argv.slice(2).map(Number);
const BLOCK_LINES = 500;
const PARTITIONS = 4;
const SEND_RECORDS = { events: 5000, blocks: 8 };
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const say = (line: string) => console.error(line);
const brokers = (await upServices(dir, ['kafka'], { say })).kafka!.brokers;
const programs = await sparkPrograms();

const spanSeconds = 6 * 3600;
const startMs = Date.now() - spanSeconds * 1000;
const lines = [...stream({ seed: 1, count, startMs, eventsPerSecond: count / spanSeconds })].map(({ line }) =>
  line.toString(),
);

async function fill(topic: string, records: 'events' | 'blocks'): Promise<void> {
  await createTopic(brokers, topic, { partitions: PARTITIONS });
  await createTopic(brokers, `${topic}-points`, { configs: { 'cleanup.policy': 'compact' } });
  const size = records === 'events' ? 1 : BLOCK_LINES;
  const values: string[] = [];
  for (let at = 0; at < lines.length; at += size) values.push(lines.slice(at, at + size).join('\n'));
  const headers = { [SOURCE_HEADER]: 'bench', [JUDGED_HEADER]: '1' };
  for (let at = 0; at < values.length; at += SEND_RECORDS[records])
    await produce(
      brokers,
      topic,
      values
        .slice(at, at + SEND_RECORDS[records])
        .map((value, n) => ({ value, partition: (at + n) % PARTITIONS, headers })),
    );
}

const started = Date.now();
const spark = SparkJobs.start(programs, 'local[*]');
try {
  for (const [run, records] of (['events', 'events', 'blocks'] as const).entries()) {
    const topic = `bench-${run}`;
    await fill(topic, records);
    const from = run === 0 ? started : Date.now();
    await spark.run({
      programs,
      master: 'local[*]',
      brokers,
      topic,
      pointsTopic: `${topic}-points`,
      timeZone: 'UTC',
      dir: sparkDir(),
    });
    const seconds = (Date.now() - from) / 1000;
    const what = run === 0 ? `${records}, cold, with the start of Spark` : `${records}, warm`;
    console.log(`${what}: ${count} lines in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} lines/s`);
  }
} finally {
  spark.stop();
  await downServices(dir, ['kafka'], { removeData: true, say });
  rmSync(dir, { recursive: true, force: true });
}
