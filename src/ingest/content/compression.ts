import { once } from 'node:events';
import {
  crc32,
  createInflateRaw,
  createZstdDecompress,
  type InflateRaw,
  type ZstdDecompress,
} from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import type { ByteSource } from './byte-source.ts';

export type Compression = 'gzip' | 'zstd' | 'bzip2';

/** Compressed bytes for a decoder at a time: what is decoded before damage is lost with no more than these. */
const STEP_BYTES = 16 * 1024;
/** The same for bzip2, whose decoder works through all blocks of a chunk at once: of 900 kB each, in 45 bytes or more. */
const BZIP2_STEP_BYTES = 1024;
/** A decoder goes on only when its last output was taken. */
const STEPWISE = { readableHighWaterMark: 1, chunkSize: 64 * 1024 };
/** Longest name or comment in the header of a gzip member. */
const HEADER_TEXT_BYTES_MAX = 64 * 1024;

/** The compressed data can't be read on: it is cut, damaged, or followed by something else. */
export class CompressedDataError extends Error {}

/** By the first bytes, never by a name. */
export function compressionOf(start: Buffer): Compression | null {
  const text = start.toString('latin1', 0, 10);
  if (/^\x1f\x8b\x08/.test(text)) return 'gzip';
  // A frame, or one that decoders skip (RFC 8878, section 3.1).
  if (/^(\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)/.test(text)) return 'zstd';
  return /^BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)/.test(text) ? 'bzip2' : null;
}

/** The decompressed bytes. Throws CompressedDataError after all that could be read. */
export async function* decompressed(source: ByteSource, compression: Compression): AsyncGenerator<Buffer> {
  if (compression === 'bzip2') yield* bzip2(source);
  else {
    const member = compression === 'gzip' ? gzipMember : zstdFrame;
    while ((await source.peek(1)).length > 0) {
      const start = await source.peek(10);
      if (compressionOf(start) === compression) yield* member(source);
      else if (start.every((byte) => byte === 0) && (await onlyNuls(source))) return;
      else
        throw new CompressedDataError(`the ${compression} data is followed by bytes that are something else`);
    }
  }
}

/** Some writers fill the last block up. */
async function onlyNuls(source: ByteSource): Promise<boolean> {
  for (let chunk = await source.next(); chunk.length > 0; chunk = await source.next())
    if (chunk.some((byte) => byte !== 0)) return false;
  return true;
}

/** A gzip file may consist of several members, and be followed by rubbish: Node's own decoder loses what it has then. */
async function* gzipMember(source: ByteSource): AsyncGenerator<Buffer> {
  await skipGzipHeader(source);
  let sum = 0;
  let length = 0;
  for await (const chunk of oneStream(source, () => createInflateRaw(STEPWISE))) {
    sum = crc32(chunk, sum);
    length += chunk.length;
    yield chunk;
  }
  const trailer = await source.take(8);
  if (trailer.length < 8) throw new CompressedDataError('the gzip data is cut before its checksum');
  if (trailer.readUInt32LE(0) !== sum || trailer.readUInt32LE(4) !== length % 2 ** 32)
    throw new CompressedDataError('the gzip data does not fit its checksum: some of it is damaged');
}

/** RFC 1952, section 2.3. */
async function skipGzipHeader(source: ByteSource): Promise<void> {
  const head = await source.take(10);
  if (head.length < 10) throw new CompressedDataError('the gzip data is cut in its header');
  const flags = head[3]!;
  if (flags & 4) {
    const length = await source.take(2);
    if (length.length === 2) await source.take(length.readUInt16LE(0));
  }
  for (const flag of [8, 16]) if (flags & flag) await skipText(source);
  if (flags & 2) await source.take(2);
}

async function skipText(source: ByteSource): Promise<void> {
  const text = await source.peek(HEADER_TEXT_BYTES_MAX);
  const end = text.indexOf(0);
  if (end === -1) throw new CompressedDataError('the header of the gzip data has no end');
  await source.take(end + 1);
}

async function* zstdFrame(source: ByteSource): AsyncGenerator<Buffer> {
  const magic = await source.peek(8);
  if (magic[0] !== 0x28) {
    if (magic.length < 8) throw new CompressedDataError('the zstd data is cut');
    await source.take(8);
    for (let left = magic.readUInt32LE(4); left > 0; ) {
      const skipped = (await source.take(Math.min(left, STEP_BYTES))).length;
      if (skipped === 0) throw new CompressedDataError('the zstd data is cut');
      left -= skipped;
    }
    return;
  }
  // Node's decoder ends after the first frame in a chunk, without a word: each frame gets its own.
  yield* oneStream(source, () => createZstdDecompress(STEPWISE));
}

/**
 * Decodes one member or frame, and gives back what follows it. With a high-water mark of one byte, the decoder goes on
 * only when its last output has been taken: so an error loses nothing that came before.
 */
async function* oneStream(
  source: ByteSource,
  create: () => InflateRaw | ZstdDecompress,
): AsyncGenerator<Buffer> {
  const decoder = create();
  // What goes wrong is thrown where the chunks are taken.
  const ended = once(decoder, 'end').catch(() => {});
  const feed = async () => {
    for (let fed = 0; ; ) {
      const chunk = await source.take(STEP_BYTES);
      if (chunk.length === 0) break;
      fed += chunk.length;
      const taken = new Promise((resolve) => decoder.write(chunk, resolve));
      await Promise.race([taken, ended]);
      const left = fed - decoder.bytesWritten;
      if (left === 0) continue;
      source.giveBack(chunk.subarray(chunk.length - left));
      return;
    }
    decoder.end();
  };
  const feeding = feed().catch((error) => decoder.destroy(error));
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    throw asDataError(error);
  }
  await feeding;
}

function asDataError(error: unknown): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR' || /unexpected end/i.test(message))
    return new CompressedDataError('the compressed data is cut: it ends in the middle');
  return /^(Z_|ZSTD_)/.test(code) ? new CompressedDataError('the compressed data is damaged') : error;
}

async function* bzip2(source: ByteSource): AsyncGenerator<Buffer> {
  async function* chunks() {
    for (let chunk = await source.next(); chunk.length > 0; chunk = await source.next())
      for (let at = 0; at < chunk.length; at += BZIP2_STEP_BYTES)
        yield chunk.subarray(at, at + BZIP2_STEP_BYTES);
  }
  const output: Buffer[] = [];
  let failed: Error | undefined;
  const decoder = unbzip2();
  decoder.on('data', (chunk: Buffer) => output.push(chunk));
  decoder.on('error', (error: Error) => {
    failed ??= error;
  });
  for await (const chunk of chunks()) {
    decoder.write(chunk);
    while (output.length > 0) yield Buffer.from(output.shift()!);
    if (failed) break;
  }
  if (!failed) decoder.end();
  while (output.length > 0) yield Buffer.from(output.shift()!);
  if (failed) throw new CompressedDataError('the bzip2 data is cut or damaged');
}
