import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { openLocalArchive } from '../../src/adapters/archive/delta/archive.ts';
import { duckDbConfig } from '../../src/adapters/engine/duckdb/config.ts';
import { openDuckDb } from '../../src/adapters/engine/duckdb/index.ts';
import { SparkEngine, sparkConfigSchema } from '../../src/adapters/engine/spark/index.ts';
import { JUDGED_HEADER, SOURCE_HEADER, UNNAMED } from '../../src/adapters/log/kafka/origin.ts';
import { startBefore, stream } from '../../src/adapters/source/simulator/index.ts';
import { sumCounts } from '../../src/domain/offset.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { Metric } from '../../src/metrics/definition.ts';
import { Door } from '../../src/pipeline/door.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import { openLog, quietLogger } from './kafka.ts';
import { until } from './product.ts';
import type { SparkPrograms } from './spark.ts';

export interface RigOptions {
  dir: string;
  programs: SparkPrograms;
  brokers: readonly string[];
  topic: string;
  master: string;
  timeZone: string;
  /** Further settings of engine. */
  config?: object;
  catalogue?: readonly Metric[];
}

const CHUNK = 100;
const CHUNK_EVERY_MS = 20;
const NEWLINE = Buffer.from('\n');

function openSparkEngine(options: RigOptions, log: EventLog): Promise<SparkEngine> {
  const { dir, programs, brokers, topic, master, timeZone, config, catalogue = CATALOGUE } = options;
  const { python, jars } = programs;
  const points = { points_topic: `${topic}_points`, trigger_seconds: 1, shuffle_partitions: 2 };
  return SparkEngine.open({
    config: sparkConfigSchema.parse({ kind: 'spark', master, python, jars, ...points, ...config }),
    kafka: { brokers: [...brokers], topic, request_timeout_seconds: 15 },
    replicationFactor: 1,
    lineBytesMax: 64 * 1024,
    linesPerRecord: 1,
    marks: { sourceHeader: SOURCE_HEADER, judgedHeader: JUDGED_HEADER, unnamedSource: UNNAMED },
    log,
    dir: join(dir, 'metrics-spark'),
    archiveDirs: [join(dir, 'archive')],
    archiveAddress: pathToFileURL(join(dir, 'archive')).href,
    catalogue,
    timeZone,
    logger: quietLogger,
    now: Date.now,
    backoffMsMin: 500,
  });
}

/** Hands lines in; again and again where the log is away. */
function sendTo(log: EventLog, timeZone: string) {
  const door = new Door({ log, timeZone, lineBytesMax: 64 * 1024, now: Date.now });
  return async (lines: readonly (string | Buffer)[]): Promise<void> => {
    const body = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE]));
    for (;;) {
      try {
        await door.ingest('simulator', body);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
  };
}

const openTestLog = ({ brokers, topic }: RigOptions, dir: string) =>
  openLog(brokers, dir, { topic, partitions: 3, request_timeout_seconds: 5 });

/** What collects lines, as another process would. */
export async function openSender(options: RigOptions) {
  const log = await openTestLog(options, join(options.dir, 'sender-log'));
  return { send: sendTo(log, options.timeZone), close: () => log.close() };
}

/** Log on Kafka, archive and Spark, put together as in the product. */
export async function openSparkRig(options: RigOptions) {
  const { dir, timeZone } = options;
  const archiveDir = join(dir, 'archive');
  mkdirSync(archiveDir, { recursive: true });
  const log = await openTestLog(options, join(dir, 'kafka-log'));
  const duckdb = await openDuckDb({
    dir: join(dir, 'metrics'),
    archiveDirs: [archiveDir],
    catalogue: CATALOGUE,
    timeZone,
    logId: log.id,
    config: duckDbConfig.parse({ threads: 2 }),
    now: Date.now,
  });
  const archive = await openLocalArchive(archiveDir, {
    parquet: duckdb.parquet,
    logId: log.id,
    now: Date.now,
  });
  const engine = await openSparkEngine(options, log);
  const pipeline = new Pipeline({
    reads: { archive: true, metrics: true },
    group: null,
    log,
    parser: duckdb.parser,
    archive,
    engine,
    cluster: engine,
    logger: quietLogger,
    limits: { linesMax: 100_000, bytesMax: 1 << 26, runsMax: 2048, stageLinesMin: 20_000, waitMsMax: 3000 },
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
    engine,
    pipeline,
    send: sendTo(log, timeZone),
    /** All lines are archived and computed, and no window is dirty. */
    isSettled: () =>
      log
        .partitions()
        .every(
          ({ partition, end }) => archive.position(partition) >= end && engine.position(partition) >= end,
        ) && engine.dirtyWindows() === 0,
    async close(): Promise<void> {
      await pipeline.stop(0);
      await engine.close();
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
  await until(isSettled, 'all of it to be counted', waitMsMax);
  const { counted, duplicate, bad } = engine.ledger();
  assert.equal(sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad), sent, 'each line is counted once');
  assert.ok(pipeline.ledger().balanced, 'the ledger balances');
  assert.ok(sumCounts(duplicate) > 0 && sumCounts(bad) > 0, 'there is something of all');
  const { windows, differences, examples } = await engine.rebuild(archive, null, true);
  assert.equal(differences, 0, `the archive gives other rows: ${JSON.stringify(examples.slice(0, 3))}`);
  assert.ok(windows > 0);
}

/** Lines of a shop in the last minutes, with late, very late, repeated and malformed ones. */
export function shopLines(count: number, seed: number): (string | Buffer)[] {
  const rates = {
    late: 0.02,
    veryLate: 0.002,
    duplicate: 0.02,
    malformed: 0.01,
    refund: 0.2,
    segmentNames: 0.2,
  };
  const eventsPerSecond = count / 1200;
  const startMs = startBefore(Date.now(), count, eventsPerSecond);
  return [...stream({ seed, startMs, eventsPerSecond, count, rates })].map(({ line }) => line);
}

/** Processes whose command line has all of the texts. */
export function processesWith(...texts: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const command = ofProcess(pid, 'cmdline') ?? '';
      return texts.every((text) => command.includes(text));
    });
}

/** Those of them that `pid` has started, directly or not. */
export function descendants(pid: number, ...texts: string[]): number[] {
  const isBelow = (id: number): boolean => {
    const stat = ofProcess(id, 'stat');
    const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
    return parent === pid || (parent > 1 && isBelow(parent));
  };
  return processesWith(...texts).filter(isBelow);
}

/** Null when it has ended. */
function ofProcess(pid: number, file: 'cmdline' | 'stat'): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return null;
  }
}
