import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../../../domain/errors.ts';
import { FUTURE_TOLERANCE_MS } from '../../../domain/fields.ts';
import type { Offset } from '../../../domain/offset.ts';
import { type WindowSize, windowEndMs, windowStartMs } from '../../../domain/window.ts';
import { writeFileDurable } from '../../../files/write-durable.ts';
import { DUPLICATE_WITHIN_MS } from '../../../metrics/definition.ts';
import { isLocal, SCALA_VERSION, SPARK_VERSION, type SparkConfig } from './config.ts';
import { WORK } from './driver-process.ts';
import { type Job, jobOf, jobViews } from './job.ts';
import { kafkaOptions } from './kafka-options.ts';
import type { SparkEngineOptions } from './options.ts';
import type { NotBefore } from './render.ts';

/** Folder of the state where the config names none. */
const CHECKPOINT = 'checkpoint';

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
  /** Received-at of the first line of each partition, ms: the oldest, and the newest. */
  fromMs: number;
  receivedMs: number;
}

/** The job file's content for the config. */
export async function makeJob(options: SparkEngineOptions): Promise<MadeJob> {
  const { config, kafka, catalogue, marks, lineBytesMax, timeZone, log } = options;
  const dir = jobDir(options.dir);
  checkJars(config);
  if (config.master === 'yarn') checkYarn(config);
  else if (config.checkpoint === undefined && !isLocal(config.master))
    throw new UsageError(
      `With engine.master ${config.master} set engine.checkpoint to a folder that the driver here and the executors there all reach, such as hdfs://namenode:8020/tillstream.`,
    );
  const input = { catalogue, marks, lineBytesMax };
  const definitions = createHash('sha256')
    .update(
      JSON.stringify([
        SPARK_VERSION,
        timeZone,
        log.id,
        config.shuffle_partitions,
        config.checkpoint ?? '',
        config.points_topic,
        jobViews({ ...input, jobId: '', notBefore: null }),
      ]),
    )
    .digest('hex')
    .slice(0, 12);
  const { id, start } = await begunJob(definitions, options, join(dir, 'begun.json'));
  const connection = await kafkaOptions(kafka);
  const checkpoint = config.checkpoint ?? pathToFileURL(join(dir, CHECKPOINT)).href;
  const job = jobOf(
    { ...input, jobId: id, notBefore: start && notBefore(start, timeZone) },
    {
      conf: confOf(options),
      source: {
        ...connection,
        subscribe: kafka.topic,
        startingOffsets: 'earliest',
        includeHeaders: 'true',
        // What was deleted before Spark read it shows in the ledger; a query that ends for it would never start again.
        failOnDataLoss: 'false',
        maxOffsetsPerTrigger: String(Math.ceil(config.batch_lines_max / options.linesPerRecord)),
        'kafka.isolation.level': 'read_committed',
      },
      sink: { ...connection, topic: config.points_topic },
      checkpoint: `${checkpoint.replace(/\/$/, '')}/${id}`,
      trigger: { processingTime: `${Math.round(config.trigger_seconds * 1000)} milliseconds` },
    },
  );
  return { job, id, start, dir, env: envOf(config) };
}

/** What Spark would tell after a start of half a minute, and less plainly. */
function checkJars({ jars, packages }: SparkConfig): void {
  for (const jar of jars) {
    if (/^[a-z0-9]+:/.test(jar)) continue;
    if (!isAbsolute(jar)) throw new UsageError(`engine.jars: ${jar} is no absolute path.`);
    if (!existsSync(jar)) throw new UsageError(`engine.jars: there is no file ${jar}.`);
  }
  for (const each of jars.length > 0 ? jars : packages.split(',')) {
    const [, name, scala, version] =
      /(spark-[a-z0-9-]+kafka[a-z0-9-]*)_([\d.]+)[-:](\d[\w.]*?)(\.jar)?$/.exec(each) ?? [];
    if (name && (scala !== SCALA_VERSION || version !== SPARK_VERSION))
      throw new UsageError(
        `engine.${jars.length > 0 ? 'jars' : 'packages'}: ${each} is not for Spark ${SPARK_VERSION}; that needs ${name}_${SCALA_VERSION} of version ${SPARK_VERSION}.`,
      );
  }
}

