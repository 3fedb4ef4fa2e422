import type { FileHandle } from 'node:fs/promises';
import { ByteSource } from '../../ingest/content/byte-source.ts';
import { CompressedDataError, compressionOf, decompressed } from '../../ingest/content/compression.ts';
import { FINGERPRINT_BYTES, lastBytes, TRAIL_BYTES } from './fingerprint.ts';
import { readAt } from './read-file.ts';

/** What one pass over a packed file shows. */
export interface PackedSummary {
  /** Bytes once unpacked, as far as they can be. */
  readonly size: number;
  /** The packed data is cut or damaged: it may still be written. */
  readonly isCut: boolean;
  readonly head: Buffer;
  /** The bytes before each position that was asked for. */
  readonly trails: Buffer[];
}

/** Goes through a packed file once. Null: it is not a packed file. */
export async function summarizePacked(
  handle: FileHandle,
  positions: readonly number[],
  signal: AbortSignal,
): Promise<PackedSummary | null> {
  const unpacked = await open(handle);
  if (unpacked === null) return null;
  let [size, isCut] = [0, false];
  let head: Buffer = Buffer.alloc(0);
  const trails = positions.map(() => Buffer.alloc(0) as Buffer);
  try {
    for await (const chunk of unpacked) {
      signal.throwIfAborted();
      if (head.length < FINGERPRINT_BYTES)
        head = Buffer.concat([head, chunk.subarray(0, FINGERPRINT_BYTES - head.length)]);
      positions.forEach((position, i) => {
        if (size < position)
          trails[i] = lastBytes(trails[i]!, chunk.subarray(0, position - size), TRAIL_BYTES);
      });
      size += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof CompressedDataError)) throw error;
    isCut = true;
  }
  return { size, isCut, head, trails };
}

/** Reads a packed file from a position of its content on, forwards. */
export class PackedContent {
  readonly #handle: FileHandle;
  #chunks: AsyncGenerator<Buffer> | null = null;
  /** Position of the first held byte. */
  #position = 0;
  #held: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Whether the file begins as a packed one does, whatever its name is. */
  async isPacked(): Promise<boolean> {
    return compressionOf(await readAt(this.#handle, 0, HEAD_BYTES)) !== null;
  }

  /** Up to `bytesMax` bytes from `position` on, fewer only at the end of what can be unpacked. */
  async readAt(position: number, bytesMax: number): Promise<Buffer> {
    if (this.#chunks === null || position < this.#position) {
      await this.close();
      this.#chunks = await open(this.#handle);
      if (this.#chunks === null) return Buffer.alloc(0);
    }
    for (;;) {
      const dropped = Math.min(this.#held.length, position - this.#position);
      this.#held = this.#held.subarray(dropped);
      this.#position += dropped;
      const isThere = this.#position === position && this.#held.length >= bytesMax;
      if (isThere || !(await this.#more())) break;
    }
    return this.#position === position ? this.#held.subarray(0, bytesMax) : Buffer.alloc(0);
  }

  async close(): Promise<void> {
    await this.#chunks?.return(undefined);
    this.#chunks = null;
    this.#position = 0;
    this.#held = Buffer.alloc(0);
  }

  /** Adds some bytes to those held; false: there are no more. */
  async #more(): Promise<boolean> {
    const parts = [this.#held];
    let added = 0;
    while (added < MORE_BYTES) {
      const next = await this.#chunks!.next().catch((error) => {
        if (error instanceof CompressedDataError) return { done: true, value: undefined } as const;
        throw error;
      });
      if (next.done) break;
      parts.push(next.value);
      added += next.value.length;
    }
    this.#held = Buffer.concat(parts);
    return added > 0;
  }
}

const MORE_BYTES = 1024 * 1024;
const HEAD_BYTES = 10;

async function open(handle: FileHandle): Promise<AsyncGenerator<Buffer> | null> {
  const stream = handle.createReadStream({ start: 0, autoClose: false });
  const source = new ByteSource(stream as AsyncIterable<Buffer>);
  const compression = compressionOf(await source.peek(HEAD_BYTES));
  if (compression === null) {
    await source.close();
    return null;
  }
  return unpack(source, compression);
}

async function* unpack(
  source: ByteSource,
  compression: NonNullable<ReturnType<typeof compressionOf>>,
): AsyncGenerator<Buffer> {
  try {
    yield* decompressed(source, compression);
  } finally {
    await source.close();
  }
}
