import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../../../domain/errors.ts';
import { FUTURE_TOLERANCE_MS } from '../../../domain/fields.ts';
import type { Offset } from '../../../domain/offset.ts';
import { type WindowSize, windowEndMs, windowStartMs } from '../../../domain/window.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import { SPARK_VERSION, type SparkConfig } from './config.ts';
import { type Job, jobOf, jobViews } from './job.ts';
import { kafkaOptions } from './kafka-options.ts';
import type { SparkEngineOptions } from './options.ts';
import type { NotBefore } from './render.ts';

export interface MadeJob {
  job: Job;
  /**
   * Of everything that the state of the query depends on: points with another id are of other definitions, and a query
   * with another id begins anew, in a checkpoint of its own.
   */
  id: string;
  /** Null when it has the log from its first line on. */
  start: JobStart | null;
  /** Folder for the job file and the driver's log. */
  dir: string;
  env: Record<string, string>;
}

/** Where a job began in a log whose first lines are gone: windows that they may be in are for the archive. */
export interface JobStart {
  /** First offset of each partition. */
  offsets: Record<string, Offset>;
  /** Received-at of the first lines, ms; the newest of all partitions. */
  receivedMs: number;
}

/** The job file's content for the config. */
export async function makeJob(options: SparkEngineOptions): Promise<MadeJob> {
  const { config, kafka, catalogue, marks, lineBytesMax, timeZone, log } = options;
  const dir = join(options.dir, 'spark');
  const missing = config.jars.find((jar) => jar.startsWith('/') && !existsSync(jar));
  if (missing !== undefined) throw new UsageError(`engine.jars: there is no file ${missing}.`);
  if (config.master === 'yarn' && config.checkpoint === undefined)
    throw new UsageError(
      'With engine.master yarn set engine.checkpoint to a folder of HDFS, such as hdfs://namenode:8020/tillstream.',
    );
  const input = { catalogue, marks, lineBytesMax };
  const id = createHash('sha256')
    .update(
      JSON.stringify([
        SPARK_VERSION,
        timeZone,
        log.id,
        config.shuffle_partitions,
        jobViews({ ...input, jobId: '', notBefore: null }),
      ]),
    )
    .digest('hex')
    .slice(0, 12);
  const start = await startOf(log, join(dir, `start-${id}.json`));
  const connection = await kafkaOptions(kafka);
  const checkpoint = config.checkpoint ?? pathToFileURL(join(dir, 'checkpoint')).href;
  const job = jobOf(
    { ...input, jobId: id, notBefore: start && notBefore(start.receivedMs, timeZone) },
    {
      conf: confOf(options),
      source: {
        ...connection,
        subscribe: kafka.topic,
        startingOffsets: 'earliest',
        includeHeaders: 'true',
        // What was deleted before Spark read it shows in the ledger; a query that ends for it would never start again.
        failOnDataLoss: 'false',
        maxOffsetsPerTrigger: String(config.batch_records_max),
        'kafka.isolation.level': 'read_committed',
      },
      sink: { ...connection, topic: config.points_topic },
      checkpoint: `${checkpoint.replace(/\/$/, '')}/${id}`,
      trigger: { processingTime: `${Math.round(config.trigger_seconds * 1000)} milliseconds` },
    },
  );
  return { job, id, start, dir, env: envOf(config) };
}

function envOf({ master, hadoop_conf_dir: dir }: SparkConfig): Record<string, string> {
  return {
    ...(isLocal(master) ? { SPARK_LOCAL_IP: '127.0.0.1' } : {}),
    ...(dir ? { HADOOP_CONF_DIR: dir, YARN_CONF_DIR: dir } : {}),
  };
}

/** All of Spark is on this machine; then nobody else needs to reach the driver. */
function isLocal(master: string): boolean {
  return /^(local|spark:\/\/(127\.|localhost|\[::1\]))/.test(master);
}

function confOf({ config, timeZone }: SparkEngineOptions): Record<string, string> {
  return {
    'spark.app.name': 'tillstream',
    'spark.master': config.master,
    ...(config.jars.length > 0
      ? { 'spark.jars': config.jars.join(',') }
      : { 'spark.jars.packages': config.packages }),
    ...(isLocal(config.master)
      ? { 'spark.driver.host': '127.0.0.1', 'spark.driver.bindAddress': '127.0.0.1' }
      : {}),
    'spark.driver.memory': config.driver_memory,
    'spark.executor.memory': config.executor_memory,
    ...(config.executor_cores ? { 'spark.executor.cores': String(config.executor_cores) } : {}),
    'spark.ui.enabled': 'false',
    'spark.sql.session.timeZone': timeZone,
    'spark.sql.shuffle.partitions': String(config.shuffle_partitions),
    ...config.conf,
  };
}

/** Decided at the first start of a job and written down, as the checkpoint goes on from there. */
async function startOf(log: EventLog, file: string): Promise<JobStart | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JobStart | null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  let start: JobStart | null = null;
  const partitions = log.partitions();
  if (partitions.some((partition) => partition.start > 0)) {
    start = {
      offsets: Object.fromEntries(partitions.map((each) => [each.partition, each.start])),
      receivedMs: 0,
    };
    for (const { partition, start: from, end } of partitions) {
      if (from === 0 || from === end) continue;
      const [first] = await log.read(partition, from, { bytesMax: 1, linesMax: 1 });
      start.receivedMs = Math.max(start.receivedMs, first?.receivedAtMs ?? 0);
    }
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.tmp`, JSON.stringify(start), { flush: true });
  await rename(`${file}.tmp`, file);
  return start;
}

/** The first windows of which no line can have been received before. */
function notBefore(receivedMs: number, timeZone: string): NotBefore {
  const firstAfter = (size: WindowSize) => {
    const at = receivedMs + FUTURE_TOLERANCE_MS;
    return windowEndMs(size, windowStartMs(size, at, timeZone), timeZone) / 60_000;
  };
  return { '1m': firstAfter('1m'), '1h': firstAfter('1h'), '1d': firstAfter('1d') };
}
