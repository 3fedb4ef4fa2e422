import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW } from '../../event/fields.ts';
import { markedWithin } from '../../event/mark-line.ts';
import type { Reason } from '../../event/reasons.ts';
import { BatchWriter, encodeHeaders } from '../../kafka-client/batch-writer.ts';
import { lineKey, mayHaveKeys } from './line-key.ts';
import { partitionOfKey } from './murmur2.ts';
import { CANONICAL_HEADER, SOURCE_HEADER } from './origin.ts';

const NEWLINE = 0x0a;
/** What a record may need besides its line: key, headers, its own head and that of its batch. */
export const RECORD_ROOM_BYTES = 1024;
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
  /** Lines of its records. */
  lines: number;
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
  /** The partition that everything goes to, whatever its key. */
  only?: number;
}

/**
 * Makes batches of appends: lines with a key go where all lines with that key go, those without stay in one piece. Gives the
 * batches of each partition in the order in which they must be stored.
 */
export function planBatches(appends: readonly PendingAppend[], options: PlanOptions): PlannedBatch[][] {
  return planPieces(
    appends.map((append) => ({ append, bytes: append.bytes })),
    options,
  );
}

/** Lines of an append. */
interface Piece {
  append: PendingAppend;
  bytes: Buffer;
}

function planPieces(pieces: readonly Piece[], options: PlanOptions): PlannedBatch[][] {
  const planned = new Map<number, PlannedBatch[]>();
  const headers = new Map<string, Buffer>();
  const bytesExpected = Math.min(
    options.batchBytesMax,
    pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) + 4096,
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
    const batch: PlannedBatch = {
      partition,
      writer,
      lines: 0,
      appends: new Set(),
      baseOffset: -1,
      appendedAtMs: -1,
    };
    batches.push(batch);
    return batch;
  };
  const add = (
    append: PendingAppend,
    partition: number,
    key: Buffer | null,
    value: readonly Buffer[],
    bytes: number,
    lines: number,
  ) => {
    let encoded = headers.get(append.source);
    if (encoded === undefined) {
      encoded = encodeHeaders([
        [SOURCE_HEADER, append.source],
        [CANONICAL_HEADER, '1'],
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
    batch.lines += lines;
  };

  for (const piece of pieces) {
    if (options.records === 'events') planEvents(piece, options, add);
    else planBlocks(piece, options, add);
  }
  return [...planned.values()];
}

type Add = (
  append: PendingAppend,
  partition: number,
  key: Buffer | null,
  value: readonly Buffer[],
  bytes: number,
  lines: number,
) => void;

function planEvents({ append, bytes }: Piece, options: PlanOptions, add: Add): void {
  eachLine(bytes, (start, end, key) => {
    add(append, partitionOf(key, options), key, [bytes.subarray(start, end)], end - start, 1);
  });
}

function planBlocks({ append, bytes }: Piece, options: PlanOptions, add: Add): void {
  const blockBytes = Math.min(BLOCK_BYTES, options.batchBytesMax - RECORD_ROOM_BYTES);
  const open = new Map<number, { runs: [number, number][]; size: number; lines: number }>();
  const close = (partition: number) => {
    const { runs, size, lines } = open.get(partition)!;
    open.delete(partition);
    const value = runs.map(([from, to]) => bytes.subarray(from, to));
    add(append, partition, null, value, size, lines);
  };
  eachLine(bytes, (start, end, key) => {
    const partition = partitionOf(key, options);
    const size = end + 1 - start;
    if ((open.get(partition)?.size ?? 0) + size > blockBytes && open.has(partition)) close(partition);
    let block = open.get(partition);
    if (block === undefined) {
      block = { runs: [], size: 0, lines: 0 };
      open.set(partition, block);
    }
    const last = block.runs.at(-1);
    if (last?.[1] === start) last[1] = end + 1;
    else block.runs.push([start, end + 1]);
    block.size += size;
    block.lines++;
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

function partitionOf(key: Buffer | null, { partitions, keylessPartition, only }: PlanOptions): number {
  if (only !== undefined) return only;
  return key === null ? keylessPartition : partitionOfKey(key, partitions);
}

/**
 * Plans the lines of a batch again that the broker finds too large, by a lower limit: in smaller batches, and a line that
 * does not fit by itself as a bad row with its beginning. `linesBefore` is how many lines for its partition come before
 * it. The batches that replace it belong at its place.
 */
export function planSmaller(
  appends: readonly PendingAppend[],
  options: PlanOptions,
  batch: PlannedBatch,
  linesBefore: number,
): PlannedBatch[] {
  const { partition } = batch;
  const lineBytesMax = options.batchBytesMax - RECORD_ROOM_BYTES;
  const pieces: Piece[] = [];
  let line = 0;
  for (const append of appends) {
    const lines: Buffer[] = [];
    eachLine(append.bytes, (start, end, key) => {
      if (partitionOf(key, options) !== partition) return;
      if (line >= linesBefore && line < linesBefore + batch.lines)
        lines.push(shortened(append.bytes.subarray(start, end + 1), lineBytesMax));
      line++;
    });
    if (lines.length > 0) pieces.push({ append, bytes: Buffer.concat(lines) });
  }
  for (const append of batch.appends) {
    append.batchesLeft--;
    if (append.first?.batch === batch) append.first = null;
  }
  return planPieces(pieces, { ...options, only: partition }).flat();
}

/** A line, or where it is too long a bad row with as much of its beginning as fits. */
function shortened(line: Buffer, bytesMax: number): Buffer {
  if (line.length <= bytesMax) return line;
  let reason: Reason = 'line_too_long';
  let field: string | undefined;
  let raw = line.subarray(0, -1);
  if (raw.indexOf(`{"${BAD_MARK}":`) === 0) {
    const marked = JSON.parse(raw.toString('utf8')) as Record<string, string>;
    reason = marked[BAD_MARK] as Reason;
    field = marked[BAD_MARK_FIELD];
    raw = Buffer.from(marked[BAD_MARK_RAW]!, reason === 'not_utf8' ? 'base64' : 'utf8');
  }
  return markedWithin(reason, field, raw, bytesMax, bytesMax);
}
