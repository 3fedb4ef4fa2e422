import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { ArchiveAddress } from '../../archive/archive.ts';
import { UsageError } from '../../telemetry/errors.ts';
import { isLocal, SPARK_VERSION, type SparkConfig } from './config.ts';
import { type DriverSession, WORK } from './driver-process.ts';

/** Where Spark reads the folder of the tables; null: copies of its files on this machine. */
export interface Places {
  address: string | null;
  /** Folder for results, where executors may be on other machines. */
  scratch: string | null;
}

/** Where Spark reads and writes. Throws UsageError where nothing is that all of it reaches. */
export function placesOf(config: SparkConfig, archive: ArchiveAddress | null): Places {
  const { master, archive_url: given, hadoop_conf_dir: conf } = config;
  const isReached = archive?.isLocal ? isLocal(master) : master === 'yarn' || conf !== undefined;
  const address = given ?? (archive && isReached ? archive.url : null);
  if (isLocal(master)) return { address, scratch: null };
  if (address === null)
    throw new UsageError(
      `Spark at ${master} can't reach the archive${archive?.isLocal ? ', which is a folder of this machine' : ''}. Set engine.archive_url to where all of its ` +
        'machines find it, such as hdfs://namenode:8020/ecommerce, or engine.master to local[*].',
    );
  return { address, scratch: `${address}/_aggregates` };
}

/** What Spark would tell after a start of half a minute, and less plainly. */
export function checkJars({ jars }: SparkConfig): void {
  for (const jar of jars) {
    if (/^[a-z0-9]+:/.test(jar)) continue;
    if (!isAbsolute(jar)) throw new UsageError(`engine.jars: ${jar} is not an absolute path.`);
    if (!existsSync(jar)) throw new UsageError(`engine.jars: the file ${jar} does not exist.`);
  }
}

export function checkYarn({ hadoop_conf_dir: dir }: SparkConfig): void {
  const { YARN_CONF_DIR, HADOOP_CONF_DIR } = process.env;
  const dirs = dir ? [dir] : [YARN_CONF_DIR, HADOOP_CONF_DIR].filter((each) => each !== undefined);
  if (dirs.length === 0)
    throw new UsageError(
      'With engine.master yarn set engine.hadoop_conf_dir (or HADOOP_CONF_DIR) to the folder with core-site.xml and yarn-site.xml.',
    );
  // Without this file Spark would look for YARN on its own machine, for a quarter of an hour.
  if (!dirs.some((each) => existsSync(join(each, 'yarn-site.xml'))))
    throw new UsageError(`engine.hadoop_conf_dir: yarn-site.xml is missing in ${dirs.join(' and ')}.`);
}

/** The environment of the driver. */
export function envOf(
  { master, hadoop_conf_dir: dir, conf }: SparkConfig,
  archive: ArchiveAddress | null,
): Record<string, string> {
  const isHere = isLocal(master) || conf['spark.driver.bindAddress'] === '127.0.0.1';
  return {
    // Spark would look up the name of this machine, which need not lead here.
    ...(isHere ? { SPARK_LOCAL_IP: '127.0.0.1' } : {}),
    ...(dir ? { HADOOP_CONF_DIR: dir, YARN_CONF_DIR: dir } : {}),
    ...(archive?.user ? { HADOOP_USER_NAME: archive.user } : {}),
  };
}

/** What the driver is started with; `dir` is its folder, `scratch` that of results elsewhere. */
export function driverSessionOf(config: SparkConfig, dir: string, scratch: string | null): DriverSession {
  return {
    spark: SPARK_VERSION,
    ...(scratch === null ? {} : { scratch }),
    conf: {
      'spark.app.name': 'tillstream',
      'spark.master': config.master,
      ...(config.jars.length > 0 ? { 'spark.jars': config.jars.join(',') } : {}),
      ...(isLocal(config.master)
        ? { 'spark.driver.host': '127.0.0.1', 'spark.driver.bindAddress': '127.0.0.1' }
        : {}),
      'spark.driver.memory': config.driver_memory,
      'spark.executor.memory': config.executor_memory,
      ...(config.executor_cores ? { 'spark.executor.cores': String(config.executor_cores) } : {}),
      // With this it is where the rest is, and can be cleared after a crash.
      ...(config.master.startsWith('local') ? { 'spark.local.dir': join(dir, WORK) } : {}),
      'spark.ui.enabled': 'false',
      'spark.ui.showConsoleProgress': 'false',
      // Of the default, 200, most would be empty, and each costs files.
      'spark.sql.shuffle.partitions': '16',
      // A task for each file that is looked for would cost more than all the work.
      'spark.sql.sources.parallelPartitionDiscovery.parallelism': '16',
      // The code of all passes at once is more than the default holds, 100: each job would have it made, and warmed up, again.
      'spark.sql.codegen.cache.maxEntries': '1000',
      ...javaOptions(config.conf),
      ...config.conf,
    },
  };
}

/** Of the JVM's collectors this one takes a fifth less CPU time in all; the JVM does not start with two. */
function javaOptions(conf: Record<string, string>): Record<string, string> {
  const names = ['spark.driver.extraJavaOptions', 'spark.executor.extraJavaOptions'];
  return Object.fromEntries(
    names.flatMap((name) => (conf[name] === undefined ? [[name, '-XX:+UseParallelGC']] : [])),
  );
}
