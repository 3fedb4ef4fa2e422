import type { KafkaClient } from '../../kafka-client/client.ts';
import { CODE, KafkaError, PermanentKafkaError } from '../../kafka-client/errors.ts';
import type { FetchedPartition } from '../../kafka-client/fetch.ts';
import { fetchOne } from '../../kafka-client/fetch-one.ts';
import { committedBatches } from '../../kafka-client/record-batches.ts';
import type { LogBatch, ReadLimits } from '../event-log.ts';
import { type CountsBySource, copyCounts, sumCounts } from '../offset.ts';
import { addBatch, between, cutBefore } from './counts.ts';
import type { Mark, PartitionStats } from './partition-stats.ts';
import { KafkaRecordDecoder } from './record-decoder.ts';

export interface PartitionLogOptions {
  client: KafkaClient;
  stats: PartitionStats;
  lineBytesMax: number;
  /** Bytes of the newest lines that are kept in memory. */
  cacheBytesMax: number;
  /** How long a call waits for what it needs. */
  waitMsMax: number;
}

/** A range of records as lines. */
interface Chunk {
  /** What was received before it. */
  before: Mark;
  /** Offset and received-at behind it. */
  next: number;
  lastMs: number;
  batches: LogBatch[];
  bytes: number;
}

/** Bytes of one fetch, as they are stored. */
export const FETCH_BYTES = 1024 * 1024;
/** A reader that read within so long is followed: what it reads next stays in memory. */
const READING_MS = 200;
/** Chunks of readers that are further behind. */
const OLDER_CHUNKS = 4;
/** With nothing to give where something was expected, a reader is held up so long, as it would ask again at once. */
const NOTHING_LEFT_MS = 200;

/** One partition as lines: extended at its end by what the follower brings, read by fetching where it is not in memory. */
export class PartitionLog {
  readonly stats: PartitionStats;
  /** First offset that still exists. */
  start: number;
  /** What `EventLog.partitions` shows: never falls. */
  end: number;
  /** Everything that was committed has been read since the start. */
  isLive = false;
  error: KafkaError | null = null;
  /** An open transaction of another program keeps what follows it from being read. */
  private isHeld = false;
  private readonly options: PartitionLogOptions;
  /** The newest lines, without a gap up to the end of the counters. */
  private recent: Chunk[] = [];
  private recentBytes = 0;
  private older: Chunk[] = [];
  private readonly fetching = new Map<number, Promise<Chunk>>();
  private readMs = 0;
  private readTo = 0;
  private waiting: { offset: number; finish: () => void }[] = [];

  constructor(options: PartitionLogOptions, range: { start: number; end: number }) {
    this.options = options;
    this.stats = options.stats;
    this.start = range.start;
    // What follows the last line may hold none, but a reader may have come there.
    this.end = range.end;
    this.isLive = this.stats.end >= range.end;
  }

  get partition(): number {
    return this.stats.partition;
  }

  /** Takes what was fetched at the end of the counters. True when lines came. */
  extend({ records, aborted, logStart, lastStable, highWater }: FetchedPartition): boolean {
    const { stats } = this;
    if (logStart > this.start) this.start = logStart;
    const { batches, next } = committedBatches(records, stats.end, aborted);
    if (next > stats.end) {
      const before = stats.here();
      let { lastMs } = before;
      const lines = this.decoder().decode(batches, stats.end, (batch) => {
        lastMs = stats.clock.first(lastMs, batch);
        return lastMs;
      });
      stats.extend(lines, next, lastMs);
      this.keep({ before, next, lastMs, batches: lines, bytes: bytesOf(lines) });
    }
    this.isHeld = lastStable < highWater;
    const endBefore = this.end;
    if (stats.end >= lastStable) this.isLive = true;
    this.end = Math.max(this.end, this.stats.end >= lastStable ? stats.lineEnd : lastStable);
    this.wake();
    return this.end > endBefore;
  }

  /** The end of the counters does not exist: what retention has deleted unread is lost. Gives the offsets. Throws when it is not that. */
  skipDeleted({ start, end }: { start: number; end: number }): number {
    const { stats } = this;
    if (stats.end > end) {
      throw new PermanentKafkaError(
        `partition ${this.partition} ends at ${end}, but was read up to ${stats.end}: the cluster has lost records, as ` +
          'after an unclean election. Use another topic, or a new data folder, which reads this one from its start',
      );
    }
    this.start = Math.max(this.start, start);
    const lines = start - stats.end;
    if (lines <= 0) return 0;
    this.recent = [];
    this.recentBytes = 0;
    stats.skipLost(start);
    this.end = Math.max(this.end, start);
    this.wake();
    return lines;
  }

