import { compressionsAlgorithmsByBitmask, crc32c } from '@platformatic/kafka';
import { KafkaError } from './errors.ts';
import type { AbortedTransaction } from './fetch.ts';

/** Layout of a record batch, format 2 (Kafka 0.11 and later). */
export const AT = {
  baseOffset: 0,
  length: 8,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const;

/** Bytes of a batch that its length does not count. */
export const LENGTH_COUNTS_FROM = 12;
export const MAGIC = 2;
const COMPRESSION = 0b111;
const TRANSACTIONAL = 0b1_0000;
const CONTROL = 0b10_0000;

/** A batch whose records are to be read: neither a marker of a transaction nor rolled back. */
export interface RecordBatch {
  baseOffset: number;
  /** Offset of the last record that the batch had when it was written. */
  lastOffset: number;
  /** The newest time in it, ms: of its receipt, or of its writing where the topic keeps that; -1: none. */
  maxTimestampMs: number;
  count: number;
  /** The records, decompressed. */
  records: Buffer;
}

export interface CommittedBatches {
  batches: RecordBatch[];
  /** Offset behind the last whole batch, whether its records are to be read or not. */
  next: number;
}

/**
 * The batches of a fetched range that are committed. As Java's consumer does it: a producer's records are skipped from
 * the first offset of its aborted transaction on, until the marker that ends it.
 */
export function committedBatches(
  records: Buffer,
  from: number,
  abortedTransactions: readonly AbortedTransaction[],
): CommittedBatches {
  const coming = abortedTransactions.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const rolledBack = new Set<bigint>();
  const batches: RecordBatch[] = [];
  let next = from;
  for (let at = 0; records.length - at >= AT.records; ) {
    const size = records.readInt32BE(at + AT.length) + LENGTH_COUNTS_FROM;
    // The broker cuts an answer where it is full.
    if (size > records.length - at) break;
    const batch = records.subarray(at, at + size);
    at += size;
    const { baseOffset, lastOffset, attributes, producerId } = readHeader(batch);
    next = Math.max(next, lastOffset + 1);
    while (coming.length > 0 && coming[0]!.firstOffset <= lastOffset)
      rolledBack.add(coming.shift()!.producerId);
    if (attributes & CONTROL) {
      if (isAbortMarker(batch)) rolledBack.delete(producerId);
      continue;
    }
    if (attributes & TRANSACTIONAL && rolledBack.has(producerId)) continue;
    const count = batch.readInt32BE(AT.count);
    if (lastOffset < from || count === 0) continue;
    const maxTimestampMs = Number(batch.readBigInt64BE(AT.maxTimestamp));
    batches.push({ baseOffset, lastOffset, maxTimestampMs, count, records: recordsOf(batch, attributes) });
  }
  return { batches, next };
}

function readHeader(batch: Buffer) {
  const baseOffset = Number(batch.readBigInt64BE(AT.baseOffset));
  const magic = batch[AT.magic];
  if (magic !== MAGIC) {
    throw new KafkaError(
      `the record at offset ${baseOffset} is in the old message format ${magic}; Kafka writes format 2 since 0.11`,
    );
  }
  if (crc32c(batch.subarray(AT.attributes)) !== batch.readUInt32BE(AT.crc)) {
    throw new KafkaError(`the records from offset ${baseOffset} on are damaged: their checksum is wrong`);
  }
  return {
    baseOffset,
    lastOffset: baseOffset + batch.readInt32BE(AT.lastOffsetDelta),
    attributes: batch.readInt16BE(AT.attributes),
    producerId: batch.readBigInt64BE(AT.producerId),
  };
}

function recordsOf(batch: Buffer, attributes: number): Buffer {
  const compression = attributes & COMPRESSION;
  const stored = batch.subarray(AT.records);
  if (compression === 0) return stored;
  const algorithm = compressionsAlgorithmsByBitmask[compression];
  if (algorithm === undefined) throw new KafkaError(`compression ${compression} of a record is not known`);
  return algorithm.decompressSync(stored);
}

/** The key of a marker: its version and kind, 0 for a transaction that was rolled back. */
function isAbortMarker(batch: Buffer): boolean {
  const reader = new RecordReader(batch.subarray(AT.records));
  reader.next();
  return reader.keyLength >= 4 && reader.bytes.readInt16BE(reader.keyStart + 2) === 0;
}

/** Walks over the records of a batch without making an object of each: `next` moves on, the fields tell where. */
export class RecordReader {
  readonly bytes: Buffer;
  offsetDelta = 0;
  keyStart = 0;
  /** -1: no key. */
  keyLength = -1;
  valueStart = 0;
  /** -1: null, which is no value at all. */
  valueLength = -1;
  headersStart = 0;
  headersEnd = 0;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  next(): void {
    const length = this.varint();
    const end = this.at + length;
    this.at++;
    // The time against the first record's: up to ten bytes, each but the last with the high bit.
    while (this.bytes[this.at++]! > 0x7f);
    this.offsetDelta = this.varint();
    this.keyLength = this.varint();
    this.keyStart = this.at;
    if (this.keyLength > 0) this.at += this.keyLength;
    this.valueLength = this.varint();
    this.valueStart = this.at;
    if (this.valueLength > 0) this.at += this.valueLength;
    this.headersStart = this.at;
    this.headersEnd = end;
    if (length < 0 || end > this.bytes.length || this.at > end)
      throw new KafkaError('a record has wrong lengths');
    this.at = end;
  }

  /** The headers' names and values; of a value that is null the empty text. */
  headers(): [string, string][] {
    const after = this.at;
    this.at = this.headersStart;
    const result: [string, string][] = [];
    for (let left = this.varint(); left > 0 && this.at < this.headersEnd; left--) {
      result.push([this.text(), this.text()]);
    }
    this.at = after;
    return result;
  }

  private text(): string {
    const length = Math.max(0, this.varint());
    const text = this.bytes.toString('utf8', this.at, this.at + length);
    this.at += length;
    return text;
  }

  private varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f && shift < 35; shift += 7) {
      byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }
}