function checkYarn({ checkpoint, hadoop_conf_dir: dir }: SparkConfig): void {
  if (checkpoint === undefined)
    throw new UsageError(
      'With engine.master yarn set engine.checkpoint to a folder of HDFS, such as hdfs://namenode:8020/tillstream.',
    );
  const { YARN_CONF_DIR, HADOOP_CONF_DIR } = process.env;
  const dirs = dir ? [dir] : [YARN_CONF_DIR, HADOOP_CONF_DIR].filter((each) => each !== undefined);
  if (dirs.length === 0)
    throw new UsageError(
      'With engine.master yarn set engine.hadoop_conf_dir (or HADOOP_CONF_DIR) to the folder with core-site.xml and yarn-site.xml.',
    );
  // Without this file Spark would look for YARN on its own machine, for a quarter of an hour.
  if (!dirs.some((each) => existsSync(join(each, 'yarn-site.xml'))))
    throw new UsageError(`engine.hadoop_conf_dir: there is no yarn-site.xml in ${dirs.join(' or ')}.`);
}

function envOf({ master, hadoop_conf_dir: dir }: SparkConfig): Record<string, string> {
  return {
    ...(isLocal(master) ? { SPARK_LOCAL_IP: '127.0.0.1' } : {}),
    ...(dir ? { HADOOP_CONF_DIR: dir, YARN_CONF_DIR: dir } : {}),
  };
}

/** Folder of the job in that of the engine. */
const jobDir = (dir: string) => join(dir, 'spark');

function confOf({ config, timeZone, dir }: SparkEngineOptions): Record<string, string> {
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
    // State that is worked on; with this it is where the rest is, and can be cleared after a crash.
    ...(config.master.startsWith('local') ? { 'spark.local.dir': join(jobDir(dir), WORK) } : {}),
    'spark.ui.enabled': 'false',
    'spark.sql.session.timeZone': timeZone,
    'spark.sql.shuffle.partitions': String(config.shuffle_partitions),
    ...config.conf,
  };
}

interface BegunJob {
  /** Of what it computes. */
  definitions: string;
  id: string;
  start: JobStart | null;
}

/**
 * The job that has begun for these definitions, else a new one. Each gets a name of its own: were one found again under the
 * name of its definitions, its points may have been replaced meanwhile, or its checkpoint be older than its start.
 */
async function begunJob(definitions: string, options: SparkEngineOptions, file: string): Promise<BegunJob> {
  try {
    const begun = JSON.parse(await readFile(file, 'utf8')) as BegunJob;
    if (begun.definitions === definitions) return begun;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = `${definitions}-${randomBytes(4).toString('hex')}`;
  // State of earlier jobs; where the config names a folder for it, that may be out of our reach.
  await rm(join(dirname(file), CHECKPOINT), { recursive: true, force: true });
  const job: BegunJob = { definitions, id, start: await startOf(options) };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  await writeFileDurable(file, JSON.stringify(job));
  return job;
}

async function startOf({ log, now }: SparkEngineOptions): Promise<JobStart | null> {
  const partitions = log.partitions();
  if (partitions.every(({ start }) => start === 0)) return null;
  const offsets: JobStart['offsets'] = {};
  const received: number[] = [];
  for (const { partition, start, end } of partitions) {
    offsets[partition] = start;
    const [first] = start === end ? [] : await log.read(partition, start, { bytesMax: 1, linesMax: 1 });
    // Where none is left, they may have been received until now.
    received.push(first?.receivedAtMs ?? Math.max(now(), log.status().lastReceivedAtMs ?? 0));
  }
  return { offsets, fromMs: Math.min(...received), receivedMs: Math.max(...received) };
}

/** The first windows about which lines that are gone say nothing: no event of theirs, and no receipt of a duplicate's first. */
export function notBefore({ receivedMs }: JobStart, timeZone: string): NotBefore {
  const after = (ms: number) => {
    const first = (size: WindowSize) =>
      windowEndMs(size, windowStartMs(size, ms, timeZone), timeZone) / 60_000;
    return { '1m': first('1m'), '1h': first('1h'), '1d': first('1d') };
  };
  return {
    events: after(receivedMs + FUTURE_TOLERANCE_MS),
    quality: after(receivedMs + DUPLICATE_WITHIN_MS),
  };
}
