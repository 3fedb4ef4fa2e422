import { createKafkaClient } from '../../kafka-client/client.ts';
import { UsageError } from '../../telemetry/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import type { EventLog } from '../event-log.ts';
import type { KafkaLogConfig } from './config.ts';
import { CountersFile } from './counters-file.ts';
import { Expired } from './expired.ts';
import { KafkaLog, type KafkaLogOptions } from './log.ts';
import { checkTopic, openTopic } from './open-topic.ts';
import { PartitionStats } from './partition-stats.ts';

/**
 * Opens the event log in a topic of Kafka, which is created where it is missing. Throws UsageError when the brokers can't
 * be reached, refuse us, or the topic can't be a log.
 *
 * Differences to a log of our own: a refused append says "may or may not have been stored" when the answer was missing
 * (who sends again is protected by event_id); the cluster deletes by age, whoever still has to read.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const { config, logger } = options;
  const client = await createKafkaClient(config, 'log.').catch((error: Error) => {
    throw new UsageError(`The event log can't be opened: ${error.message}.`);
  });
  try {
    const { topic, batchBytesMax } = await openTopic(client, config, logger);
    const file = new CountersFile(options.dir, topic.id, options.program);
    const {
      stats,
      why,
      expired,
      begins = new Map<number, number>(),
    } = options.readers.length > 0 ? await file.read() : { stats: null, why: '' };
    if (why)
      logger.warn(
        { dir: options.dir },
        `kafka: the log's counters can't be used, as ${why}; reading from the start`,
      );
    const ranges = new Map<number, { start: number; end: number }>();
    for (const { partition } of topic.partitions) {
      const range = await client.range(partition);
      ranges.set(partition, range);
      if (stats === null && range.start > 0) begins.set(partition, range.start);
    }
    const log = new KafkaLog(options, client, topic.id, file, batchBytesMax, new Expired(expired, begins));
    for (const [partition, range] of ranges) {
      log.addPartition(
        new PartitionStats(partition, options.now, stats?.get(partition) ?? range.start),
        range,
      );
    }
    await log.start();
    return log;
  } catch (error) {
    await client.close();
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The event log on Kafka can't be opened: ${reasonOf(error)}.`);
  }
}

/** Tries whether the log can be opened; changes nothing. Gives a sentence for people, or throws UsageError. */
export async function checkKafkaLog(config: KafkaLogConfig, logger: Logger): Promise<string> {
  const client = await createKafkaClient(config, 'log.').catch((error: Error) => {
    throw new UsageError(`The event log can't be opened: ${error.message}.`);
  });
  try {
    return await checkTopic(client, config, logger);
  } finally {
    await client.close();
  }
}
