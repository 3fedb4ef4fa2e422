import { z } from 'zod';
import { MEMORY_MB, THREADS } from '../local-config.ts';

/** The release that the driver is written and tested for. */
export const SPARK_VERSION = '4.2.0';

/** Settings of earlier releases, in which Spark read the event log. They are accepted, with a warning. */
const unused = () => z.unknown().optional().describe('No longer used: Spark reads the archive.');
const NO_LONGER_USED = {
  packages: unused(),
  checkpoint: unused(),
  points_topic: unused(),
  trigger_seconds: unused(),
  batch_lines_max: unused(),
  shuffle_partitions: unused(),
  rebuild_rows_min: unused(),
};

/** Settings of the engine on a cluster, as they stand in the config file. */
export const sparkConfigSchema = z
  .strictObject({
    master: z
      .string()
      .regex(
        /^(local(\[(\*|[1-9]\d*)\])?|spark:\/\/\S+:\d+|yarn|k8s:\/\/\S+)$/,
        'must be local[*], spark://HOST:PORT, yarn or k8s://...',
      )
      .describe('Where Spark runs: local[*], spark://HOST:PORT, yarn, or k8s://... (passed on, not tested).'),
    python: z
      .string()
      .min(1)
      .optional()
      .describe(
        `A Python that has pyspark ${SPARK_VERSION}. Default: python3, if it has that version; else one is fetched (500 MB).`,
      ),
    jars: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Further jars for Spark, such as hadoop-aws if archive_url is s3a://. Usually none are needed.',
      ),
    hadoop_conf_dir: z
      .string()
      .min(1)
      .optional()
      .describe('Folder with core-site.xml and yarn-site.xml, for master yarn. Default: HADOOP_CONF_DIR.'),
    archive_url: z
      .string()
      .regex(/^[a-z0-9]+:\/\/\S+[^/]$/, 'must be an address such as hdfs://namenode:8020/ecommerce')
      .optional()
      .describe(
        'Address of the folder of the archive that every machine of Spark can read and write: hdfs://NAMENODE:8020/ecommerce, s3a://BUCKET/PREFIX, or ' +
          'file:///FOLDER. Default: the archive itself, if it is on the HDFS of hadoop_conf_dir or if all of Spark runs on this machine.',
      ),
    driver_memory: memory().default('1g').describe('Memory of the driver.'),
    executor_memory: memory().default('1g').describe('Memory of each executor.'),
    executor_cores: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('Cores of each executor. Default: that of the cluster.'),
    conf: z
      .record(z.string().regex(/^spark\./, 'must begin with "spark."'), z.string())
      .default({})
      .describe('Further settings of Spark, as in spark-defaults.conf.'),
    threads: THREADS,
    memory_mb: MEMORY_MB,
    ...NO_LONGER_USED,
  })
  .describe('Apache Spark computes the metrics from the tables of the archive.');

/** What to say of settings that have no use any more. */
export function unusedSettings(config: SparkConfig): string[] {
  const names = Object.keys(NO_LONGER_USED).filter((name) => name in config);
  return names.length === 0
    ? []
    : [
        `${names.map((name) => `engine.${name}`).join(', ')}: no longer used, as Spark reads the archive. Remove it from the config.`,
      ];
}

/** All of Spark is on this machine; then nobody else needs to reach the driver. */
export function isLocal(master: string): boolean {
  return /^(local|spark:\/\/(127\.|localhost|\[::1\]))/.test(master);
}

function memory() {
  return z.string().regex(/^[1-9]\d*[mg]$/, 'must be a size such as 512m or 2g');
}

export type SparkConfig = z.infer<typeof sparkConfigSchema>;

/** The settings once the Python is found, or fetched. */
export type ReadySparkConfig = SparkConfig & { python: string };
