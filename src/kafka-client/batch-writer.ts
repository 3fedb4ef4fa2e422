import { type CompressionAlgorithmValue, compressionsAlgorithms, crc32c } from '@platformatic/kafka';
import { AT, LENGTH_COUNTS_FROM, MAGIC } from './record-batches.ts';

const EMPTY = Buffer.alloc(0);

/** Who writes, and how many records it has written to the partition before: by it the broker knows a repetition. */
export interface Sequence {
  producerId: bigint;
  producerEpoch: number;
  first: number;
}

/** Encodes records of one partition into one batch, format 2. */
export class BatchWriter {
  count = 0;
  private bytes: Buffer;
  private at: number = AT.records;
  private sealed: Buffer | null = null;

  constructor(bytesExpected: number) {
    this.bytes = Buffer.allocUnsafe(AT.records + bytesExpected);
  }

  /** Bytes so far, without compression. */
  get size(): number {
    return this.at;
  }

  /** `headers` is what `encodeHeaders` gave; the value is the pieces one after the other. */
  add(key: Buffer | null, value: readonly Buffer[], headers: Buffer): void {
    let valueLength = 0;
    for (const piece of value) valueLength += piece.length;
    const keyLength = key === null ? -1 : key.length;
    const length =
      2 +
      varintSize(this.count) +
      varintSize(keyLength) +
      Math.max(0, keyLength) +
      varintSize(valueLength) +
      valueLength +
      headers.length;
    this.makeRoom(length + 5);
    this.varint(length);
    this.bytes[this.at++] = 0;
    // The time, against that of the batch.
    this.bytes[this.at++] = 0;
    this.varint(this.count++);
    this.varint(keyLength);
    if (key !== null) this.copy(key);
    this.varint(valueLength);
    for (const piece of value) this.copy(piece);
    this.copy(headers);
  }

  /** The batch as it is sent. May be called again with another sequence; what it gave before is then overwritten. */
  seal(compression: CompressionAlgorithmValue, timestampMs: number, sequence: Sequence): Buffer {
    this.sealed ??= this.compressed(compression);
    const batch = this.sealed;
    batch.writeBigInt64BE(0n, AT.baseOffset);
    batch.writeInt32BE(batch.length - LENGTH_COUNTS_FROM, AT.length);
    batch.writeInt32BE(-1, LENGTH_COUNTS_FROM);
    batch[AT.magic] = MAGIC;
    batch.writeInt16BE(compressionsAlgorithms[compression].bitmask, AT.attributes);
    batch.writeInt32BE(this.count - 1, AT.lastOffsetDelta);
    batch.writeBigInt64BE(BigInt(timestampMs), AT.baseTimestamp);
    batch.writeBigInt64BE(BigInt(timestampMs), AT.maxTimestamp);
    batch.writeBigInt64BE(sequence.producerId, AT.producerId);
    batch.writeInt16BE(sequence.producerEpoch, AT.producerEpoch);
    batch.writeInt32BE(sequence.first, AT.baseSequence);
    batch.writeInt32BE(this.count, AT.count);
    batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.crc);
    return batch;
  }

  private compressed(compression: CompressionAlgorithmValue): Buffer {
    const whole = this.bytes.subarray(0, this.at);
    this.bytes = EMPTY;
    if (compression === 'none') return whole;
    const records = compressionsAlgorithms[compression].compressSync(whole.subarray(AT.records));
    return Buffer.concat([whole.subarray(0, AT.records), records]);
  }

  private makeRoom(bytes: number): void {
    if (this.bytes.length - this.at >= bytes) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + bytes));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  private copy(piece: Buffer): void {
    piece.copy(this.bytes, this.at);
    this.at += piece.length;
  }

  private varint(value: number): void {
    let rest = zigzag(value);
    for (; rest > 0x7f; rest >>>= 7) this.bytes[this.at++] = (rest & 0x7f) | 0x80;
    this.bytes[this.at++] = rest;
  }
}

/** The headers of a record, as `add` takes them. */
export function encodeHeaders(headers: readonly (readonly [string, string])[]): Buffer {
  const bytes: number[] = [];
  const varint = (value: number) => {
    let rest = zigzag(value);
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  };
  varint(headers.length);
  for (const text of headers.flat()) {
    const encoded = Buffer.from(text);
    varint(encoded.length);
    for (const byte of encoded) bytes.push(byte);
  }
  return Buffer.from(bytes);
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function varintSize(value: number): number {
  const rest = zigzag(value);
  return rest < 0x80 ? 1 : rest < 0x4000 ? 2 : rest < 0x20_0000 ? 3 : rest < 0x1000_0000 ? 4 : 5;
}
