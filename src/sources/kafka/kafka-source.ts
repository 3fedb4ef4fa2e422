import { createKafkaClient, type KafkaClient } from '../../kafka-client/client.ts';
import { asKafkaError, CODE, KafkaError } from '../../kafka-client/errors.ts';
import type { FetchedPartition } from '../../kafka-client/fetch.ts';
import { committedBatches, type RecordBatch, RecordReader } from '../../kafka-client/record-batches.ts';
import { TopicFollower } from '../../kafka-client/topic-follower.ts';
import { bodyOf } from '../../kafka-client/value-lines.ts';
import { sleep } from '../../system/sleep.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import { counted } from '../../telemetry/words.ts';
import { BLOCK_BYTES_MAX, backoffMs, ingestWithRetry, type RetryTuning } from '../ingest-with-retry.ts';
import { ShownGap } from '../shown-gap.ts';
import type { Source, SourceContext, SourceStatus } from '../source.ts';
import type { KafkaSourceOptions } from './config.ts';
import { Cursors } from './cursors.ts';

/** Bytes of one fetch for each partition, as they are stored. */
const FETCH_BYTES = 512 * 1024;

/**
 * A source that takes the records of a topic that others write to. The position in each partition is our own, saved after
 * the lines are in the log: after a crash between the two, the last records come again, and are known by their event_id, which
 * those that have none get from their offset.
 * Records of transactions that were rolled back are left out.
 */
export function createKafkaSource(
  options: KafkaSourceOptions,
  context: SourceContext,
  tuning: RetryTuning = {},
): Source {
  return new KafkaSource(options, context, tuning);
}

class KafkaSource implements Source {
  readonly name: string;
  private readonly options: KafkaSourceOptions;
  private readonly context: SourceContext;
  private readonly tuning: RetryTuning;
  private readonly cursors: Cursors;
  private readonly stopping = new AbortController();
  private readonly errors = new Map<number, KafkaError>();
  private readonly waits = new Map<number, string>();
  /** The topic did not exist when it was looked for: all that is in it came later. */
  private sawNoTopic = false;
  private running: Promise<void> | null = null;
  private error = '';
  private readonly shownGap: ShownGap;
  private lastEventAtMs: number | null = null;
  private readonly counters = {
    records: 0,
    lines: 0,
    empty_records: 0,
    tombstones: 0,
    lost_records: 0,
    gaps: 0,
    faults: 0,
    refused: 0,
  };

