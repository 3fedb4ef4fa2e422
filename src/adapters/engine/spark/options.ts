import type { Logger } from '../../../domain/logger.ts';
import type { Metric } from '../../../metrics/definition.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import type { KafkaConnectionConfig } from '../../kafka-client/config.ts';
import type { SparkConfig } from './config.ts';
import type { RecordMarks } from './schema-sql.ts';

export interface SparkEngineOptions {
  config: SparkConfig;
  /** How the log reaches its brokers, with the log's topic. */
  kafka: KafkaConnectionConfig;
  replicationFactor: number | undefined;
  lineBytesMax: number;
  /** How many lines a record of the log holds, about. */
  linesPerRecord: number;
  marks: RecordMarks;
  log: EventLog;
  /** Folder for points, job and, by default, the checkpoint; created. */
  dir: string;
  archiveDirs: string[];
  /** Address (file://) of the folder of its tables, if it is one of this machine; Spark reads it for a rebuild where it can. */
  archiveAddress: string | null;
  catalogue: readonly Metric[];
  timeZone: string;
  logger: Logger;
  now: () => number;
  /** Wait before the first restart of the driver, ms; for tests. */
  backoffMsMin?: number;
}
