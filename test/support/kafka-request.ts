import assert from 'node:assert/strict';
import { connect } from 'node:net';

/**
 * The requests of Kafka's protocol that tests of the servers need, in their oldest versions that Kafka 4 takes, so
 * that no client library is part of the proof (https://kafka.apache.org/protocol).
 */
const METADATA = { key: 3, version: 1 };
const CREATE_TOPICS = { key: 19, version: 2 };
const CREATE_PARTITIONS = { key: 37, version: 0 };

export interface KafkaMetadata {
  brokers: string[];
  /** Name of each topic, with the number of replicas in sync of its first partition. */
  topics: Map<string, number>;
}

export async function kafkaMetadata(address: string): Promise<KafkaMetadata> {
  const answer = new Fields(await request(address, METADATA, [int32(-1)]));
  const brokers = answer.list(() => {
    answer.int32();
    const broker = `${answer.string()}:${answer.int32()}`;
    answer.string();
    return broker;
  });
  answer.int32();
  const topics = answer.list((): [string, number] => {
    answer.int16();
    const name = answer.string();
    answer.int8();
    const inSync = answer.list(() => {
      answer.int16();
      answer.int32();
      answer.int32();
      answer.list(() => answer.int32());
      return answer.list(() => answer.int32()).length;
    });
    return [name, inSync[0] ?? 0];
  });
  return { brokers: brokers.sort(), topics: new Map(topics) };
}

/** Makes a topic with one partition. */
export async function createKafkaTopic(address: string, name: string, replicas: number): Promise<void> {
  const [partitions, nothing, msMax, onlyCheck] = [int32(1), int32(0), int32(10_000), Buffer.from([0])];
  const topic = [string(name), partitions, int16(replicas), nothing, nothing];
  const answer = new Fields(await request(address, CREATE_TOPICS, [int32(1), ...topic, msMax, onlyCheck]));
  answer.int32();
  const codes = answer.list(() => {
    answer.string();
    const code = answer.int16();
    answer.string();
    return code;
  });
  assert.deepEqual(codes, [0], `Kafka did not make the topic ${name}`);
}

/** Gives a topic more partitions, which the brokers place. */
export async function addKafkaPartitions(address: string, name: string, count: number): Promise<void> {
  const [anywhere, msMax, onlyCheck] = [int32(-1), int32(10_000), Buffer.from([0])];
  const topic = [string(name), int32(count), anywhere];
  const answer = new Fields(
    await request(address, CREATE_PARTITIONS, [int32(1), ...topic, msMax, onlyCheck]),
  );
  answer.int32();
  const codes = answer.list(() => {
    answer.string();
    const code = answer.int16();
    answer.string();
    return code;
  });
  assert.deepEqual(codes, [0], `Kafka did not add partitions to ${name}`);
}

/** Sends a request over a connection of its own; gives the body of the answer. */
async function request(
  address: string,
  api: { key: number; version: number },
  body: Buffer[],
): Promise<Buffer> {
  const [host = '', port] = address.split(':');
  const message = Buffer.concat([int16(api.key), int16(api.version), int32(1), string('test'), ...body]);
  const socket = connect(Number(port), host);
  socket.setTimeout(20_000, () => socket.destroy(new Error(`${address} does not answer`)));
  socket.write(Buffer.concat([int32(message.length), message]));
  let answer = Buffer.alloc(0);
  for await (const bytes of socket) {
    answer = Buffer.concat([answer, bytes as Buffer]);
    if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE()) break;
  }
  assert.ok(answer.length > 8, `${address} closed the connection`);
  return answer.subarray(8);
}

class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#move(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#move(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#move(4));
  }

  /** Empty where it is null. */
  string(): string {
    const length = Math.max(0, this.int16());
    const start = this.#move(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  #move(by: number): number {
    this.#at += by;
    return this.#at - by;
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(text: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
}
