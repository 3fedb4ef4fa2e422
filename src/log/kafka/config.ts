import { z } from 'zod';
import { kafkaConnectionOptions } from '../../kafka-client/config.ts';

const MIB = 1024 * 1024;

/** Settings of the event log on Kafka, as they stand in the config file. */
export const kafkaLogConfigSchema = z
  .strictObject({
    ...kafkaConnectionOptions,
    topic: kafkaConnectionOptions.topic.describe(
      'Topic of the event log; it is created where it is missing.',
    ),
    partitions: z
      .int()
      .min(1)
      .max(1000)
      .default(4)
      .describe('Partitions of the topic when it is created. Lines of one session stay in one partition.'),
    replication_factor: z
      .int()
      .min(1)
      .max(32)
      .optional()
      .describe(
        'Copies of each partition when it is created. Default: 3 where the cluster has as many brokers, else 1. With 3 or ' +
          'more, a line is acknowledged when two brokers have it.',
      ),
    retention_hours: z
      .number()
      .positive()
      .default(168)
      .describe('How long the topic keeps lines, when it is created; who falls further behind loses them.'),
    records: z
      .enum(['events', 'blocks'])
      .default('events')
      .describe(
        'events: one JSON event in each record, as other tools expect it. blocks: NDJSON of many events in a record, which ' +
          'takes a fraction of the work.',
      ),
    compression: z
      .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      .default('lz4')
      .describe('How records are compressed.'),
    line_bytes_max: z
      .int()
      .min(1024)
      .max(512 * 1024)
      .default(64 * 1024)
      .describe('Of a longer line that others wrote to the topic, the beginning is kept as a bad row.'),
    session_timeout_seconds: z
      .number()
      .min(6)
      .max(300)
      .default(30)
      .describe(
        'Where several processes archive: one that is silent for so long loses its partitions to the others.',
      ),
    queue_bytes_max: z
      .int()
      .min(1)
      .default(64 * MIB)
      .describe(
        'Bytes that may wait for the brokers; above it the log refuses new lines (503) for a second.',
      ),
  })
  .describe('The event log in a topic of Kafka, version 2.8 or later.');

export type KafkaLogConfig = z.infer<typeof kafkaLogConfigSchema>;
