import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADAPTERS, chosenOf } from '../../src/app/registry/adapters.ts';
import { Consumers } from '../../src/consumers/consumers.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { AppendError, type EventLog } from '../../src/log/event-log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { segmentLogConfigSchema } from '../../src/log/segments/config.ts';
import { openSegmentLog } from '../../src/log/segments/log.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { Spark } from '../../src/metrics/spark/spark.ts';
import { testNow } from './clock.ts';
import { externalLines } from './external-lines.ts';
import { openLog, quietLogger } from './kafka.ts';
import { until } from './product.ts';
import { sparkConfig } from './spark.ts';

export interface RigOptions {
  dir: string;
  timeZone: string;
  /** Settings of engine. */
  config?: object;
  /** Where the log is on Kafka; else it is in `dir`. */
  kafka?: { brokers: readonly string[]; topic: string };
  /** Settings of archive; default: in `dir`. */
  archive?: object;
}

const CHUNK = 100;
const CHUNK_EVERY_MS = 20;
const REFUSED_MS_MAX = 120_000;
const NEWLINE = Buffer.from('\n');

/** Hands lines in; again where the log refuses them, for as long as a broker may be away. */
function sendTo(log: EventLog, timeZone: string) {
  const ingestor = new Ingestor({
    log,
    settings: { time_zone: timeZone },
    lineBytesMax: 64 * 1024,
    now: testNow,
  });
  return async (lines: readonly (string | Buffer)[]): Promise<void> => {
    const body = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE]));
    const deadline = performance.now() + REFUSED_MS_MAX;
    for (;;) {
      try {
        await ingestor.ingest('simulator', body);
        return;
      } catch (error) {
        if (!(error instanceof AppendError)) throw error;
        if (performance.now() > deadline)
          throw new Error(
            `the log has refused lines for ${REFUSED_MS_MAX} ms: ${error.code}, ${error.message}`,
            {
              cause: error,
            },
          );
        await sleep(300);
      }
    }
  };
}

function openTestLog({ dir, kafka }: RigOptions): Promise<EventLog> {
  if (kafka)
    return openLog(kafka.brokers, join(dir, 'kafka-log'), {
      topic: kafka.topic,
      partitions: 3,
      request_timeout_seconds: 5,
    });
  return openSegmentLog({
    dir: join(dir, 'log'),
    config: segmentLogConfigSchema.parse({}),
    readers: ['archive', 'metrics'],
    now: testNow,
    program: 'test',
  });
}

/** Log, archive and Spark, put together as in the product. */
export async function openSparkRig(options: RigOptions) {
  const { dir, timeZone, config } = options;
  mkdirSync(dir, { recursive: true });
  const { adapter, settings } = chosenOf(ADAPTERS.archives, { kind: 'local', ...options.archive });
  const archiveSettings = adapter.schema.parse(settings);
  const location = await adapter.locate(archiveSettings, dir);
  const log = await openTestLog(options);
  const spark = await Spark.open({
    config: await sparkConfig(config),
    archive: adapter.address(archiveSettings, dir),
    dir: join(dir, 'metrics', 'spark'),
    logger: quietLogger,
    backoffMsMin: 500,
  });
  const duckdb = await openDuckDb({
    dir: join(dir, 'metrics'),
    archiveDirs: [location.dir],
    catalogue: CATALOGUE,
    timeZone,
    validateExternal: externalLines(timeZone),
    logId: log.id,
    config: duckDbConfig.parse({ threads: 1 }),
    now: testNow,
    aggregator: spark,
  });
  const { engine, store, parquet, decoder, deduplicator, archived } = duckdb;
  const archive = await location.open({ parquet, logId: log.id, now: testNow, logger: quietLogger });
  const pipeline = new Consumers({
    reads: { archive: true, metrics: true },
    group: null,
    log,
    decoder,
    deduplicator,
    archived,
    archive,
    engine,
    program: spark,
    logger: quietLogger,
    limits: { linesMax: 100_000, bytesMax: 1 << 26, runsMax: 2048, waitMsMax: 3000 },
    archiveEveryMs: 500,
    metricsEveryMs: 500,
    gatherLinesMax: 20_000,
    compactEveryMs: 0,
    vacuumRetentionHours: 168,
  });
  await pipeline.start();
  return {
    log,
    archive,
    spark,
    engine,
    store,
    pipeline,
    send: sendTo(log, timeZone),
    /** All lines are archived and computed, and no window is invalidated. */
    isSettled: () =>
      log
        .partitions()
        .every(
          ({ partition, end }) => archive.position(partition) >= end && engine.position(partition) >= end,
        ) && engine.invalidatedWindows() === 0,
    async close(): Promise<void> {
      await pipeline.stop(0);
      await duckdb.close();
      await log.close();
    },
  };
}

export type SparkRig = Awaited<ReturnType<typeof openSparkRig>>;

/** Hands lines in a few at a time; `atHalf` is done after half of them. */
export async function sendSlowly(
  { send }: SparkRig,
  lines: readonly (string | Buffer)[],
  atHalf?: () => Promise<void> | void,
): Promise<void> {
  const half = Math.floor(lines.length / 2 / CHUNK) * CHUNK;
  for (let at = 0; at < lines.length; at += CHUNK) {
    if (at === half) await atHalf?.();
    await send(lines.slice(at, at + CHUNK));
    await sleep(CHUNK_EVERY_MS);
  }
}

/** Waits until all is counted: each of the lines sent once, and in the windows that the archive gives as well. */
export async function assertTruth(rig: SparkRig, sent: number, waitMsMax: number): Promise<void> {
  const { engine, archive, pipeline, isSettled } = rig;
  const linesCounted = () => {
    const { counted, duplicate, excluded, bad } = engine.ledger();
    return [counted, duplicate, excluded, bad].reduce((sum, part) => sum + sumCounts(part), 0);
  };
  // A broker that was away may not have told yet where the log ends.
  await until(() => linesCounted() >= sent && isSettled(), 'all of it to be counted', waitMsMax);
  const { duplicate, bad } = engine.ledger();
  assert.equal(linesCounted(), sent, 'each line is counted once');
  assert.ok(pipeline.ledger().balanced, 'the ledger balances');
  assert.ok(sumCounts(duplicate) > 0 && sumCounts(bad) > 0, 'there is something of all');
  const { windows, differences, examples } = await engine.rebuild(archive, null, true);
  assert.equal(differences, 0, `the archive gives other rows: ${JSON.stringify(examples.slice(0, 3))}`);
  assert.ok(windows > 0);
}
