import { type CompressionAlgorithmValue, initProducerIdV2 } from '@platformatic/kafka';
import type { KafkaClient } from '../../kafka-client/client.ts';
import {
  asKafkaError,
  CODE,
  errorOfCode,
  isFinal,
  isForgotten,
  KafkaError,
} from '../../kafka-client/errors.ts';
import { type ProducedPartition, produceApi } from '../../kafka-client/produce.ts';
import { Backoff } from '../../system/backoff.ts';
import { AppendError } from '../event-log.ts';
import type { PlannedBatch } from './plan.ts';

const BACKOFF_MS_MIN = 20;
const BACKOFF_MS_MAX = 1000;
const RETRY_AFTER_SECONDS = 5;
/** A broker that takes longer is not waited for by what goes to others. */
const SLOW_MS = 1000;

/** A batch on its way: the bytes stay the same as long as the broker may have them. */
interface Sending {
  batch: PlannedBatch;
  bytes: Buffer | null;
  deadlineMs: number;
  /** The broker has refused it for good, so nothing of it is stored. */
  isRejected: boolean;
}

/** The batches of a partition, which are stored in this order. */
interface PartitionLane {
  partition: number;
  queue: Sending[];
  isSending: boolean;
  /** Something went wrong since the last batch was stored. */
  isStuck: boolean;
  /** Waits to try again. */
  timer: NodeJS.Timeout | null;
  readonly backoff: Backoff;
  error: KafkaError | null;
}

export interface SenderOptions {
  client: KafkaClient;
  compression: CompressionAlgorithmValue;
  now: () => number;
  onStored(batch: PlannedBatch): void;
  onFailed(batch: PlannedBatch, error: AppendError): void;
  /** The broker does not take it, and nothing of it is stored. False: it must be tried on, as other lines of its appends are stored, or may be. */
  onRejected(batch: PlannedBatch, error: AppendError): boolean;
  /** The broker takes no batch of this size; nothing of it is stored. Gives what replaces it. */
  onTooLarge(batch: PlannedBatch, error: AppendError): PlannedBatch[];
  /** Nobody waits for it any more. */
  isAbandoned(batch: PlannedBatch): boolean;
}

/**
 * Sends batches as an idempotent producer: acknowledged by all in-sync replicas, and repeated with the same sequence
 * numbers until the answer is there or the time is over, so that no repetition is stored twice. A batch that fails when its
 * time is over may be stored all the same. Partitions do not wait for each other: each has a queue, and each broker one request at a time,
 * with the first batch of each of its partitions.
 */
export class Sender {
  private readonly options: SenderOptions;
  private producer: { id: bigint; epoch: number } | null = null;
  private identifying: Promise<void> | null = null;
  private sequences = new Map<number, number>();
  private readonly lanes = new Map<number, PartitionLane>();
  /** Brokers that have a request, and those of them that take long. */
  private readonly busy = new Set<number>();
  private readonly slow = new Set<number>();
  private waiting: (() => void)[] = [];

  constructor(options: SenderOptions) {
    this.options = options;
  }

  /** Queues batches. */
  put(batches: readonly PlannedBatch[], deadlineMs: number): void {
    for (const batch of batches)
      this.lane(batch.partition).queue.push({ batch, bytes: null, deadlineMs, isRejected: false });
    this.pump();
  }

  /** Whether the partition takes lines, as far as known. */
  isWell(partition: number): boolean {
    const leader = this.options.client.leaderOf(partition)?.leader;
    return leader !== undefined && !this.slow.has(leader) && !this.lanes.get(partition)?.isStuck;
  }

  /** Resolves when all is stored or has failed but what waits for partitions that do not take lines at the moment. */
  async drained(): Promise<void> {
    while (
      [...this.lanes.values()].some(({ queue, partition }) => queue.length > 0 && this.isWell(partition))
    )
      await this.change();
  }

