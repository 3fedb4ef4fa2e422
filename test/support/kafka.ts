import { randomUUID } from 'node:crypto';
import { after } from 'node:test';
import { Admin, Producer } from '@platformatic/kafka';
import { createKafkaClient } from '../../src/kafka-client/client.ts';
import type { EventLog, LogBatch } from '../../src/log/event-log.ts';
import { kafkaLogConfigSchema } from '../../src/log/kafka/config.ts';
import { openKafkaLog } from '../../src/log/kafka/open-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { testNow } from './clock.ts';
import { temporaryDir, until } from './product.ts';

/** On a broker that outlives the file, a client that is left open would keep the file's process. */
const clients: { close(): Promise<unknown> }[] = [];
after(() => Promise.allSettled(clients.map((client) => client.close())));

export const quietLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A client of others on the same brokers; `close` ends it. */
export function newAdmin(brokers: readonly string[]): Admin {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...brokers], retries: 5, retryDelay: 200 });
  clients.push(admin);
  return admin;
}

export async function createTopic(
  brokers: readonly string[],
  topic: string,
  options: { partitions?: number; replicas?: number; configs?: Record<string, string> } = {},
): Promise<void> {
  const { partitions = 1, replicas = 1, configs = {} } = options;
  const admin = newAdmin(brokers);
  const list = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [topic], partitions, replicas, configs: list });
  await admin.close();
  // A writer that comes before the leaders are at work sends again, also what was stored.
  const client = await createKafkaClient({ brokers: [...brokers], topic, request_timeout_seconds: 10 });
  await until(async () => (await client.refresh()) !== null, 'the new topic');
  for (const { partition } of client.known!.partitions) await client.range(partition);
  await client.close();
}

export interface ForeignRecord {
  value: Buffer | string | null;
  key?: string;
  partition?: number;
  headers?: Record<string, string>;
  timestampMs?: number;
}

/** Writes records as another program would, in one batch for each partition. */
export async function produce(
  brokers: readonly string[],
  topic: string,
  records: readonly ForeignRecord[],
  options: { compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' } = {},
): Promise<void> {
  const producer = new Producer({
    clientId: 'others',
    bootstrapBrokers: [...brokers],
    retries: 5,
    retryDelay: 200,
  });
  await producer.send({ messages: records.map((record) => messageOf(topic, record)), acks: -1, ...options });
  await producer.close();
}

export interface Transactions {
  /** One transaction with these records, one batch for each list; then committed, rolled back, or left open. */
  run(
    lists: readonly (readonly ForeignRecord[])[],
    end: 'commit' | 'abort' | 'open',
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A transactional writer. `run` gives what ends a transaction that was left open, by committing it. */
export async function transactions(brokers: readonly string[], topic: string): Promise<Transactions> {
  const producer = new Producer({
    clientId: 'others',
    bootstrapBrokers: [...brokers],
    idempotent: true,
    transactionalId: `test-${randomUUID()}`,
    retries: 10,
    retryDelay: 200,
  });
  clients.push(producer);
  return {
    async run(lists, end) {
      const transaction = await producer.beginTransaction();
      for (const records of lists)
        await transaction.send({ messages: records.map((record) => messageOf(topic, record)) });
      if (end === 'commit') await transaction.commit();
      if (end === 'abort') await transaction.abort();
      return () => transaction.commit();
    },
    close: () => producer.close(),
  };
}

function messageOf(topic: string, { value, key, partition, headers, timestampMs }: ForeignRecord) {
  return {
    topic,
    // The library takes null, though its types do not say so.
    value: (typeof value === 'string' ? Buffer.from(value) : value) as Buffer,
    ...(key !== undefined && { key: Buffer.from(key) }),
    ...(partition !== undefined && { partition }),
    ...(timestampMs !== undefined && { timestamp: BigInt(timestampMs) }),
    ...(headers && {
      headers: new Map(
        Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const),
      ),
    }),
  };
}

/** Our log on the topic, as the pipeline opens it. */
export function openLog(
  brokers: readonly string[],
  dir: string,
  config: object,
  now: () => number = testNow,
): Promise<EventLog> {
  return openKafkaLog({
    config: kafkaLogConfigSchema.parse({ brokers, ...config }),
    dir,
    readers: ['archive', 'metrics'],
    now,
    logger: quietLogger,
    program: 'test',
  });
}

/** Everything up to the end of the partitions, in the order of the log. */
export async function readAllBatches(log: EventLog, bytesMax = 64 * 1024 * 1024): Promise<LogBatch[]> {
  const all: LogBatch[] = [];
  for (const { partition, start, end } of log.partitions()) {
    for (let offset = start; offset < end; ) {
      const batches = await log.read(partition, offset, { bytesMax, linesMax: 1_000_000 });
      if (batches.length === 0) break;
      all.push(...batches);
      offset = batches.at(-1)!.nextOffset;
    }
  }
  return all;
}

export function linesOf(batches: readonly LogBatch[]): string[] {
  return batches.flatMap(({ bytes }) => bytes.toString('utf8').slice(0, -1).split('\n'));
}

/** A log on a topic that others have made, closed when `use` is over. */
export async function withForeignTopic(
  brokers: readonly string[],
  records: ForeignRecord[],
  use: (log: EventLog, topic: string, dir: string) => Promise<void>,
  configs: Record<string, string> = {},
): Promise<void> {
  const topic = `others-${randomUUID()}`;
  await createTopic(brokers, topic, { configs });
  if (records.length > 0) await produce(brokers, topic, records);
  const dir = temporaryDir();
  const log = await openLog(brokers, dir, { topic });
  try {
    await use(log, topic, dir);
  } finally {
    await log.close();
  }
}
