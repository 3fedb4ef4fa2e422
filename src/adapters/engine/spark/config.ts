import { z } from 'zod';

/** The release that the job is written and tested for; the connector has to be of the same one. */
export const SPARK_VERSION = '4.2.0';
export const SCALA_VERSION = '2.13';
const CONNECTOR = `org.apache.spark:spark-sql-kafka-0-10_${SCALA_VERSION}:${SPARK_VERSION}`;

/** Settings of the engine on a cluster, as they stand in the config file. */
export const sparkConfigSchema = z
  .strictObject({
    kind: z.literal('spark'),
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
      .default('python3')
      .describe(`A Python that has pyspark ${SPARK_VERSION} (pip install pyspark==${SPARK_VERSION}).`),
    jars: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Jars of the Kafka connector. Without any, Spark fetches it from Maven Central at its start.',
      ),
    packages: z
      .string()
      .default(CONNECTOR)
      .describe('Maven coordinates of the Kafka connector, where no jars are given.'),
    checkpoint: z
      .string()
      .regex(/^[a-z0-9]+:\/\/\S+$/, 'must be an address such as hdfs://namenode:8020/tillstream')
      .optional()
      .describe(
        'Folder for the state of the job that driver and executors all reach (file://, hdfs://, s3a://). ' +
          'Default: in the data folder, which is enough where all of them run on this machine.',
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
        'Where Spark finds the tables of the archive, for a rebuild: hdfs://NAMENODE:8020/ecommerce, for example. Default: a local ' +
          'archive, if all of Spark is on this machine. Without one a rebuild is computed in this process.',
      ),
    rebuild_rows_min: z
      .int()
      .min(0)
      .default(20_000_000)
      .describe('From so many rows of the archive on a rebuild is computed by Spark; fewer in this process.'),
    points_topic: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,249}$/, 'must be a topic name')
      .default('tillstream_points')
      .describe('Compacted topic by which the points come back; it is created where it is missing.'),
    trigger_seconds: z.number().min(0).max(3600).default(5).describe('How often new lines are computed.'),
    batch_lines_max: z
      .int()
      .min(1)
      .default(500_000)
      .describe('Most lines of the log in one step, about; a backlog takes several.'),
    shuffle_partitions: z
      .int()
      .min(1)
      .max(10_000)
      .default(4)
      .describe('Tasks of each stage. It can not be changed later without computing the state anew.'),
    driver_memory: memory().default('1g').describe('Memory of the driver.'),
    executor_memory: memory().default('1g').describe('Memory of each executor.'),
    executor_cores: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('Cores of each executor. Default: as the cluster has it.'),
    conf: z
      .record(z.string().regex(/^spark\./, 'must begin with "spark."'), z.string())
      .default({})
      .describe('Further settings of Spark, as in spark-defaults.conf.'),
    threads: z
      .int()
      .min(1)
      .max(256)
      .default(2)
      .describe('Threads of DuckDB, which keeps the points and the archive here.'),
    memory_mb: z.int().min(128).default(400).describe('Memory of DuckDB in MiB.'),
  })
  .describe('Metrics engine on Apache Spark; needs log.kind kafka.');

/** All of Spark is on this machine; then nobody else needs to reach the driver. */
export function isLocal(master: string): boolean {
  return /^(local|spark:\/\/(127\.|localhost|\[::1\]))/.test(master);
}

function memory() {
  return z.string().regex(/^[1-9]\d*[mg]$/, 'must be a size such as 512m or 2g');
}

export type SparkConfig = z.infer<typeof sparkConfigSchema>;
