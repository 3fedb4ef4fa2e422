import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { API, Broker, Connection, ConnectionOptions } from '@platformatic/kafka';
import { apiVersionsV1, ConnectionPool, listOffsetsV5, metadataV10 } from '@platformatic/kafka';
import { accessError } from './access.ts';
import type { KafkaConnectionConfig } from './config.ts';
import {
  asKafkaError,
  CODE,
  errorOfCode,
  isDenied,
  KafkaAccessError,
  KafkaError,
  PermanentKafkaError,
} from './errors.ts';
import { readTlsFiles } from './tls-files.ts';

/** A topic as the cluster has it now. */
export interface TopicMetadata {
  /** UUID that the cluster gave it; one that is created again has another. */
  id: string;
  partitions: PartitionLeader[];
}

export interface PartitionLeader {
  partition: number;
  /** -1: none at the moment. */
  leader: number;
  leaderEpoch: number;
}

/** Requests that may take long have connections of their own: a broker answers those of one in turn. */
export type Lane = 'control' | 'follow' | 'read' | 'write';

const CONNECT_MS_MAX = 5000;
/** What we need of a broker: number of the request, its version, and its name. */
const NEEDED: readonly [number, number, string][] = [
  [0, 8, 'Produce'],
  [1, 11, 'Fetch'],
  [2, 5, 'ListOffsets'],
  [3, 10, 'Metadata'],
  [22, 2, 'InitProducerId'],
];
/** A partition may be without a leader for some seconds. */
const RANGE_ATTEMPTS = 8;
const READ_COMMITTED = 1;
const LATEST = -1n;
const EARLIEST = -2n;

/** Connections to the cluster, and who leads which partition of our topic. */
export class KafkaClient {
  readonly topic: string;
  readonly requestTimeoutMs: number;
  private readonly config: KafkaConnectionConfig;
  private readonly section: string;
  private readonly options: ConnectionOptions;
  private readonly bootstrap: Broker[];
  private readonly pools = new Map<string, ConnectionPool>();
  /** Why a connection broke, where it was more than closed. */
  private readonly broken = new WeakMap<Connection, unknown>();
  private isAnswered = false;
  private brokers = new Map<number, Broker>();
  private controllerNode = -1;
  private metadata: TopicMetadata | null = null;
  private refreshing: Promise<TopicMetadata | null> | null = null;

  constructor(config: KafkaConnectionConfig, section: string, options: ConnectionOptions) {
    this.topic = config.topic;
    this.requestTimeoutMs = config.request_timeout_seconds * 1000;
    this.config = config;
    this.section = section;
    this.options = options;
    this.bootstrap = config.brokers.map(brokerOf);
  }

  /** Asks a broker whether it is new enough; rejects with an error that says why not. */
  async check(): Promise<void> {
    const { apiKeys } = await this.any(apiVersionsV1.api, '', '');
    for (const [key, version, name] of NEEDED) {
      const has = apiKeys.find((each) => each.apiKey === key);
      if (has !== undefined && has.minVersion <= version && version <= has.maxVersion) continue;
      throw new KafkaError(
        `the brokers do not offer ${name} version ${version}; Kafka 2.8 or later is needed`,
      );
    }
  }

  /** The topic as last heard of; null before `refresh`. */
  get known(): TopicMetadata | null {
    return this.metadata;
  }

  /** Who leads the partition; null where nobody does, or where it is not known. */
  leaderOf(partition: number): PartitionLeader | null {
    const found = this.metadata?.partitions.find((each) => each.partition === partition);
    return found === undefined || found.leader < 0 ? null : found;
  }

  /** The broker that changes topics. */
  get controller(): number {
    return this.controllerNode;
  }

  get brokerCount(): number {
    return this.brokers.size;
  }