  /** Resolves when all is stored or has failed. */
  async idle(): Promise<void> {
    while ([...this.lanes.values()].some(({ queue }) => queue.length > 0)) await this.change();
  }

  private lane(partition: number): PartitionLane {
    let lane = this.lanes.get(partition);
    if (lane === undefined) {
      lane = {
        partition,
        queue: [],
        isSending: false,
        isStuck: false,
        timer: null,
        backoff: new Backoff(BACKOFF_MS_MIN, BACKOFF_MS_MAX),
        error: null,
      };
      this.lanes.set(partition, lane);
    }
    return lane;
  }

  /** Sends what can be sent. */
  private pump(): void {
    const { client } = this.options;
    const byLeader = new Map<number, PartitionLane[]>();
    for (const lane of this.lanes.values()) {
      if (lane.isSending) continue;
      this.dropAbandoned(lane);
      this.expire(lane);
      if (lane.queue.length === 0 || lane.timer !== null) continue;
      const leader = client.leaderOf(lane.partition)?.leader ?? null;
      if (leader === null)
        this.retryLater(lane, new KafkaError(`partition ${lane.partition} of ${client.topic} has no leader`));
      else if (!this.busy.has(leader)) byLeader.set(leader, [...(byLeader.get(leader) ?? []), lane]);
    }
    this.wake();
    if (byLeader.size === 0) return;
    const { producer } = this;
    if (producer === null) this.identify();
    else for (const [node, lanes] of byLeader) void this.send(node, lanes);
  }

  /** A new identity of our own; sequence numbers begin again with it. */
  private identify(): void {
    this.identifying ??= this.options.client
      .any(initProducerIdV2.api, null as never, 0, -1n, -1)
      .then(
        ({ producerId, producerEpoch }) => {
          this.producer = { id: producerId, epoch: producerEpoch };
          this.sequences = new Map();
        },
        (thrown) => {
          const error = asKafkaError(thrown, `topic ${this.options.client.topic}`);
          for (const lane of this.lanes.values())
            if (lane.queue.length > 0 && !lane.isSending && lane.timer === null) this.retryLater(lane, error);
        },
      )
      .finally(() => {
        this.identifying = null;
        this.pump();
      });
  }

  /** One request to a broker, with the first batch of each lane. */
  private async send(node: number, lanes: readonly PartitionLane[]): Promise<void> {
    const { client } = this.options;
    const sent = lanes.map((lane) => ({ lane, sending: lane.queue[0]! }));
    for (const { lane, sending } of sent) {
      lane.isSending = true;
      sending.bytes ??= this.seal(sending.batch);
    }
    this.busy.add(node);
    const slow = setTimeout(() => {
      this.slow.add(node);
      this.wake();
    }, SLOW_MS);
    let answers: ProducedPartition[] = [];
    let error = new KafkaError(`topic ${client.topic}: the broker did not answer for all partitions`);
    try {
      answers = await client.call('write', node, produceApi, {
        topic: client.topic,
        timeoutMs: client.requestTimeoutMs,
        partitions: sent.map(({ lane: { partition }, sending }) => ({ partition, batch: sending.bytes! })),
      });
    } catch (thrown) {
      error = asKafkaError(thrown, `topic ${client.topic}`);
    }
    clearTimeout(slow);
    this.busy.delete(node);
    this.slow.delete(node);
    const answered = sent.map((each) => ({
      ...each,
      answer: answers.find(({ partition }) => partition === each.lane.partition),
    }));
    // What is stored comes first: whether a batch can be refused depends on it.
    answered.sort((a, b) => Number(isStored(b.answer)) - Number(isStored(a.answer)));
    for (const { lane, sending, answer } of answered) {
      lane.isSending = false;
      const failed = answer === undefined ? error : this.acknowledge(lane, sending, answer);
      if (failed !== null) this.retryLater(lane, failed);
    }
    this.pump();
  }

