import { join } from 'node:path';
import { DUPLICATE_WITHIN_MS, type Metric } from '../../../metrics/definition.ts';
import { SPARK_VERSION } from './config.ts';
import {
  BUCKETS,
  factsSql,
  itemsSql,
  METRIC_COLUMNS,
  type NotBefore,
  pointsSql,
  receiptsSql,
  windowsSql,
} from './render.ts';
import { judgedSql, linesSql, type RecordMarks } from './schema-sql.ts';

const SCRIPTS = join(import.meta.dirname, '..', '..', '..', '..', 'deploy', 'spark');
/** The program that runs jobs, and the one piece that is neither SQL nor Python. */
export const DRIVER = join(SCRIPTS, 'driver.py');
const RECEIPTS = join(SCRIPTS, 'Receipts.java');
/** What the driver writes to its log. */
export const DRIVER_LOGGING = join(SCRIPTS, 'log4j2.properties');

/**
 * How far received-at may differ between partitions that are read together: ids and windows are kept so much longer
 * than their time.
 */
const WATERMARK = '6 hours';

/** A line must never end the job. */
export const NOT_ANSI = { 'spark.sql.ansi.enabled': 'false' };

/**
 * Settings that the job relies on. Rows go through two states one after the other in
 * update mode, which Spark refuses as a rule, as the first of them might hold rows back: this one gives each at once.
 */
const CONF: Readonly<Record<string, string>> = {
  ...NOT_ANSI,
  'spark.sql.streaming.unsupportedOperationCheck': 'false',
  'spark.sql.streaming.statefulOperator.checkCorrectness.enabled': 'false',
  'spark.sql.streaming.metricsEnabled': 'false',
  // On disk, as ids of a day and open windows would fill the heap; off the heap it takes no more than this.
  'spark.sql.streaming.stateStore.providerClass':
    'org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider',
  'spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled': 'true',
  // To know how many rows it has, it would have to look for each before it writes it.
  'spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows': 'false',
  'spark.sql.streaming.stateStore.rocksdb.boundedMemoryUsage': 'true',
  'spark.sql.streaming.stateStore.rocksdb.maxMemoryUsageMB': '256',
  // A group in memory takes about a kilobyte. With more groups than this a task sorts its rows instead, which takes twice as long.
  'spark.sql.objectHashAggregate.sortBased.fallbackThreshold': '100000',
  'spark.ui.showConsoleProgress': 'false',
  'spark.sql.streaming.noDataMicroBatches.enabled': 'false',
};

/** A step of the job: a temporary view. */
interface View {
  name: string;
  sql: string;
  /** The rows go through the state that tells duplicates. */
  receipts?: true;
  /** Column by which state of the aggregation goes when its time has passed. */
  evict_by?: string;
}

/** What the driver is told to do. */
export interface Job {
  /** Version of pyspark; a driver with another one ends before it does anything. */
  spark: string;
  conf: Record<string, string>;
  java: string;
  within_ms: number;
  buckets: number;
  watermark: string;
  source: Record<string, string>;
  views: View[];
  sink: Record<string, string>;
  trigger?: Record<string, string | boolean>;
  checkpoint: string;
}

export interface JobInput {
  catalogue: readonly Metric[];
  marks: RecordMarks;
  lineBytesMax: number;
  /** Is in each point, so that points of another job in the topic are told apart. */
  jobId: string;
  notBefore: NotBefore | null;
}

/** What the driver is told to compute once, from files of the archive. */
export interface BatchJob {
  /** Settings of its session. */
  conf: Record<string, string>;
  /** By name: columns as Spark's DDL has them, and addresses of Parquet files. */
  tables: Record<string, { schema: string; files: string[] }>;
  /** Of the last one, each row's first column becomes a line of the output. */
  views: Pick<View, 'name' | 'sql'>[];
  /** A file on this machine. */
  output: string;
}

/** The steps from the records of the log to those of the points topic. */
export function jobViews({ catalogue, marks, lineBytesMax, jobId, notBefore }: JobInput): View[] {
  const columns = ['event_id', ...METRIC_COLUMNS];
  return [
    { name: 'lines', sql: linesSql('records', marks) },
    { name: 'judged', sql: judgedSql('lines', columns, lineBytesMax) },
    { name: 'receipts', sql: receiptsSql('judged'), receipts: true },
    { name: 'facts', sql: factsSql('receipts', notBefore) },
    { name: 'items', sql: itemsSql(catalogue, 'facts') },
    { name: 'windows', sql: windowsSql(catalogue, 'items'), evict_by: 'keep_until' },
    { name: 'points', sql: `SELECT key, value FROM (${pointsSql(catalogue, 'windows', jobId)})` },
  ];
}

/** Options of the JVM, before those that the config has. */
function javaOptions(conf: Record<string, string>): Record<string, string> {
  const names = ['spark.driver.extraJavaOptions', 'spark.executor.extraJavaOptions'];
  return Object.fromEntries(
    names.map((name) => {
      const own = conf[name] ?? '';
      // Of the JVM's collectors this one takes a fifth less CPU time in all; the JVM does not start with two.
      const collector = /-XX:\+Use\w+GC\b/.test(own) ? '' : '-XX:+UseParallelGC';
      // The methods that Spark generates for the items are longer than the JVM compiles by default.
      return [name, `-XX:-DontCompileHugeMethods ${collector} ${own}`.replace(/ +/g, ' ').trim()];
    }),
  );
}

export function jobOf(
  input: JobInput,
  place: Pick<Job, 'conf' | 'source' | 'sink' | 'checkpoint'> & { trigger?: Job['trigger'] },
): Job {
  const { trigger, ...rest } = place;
  return {
    ...rest,
    spark: SPARK_VERSION,
    conf: { ...CONF, ...rest.conf, ...javaOptions(rest.conf) },
    java: RECEIPTS,
    within_ms: DUPLICATE_WITHIN_MS,
    buckets: BUCKETS,
    watermark: WATERMARK,
    views: jobViews(input),
    ...(trigger ? { trigger } : {}),
  };
}
