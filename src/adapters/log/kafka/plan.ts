import { BatchWriter, encodeHeaders } from '../../kafka-client/batch-writer.ts';
import { lineKey, mayHaveKeys } from './line-key.ts';
import { partitionOfKey } from './murmur2.ts';
import { JUDGED_HEADER, SOURCE_HEADER } from './origin.ts';

const NEWLINE = 0x0a;
/** Value of a record that holds many lines. */
const BLOCK_BYTES = 256 * 1024;

/** A block that waits to be written, or is being written. */
export interface PendingAppend {
  source: string;
  /** All lines of the block. */
  bytes: Buffer;
  /** Where its first line went. */
  first: { batch: PlannedBatch; index: number } | null;
  /** Batches that hold lines of it and are not stored yet. */
  batchesLeft: number;
  /** Behind its last record, by partition; as far as stored. */
  ends: Map<number, number>;
}

/** Records for one partition that are sent together. */
export interface PlannedBatch {
  partition: number;
  writer: BatchWriter;
  appends: Set<PendingAppend>;
  /** Offset of its first record, once it is stored; -1 where the broker did not say. */
  baseOffset: number;
  /** When the broker took it, ms; -1 where the topic keeps our own time. */
  appendedAtMs: number;
}

export interface PlanOptions {
  records: 'events' | 'blocks';
  partitions: number;
  /** For lines without a key. */
  keylessPartition: number;
  batchBytesMax: number;
}

/**
 * Makes batches of appends: lines with a key go where all lines with that key go, those without stay in one piece. Gives the
 * batches of each partition in the order in which they must be stored.
 */
export function planBatches(appends: readonly PendingAppend[], options: PlanOptions): PlannedBatch[][] {
  const planned = new Map<number, PlannedBatch[]>();
  const headers = new Map<string, Buffer>();
  const bytesExpected = Math.min(
    options.batchBytesMax,
    appends.reduce((sum, { bytes }) => sum + bytes.length, 0) + 4096,
  );

  const batchFor = (partition: number, bytes: number): PlannedBatch => {
    let batches = planned.get(partition);
    if (batches === undefined) {
      batches = [];
      planned.set(partition, batches);
    }
    const last = batches.at(-1);
    if (last && last.writer.size + bytes <= options.batchBytesMax) return last;
    const writer = new BatchWriter(bytesExpected);
    const batch = { partition, writer, appends: new Set<PendingAppend>(), baseOffset: -1, appendedAtMs: -1 };
    batches.push(batch);
    return batch;
  };
  const add = (
    append: PendingAppend,
    partition: number,
    key: Buffer | null,
    value: readonly Buffer[],
    bytes: number,
  ) => {
    let encoded = headers.get(append.source);
    if (encoded === undefined) {
      encoded = encodeHeaders([
        [SOURCE_HEADER, append.source],
        [JUDGED_HEADER, '1'],
      ]);
      headers.set(append.source, encoded);
    }
    const batch = batchFor(partition, bytes + (key?.length ?? 0) + encoded.length + 24);
    append.first ??= { batch, index: batch.writer.count };
    if (!batch.appends.has(append)) {
      batch.appends.add(append);
      append.batchesLeft++;
    }
    batch.writer.add(key, value, encoded);
  };

  for (const append of appends) {
    if (options.records === 'events') planEvents(append, options, add);
    else planBlocks(append, options, add);
  }
  return [...planned.values()];
}

type Add = (
  append: PendingAppend,
  partition: number,
  key: Buffer | null,
  value: readonly Buffer[],
  bytes: number,
) => void;

function planEvents(append: PendingAppend, options: PlanOptions, add: Add): void {
  const { bytes } = append;
  eachLine(bytes, (start, end, key) => {
    add(append, partitionOf(key, options), key, [bytes.subarray(start, end)], end - start);
  });
}

function planBlocks(append: PendingAppend, options: PlanOptions, add: Add): void {
  const { bytes } = append;
  const open = new Map<number, { runs: [number, number][]; size: number }>();
  const close = (partition: number) => {
    const { runs, size } = open.get(partition)!;
    open.delete(partition);
    const value = runs.map(([from, to]) => bytes.subarray(from, to));
    add(append, partition, null, value, size);
  };
  eachLine(bytes, (start, end, key) => {
    const partition = partitionOf(key, options);
    const size = end + 1 - start;
    if ((open.get(partition)?.size ?? 0) + size > BLOCK_BYTES && open.has(partition)) close(partition);
    let block = open.get(partition);
    if (block === undefined) {
      block = { runs: [], size: 0 };
      open.set(partition, block);
    }
    const last = block.runs.at(-1);
    if (last?.[1] === start) last[1] = end + 1;
    else block.runs.push([start, end + 1]);
    block.size += size;
  });
  // In the order of their first lines, so that the append's first line is in the first record.
  for (const partition of [...open.keys()]) close(partition);
}

function eachLine(bytes: Buffer, use: (start: number, end: number, key: Buffer | null) => void): void {
  const hasKeys = mayHaveKeys(bytes);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    use(start, end, hasKeys ? lineKey(bytes, start, end) : null);
    start = end + 1;
  }
}

function partitionOf(key: Buffer | null, { partitions, keylessPartition }: PlanOptions): number {
  return key === null ? keylessPartition : partitionOfKey(key, partitions);
}
