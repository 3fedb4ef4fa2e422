import { setTimeout as sleep } from 'node:timers/promises';
import { createTopicsV5 } from '@platformatic/kafka';
import type { Offset } from '../../../domain/offset.ts';
import { createKafkaClient, type KafkaClient } from '../../kafka-client/client.ts';
import type { KafkaConnectionConfig } from '../../kafka-client/config.ts';
import { asFault, CODE, KafkaFault } from '../../kafka-client/faults.ts';
import { Follower } from '../../kafka-client/follower.ts';
import { committedBatches, RecordReader } from '../../kafka-client/record-batches.ts';
import type { PointRecord } from './point-records.ts';
import type { PointsStore } from './points-store.ts';

/** Bytes that are taken from the topic in one transaction of the store. */
const FETCH_BYTES = 4 * 1024 * 1024;
const LEADERS_MS_MAX = 30_000;
const STORE_FAILED_MS = 2000;

export interface PointsTopic {
  /** As the log has them, with the name of the points topic. */
  connection: KafkaConnectionConfig;
  replicationFactor: number | undefined;
}

/** What was read of a partition of the topic, and is not in the store yet. */
interface Waiting {
  /** Offset to read on at. */
  next: Offset;
  records: (PointRecord & { offset: Offset })[];
}

/** Without a word of Spark points go to the store after this long, or when there are so many. */
const WAIT_MS_MAX = 60_000;
const WAITING_MAX = 200_000;
const LOOK_MS = 50;

/**
 * Reads the points topic into the store, from where the store is. Points wait until all of their batch are there (`batchIsDone`)
 * and go to the store in one transaction, so that points, ledger and position there belong together. Faults are waited out;
 * nothing but `stop` ends it.
 */
export class PointsReader {
  readonly #client: KafkaClient;
  readonly #store: PointsStore;
  readonly #follower: Follower;
  readonly #faults = new Map<number, string>();
  readonly #waiting = new Map<number, Waiting>();
  /** Ends of the topic at which a batch was done, by partition, oldest first. */
  readonly #ends: Map<number, Offset>[] = [];
  #storedMs = Date.now();
  #storing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #storeFault = '';

