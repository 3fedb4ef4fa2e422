import type { KafkaClient } from '../../kafka-client/client.ts';
import { AppendError, type AppendResult, type LogBlock, SourceNames } from '../event-log.ts';
import type { CountsBySource } from '../offset.ts';
import type { KafkaLogConfig } from './config.ts';
import {
  type PendingAppend,
  type PlannedBatch,
  type PlanOptions,
  planBatches,
  planSmaller,
  RECORD_ROOM_BYTES,
} from './plan.ts';
import { Sender } from './sender.ts';

export interface AppenderOptions {
  client: KafkaClient;
  config: KafkaLogConfig;
  /** Largest batch that the topic takes. */
  batchBytesMax: number;
  now: () => number;
  /** Lines of the log by source, as far as counted. */
  received: () => CountsBySource;
  /** Resolves when the lines before the offset can be read, and gives the received-at of the line at `first`. */
  readable(partition: number, first: number, end: number, appendedAtMs: number): Promise<number>;
}

interface WaitingAppend extends PendingAppend {
  /** Batches of it that the brokers do not take. */
  refused: Set<PlannedBatch>;
  isSettled: boolean;
  resolve(result: AppendResult): void;
  reject(error: Error): void;
}

/** Bytes of lines that are sent together. */
const FLUSH_BYTES = 8 * 1024 * 1024;
/** Below this a topic can't be a log. */
const BATCH_BYTES_MIN = 8 * 1024;
const NEWLINE = 0x0a;

/** What was planned together. */
interface PlannedAppends {
  batches: PlannedBatch[];
  appends: readonly WaitingAppend[];
  options: PlanOptions;
}

/** Takes blocks and writes all that wait together, one flush after the other; a partition that takes no lines holds up only its own. */
export class Appender {
  private readonly options: AppenderOptions;
  private readonly sender: Sender;
  private readonly names = new SourceNames();
  private queue: WaitingAppend[] = [];
  private queuedBytes = 0;
  private flushing: Promise<void> | null = null;
  private finishing = new Set<Promise<void>>();
  private readonly plans = new WeakMap<PlannedBatch, PlannedAppends>();
  private batchBytesMax: number;
  private turn = 0;
  private closed = false;

  constructor(options: AppenderOptions) {
    this.options = options;
    this.batchBytesMax = options.batchBytesMax;
    const { client, config, now } = options;
    this.sender = new Sender({
      client,
      compression: config.compression,
      now,
      onStored: (batch) => this.onStored(batch),
      onFailed: rejectAll,
      onRejected,
      onTooLarge: (batch, error) => this.cutDown(batch, error),
      isAbandoned: ({ appends }) => waitingIn(appends).every(({ isSettled }) => isSettled),
    });
  }

  /** See EventLog. */
  get lineBytesMax(): number {
    return this.batchBytesMax - RECORD_ROOM_BYTES;
  }