  /** Whether the follower should wait for a reader that is at work, as what comes next would no longer fit in memory. */
  isFull(): boolean {
    if (this.recentBytes < this.options.cacheBytesMax || this.waiting.length > 0) return false;
    const oldest = this.recent[0]!;
    return (
      Date.now() - this.readMs < READING_MS &&
      this.readTo >= oldest.before.offset &&
      this.readTo < oldest.next
    );
  }

  /** See EventLog.read. */
  async read(from: number, limits: ReadLimits): Promise<LogBatch[]> {
    const { end } = this;
    let offset = Math.max(from, this.start);
    while (offset < end) {
      this.readMs = Date.now();
      this.readTo = offset;
      if (offset >= this.stats.end) await this.reach(Math.min(offset + 1, end));
      const at = this.recent.findLastIndex(({ before }) => before.offset <= offset);
      const chunks = at >= 0 ? this.recent.slice(at) : [await this.chunkAt(offset)];
      const batches = take(chunks, offset, limits);
      if (batches.length > 0) {
        this.readTo = batches.at(-1)!.nextOffset;
        return batches;
      }
      offset = Math.max(chunks.at(-1)!.next, this.start);
    }
    if (from < end) await new Promise((resolve) => setTimeout(resolve, NOTHING_LEFT_MS));
    return [];
  }

  /** Lines before the offset by source; those of a deleted range are given to the sources that it had in all. */
  async countsBefore(offset: number): Promise<CountsBySource> {
    if (offset > this.stats.end) await this.reach(offset);
    if (offset >= this.stats.lineEnd) return copyCounts(this.stats.counts);
    const chunk = this.recent.findLast(({ before }) => before.offset <= offset);
    if (chunk) return countsIn(chunk, offset);
    let mark = this.markFor(offset);
    while (mark.offset < offset) {
      const found = await this.chunkFrom(mark);
      if (found.before.offset > offset) break;
      if (found.next >= offset) return countsIn(found, offset);
      mark = { offset: found.next, lastMs: found.lastMs, counts: countsIn(found, found.next) };
    }
    return mark.counts;
  }

  /** Received-at of the line, where it is still in memory. */
  receivedAt(offset: number): number | null {
    const chunk = this.recent.findLast(({ before }) => before.offset <= offset);
    const batch = chunk?.batches.find(
      ({ firstOffset, nextOffset }) => firstOffset <= offset && offset < nextOffset,
    );
    return batch?.receivedAtMs ?? null;
  }

  /** Resolves when all records before the offset are counted; rejects with the error that hinders it, or after the time. */
  async reach(offset: number, waitMsMax = this.options.waitMsMax): Promise<void> {
    const since = Date.now();
    while (this.stats.end < offset) {
      const leftMs = since + waitMsMax - Date.now();
      if (this.error !== null && Date.now() - since >= 1000) throw this.error;
      if (leftMs <= 0) {
        throw new KafkaError(
          `partition ${this.partition} is being counted, at ${this.stats.end} of ${this.end}; try again later`,
        );
      }
      await this.growth(offset, Math.min(leftMs, 1000));
    }
  }

  /** The same, but resolves too as soon as an open transaction holds back the records, or after the time. */
  async reachUnlessHeld(offset: number, waitMsMax: number): Promise<void> {
    const untilMs = Date.now() + waitMsMax;
    while (this.stats.end < offset && !this.isHeld && this.error === null && Date.now() < untilMs)
      await this.growth(offset, Math.min(untilMs - Date.now(), 1000));
  }