  private constructor(client: KafkaClient, store: PointsStore) {
    this.#client = client;
    this.#store = store;
    this.#follower = new Follower({
      client,
      bytesMax: FETCH_BYTES,
      position: (partition) => this.#of(partition).next,
      take: ({ partition, records, aborted }) => this.#take(partition, records, aborted),
      outOfRange: async (partition) => {
        const { start, end } = await client.range(partition);
        const waiting = this.#of(partition);
        // A topic that ends before our position is another one: all of it is to be read.
        waiting.next = waiting.next > end ? start : Math.max(start, waiting.next);
      },
      onFault: (partition, fault) => {
        if (fault) this.#faults.set(partition, fault.message);
        else this.#faults.delete(partition);
      },
    });
  }

  /** Connects, and makes the topic where it is missing. Rejects with KafkaFault. */
  static async open(topic: PointsTopic, store: PointsStore): Promise<PointsReader> {
    const client = await createKafkaClient(topic.connection, 'log.');
    try {
      if ((await client.refresh()) === null) await createTopic(client, topic);
      const until = Date.now() + LEADERS_MS_MAX;
      for (;;) {
        const known = await client.refresh();
        if (known?.partitions.length && known.partitions.every(({ leader }) => leader >= 0)) break;
        if (Date.now() > until) throw new KafkaFault(`the topic ${client.topic} has no leader`);
        await sleep(100);
      }
      return new PointsReader(client, store);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  start(): void {
    this.#follower.start();
    this.#timer = setInterval(() => {
      this.#storing = this.#storing.then(() => this.#storeWhole());
    }, LOOK_MS);
  }

  /** What keeps it from reading; empty while all is well. */
  fault(): string {
    return [...this.#faults.values()][0] ?? this.#storeFault;
  }

  /** Spark has written all points of a batch: what the topic has now belongs together. */
  async batchIsDone(): Promise<void> {
    const ends = new Map<number, Offset>();
    try {
      for (const { partition } of this.#client.known!.partitions)
        ends.set(partition, (await this.#client.range(partition)).end);
    } catch {
      // The brokers are away; the next batch will tell.
      return;
    }
    this.#ends.push(ends);
  }

  /** Resolves when all that the topic has now is in the store. */
  async caughtUp(signal?: AbortSignal): Promise<void> {
    await this.batchIsDone();
    const ends = this.#ends.at(-1) ?? new Map<number, Offset>();
    const isThere = () => [...ends].every(([partition, end]) => this.#store.topicPosition(partition) >= end);
    while (!isThere() && !signal?.aborted) await sleep(LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#follower.stop();
    await this.#storing;
    await this.#client.close();
  }

  #of(partition: number): Waiting {
    let waiting = this.#waiting.get(partition);
    if (!waiting) {
      waiting = { next: this.#store.topicPosition(partition), records: [] };
      this.#waiting.set(partition, waiting);
    }
    return waiting;
  }

  #take(partition: number, bytes: Buffer, aborted: Parameters<typeof committedBatches>[2]): void {
    const waiting = this.#of(partition);
    const { batches, next } = committedBatches(bytes, waiting.next, aborted);
    for (const batch of batches) {
      const record = new RecordReader(batch.records);
      for (let left = batch.count; left > 0; left--) {
        record.next();
        const offset = batch.baseOffset + record.offsetDelta;
        if (offset < waiting.next || record.keyLength < 0 || record.valueLength < 0) continue;
        const text = (start: number, length: number) => record.bytes.toString('utf8', start, start + length);
        const key = text(record.keyStart, record.keyLength);
        waiting.records.push({ offset, key, value: text(record.valueStart, record.valueLength) });
      }
    }
    waiting.next = next;
  }

  /** Stores what is whole, or what has waited for too long. */
  async #storeWhole(): Promise<void> {
    const isRead = (ends: Map<number, Offset>) =>
      [...ends].every(([partition, end]) => this.#of(partition).next >= end);
    let ends = this.#ends.findLast(isRead);
    const count = [...this.#waiting.values()].reduce((sum, { records }) => sum + records.length, 0);
    const isLong = count > WAITING_MAX || Date.now() - this.#storedMs > WAIT_MS_MAX;
    if (!ends && isLong) ends = new Map([...this.#waiting].map(([partition, { next }]) => [partition, next]));
    if (!ends) return;
    try {
      for (const [partition, end] of ends) {
        if (end <= this.#store.topicPosition(partition)) continue;
        const waiting = this.#of(partition);
        const whole = waiting.records.filter(({ offset }) => offset < end);
        await this.#store.take(partition, whole, end);
        waiting.records = waiting.records.filter(({ offset }) => offset >= end);
      }
      this.#storedMs = Date.now();
      this.#ends.splice(0, this.#ends.indexOf(ends) + 1);
      this.#storeFault = '';
    } catch (error) {
      this.#storeFault = `points can't be stored: ${error instanceof Error ? error.message : String(error)}`;
      await sleep(STORE_FAILED_MS);
    }
  }
}

async function createTopic(client: KafkaClient, { replicationFactor }: PointsTopic): Promise<void> {
  const { topic, controller, requestTimeoutMs } = client;
  const replicas = replicationFactor ?? (client.brokerCount >= 3 ? 3 : 1);
  const configs = [
    { name: 'cleanup.policy', value: 'compact' },
    ...(replicas >= 3 ? [{ name: 'min.insync.replicas', value: '2' }] : []),
  ];
  const request = [{ name: topic, numPartitions: 1, replicationFactor: replicas, assignments: [], configs }];
  try {
    await client.call('control', controller, createTopicsV5.api, request as never, requestTimeoutMs, false);
  } catch (error) {
    const fault = asFault(error, `topic ${topic}`);
    // Another process was faster.
    if (fault.code !== CODE.TOPIC_ALREADY_EXISTS) throw fault;
  }
}