  /** Asks who leads what; null when there is no such topic. Calls at the same time share one request. */
  refresh(): Promise<TopicMetadata | null> {
    this.refreshing ??= this.askMetadata().finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  /** One request to one broker. Rejects with KafkaError. */
  async call<Arguments extends unknown[], Response>(
    lane: Lane,
    node: number,
    api: API<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    const broker = this.brokers.get(node);
    if (broker === undefined) throw new KafkaError(`broker ${node} is not known`);
    return await this.send(lane, broker, api, ...args);
  }

  /** One request to whichever broker answers. Rejects with the error of the last one that was asked. */
  async any<Arguments extends unknown[], Response>(
    api: API<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    let error = new KafkaError('no broker is known');
    const known = [...this.brokers.values()].filter(
      ({ host, port }) => !this.bootstrap.some((each) => each.host === host && each.port === port),
    );
    for (const broker of [...this.bootstrap, ...known]) {
      try {
        return await this.send('control', broker, api, ...args);
      } catch (thrown) {
        // One that is down tells less than one that does not let us in.
        if (!(error instanceof KafkaAccessError)) error = asKafkaError(thrown, nameOf(broker));
        // It has answered: another one would say the same.
        if (error.code !== null) break;
      }
    }
    throw error;
  }

  /** First offset of the partition, and the end of what is committed; tried again with who leads it now. */
  async range(partition: number): Promise<{ start: number; end: number }> {
    const what = `partition ${partition} of ${this.topic}`;
    let error = new KafkaError(`${what} has no leader at the moment`);
    for (let attempt = 0; attempt < RANGE_ATTEMPTS; attempt++) {
      if (attempt > 0) {
        await sleep(Math.min(1000, 50 * 2 ** attempt));
        // The attempt itself then says what is wrong.
        await this.refresh().catch(() => null);
      }
      const leader = this.leaderOf(partition);
      if (leader === null) continue;
      try {
        const start = await this.offsetAt(leader, EARLIEST);
        return { start, end: Math.max(start, await this.offsetAt(leader, LATEST)) };
      } catch (thrown) {
        error = asKafkaError(thrown, what);
        if (isDenied(error)) break;
      }
    }
    throw error;
  }

  private async offsetAt({ partition, leader, leaderEpoch }: PartitionLeader, timestamp: bigint) {
    const asked = { partitionIndex: partition, currentLeaderEpoch: leaderEpoch, timestamp };
    const topics = [{ name: this.topic, partitions: [asked] }];
    const answer = await this.call('control', leader, listOffsetsV5.api, -1, READ_COMMITTED, topics as never);
    return Number(answer.topics[0]!.partitions[0]!.offset);
  }

  async close(): Promise<void> {
    // A connection that is broken already is as good as closed.
    await Promise.all([...this.pools.values()].map((pool) => pool.close().catch(() => {})));
  }

  private async send<Arguments extends unknown[], Response>(
    lane: Lane,
    broker: Broker,
    api: API<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    let connection: Connection | undefined;
    try {
      connection = await this.poolFor(lane, broker).get(broker);
      const answer = await api.async(connection, ...args);
      this.isAnswered = true;
      return answer;
    } catch (error) {
      // Requests are told that a connection was closed, but not why.
      const why = connection && this.broken.get(connection);
      const causes = { errors: why === undefined ? [error] : [why, error] };
      const { config, section, isAnswered, metadata } = this;
      const attempt = { config, section, broker: nameOf(broker), isAnswered, isLetIn: metadata !== null };
      throw accessError(causes, attempt) ?? asKafkaError(causes, nameOf(broker));
    }
  }

  private poolFor(lane: Lane, { host }: Broker): ConnectionPool {
    // In TLS the name of a server is a name, never an address.
    const tlsServerName = this.options.tls !== undefined && isIP(host) === 0;
    const key = `${lane} ${tlsServerName}`;
    let pool = this.pools.get(key);
    if (pool === undefined) {
      pool = new ConnectionPool('tillstream', { ...this.options, tlsServerName });
      // An event that nobody listens to would end the process.
      pool.on('connecting', ({ connection }) =>
        connection.on('error', (error) => this.broken.set(connection, error)),
      );
      this.pools.set(key, pool);
    }
    return pool;
  }

  private async askMetadata(): Promise<TopicMetadata | null> {
    const answer = await this.any(metadataApi, [this.topic], false, false);
    this.brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.controllerNode = answer.controllerId;
    const topic = answer.topics[0]!;
    if (topic.errorCode === CODE.UNKNOWN_TOPIC_OR_PARTITION) return null;
    if (topic.errorCode !== 0) throw errorOfCode(topic.errorCode, `topic ${this.topic}`);
    if (this.metadata !== null && this.metadata.id !== topic.topicId) {
      throw new PermanentKafkaError(
        `the topic ${this.topic} was deleted and created again; restart, because it is a different topic now`,
      );
    }
    const partitions = topic.partitions
      .map(({ partitionIndex, leaderId, leaderEpoch, errorCode }) => ({
        partition: partitionIndex,
        leader: errorCode === CODE.LEADER_NOT_AVAILABLE ? -1 : leaderId,
        leaderEpoch,
      }))
      .sort((a, b) => a.partition - b.partition);
    this.metadata = { id: topic.topicId, partitions };
    return this.metadata;
  }
}

type MetadataAnswer = Awaited<ReturnType<typeof metadataV10.api.async>>;
/** A topic or partition with an error is an answer as well: the library throws, with the answer in the error. */
const metadataApi: API<[string[], boolean, boolean], MetadataAnswer> = Object.assign(
  (() => {}) as unknown as API<[string[], boolean, boolean], MetadataAnswer>,
  {
    key: metadataV10.api.key,
    version: metadataV10.api.version,
    async: async (...args: Parameters<typeof metadataV10.api.async>) => {
      try {
        return await metadataV10.api.async(...args);
      } catch (error) {
        const { response } = error as { response?: MetadataAnswer };
        if (response === undefined) throw error;
        return response;
      }
    },
  },
);

/**
 * Opens nothing yet. `section` is what stands before the names of the settings in messages, such as "log.". Rejects with
 * KafkaError when a file of `tls` can't be used.
 */
export async function createKafkaClient(config: KafkaConnectionConfig, section = ''): Promise<KafkaClient> {
  return new KafkaClient(config, section, await connectionOptions(config, section));
}

/** How to connect, for the library. Reads the files of `tls`; rejects with KafkaError when one can't be used. */
export async function connectionOptions(
  config: KafkaConnectionConfig,
  section: string,
): Promise<ConnectionOptions> {
  const { tls, sasl } = config;
  const options: ConnectionOptions = {
    connectTimeout: Math.min(CONNECT_MS_MAX, config.request_timeout_seconds * 1000),
    // Longer than the broker's own, so that its answer comes first.
    requestTimeout: config.request_timeout_seconds * 1000 + 1000,
    maxInflights: 1,
  };
  if (sasl) options.sasl = sasl;
  if (tls) {
    const { ca, own } = await readTlsFiles(tls, section);
    options.tlsServerName = !config.brokers.map(brokerOf).some(({ host }) => isIP(host) > 0);
    const key = own?.key.export({ type: 'pkcs8', format: 'pem' });
    options.tls = {
      rejectUnauthorized: tls.reject_unauthorized,
      ...(ca && { ca }),
      ...(own && { cert: own.certificate, key }),
    };
  }
  return options;
}

const nameOf = ({ host, port }: Broker) => `broker ${host}:${port}`;

function brokerOf(address: string): Broker {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
  };
}