  private growth(offset: number, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiter = { offset, finish: () => finish() };
      const finish = () => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((each) => each !== waiter);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.waiting.push(waiter);
    });
  }

  private wake(): void {
    for (const { offset, finish } of this.waiting) if (offset <= this.stats.end || this.isHeld) finish();
  }

  private keep(chunk: Chunk): void {
    this.recent.push(chunk);
    this.recentBytes += chunk.bytes;
    while (this.recentBytes > this.options.cacheBytesMax && this.recent.length > 1) {
      this.recentBytes -= this.recent.shift()!.bytes;
    }
  }

  /** A mark at or before the offset; where the records behind the last one are deleted, one that is reckoned. */
  private markFor(offset: number): Mark {
    const below = this.stats.markBefore(offset);
    const older = this.older.findLast(({ next }) => next === offset);
    if (older && (below === undefined || below.offset < offset)) return endOf(older);
    const mark = below ?? { offset: 0, lastMs: 0, counts: Object.create(null) };
    if (mark.offset >= this.start || mark.offset === offset) return mark;
    const above = this.stats.markAfter(mark.offset);
    const to = Math.min(offset, this.start, above.offset);
    const lines = sumCounts(above.counts) - sumCounts(mark.counts);
    const share = to === above.offset ? lines : Math.min(lines, to - mark.offset);
    return { offset: to, lastMs: mark.lastMs, counts: between(mark.counts, above.counts, share) };
  }

  /** The range of records that holds the offset, which is behind those in memory. */
  private async chunkAt(offset: number): Promise<Chunk> {
    const known = this.older.find(({ before, next }) => before.offset <= offset && offset < next);
    if (known) return known;
    const before = this.older.find(({ next }) => next === offset);
    let chunk = await this.chunkFrom(before ? endOf(before) : this.markFor(offset));
    while (chunk.next <= offset && chunk.next < this.stats.end) chunk = await this.chunkFrom(endOf(chunk));
    return chunk;
  }

  /** Those who ask for the same share one fetch. */
  private chunkFrom(mark: Mark): Promise<Chunk> {
    const known = this.older.find(({ before }) => before.offset === mark.offset);
    if (known) return Promise.resolve(known);
    let chunk = this.fetching.get(mark.offset);
    if (chunk === undefined) {
      chunk = this.fetchChunk(mark).finally(() => this.fetching.delete(mark.offset));
      this.fetching.set(mark.offset, chunk);
    }
    return chunk;
  }

  private async fetchChunk(mark: Mark): Promise<Chunk> {
    const { client } = this.options;
    const from = Math.max(mark.offset, this.start);
    const fetched = await fetchOne(client, this.partition, from, FETCH_BYTES);
    if (fetched.errorCode === CODE.OFFSET_OUT_OF_RANGE) {
      const range = await client.range(this.partition);
      if (range.start <= from) throw new KafkaError(`offset ${from} of partition ${this.partition} is gone`);
      this.start = Math.max(this.start, range.start);
      return await this.fetchChunk(this.markFor(this.start));
    }
    if (fetched.logStart > this.start) this.start = fetched.logStart;
    const { batches, next } = committedBatches(fetched.records, from, fetched.aborted);
    if (next <= from) throw new KafkaError(`partition ${this.partition} returned nothing at offset ${from}`);
    let { lastMs } = mark;
    const lines = this.decoder().decode(batches, from, (batch) => {
      lastMs = this.stats.clock.again(lastMs, batch);
      return lastMs;
    });
    const before = from === mark.offset ? mark : { ...mark, offset: from };
    const chunk = { before, next, lastMs, batches: lines, bytes: bytesOf(lines) };
    this.older.push(chunk);
    if (this.older.length > OLDER_CHUNKS) this.older.shift();
    return chunk;
  }

  private decoder(): KafkaRecordDecoder {
    return new KafkaRecordDecoder(this.partition, this.options.lineBytesMax);
  }
}

function endOf(chunk: Chunk): Mark {
  return { offset: chunk.next, lastMs: chunk.lastMs, counts: countsIn(chunk, chunk.next) };
}

function countsIn({ before, batches }: Chunk, offset: number): CountsBySource {
  const counts = copyCounts(before.counts);
  for (const batch of batches) addBatch(counts, batch, offset);
  return counts;
}

function bytesOf(batches: readonly LogBatch[]): number {
  return batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** The batches from the offset on, up to about the limits. */
function take(chunks: readonly Chunk[], from: number, limits: ReadLimits): LogBatch[] {
  const result: LogBatch[] = [];
  let bytes = 0;
  let lines = 0;
  for (const { batches } of chunks) {
    for (const batch of batches) {
      if (batch.nextOffset <= from) continue;
      const cut = cutBefore(batch, from);
      bytes += cut.bytes.length;
      lines += cut.lines;
      if (result.length > 0 && (bytes > limits.bytesMax || lines > limits.linesMax)) return result;
      result.push(cut);
    }
  }
  return result;
}