  /** Null when the batch is done with, stored or refused for good; else why it must be sent again. */
  private acknowledge(lane: PartitionLane, sending: Sending, answer: ProducedPartition): KafkaError | null {
    const { batch } = sending;
    const { errorCode, baseOffset, appendedAtMs, errorMessage } = answer;
    if (isStored(answer)) {
      batch.baseOffset = baseOffset;
      batch.appendedAtMs = appendedAtMs;
      lane.queue.shift();
      lane.isStuck = false;
      lane.error = null;
      lane.backoff.reset();
      this.options.onStored(batch);
      return null;
    }
    const error = errorOfCode(errorCode, `partition ${batch.partition} of ${this.options.client.topic}`);
    if (isForgotten(errorCode)) {
      this.producer = null;
      sending.bytes = null;
    }
    if (!isFinal(errorCode)) return error;
    const detail = errorMessage ? ` (${errorMessage})` : '';
    const message = `Kafka does not take the lines: ${error.message}${detail}.`;
    const refused = new AppendError('log_failed', message, RETRY_AFTER_SECONDS);
    let replacement: Sending[] = [];
    if (errorCode === CODE.MESSAGE_TOO_LARGE || errorCode === CODE.RECORD_LIST_TOO_LARGE) {
      const deadlineMs = Math.max(sending.deadlineMs, Date.now() + this.options.client.requestTimeoutMs);
      replacement = this.options
        .onTooLarge(batch, refused)
        .map((each) => ({ batch: each, bytes: null, deadlineMs, isRejected: false }));
    } else {
      sending.isRejected = true;
      if (!this.options.onRejected(batch, refused)) return error;
    }
    // Its sequence numbers were not used.
    this.producer = null;
    lane.queue = [...replacement, ...lane.queue.slice(1)];
    return null;
  }

  private retryLater(lane: PartitionLane, error: KafkaError): void {
    lane.isStuck = true;
    lane.error = error;
    const waitMs = lane.backoff.next();
    lane.timer = setTimeout(async () => {
      // Who leads is asked again with the next try.
      await this.options.client.refresh().catch(() => null);
      lane.timer = null;
      this.pump();
    }, waitMs);
    this.wake();
  }

  /** Batches whose appends have failed by now, and which are stored nowhere. */
  private dropAbandoned({ queue }: PartitionLane): void {
    for (let [next] = queue; next && (next.isRejected || next.bytes === null); next = queue[0]) {
      if (!this.options.isAbandoned(next.batch)) return;
      // Its sequence numbers were not used.
      if (next.bytes !== null) this.producer = null;
      queue.shift();
    }
  }

  /** Gives up batches whose time is over, where something is wrong. */
  private expire({ queue, error }: PartitionLane): void {
    if (error === null) return;
    const { code } = error;
    while (queue[0] && Date.now() >= queue[0].deadlineMs) {
      const { batch, bytes } = queue.shift()!;
      // It may have been stored: who writes next must not be taken for its repetition.
      if (bytes !== null) this.producer = null;
      const few =
        code === CODE.NOT_ENOUGH_REPLICAS || code === CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND
          ? 'Too few brokers are in sync to accept lines'
          : 'Kafka did not take the lines in time';
      const message = `${few}: ${error.message}. They may or may not have been stored.`;
      this.options.onFailed(batch, new AppendError('log_busy', message, RETRY_AFTER_SECONDS));
    }
  }

  private seal(batch: PlannedBatch): Buffer {
    const { compression, now } = this.options;
    const first = this.sequences.get(batch.partition) ?? 0;
    // Sequence numbers begin again at 0 after the largest.
    this.sequences.set(batch.partition, (first + batch.writer.count) % 2 ** 31);
    const { id, epoch } = this.producer!;
    return batch.writer.seal(compression, now(), { producerId: id, producerEpoch: epoch, first });
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function isStored(answer: ProducedPartition | undefined): boolean {
  return answer?.errorCode === 0 || answer?.errorCode === CODE.DUPLICATE_SEQUENCE_NUMBER;
}
