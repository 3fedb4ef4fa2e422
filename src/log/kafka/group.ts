import { Consumer } from '@platformatic/kafka';
import { connectionOptions } from '../../kafka-client/client.ts';
import { asKafkaError } from '../../kafka-client/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { PartitionGroup } from '../partition-group.ts';
import type { KafkaLogConfig } from './config.ts';

export interface PartitionGroupOptions {
  config: KafkaLogConfig;
  /** Name of the consumer group; members of one group share the topic. */
  group: string;
  logger: Logger;
}

/** How often it looks whether the partitions have changed, and whether we still belong to the group. */
const LOOK_MS = 200;
/** The broker wants several heartbeats within the session timeout. */
const HEARTBEATS = 5;
const JOIN_AGAIN_MS = 2000;

/** Joins the consumer group, which goes on in the background: until it has worked, no partition is ours. */
export async function joinPartitionGroup(options: PartitionGroupOptions): Promise<PartitionGroup> {
  const group = new KafkaPartitionGroup(options, await connectionOptions(options.config, 'log.'));
  group.start();
  return group;
}

/**
 * Membership in a Kafka consumer group, for its assignment of partitions alone: nothing is consumed by it, and no offset
 * committed.
 */
class KafkaPartitionGroup implements PartitionGroup {
  private readonly options: PartitionGroupOptions;
  private readonly connection: Awaited<ReturnType<typeof connectionOptions>>;
  private readonly listeners: (() => void)[] = [];
  private consumer: Consumer | undefined;
  private running: Promise<void> | undefined;
  private wake: () => void = () => {};
  private own: readonly number[] = [];
  private why = 'Joining the group of those who archive.';
  private failure = '';
  private isClosing = false;

  constructor(options: PartitionGroupOptions, connection: Awaited<ReturnType<typeof connectionOptions>>) {
    this.options = options;
    this.connection = connection;
  }

  partitions(): readonly number[] {
    return this.own;
  }

  message(): string {
    return this.why;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  start(): void {
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.isClosing = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    const { logger, group } = this.options;
    while (!this.isClosing) {
      try {
        await this.membership();
      } catch (error) {
        this.failure = asKafkaError(error, `group ${group}`).message;
      }
      await this.leave();
      if (this.isClosing) return;
      this.why = `Not in the group of those who archive: ${this.failure || 'no heartbeat came through'}. Trying again.`;
      logger.warn({ group, why: this.failure }, 'kafka: lost the place in the group, joining again');
      await this.pause(JOIN_AGAIN_MS);
    }
  }

  /** Joins, and keeps the partitions known until the membership is over. */
  private async membership(): Promise<void> {
    const { config, group } = this.options;
    const sessionMs = config.session_timeout_seconds * 1000;
    this.failure = '';
    const consumer = new Consumer({
      ...this.connection,
      clientId: 'tillstream',
      groupId: group,
      bootstrapBrokers: [...config.brokers],
      autocommit: false,
      sessionTimeout: sessionMs,
      rebalanceTimeout: sessionMs,
      heartbeatInterval: Math.floor(sessionMs / HEARTBEATS),
      retries: 3,
    });
    this.consumer = consumer;
    consumer.on('error', (error: Error) => {
      this.failure = asKafkaError(error, `group ${group}`).message;
    });
    consumer.topics.trackAll(config.topic);
    const joining = consumer.joinGroup({});
    let isJoined = false;
    joining.then(
      () => {
        isJoined = true;
      },
      (error: Error) => {
        this.failure = asKafkaError(error, `group ${group}`).message;
      },
    );
    const startedMs = Date.now();
    while (!this.isClosing) {
      await this.pause(LOOK_MS);
      if (this.failure) return;
      const aliveMs = Math.max(startedMs, consumer.lastHeartbeat?.getTime() ?? 0);
      // The others have our partitions by now. (No heartbeat comes through while the group is being arranged again.)
      if (Date.now() - aliveMs > 2 * sessionMs) return;
      if (!isJoined) continue;
      this.why = '';
      const assigned = consumer.assignments?.find(({ topic }) => topic === config.topic);
      this.take([...(assigned?.partitions ?? [])].sort((a, b) => a - b));
    }
  }

  private take(partitions: readonly number[]): void {
    if (partitions.join() === this.own.join()) return;
    this.options.logger.info({ partitions }, 'kafka: these partitions are archived here');
    this.own = partitions;
    for (const listener of this.listeners) listener();
  }

  /** Tells the group, so that the others need not wait until the session has timed out. */
  private async leave(): Promise<void> {
    const { consumer } = this;
    this.consumer = undefined;
    this.take([]);
    if (!consumer) return;
    const ended = new Promise<void>((resolve) => consumer.leaveGroup(true, () => resolve()))
      .then(() => consumer.close(true))
      // The broker notices by the session timeout.
      .catch(() => {});
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, JOIN_AGAIN_MS).unref())]);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
