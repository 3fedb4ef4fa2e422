import type { KafkaClient } from '../../kafka-client/client.ts';
import {
  asKafkaError,
  CODE,
  errorOfCode,
  type KafkaError,
  missingTopic,
  needsPerson,
} from '../../kafka-client/errors.ts';
import { TopicFollower } from '../../kafka-client/topic-follower.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { counted } from '../../telemetry/words.ts';
import {
  AppendError,
  type AppendResult,
  type ArchivedLines,
  type EventLog,
  type LogBatch,
  type LogBlock,
  type LogPartition,
  type LogStatus,
  type ReadLimits,
} from '../event-log.ts';
import { addCounts, type CountsBySource, type Offset, type Positions, sumCounts } from '../offset.ts';
import { Waiters } from '../waiters.ts';
import { Appender } from './appender.ts';
import type { KafkaLogConfig } from './config.ts';
import type { CountersFile } from './counters-file.ts';
import type { Expired } from './expired.ts';
import { FETCH_BYTES, PartitionLog } from './partition-log.ts';
import { PartitionStats } from './partition-stats.ts';

export interface KafkaLogOptions {
  config: KafkaLogConfig;
  /** Folder of the log's counters; made if it is missing. */
  dir: string;
  /**
   * Readers whose positions must be known (`retain`) before counters are thinned out behind them. Without any the log only takes
   * lines: it does not follow what others write, and can't be read.
   */
  readers: readonly string[];
  now: () => number;
  logger: Logger;
  /** Name and version of this program, noted in the counters. */
  program: string;
}

const MIB = 1024 * 1024;
const CACHE_BYTES = 64 * MIB;
const CACHE_BYTES_MIN = 4 * MIB;
/** Kafka's own limit of a batch, less what its head and incompressible lines add. */
const BATCH_BYTES = 900 * 1024;
const BOOKS_MS = 1000;
/** How long a call waits for records to be counted. */
const COUNT_MS_MAX = 30_000;
/** How long an append waits for its lines to be readable, once they are stored. */
const READABLE_MS_MAX = 5000;
/** An error that is over sooner, as a new leader was found, is not shown. */
const SHOWN_AFTER_MS = 1500;
/** How often a log that only takes lines asks whether the cluster is well. */
const LOOK_MS = 2000;
/** By which key its errors are kept, among those of partitions. */
const CLUSTER = -1;
/** How long the start waits until what the counters don't have is counted. */
const OPEN_MS_MAX = 10_000;

/** The event log in a topic of Kafka; `openKafkaLog` makes one. */
export class KafkaLog implements EventLog {
  readonly id: string;
  readonly expires = true;
  private readonly options: KafkaLogOptions;
  private readonly client: KafkaClient;
  private readonly file: CountersFile;
  private readonly expired: Expired;
  private readonly appender: Appender;
  private readonly follower: TopicFollower;
  private readonly waiters = new Waiters();
  private readonly logs = new Map<number, PartitionLog>();
  private readonly retained = new Map<string, Positions>();
  private readonly errors = new Map<number, { error: KafkaError; sinceMs: number }>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private closing: Promise<void> | null = null;
  /** Newest received-at that an append was told. */
  private appendedAtMs = 0;

  constructor(
    options: KafkaLogOptions,
    client: KafkaClient,
    id: string,
    file: CountersFile,
    batchBytesMax: number | null,
    expired: Expired,
  ) {
    this.id = id;
    this.expired = expired;
    this.options = options;
    this.client = client;
    this.file = file;
    const { config, now } = options;
    this.appender = new Appender({
      client,
      config,
      now,
      batchBytesMax: Math.min(BATCH_BYTES, Math.floor((batchBytesMax ?? MIB) * 0.85)),
      received: () => this.received(),
      readable: (...range) => this.readable(...range),
    });
    this.follower = new TopicFollower({
      client,
      bytesMax: FETCH_BYTES,
      position: (partition) => this.position(partition),
      take: (fetched) => {
        const log = this.logs.get(fetched.partition)!;
        if (log.extend(fetched)) this.waiters.wake(log.partition, log.end);
      },
      outOfRange: async (partition) => {
        const log = this.logs.get(partition)!;
        const lines = log.skipDeleted(await client.range(partition));
        if (lines > 0) this.warnExpired(lines, partition);
        this.waiters.wake(partition, log.end);
      },
      onError: (partition, error) => this.onError(partition, error),
    });
  }

  get lineBytesMax(): number {
    return this.appender.lineBytesMax;
  }

