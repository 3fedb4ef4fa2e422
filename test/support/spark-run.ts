import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TimeRange } from '../../src/adapters/engine/duckdb/wanted.ts';
import { PointsReader } from '../../src/adapters/engine/spark/points-reader.ts';
import { PointsStore } from '../../src/adapters/engine/spark/points-store.ts';
import { withRebuildJob } from '../../src/adapters/engine/spark/rebuild-job.ts';
import { JUDGED_HEADER, SOURCE_HEADER } from '../../src/adapters/log/kafka/origin.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { MetricsStore } from '../../src/ports/metrics-store.ts';
import { createTopic, produce } from './kafka.ts';
import { type AllRows, type Delivery, MetricsHarness } from './metrics-harness.ts';
import { type SparkJobs, type SparkPrograms, sparkDir, type TestJob, testJob } from './spark.ts';

const FROM_MS = -2 * 86_400_000;
const TO_MS = Date.UTC(2200, 0, 1);

export interface SparkRunOptions {
  programs: SparkPrograms;
  master: string;
  brokers: readonly string[];
  /** Name of the topic; that of the points is made from it. */
  name: string;
  timeZone: string;
  batchRecordsMax?: number;
}

/**
 * The way of a line over Kafka and Spark to the metrics store, step by step: the real door and archive as in
 * MetricsHarness, a topic with the times of the test, the real job, and the real reader of points.
 */
export class SparkRun {
  readonly harness: MetricsHarness;
  readonly points: PointsStore;
  readonly job: TestJob;
  readonly #clock: { aheadMs: number };
  #produced = 0;

  private constructor(
    harness: MetricsHarness,
    points: PointsStore,
    job: TestJob,
    clock: { aheadMs: number },
  ) {
    this.#clock = clock;
    this.harness = harness;
    this.points = points;
    this.job = job;
  }

  static async open({ name, timeZone, ...options }: SparkRunOptions): Promise<SparkRun> {
    const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone });
    const dir = sparkDir();
    const clock = { aheadMs: 0 };
    const points = await openPoints(dir, harness, timeZone, () => Date.now() + clock.aheadMs);
    const topic = name.replaceAll(/[^a-z0-9]+/g, '-');
    const job = { ...options, topic, pointsTopic: `${topic}-points`, timeZone, dir };
    await createTopic(job.brokers, topic, {
      configs: { 'message.timestamp.type': 'CreateTime', 'retention.ms': '-1' },
    });
    await createTopic(job.brokers, job.pointsTopic, { configs: { 'cleanup.policy': 'compact' } });
    return new SparkRun(harness, points, job, clock);
  }

  /** Hands lines in at their time, archives them, and writes them to the topic as our log would. */
  async deliver(...deliveries: readonly Delivery[]): Promise<void> {
    const { harness, job } = this;
    await harness.deliver(...deliveries);
    while (await harness.archiveSome(10_000));
    const limits = { linesMax: 1_000_000, bytesMax: 1 << 28 };
    const batches = await harness.log.read(0, this.#produced, limits);
    const records = batches.flatMap(({ bytes, source, receivedAtMs }) =>
      bytes
        .toString('utf8')
        .slice(0, -1)
        .split('\n')
        .map((value) => ({
          value,
          partition: 0,
          timestampMs: receivedAtMs,
          headers: { [SOURCE_HEADER]: source, [JUDGED_HEADER]: '1' },
        })),
    );
    for (let at = 0; at < records.length; at += 5000)
      await produce(job.brokers, job.topic, records.slice(at, at + 5000));
    this.#produced = harness.end();
  }

  /** Computes what the topic has, and takes the points. */
  async compute(spark: SparkJobs): Promise<void> {
    await spark.run(testJob(this.job));
    await this.takePoints();
  }

  /** Whole days by the batch over the archive: compared with the points, or put in their place. */
  async computeFromArchive(spark: SparkJobs, range: TimeRange, diff: boolean) {
    const { harness, points, job } = this;
    const since = points.version();
    const output = join(sparkDir(), 'computed.ndjson');
    const input = {
      catalogue: CATALOGUE,
      timeZone: job.timeZone,
      range,
      positions: points.positionsIn(harness.archive),
      address: pathToFileURL(join(harness.dir, 'archive')).href,
      output,
    };
    await withRebuildJob(harness.archive, input, (batch) => spark.compute(batch));
    const result = await points.takeComputed({ output, range, since, diff });
    assert.deepEqual(result.changedDays, [], 'nothing changes meanwhile');
    return result;
  }

  async takePoints(): Promise<void> {
    const connection = {
      brokers: [...this.job.brokers],
      topic: this.job.pointsTopic,
      request_timeout_seconds: 15,
    };
    const reader = await PointsReader.open({ connection, replicationFactor: 1 }, this.points);
    reader.start();
    await reader.caughtUp();
    await reader.stop();
  }

  /** Computes cold windows from the archive; a minute is as good as over, so that none waits for more lines. */
  repair(): Promise<number> {
    this.#clock.aheadMs += 60_000;
    return this.points.repair(this.harness.archive);
  }

  rows(): Promise<AllRows> {
    return allRows(this.points.store);
  }

  async close(): Promise<void> {
    await this.points.close();
    await this.harness.close();
  }
}

function openPoints(
  dir: string,
  harness: MetricsHarness,
  timeZone: string,
  now: () => number,
): Promise<PointsStore> {
  return PointsStore.open({
    dir: join(dir, 'points'),
    archiveDirs: [join(harness.dir, 'archive')],
    catalogue: CATALOGUE,
    timeZone,
    job: 'test',
    threads: 2,
    memoryMb: 400,
    now,
  });
}

async function allRows(store: MetricsStore): Promise<AllRows> {
  const all: AllRows = {};
  for (const metric of CATALOGUE) {
    const byWindow: AllRows[string] = {};
    all[metric.name] = byWindow;
    for (const window of metric.windows) {
      const query = { metric: metric.name, window, fromMs: FROM_MS, toMs: TO_MS };
      byWindow[window] = (await store.query(query)).rows;
    }
  }
  return all;
}
