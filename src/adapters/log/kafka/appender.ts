import { type AppendResult, type LogBlock, LogRefused } from '../../../ports/event-log.ts';
import type { KafkaClient } from '../../kafka-client/client.ts';
import type { KafkaLogConfig } from './config.ts';
import { type PendingAppend, type PlannedBatch, planBatches } from './plan.ts';
import { Sender } from './sender.ts';

export interface AppenderOptions {
  client: KafkaClient;
  config: KafkaLogConfig;
  /** Largest batch that the topic takes. */
  batchBytesMax: number;
  now: () => number;
  /** Resolves when the lines before the offset can be read, and gives the received-at of the line at `first`. */
  readable(partition: number, first: number, end: number, appendedAtMs: number): Promise<number>;
}

interface Waiting extends PendingAppend {
  resolve(result: AppendResult): void;
  reject(error: Error): void;
}

/** Bytes of lines that are sent together. */
const FLUSH_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Takes blocks and writes all that wait together, one flush after the other. */
export class Appender {
  private readonly options: AppenderOptions;
  private readonly sender: Sender;
  private queue: Waiting[] = [];
  private queuedBytes = 0;
  private flushing: Promise<void> | null = null;
  private finishing = new Set<Promise<void>>();
  private turn = 0;
  private closed = false;

  constructor(options: AppenderOptions) {
    this.options = options;
    const { client, config, now } = options;
    this.sender = new Sender({
      client,
      compression: config.compression,
      now,
      onStored: (batch) => this.onStored(batch),
      onFailed: (batch, error) => {
        for (const append of batch.appends) (append as Waiting).reject(error);
      },
    });
  }

  /** See EventLog.append. */
  append({ source, bytes: pieces, lines }: LogBlock): Promise<AppendResult> {
    const { queue_bytes_max } = this.options.config;
    if (this.closed) return Promise.reject(new LogRefused('log_closed', 'The log is closed.'));
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    if (lines < 1 || bytes.at(-1) !== NEWLINE)
      return Promise.reject(new TypeError('a block must hold whole lines'));
    if (this.queuedBytes > 0 && this.queuedBytes + bytes.length > queue_bytes_max) {
      const message = `More than ${queue_bytes_max} bytes wait for Kafka.`;
      return Promise.reject(new LogRefused('log_busy', message, 1));
    }
    return new Promise((resolve, reject) => {
      const ends = new Map<number, number>();
      this.queue.push({ source, bytes, first: null, batchesLeft: 0, ends, resolve, reject });
      this.queuedBytes += bytes.length;
      this.flushing ??= this.flushAll();
    });
  }

  /** Resolves when everything that waited is stored or refused. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flushing;
    await Promise.all(this.finishing);
  }

  private async flushAll(): Promise<void> {
    // What is appended in the same turn shares the first flush.
    await null;
    while (this.queue.length > 0) {
      const appends = this.takeQueued();
      await this.flush(appends);
      for (const { bytes } of appends) this.queuedBytes -= bytes.length;
    }
    this.flushing = null;
  }

  private takeQueued(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (
      count < this.queue.length &&
      (count === 0 || bytes + this.queue[count]!.bytes.length <= FLUSH_BYTES)
    )
      bytes += this.queue[count++]!.bytes.length;
    return this.queue.splice(0, count);
  }

  private async flush(appends: readonly Waiting[]): Promise<void> {
    const { client, config, batchBytesMax } = this.options;
    try {
      const partitions = client.known!.partitions.length;
      const keylessPartition = this.turn++ % partitions;
      const planned = planBatches(appends, {
        records: config.records,
        partitions,
        keylessPartition,
        batchBytesMax,
      });
      const deadlineMs = Date.now() + client.requestTimeoutMs;
      for (let round = 0; planned.some((batches) => batches.length > round); round++) {
        const batches = planned.flatMap((all) => all.slice(round, round + 1));
        const refused = await this.sender.send(batches, deadlineMs);
        if (refused !== null) throw refused;
      }
    } catch (error) {
      // Those that are stored by now have their result, and stay as they are.
      for (const append of appends)
        if (append.batchesLeft > 0 || append.first === null) append.reject(error as Error);
    }
  }

  private onStored(batch: PlannedBatch): void {
    for (const each of batch.appends) {
      const append = each as Waiting;
      append.ends.set(batch.partition, batch.baseOffset + batch.writer.count);
      if (--append.batchesLeft > 0) continue;
      const finished: Promise<void> = this.finish(append).finally(() => this.finishing.delete(finished));
      this.finishing.add(finished);
    }
  }

  private async finish(append: Waiting): Promise<void> {
    const { batch, index } = append.first!;
    const { partition, baseOffset, appendedAtMs } = batch;
    const firstOffset = baseOffset + index;
    const { readable } = this.options;
    const [receivedAtMs] = await Promise.all(
      Array.from(append.ends)
        .sort(([a], [b]) => Number(b === partition) - Number(a === partition))
        .map(([each, end]) => readable(each, firstOffset, end, appendedAtMs)),
    );
    append.resolve({ partition, firstOffset, receivedAtMs: receivedAtMs! });
  }
}