  addPartition(stats: PartitionStats, range: { start: number; end: number }): void {
    const { config } = this.options;
    const count = this.client.known!.partitions.length;
    const options = {
      client: this.client,
      stats,
      lineBytesMax: config.line_bytes_max,
      cacheBytesMax: Math.max(CACHE_BYTES_MIN, CACHE_BYTES / count),
      waitMsMax: COUNT_MS_MAX,
    };
    this.logs.set(stats.partition, new PartitionLog(options, range));
  }

  /** Begins to follow the topic; resolves when what the counters did not have is counted, or after some seconds. */
  async start(): Promise<void> {
    if (this.onlyTakes) {
      this.timer = setInterval(() => void this.lookAtCluster(), LOOK_MS);
      return;
    }
    this.follower.start();
    this.timer = setInterval(() => this.onTimer(), BOOKS_MS);
    const until = Date.now() + OPEN_MS_MAX;
    const isBehind = () => [...this.logs.values()].some(({ isLive, error }) => !isLive && error === null);
    while (isBehind() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    if (isBehind()) this.options.logger.info({}, 'kafka: the lines of the topic are still being counted');
  }

  async append(block: LogBlock): Promise<AppendResult> {
    return await this.appender.append(block);
  }

  partitions(): LogPartition[] {
    return Array.from(this.logs.values(), ({ partition, start, end, stats }) => ({
      partition,
      start: Math.min(start, end),
      end,
      lines: sumCounts(stats.counts) + this.expired.unreadBefore(partition),
    }));
  }

  async read(partition: number, from: Offset, limits: ReadLimits): Promise<LogBatch[]> {
    return await this.logAt(partition, from).read(from, limits);
  }

  async waitPast(positions: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    this.checkOpen();
    for (const { partition, end } of this.logs.values()) if ((positions[partition] ?? end) < end) return true;
    return await this.waiters.wait(positions, timeoutMs, signal);
  }

  received(): CountsBySource {
    const counts: CountsBySource = Object.create(null);
    for (const { stats, partition } of this.logs.values()) {
      addCounts(counts, stats.counts);
      this.expired.addUnread(counts, partition);
    }
    return { ...counts };
  }

  async adopt(archived: ArchivedLines): Promise<void> {
    // What is past the end is refused by whoever reads there.
    const isPast = Object.entries(archived.positions).some(
      ([partition, offset]) => offset > (this.logs.get(Number(partition))?.end ?? 0),
    );
    if (this.onlyTakes || isPast) return;
    const lines = await this.expired.adopt(archived, (positions) => this.receivedBefore(positions));
    if (lines > 0) this.warnExpired(lines);
  }

  archivedBefore(): CountsBySource {
    return this.expired.archived;
  }

  private warnExpired(lines: number, partition?: number): void {
    this.options.logger.warn(
      { topic: this.client.topic, lines, ...(partition === undefined ? {} : { partition }) },
      'kafka: the topic has deleted records before they were read (its retention is shorter than the outage); the ledger shows them as expired',
    );
  }

  async receivedBefore(positions: Positions): Promise<CountsBySource> {
    this.checkOpen();
    const counts: CountsBySource = Object.create(null);
    const all = Object.entries(positions).map(([partition, offset]) =>
      this.logAt(Number(partition), offset).countsBefore(offset),
    );
    for (const each of await Promise.all(all)) addCounts(counts, each);
    for (const [partition, offset] of Object.entries(positions))
      this.expired.addUnread(counts, Number(partition), offset);
    return { ...counts };
  }

  retain(reader: string, positions: Positions): void {
    this.checkOpen();
    for (const [partition, offset] of Object.entries(positions)) this.logAt(Number(partition), offset);
    this.retained.set(reader, { ...this.retained.get(reader), ...positions });
  }

  status(): LogStatus {
    const errors = [...this.errors.values()].filter(({ sinceMs }) => Date.now() - sinceMs >= SHOWN_AFTER_MS);
    const shown = errors.find(({ error }) => needsPerson(error)) ?? errors[0];
    const logs = [...this.logs.values()];
    const lastMs = logs.reduce((last, { stats }) => Math.max(last, stats.lastMs), this.appendedAtMs);
    const { brokers } = this.options.config;
    return {
      state: shown === undefined ? 'ready' : needsPerson(shown.error) ? 'failed' : 'waiting',
      message:
        shown === undefined
          ? this.expiredMessage()
          : `Kafka at ${brokers.join(', ')}: ${shown.error.message}. It will be retried automatically.`,
      bytes: 0,
      lostLines: this.lostLines(),
      lastReceivedAtMs: lastMs === 0 ? null : lastMs,
    };
  }

  private expiredMessage(): string {
    const lines = this.lostLines();
    return lines === 0
      ? ''
      : `The topic has deleted ${counted(lines, 'record')} before ${lines === 1 ? 'it was' : 'they were'} read. Set a longer retention.ms for ${this.client.topic}.`;
  }

  private lostLines(): number {
    return [...this.logs.values()].reduce(
      (sum, { stats }) => sum + stats.lostLines,
      this.expired.unreadLines(),
    );
  }

  async close(): Promise<void> {
    this.closing ??= this.shutDown();
    await this.closing;
  }

  private async shutDown(): Promise<void> {
    await this.appender.close();
    this.waiters.stop();
    clearInterval(this.timer);
    const stopped = this.follower.stop();
    // Ends what still waits for an answer.
    await this.client.close();
    await stopped;
    if (!this.onlyTakes) await this.writeCounters();
  }

  private get onlyTakes(): boolean {
    return this.options.readers.length === 0;
  }

  private async lookAtCluster(): Promise<void> {
    const { topic } = this.client;
    try {
      const found = await this.client.refresh();
      if (found === null) throw missingTopic(topic);
      const leaderless = found.partitions.find(({ leader }) => leader < 0);
      if (leaderless)
        throw errorOfCode(CODE.LEADER_NOT_AVAILABLE, `partition ${leaderless.partition} of ${topic}`);
      this.onError(CLUSTER, null);
    } catch (error) {
      if (this.closing === null) this.onError(CLUSTER, asKafkaError(error, `topic ${topic}`));
    }
  }

  /** The offset at which the follower goes on; null while a reader should come after. */
  private position(partition: number): number | null {
    const log = this.logs.get(partition);
    return log === undefined || log.isFull() ? null : log.stats.end;
  }

  private onError(partition: number, error: KafkaError | null): void {
    const log = this.logs.get(partition);
    if (log) log.error = error;
    const { logger } = this.options;
    const where = partition === CLUSTER ? {} : { partition };
    if (error === null) {
      if (this.errors.delete(partition)) logger.info(where, 'kafka: works again');
      return;
    }
    const known = this.errors.get(partition);
    if (known?.error.message !== error.message)
      logger.warn({ ...where, error: error.message }, 'kafka: unexpected answer');
    this.errors.set(partition, { error, sinceMs: known?.sinceMs ?? Date.now() });
  }

  /** Waits until the lines of an append can be read; gives the received-at of its first line. */
  private async readable(
    partition: number,
    first: number,
    end: number,
    appendedAtMs: number,
  ): Promise<number> {
    const log = this.logs.get(partition);
    this.appendedAtMs = Math.max(this.appendedAtMs, appendedAtMs);
    if (log === undefined || this.onlyTakes) return appendedAtMs;
    // While an open transaction of another program holds the partition back, or it can't be read, the lines are durable all the same.
    if (log.isLive && end > 0) await log.reachUnlessHeld(end, READABLE_MS_MAX);
    return log.receivedAt(first) ?? Math.max(log.stats.lastMs, appendedAtMs);
  }

  private onTimer(): void {
    this.forget();
    this.writing = this.writeCounters().then(() => this.addNewPartitions());
  }

  /** Drops what no reader will ask for. */
  private forget(): void {
    if (!this.options.readers.every((reader) => this.retained.has(reader))) return;
    for (const { partition, stats } of this.logs.values()) {
      const needed = this.options.readers.map((reader) => this.retained.get(reader)![partition] ?? 0);
      if (needed.length > 0) stats.forgetBefore(needed.reduce((least, offset) => Math.min(least, offset)));
    }
  }

  private async writeCounters(): Promise<void> {
    await this.writing;
    try {
      await this.file.write(
        Array.from(this.logs.values(), ({ stats }) => stats),
        this.expired,
      );
    } catch (error) {
      this.options.logger.error(
        { err: error },
        'kafka: the counters can’t be written; they will be counted again after a restart',
      );
    }
  }

  /** Somebody may have given the topic more partitions. */
  private async addNewPartitions(): Promise<void> {
    for (const leader of this.client.known!.partitions) {
      if (this.logs.has(leader.partition) || leader.leader < 0) continue;
      // It is looked at again with the next write of the counters.
      const range = await this.client.range(leader.partition).catch(() => null);
      if (range !== null)
        this.addPartition(new PartitionStats(leader.partition, this.options.now, range.start), range);
    }
  }

  private logAt(partition: number, offset: Offset): PartitionLog {
    this.checkOpen();
    const log = this.logs.get(partition);
    if (log === undefined) throw new RangeError(`this log has no partition ${partition}`);
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > log.end)
      throw new RangeError(`offset ${offset} is outside of partition ${partition}, which ends at ${log.end}`);
    return log;
  }

  private checkOpen(): void {
    if (this.closing !== null) throw new AppendError('log_closed', 'The log is closed.');
  }
}