  /** See EventLog.append. */
  append({ source, bytes: pieces, lines }: LogBlock): Promise<AppendResult> {
    const { queue_bytes_max } = this.options.config;
    const { received } = this.options;
    if (this.closed) return Promise.reject(new AppendError('log_closed', 'The log is closed.'));
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    if (lines < 1 || bytes.at(-1) !== NEWLINE)
      return Promise.reject(new TypeError('a block must hold whole lines'));
    if (this.queuedBytes > 0 && this.queuedBytes + bytes.length > queue_bytes_max) {
      const message = `More than ${queue_bytes_max} bytes wait for Kafka.`;
      return Promise.reject(new AppendError('log_busy', message, 1));
    }
    try {
      this.names.add(source, received);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const settled = () => {
        if (!append.isSettled) this.queuedBytes -= bytes.length;
        append.isSettled = true;
      };
      const append: WaitingAppend = {
        source,
        bytes,
        first: null,
        batchesLeft: 0,
        ends: new Map(),
        refused: new Set(),
        isSettled: false,
        resolve(result) {
          settled();
          resolve(result);
        },
        reject(error) {
          settled();
          reject(error);
        },
      };
      this.queue.push(append);
      this.queuedBytes += bytes.length;
      this.flushing ??= this.flushAll();
    });
  }

  /** Resolves when everything that waited is stored or refused. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flushing;
    await this.sender.idle();
    await Promise.all(this.finishing);
  }

  private async flushAll(): Promise<void> {
    // What is appended in the same turn shares the first flush.
    await null;
    while (this.queue.length > 0) {
      const appends = this.takeQueued();
      await this.flush(appends);
    }
    this.flushing = null;
  }

  private takeQueued(): WaitingAppend[] {
    let bytes = 0;
    let count = 0;
    while (
      count < this.queue.length &&
      (count === 0 || bytes + this.queue[count]!.bytes.length <= FLUSH_BYTES)
    )
      bytes += this.queue[count++]!.bytes.length;
    return this.queue.splice(0, count);
  }

  private async flush(appends: readonly WaitingAppend[]): Promise<void> {
    const { client, config } = this.options;
    try {
      const options = {
        records: config.records,
        partitions: client.known!.partitions.length,
        keylessPartition: this.keylessPartition(),
        batchBytesMax: this.batchBytesMax,
      };
      const planned = planBatches(appends, options);
      for (const batches of planned)
        for (const batch of batches) this.plans.set(batch, { batches, appends, options });
      this.sender.put(planned.flat(), Date.now() + client.requestTimeoutMs);
      await this.sender.drained();
    } catch (error) {
      for (const append of appends) append.reject(error as Error);
    }
  }

  /** In turn, of those that take lines. */
  private keylessPartition(): number {
    const all = this.options.client.known!.partitions.map(({ partition }) => partition);
    const well = all.filter((partition) => this.sender.isWell(partition));
    const among = well.length > 0 ? well : all;
    return among[this.turn++ % among.length]!;
  }

  /** Smaller batches for one that the broker found too large; from now on all are smaller. */
  private cutDown(batch: PlannedBatch, error: AppendError): PlannedBatch[] {
    const { size } = batch.writer;
    const plan = this.plans.get(batch)!;
    if (size < BATCH_BYTES_MIN) {
      rejectAll(batch, error);
      return [];
    }
    this.batchBytesMax = Math.max(BATCH_BYTES_MIN / 2, Math.min(this.batchBytesMax, size >> 1));
    const { batches, appends, options } = plan;
    const at = batches.indexOf(batch);
    const linesBefore = batches.slice(0, at).reduce((sum, { lines }) => sum + lines, 0);
    const smaller = planSmaller(
      appends,
      { ...options, batchBytesMax: this.batchBytesMax },
      batch,
      linesBefore,
    );
    for (const each of smaller) this.plans.set(each, plan);
    batches.splice(at, 1);
    for (const [index, each] of smaller.entries()) batches.splice(at + index, 0, each);
    return smaller;
  }

  private onStored(batch: PlannedBatch): void {
    for (const each of batch.appends) {
      const append = each as WaitingAppend;
      append.ends.set(batch.partition, batch.baseOffset + batch.writer.count);
      if (--append.batchesLeft > 0) continue;
      const finished: Promise<void> = this.finish(append).finally(() => this.finishing.delete(finished));
      this.finishing.add(finished);
    }
  }

  private async finish(append: WaitingAppend): Promise<void> {
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

const waitingIn = (appends: ReadonlySet<PendingAppend>) => [...appends] as WaitingAppend[];

function rejectAll({ appends }: PlannedBatch, error: AppendError): void {
  for (const append of waitingIn(appends)) append.reject(error);
}

/** Refuses the appends of a batch where nothing of them is stored or still may be. False where that is not so. */
function onRejected(batch: PlannedBatch, error: AppendError): boolean {
  const appends = waitingIn(batch.appends);
  for (const { refused } of appends) refused.add(batch);
  const mayBeStored = ({ isSettled, ends, refused, batchesLeft }: WaitingAppend) =>
    !isSettled && (ends.size > 0 || refused.size < batchesLeft);
  if (appends.some(mayBeStored)) return false;
  rejectAll(batch, error);
  return true;
}
