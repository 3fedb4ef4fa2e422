import { setTimeout as sleep } from 'node:timers/promises';
import { createTopicsV5, describeConfigsV2 } from '@platformatic/kafka';
import type { KafkaClient, TopicMetadata } from '../../kafka-client/client.ts';
import {
  asKafkaError,
  CODE,
  isDenied,
  KafkaAccessError,
  type KafkaError,
} from '../../kafka-client/errors.ts';
import { UsageError } from '../../telemetry/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { KafkaLogConfig } from './config.ts';

const TOPIC_RESOURCE = 2;
/** With less, common events would not fit. */
const MESSAGE_BYTES_MIN = 16 * 1024;
/** A new topic has its leaders after a moment. */
const LEADERS_MS_MAX = 30_000;

export interface OpenedTopic {
  topic: TopicMetadata;
  /** Largest batch that the topic takes, bytes; null where we may not know. */
  batchBytesMax: number | null;
}

/** Connects, makes the topic if there is none, and refuses one that can't be a log. Throws UsageError. */
export async function openTopic(
  client: KafkaClient,
  config: KafkaLogConfig,
  logger: Logger,
): Promise<OpenedTopic> {
  try {
    await client.check();
    if ((await client.refresh()) === null) await createTopic(client, config, logger);
    const topic = await withLeaders(client);
    const settings = await settingsOf(client, logger);
    checkSettings(config.topic, settings, logger);
    const batchBytes = Number(settings?.get('max.message.bytes') ?? Number.NaN);
    return { topic, batchBytesMax: Number.isFinite(batchBytes) ? batchBytes : null };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw usageError(asKafkaError(error, `topic ${config.topic}`), config);
  }
}

/** Tries what `openTopic` does, and creates nothing: of a topic that is missing, whether it could be made. Throws UsageError. */
export async function checkTopic(
  client: KafkaClient,
  config: KafkaLogConfig,
  logger: Logger,
): Promise<string> {
  try {
    await client.check();
    if ((await client.refresh()) === null) {
      await createTopic(client, config, logger, true);
      return `reachable; the topic ${config.topic} does not exist yet, a start creates it`;
    }
    checkSettings(config.topic, await settingsOf(client, logger), logger);
    return `reachable; the topic ${config.topic} exists`;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw usageError(asKafkaError(error, `topic ${config.topic}`), config);
  }
}

function usageError(error: KafkaError, { brokers, topic, sasl }: KafkaLogConfig): UsageError {
  const where = brokers.join(', ');
  if (error instanceof KafkaAccessError)
    return new UsageError(`Kafka can't be used as the event log: ${error.message}.`);
  if (isDenied(error)) {
    const who = sasl ? `the user ${sasl.username}` : 'a user without a name';
    return new UsageError(
      `Kafka at ${where} refused ${who}: ${error.message}. See to it that the user may describe, read and write the topic ${topic}.`,
    );
  }
  if (error.code !== null)
    return new UsageError(`Kafka at ${where} can't be used as the event log: ${error.message}.`);
  return new UsageError(
    `Kafka at ${where} can't be reached as the event log: ${error.message}. Check log.brokers, log.tls and log.sasl, and ` +
      'that the brokers are running.',
  );
}

async function createTopic(
  client: KafkaClient,
  config: KafkaLogConfig,
  logger: Logger,
  onlyValidate = false,
): Promise<void> {
  const { topic, partitions, retention_hours } = config;
  const replicas = config.replication_factor ?? (client.brokerCount >= 3 ? 3 : 1);
  const configs = [
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: String(Math.round(retention_hours * 3_600_000)) },
    ...(replicas >= 3 ? [{ name: 'min.insync.replicas', value: '2' }] : []),
  ];
  const request = [
    { name: topic, numPartitions: partitions, replicationFactor: replicas, assignments: [], configs },
  ];
  try {
    const { controller, requestTimeoutMs } = client;
    await client.call(
      'control',
      controller,
      createTopicsV5.api,
      request as never,
      requestTimeoutMs,
      onlyValidate,
    );
  } catch (thrown) {
    const error = asKafkaError(thrown, `topic ${topic}`);
    // Another process was faster.
    if (error.code === CODE.TOPIC_ALREADY_EXISTS) return;
    if (error.code === null) throw error;
    throw new UsageError(
      `The topic ${topic} does not exist, and can't be created with ${partitions} partitions and ${replicas} replicas: ` +
        `${error.message}. Create it yourself, or give the user the right to.`,
    );
  }
  if (!onlyValidate) logger.info({ topic, partitions, replicas }, 'kafka: the topic was created');
}

async function withLeaders(client: KafkaClient): Promise<TopicMetadata> {
  const until = Date.now() + LEADERS_MS_MAX;
  for (;;) {
    const topic = await client.refresh();
    if (topic?.partitions.length && topic.partitions.every(({ leader }) => leader >= 0)) return topic;
    if (Date.now() > until) {
      const without = topic?.partitions.filter(({ leader }) => leader < 0).map(({ partition }) => partition);
      throw new UsageError(
        `The topic ${client.topic} has no leader for partition ${without?.join(', ') || 0}: some brokers are down.`,
      );
    }
    await sleep(100);
  }
}

/** Null where we may not ask. */
async function settingsOf(client: KafkaClient, logger: Logger): Promise<Map<string, string | null> | null> {
  const asked = [{ resourceType: TOPIC_RESOURCE, resourceName: client.topic, configurationKeys: null }];
  try {
    const answer = await client.any(describeConfigsV2.api, asked as never, false, false);
    return new Map(answer.results[0]!.configs.map(({ name, value }) => [name, value ?? null]));
  } catch (thrown) {
    const error = asKafkaError(thrown, `topic ${client.topic}`);
    if (error.code === null) throw error;
    logger.warn(
      { topic: client.topic, error: error.message },
      'kafka: the settings of the topic are not known',
    );
    return null;
  }
}

function checkSettings(topic: string, settings: Map<string, string | null> | null, logger: Logger): void {
  if (settings?.get('cleanup.policy')?.includes('compact')) {
    throw new UsageError(
      `The topic ${topic} is compacted (cleanup.policy=${settings.get('cleanup.policy')}): the cluster deletes events from ` +
        'it that have a newer one with the same key. Set cleanup.policy=delete, or use another topic as the log.',
    );
  }
  const batchBytes = settings?.get('max.message.bytes');
  if (batchBytes && Number(batchBytes) < MESSAGE_BYTES_MIN) {
    throw new UsageError(
      `The topic ${topic} takes no messages of more than ${batchBytes} bytes (max.message.bytes). Set it to at least ` +
        `${MESSAGE_BYTES_MIN}, or use another topic as the log.`,
    );
  }
  if (settings?.get('message.timestamp.type') === 'CreateTime') {
    logger.info(
      { topic },
      "kafka: the topic keeps the writers' times (message.timestamp.type=CreateTime); received-at follows them",
    );
  }
}
