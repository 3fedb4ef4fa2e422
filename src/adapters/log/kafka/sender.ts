import { setTimeout as sleep } from 'node:timers/promises';
import { type CompressionAlgorithmValue, initProducerIdV2 } from '@platformatic/kafka';
import { LogRefused } from '../../../ports/event-log.ts';
import type { KafkaClient } from '../../kafka-client/client.ts';
import { asFault, CODE, faultOf, isFinal, isForgotten, KafkaFault } from '../../kafka-client/faults.ts';
import { type ProducedPartition, produceApi } from '../../kafka-client/produce.ts';
import type { PlannedBatch } from './plan.ts';

const BACKOFF_MS_MIN = 20;
const BACKOFF_MS_MAX = 1000;
const RETRY_AFTER_SECONDS = 5;

/** A batch on its way: the bytes stay the same as long as the broker may have them. */
interface Sending {
  batch: PlannedBatch;
  bytes: Buffer | null;
}

export interface SenderOptions {
  client: KafkaClient;
  compression: CompressionAlgorithmValue;
  now: () => number;
  onStored(batch: PlannedBatch): void;
  onFailed(batch: PlannedBatch, error: LogRefused): void;
}

/**
 * Sends batches as an idempotent producer: acknowledged by all in-sync replicas, and repeated with the same sequence
 * numbers until the answer is there or the time is over, so that no repetition is stored twice. A batch that fails when its
 * time is over may be stored all the same.
 */
export class Sender {
  private readonly options: SenderOptions;
  private producer: { id: bigint; epoch: number } | null = null;
  private sequences = new Map<number, number>();

  constructor(options: SenderOptions) {
    this.options = options;
  }

  /** Sends one batch for each partition; resolves when each is stored or has failed. Gives the refusal when the time was over. */
  async send(batches: readonly PlannedBatch[], deadlineMs: number): Promise<LogRefused | null> {
    let open: Sending[] = batches.map((batch) => ({ batch, bytes: null }));
    let backoffMs = BACKOFF_MS_MIN;
    for (;;) {
      let fault: KafkaFault | null = null;
      try {
        await this.identify();
        const { left, fault: last } = await this.attempt(open);
        open = left;
        fault = last;
      } catch (error) {
        fault = asFault(error, `topic ${this.options.client.topic}`);
      }
      if (open.length === 0) return null;
      if (Date.now() >= deadlineMs) return this.giveUp(open, fault);
      await sleep(backoffMs * (0.5 + Math.random() / 2));
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
      await this.options.client.refresh().catch(() => null);
    }
  }

  /** A new identity of our own; sequence numbers begin anew with it. */
  private async identify(): Promise<void> {
    if (this.producer !== null) return;
    const answer = await this.options.client.any(initProducerIdV2.api, null as never, 0, -1n, -1);
    this.producer = { id: answer.producerId, epoch: answer.producerEpoch };
    this.sequences = new Map();
  }

  /** One request to each broker; gives what must be sent again. */
  private async attempt(open: Sending[]): Promise<{ left: Sending[]; fault: KafkaFault | null }> {
    const { client } = this.options;
    let fault: KafkaFault | null = null;
    let forgotten = false;
    const left: Sending[] = [];
    const byLeader = new Map<number, Sending[]>();
    for (const each of open) {
      const leader = client.leaderOf(each.batch.partition);
      if (leader === null) {
        fault = new KafkaFault(`partition ${each.batch.partition} of ${client.topic} has no leader`);
        left.push(each);
        continue;
      }
      each.bytes ??= this.seal(each.batch);
      byLeader.set(leader.leader, [...(byLeader.get(leader.leader) ?? []), each]);
    }
    const requests = [...byLeader].map(async ([node, sendings]) => {
      const answers = await this.request(node, sendings).catch((error: KafkaFault) => {
        fault = error;
        return [];
      });
      for (const sending of sendings) {
        const answer = answers.find(({ partition }) => partition === sending.batch.partition);
        const failed = answer === undefined ? null : this.settle(sending, answer);
        if (answer !== undefined && failed === null) continue;
        fault = failed ?? fault;
        if (failed?.code && isForgotten(failed.code)) forgotten = true;
        left.push(sending);
      }
    });
    await Promise.all(requests);
    if (forgotten) this.forget(left);
    return { left, fault };
  }

  private request(node: number, sendings: readonly Sending[]): Promise<ProducedPartition[]> {
    const { client } = this.options;
    return client.call('write', node, produceApi, {
      topic: client.topic,
      timeoutMs: client.requestTimeoutMs,
      partitions: sendings.map(({ batch, bytes }) => ({ partition: batch.partition, batch: bytes! })),
    });
  }

  /** Null when the batch is done with, stored or refused for good; else why it must be sent again. */
  private settle({ batch }: Sending, answer: ProducedPartition): KafkaFault | null {
    const { errorCode, baseOffset, appendedAtMs, errorMessage } = answer;
    if (errorCode === 0 || errorCode === CODE.DUPLICATE_SEQUENCE_NUMBER) {
      batch.baseOffset = baseOffset;
      batch.appendedAtMs = appendedAtMs;
      this.options.onStored(batch);
      return null;
    }
    const fault = faultOf(errorCode, `partition ${batch.partition} of ${this.options.client.topic}`);
    if (!isFinal(errorCode)) return fault;
    // Its sequence numbers were not used.
    this.producer = null;
    const detail = errorMessage ? ` (${errorMessage})` : '';
    const message = `Kafka does not take the lines: ${fault.message}${detail}.`;
    this.options.onFailed(batch, new LogRefused('log_failed', message, RETRY_AFTER_SECONDS));
    return null;
  }

  private seal(batch: PlannedBatch): Buffer {
    const { compression, now } = this.options;
    const first = this.sequences.get(batch.partition) ?? 0;
    // Sequence numbers begin again at 0 after the largest.
    this.sequences.set(batch.partition, (first + batch.writer.count) % 2 ** 31);
    const { id, epoch } = this.producer!;
    return batch.writer.seal(compression, now(), { producerId: id, producerEpoch: epoch, first });
  }

  private forget(left: readonly Sending[]): void {
    this.producer = null;
    for (const sending of left) sending.bytes = null;
  }

  private giveUp(open: readonly Sending[], fault: KafkaFault | null): LogRefused {
    // Some may have been stored: who writes next must not be taken for their repetition.
    this.producer = null;
    const { code } = fault ?? {};
    const few =
      code === CODE.NOT_ENOUGH_REPLICAS || code === CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND
        ? 'Too few brokers are in sync to take lines'
        : 'Kafka did not take the lines in time';
    const message = `${few}: ${fault?.message ?? 'no answer'}. They may or may not have been stored.`;
    const refused = new LogRefused('log_busy', message, RETRY_AFTER_SECONDS);
    for (const { batch } of open) this.options.onFailed(batch, refused);
    return refused;
  }
}