  constructor(options: KafkaSourceOptions, context: SourceContext, tuning: RetryTuning) {
    this.options = options;
    this.context = context;
    this.tuning = tuning;
    this.name = options.name;
    this.shownGap = new ShownGap(context.now);
    this.cursors = new Cursors(context.stateDir, options.topic, options.name);
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  status(): SourceStatus {
    const [error] = this.errors.values();
    const [wait] = this.waits.values();
    const trouble = this.error || error?.message || wait || '';
    return {
      kind: 'kafka',
      state: trouble === '' ? 'ready' : 'waiting',
      message: trouble || this.shownGap.message(),
      lastEventAtMs: this.lastEventAtMs,
      counters: { ...this.counters },
    };
  }

  async check(): Promise<string> {
    const { topic, brokers } = this.options;
    const where = `topic ${topic} at ${brokers.join(', ')}`;
    let client: KafkaClient | undefined;
    try {
      client = await this.connect();
      const { partitions } = client.known!;
      const ranges = await Promise.all(partitions.map(({ partition }) => client!.range(partition)));
      const records = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      return `${where}: ${counted(partitions.length, 'partition')}, ${counted(records, 'offset')}`;
    } catch (error) {
      throw new Error(
        `${where}: ${(error as Error).message}. Check the brokers, the topic, tls and sasl of the source.`,
      );
    } finally {
      await client?.close();
    }
  }

  /** Follows the topic; what can't be fixed by looking again who leads begins again with a new connection. */
  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      let client: KafkaClient | undefined;
      try {
        client = await this.connect();
        await this.addCursors(client);
        this.error = '';
        await this.follow(client);
      } catch (error) {
        this.error = messageOf(error);
        this.counters.faults++;
        this.context.log.warn({ source: this.name, error: this.error }, 'kafka source: not connected');
        await sleep(backoffMs(attempt, this.context.random, this.tuning), signal);
      } finally {
        await client?.close();
      }
    }
  }

  private async connect(): Promise<KafkaClient> {
    const client = await createKafkaClient(this.options);
    try {
      await client.check();
      if ((await client.refresh()) === null) throw this.noTopic();
      return client;
    } catch (error) {
      await client.close();
      throw asKafkaError(error, `topic ${this.options.topic}`);
    }
  }

  private noTopic(): KafkaError {
    this.sawNoTopic = true;
    const { topic, brokers } = this.options;
    return new KafkaError(
      `The topic ${topic} does not exist at ${brokers.join(', ')}. Create it, or correct the name; it is read from its beginning as soon as ` +
        'it is there',
      CODE.UNKNOWN_TOPIC_OR_PARTITION,
    );
  }

  /** Gives every partition a cursor. `start` is for those that are there at first: what is found later is read whole. */
  private async addCursors(client: KafkaClient): Promise<void> {
    const { id, partitions } = client.known!;
    const isOther = await this.cursors.load(id);
    if (isOther) this.gap(0, 'the topic was deleted and created again');
    const fromStart = this.options.start === 'earliest' || isOther || this.sawNoTopic || !this.cursors.isNew;
    for (const { partition } of partitions) {
      if (this.cursors.get(partition) !== undefined) continue;
      const { start, end } = await client.range(partition);
      await this.cursors.move(partition, fromStart ? start : end);
    }
  }

  private async follow(client: KafkaClient): Promise<void> {
    const { signal } = this.stopping;
    const follower = new TopicFollower({
      client,
      bytesMax: FETCH_BYTES,
      position: (partition) => this.cursors.get(partition) ?? null,
      take: (fetched) => this.take(fetched),
      outOfRange: (partition) => this.skipDeleted(client, partition),
      onError: (partition, error) => this.onError(partition, error),
    });
    follower.start();
    // A partition that is new has no cursor yet.
    const isComplete = () =>
      client.known!.partitions.every(({ partition }) => this.cursors.get(partition) !== undefined);
    while (!signal.aborted && isComplete()) await sleep(500, signal);
    const stopped = follower.stop();
    if (signal.aborted) await client.close();
    await stopped;
  }

  private async take({ partition, records, aborted }: FetchedPartition): Promise<void> {
    const from = this.cursors.get(partition)!;
    const { batches, next } = committedBatches(records, from, aborted);
    for (const block of blocksOf(batches, from)) {
      const body = Buffer.concat(block.bodies);
      if (body.length > 0) {
        const result = await ingestWithRetry({
          body,
          // The same after a crash, when the records from the saved offset on come again.
          ids: { prefix: this.cursors.idPrefix(partition), next: 1 },
          source: this.name,
          context: this.context,
          signal: this.stopping.signal,
          onWait: (message) => this.onWait(partition, message),
          tuning: this.tuning,
        });
        if (result === null) return;
        this.waits.delete(partition);
        this.counters.lines += result.accepted + result.rejected;
        this.lastEventAtMs = this.context.now();
      }
      this.counters.records += block.records;
      this.counters.empty_records += block.empty;
      this.counters.tombstones += block.tombstones;
      await this.cursors.move(partition, block.next);
    }
    if (next > this.cursors.get(partition)!) await this.cursors.move(partition, next);
  }

  /** Retention has overtaken us, or the topic lost its end. */
  private async skipDeleted(client: KafkaClient, partition: number): Promise<void> {
    const { start, end } = await client.range(partition);
    const next = this.cursors.get(partition)!;
    if (next >= start && next <= end) return;
    if (next < start) {
      this.counters.lost_records += start - next;
      this.gap(partition, `offsets ${next} to ${start - 1} were deleted before they were read`);
    } else this.gap(partition, `it ends at ${end}, but was read up to ${next}; reading continues at its end`);
    await this.cursors.move(partition, next < start ? start : end);
  }

  private gap(partition: number, what: string): void {
    this.counters.gaps++;
    const message = `gap in partition ${partition} of ${this.options.topic}: ${what}.`;
    this.shownGap.set(message);
    this.context.log.warn({ source: this.name, partition }, message);
  }

  private onError(partition: number, error: KafkaError | null): void {
    if (error === null || this.stopping.signal.aborted) {
      this.errors.delete(partition);
      return;
    }
    this.counters.faults++;
    if (this.errors.get(partition)?.message !== error.message)
      this.context.log.warn(
        { source: this.name, partition, error: error.message },
        'kafka source: a fetch failed',
      );
    this.errors.set(partition, error);
  }

  private onWait(partition: number, message: string): void {
    this.counters.refused++;
    this.waits.set(partition, message);
    this.context.log.warn({ source: this.name }, message);
  }
}

const JSON_NULL = Buffer.from('null');
const EMPTY = Buffer.alloc(0);

/** Records that are offered together. */
interface Block {
  bodies: Buffer[];
  bytes: number;
  records: number;
  empty: number;
  /** Records without a value: in a compacted topic they say that a key was deleted. */
  tombstones: number;
  /** Offset behind them. */
  next: number;
}

function* blocksOf(batches: readonly RecordBatch[], from: number): Generator<Block> {
  let block: Block | null = null;
  for (const batch of batches) {
    const record = new RecordReader(batch.records);
    for (let left = batch.count; left > 0; left--) {
      record.next();
      const offset = batch.baseOffset + record.offsetDelta;
      if (offset < from) continue;
      const { bytes, valueStart, valueLength } = record;
      const value = bytes.subarray(valueStart, valueStart + Math.max(valueLength, 0));
      // Kafka Connect writes the JSON value null in place of none.
      const isTombstone = valueLength < 0 || value.equals(JSON_NULL);
      const body = isTombstone ? EMPTY : bodyOf(value);
      if (block !== null && block.bytes + body.length > BLOCK_BYTES_MAX) {
        yield block;
        block = null;
      }
      block ??= { bodies: [], bytes: 0, records: 0, empty: 0, tombstones: 0, next: offset };
      block.bodies.push(body);
      block.bytes += body.length;
      block.records++;
      if (isTombstone) block.tombstones++;
      else if (body.length === 0) block.empty++;
      block.next = offset + 1;
    }
  }
  if (block !== null) yield block;
}
