import { z } from 'zod';
import { kafkaConnectionOptions } from '../../kafka-client/config.ts';

const MIB = 1024 * 1024;

/** Settings of the event log on Kafka, as they stand in the config file. */
export const kafkaLogConfigSchema = z
  .strictObject({
    ...kafkaConnectionOptions,
    topic: kafkaConnectionOptions.topic.describe('Topic of the event log. A missing topic is created.'),
    partitions: z
      .int()
      .min(1)
      .max(1000)
      .default(4)
      .describe('Number of partitions of a new topic. Lines of one session stay in one partition.'),
    replication_factor: z
      .int()
      .min(1)
      .max(32)
      .optional()
      .describe(
        'Copies of each partition of a new topic. Default: 3 if the cluster has at least 3 brokers, otherwise 1. With 3 or ' +
          'more, a line is acknowledged once two brokers have it.',
      ),
    retention_hours: z
      .number()
      .positive()
      .default(168)
      .describe('How long a new topic keeps lines. A consumer that falls further behind loses them.'),
    records: z
      .enum(['events', 'blocks'])
      .default('events')
      .describe(
        'events: one JSON event per record, as other tools expect. blocks: many events per record as NDJSON, which ' +
          'takes much less work.',
      ),
    compression: z
      .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      .default('lz4')
      .describe('Compression of records.'),
    line_bytes_max: z
      .int()
      .min(1024)
      .max(512 * 1024)
      .default(64 * 1024)
      .describe('Longest line of another program. The beginning of a longer one is kept as a bad row.'),
    session_timeout_seconds: z
      .number()
      .min(6)
      .max(300)
      .default(30)
      .describe(
        'If several processes archive: one that is silent for this long loses its partitions to the others.',
      ),
    queue_bytes_max: z
      .int()
      .min(1)
      .default(64 * MIB)
      .describe(
        'Most bytes that wait for the brokers. Above that, the log refuses new lines (503) for a second.',
      ),
  })
  .describe('The event log in a topic of Kafka, version 2.8 or later.');

export type KafkaLogConfig = z.infer<typeof kafkaLogConfigSchema>;
