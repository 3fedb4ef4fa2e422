import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLocalArchive } from '../../src/adapters/archive/delta/archive.ts';
import { duckDbConfig } from '../../src/adapters/engine/duckdb/config.ts';
import { openDuckDb } from '../../src/adapters/engine/duckdb/index.ts';
import { SparkEngine, sparkConfigSchema } from '../../src/adapters/engine/spark/index.ts';
import { JUDGED_HEADER, SOURCE_HEADER, UNNAMED } from '../../src/adapters/log/kafka/origin.ts';
import { startBefore, stream } from '../../src/adapters/source/simulator/index.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { Door } from '../../src/pipeline/door.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import { openLog, quietLogger } from './kafka.ts';
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
}

const NEWLINE = Buffer.from('\n');

function openSparkEngine(options: RigOptions, log: EventLog): Promise<SparkEngine> {
  const { dir, programs, brokers, topic, master, timeZone, config } = options;
  const { python, jars } = programs;
  const points = { points_topic: `${topic}_points`, trigger_seconds: 1, shuffle_partitions: 2 };
  return SparkEngine.open({
    config: sparkConfigSchema.parse({ kind: 'spark', master, python, jars, ...points, ...config }),
    kafka: { brokers: [...brokers], topic, request_timeout_seconds: 15 },
    replicationFactor: 1,
    lineBytesMax: 64 * 1024,
    marks: { sourceHeader: SOURCE_HEADER, judgedHeader: JUDGED_HEADER, unnamedSource: UNNAMED },
    log,
    dir: join(dir, 'metrics-spark'),
    archiveDirs: [join(dir, 'archive')],
    catalogue: CATALOGUE,
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
