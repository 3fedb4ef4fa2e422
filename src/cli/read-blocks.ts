import { once } from 'node:events';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { parse } from 'csv-parse';
import { UsageError } from '../domain/errors.ts';
import { jsonToLines } from '../domain/json-values.ts';
import { CommandFailed } from './context.ts';
import { isSequenceFile, type Reader, sequenceFileBlocks } from './sequence-file.ts';

/** Bytes that go to the log at a time: so few that checking them does not hold up what else this process does. */
const BLOCK_BYTES = 2 * 1024 * 1024;
/** A line or array element longer than this can't be an event; it is cut, and becomes a bad row. */
const ELEMENT_BYTES_MAX = 4 * 1024 * 1024;
const ARRAY_BYTES_MAX = 512 * 1024 * 1024;

/** Memory of blocks that are done with, for the next ones: a large file makes no garbage. */
export class BlockMemory {
  readonly #spare: ArrayBufferLike[] = [];

  take(): Buffer {
    const memory = this.#spare.pop();
    return memory ? Buffer.from(memory) : Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** The block will not be used any more. */
  giveBack(block: Buffer): void {
    if (block.buffer.byteLength === BLOCK_BYTES) this.#spare.push(block.buffer);
  }
}

/**
 * Reads a file as blocks of NDJSON: NDJSON, a JSON array or object, CSV with a header, also .gz and .zst of them; and the
 * SequenceFiles that Flume leaves on HDFS.
 */
export async function* readBlocks(file: string, memory: BlockMemory): AsyncGenerator<Buffer> {
  const refuse = (error: NodeJS.ErrnoException) => {
    throw new UsageError(
      error.code === 'ENOENT' ? `There is no file ${file}.` : `${file} can't be read: ${error.message}.`,
    );
  };
  const found = await stat(file).catch(refuse);
  if (!found.isFile()) throw new UsageError(`${file} is not a file.`);
  const name = file.replace(/\.(gz|zst)$/, '');
  const handle = await open(file).catch(refuse);
  try {
    // Blocks are read straight into their own memory; only what is decoded on the way comes as a stream.
    const decoded = () => decompressed(file, handle.createReadStream({ highWaterMark: 1024 * 1024 }));
    const start = Buffer.alloc(4);
    await handle.read(start, 0, start.length, 0);
    if (isSequenceFile(start)) yield* sequenceFileBlocks(fileReader(handle), file, BLOCK_BYTES);
    else if (name.endsWith('.csv')) yield* csvBlocks(decoded());
    else yield* jsonBlocks(name === file ? fileReader(handle) : streamReader(decoded()), file, memory);
  } catch (error) {
    if (error instanceof UsageError || error instanceof CommandFailed) throw error;
    throw new CommandFailed(
      `${file} can't be read to its end: ${(error as Error).message}. What came before is loaded.`,
    );
  } finally {
    await handle.close();
  }
}

function fileReader(handle: FileHandle): Reader {
  return async (into) => (await handle.read(into, 0, into.length)).bytesRead;
}

function streamReader(stream: Readable): Reader {
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let chunk: Buffer = Buffer.alloc(0);
  return async (into) => {
    while (chunk.length === 0) {
      const next = await chunks.next();
      if (next.done) return 0;
      chunk = next.value;
    }
    const bytes = chunk.copy(into);
    chunk = chunk.subarray(bytes);
    return bytes;
  };
}

function decompressed(file: string, raw: Readable): Readable {
  if (file.endsWith('.zst')) return Readable.from(zstdFrames(raw), { objectMode: false });
  if (!file.endsWith('.gz')) return raw;
  const decoder = createGunzip();
  raw.once('error', (error) => decoder.destroy(error));
  return raw.pipe(decoder);
}

/**
 * What a zstd file holds. It may consist of several frames, as parallel compressors and `cat` make them; Node's decoder
 * ends after the first one in a chunk, without a word, so each frame gets a decoder of its own.
 */
async function* zstdFrames(raw: Readable): AsyncGenerator<Buffer> {
  const chunks = (raw as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async () => {
    const { value, done } = await chunks.next();
    rest = done ? rest : value;
    return !done;
  };
  while (rest.length > 0 || (await more())) {
    const decoder = createZstdDecompress();
    const ended = once(decoder, 'end').catch(() => {});
    const feed = async () => {
      for (let fed = 0; rest.length > 0 || (await more()); ) {
        const chunk = rest;
        fed += chunk.length;
        rest = Buffer.alloc(0);
        const taken = new Promise((resolve) => decoder.write(chunk, resolve));
        await Promise.race([taken, ended]);
        const left = fed - decoder.bytesWritten;
        if (left === 0) continue;
        rest = chunk.subarray(chunk.length - left);
        return;
      }
      decoder.end();
    };
    const feeding = feed().catch((error) => decoder.destroy(error));
    for await (const chunk of decoder as AsyncIterable<Buffer>) yield chunk;
    await feeding;
  }
}

async function* jsonBlocks(read: Reader, file: string, memory: BlockMemory): AsyncGenerator<Buffer> {
  let block = memory.take();
  let used = 0;
  let isArray: boolean | undefined;
  let wholeFile = true;
  const grow = () => {
    const larger = Buffer.allocUnsafeSlow(block.length * 2);
    block.copy(larger, 0, 0, used);
    block = larger;
  };
  for (;;) {
    const bytes = await read(block.subarray(used));
    if (bytes === 0) break;
    used += bytes;
    isArray ??= startsArray(block.subarray(0, used));
    if (used < block.length) continue;
    if (isArray) {
      if (used >= ARRAY_BYTES_MAX) {
        throw new UsageError(
          `${file} is one JSON array of more than ${ARRAY_BYTES_MAX} bytes; make it NDJSON, one object per line.`,
        );
      }
      grow();
      continue;
    }
    const end = block.lastIndexOf(0x0a) + 1;
    if (end === 0 && used < BLOCK_BYTES + ELEMENT_BYTES_MAX) {
      grow();
      continue;
    }
    const cut = end || used;
    const rest = block.subarray(cut, used);
    // After a very long line there can be the larger part of another one.
    const next = rest.length < BLOCK_BYTES ? memory.take() : Buffer.allocUnsafeSlow(block.length);
    rest.copy(next);
    yield block.subarray(0, cut);
    wholeFile = false;
    block = next;
    used = rest.length;
  }
  if (used === 0) return;
  const rest = block.subarray(0, used);
  // Arrays and objects over several lines come as a whole; the end of a longer file is lines.
  const lines = (wholeFile && jsonToLines(rest)) || rest;
  if (!isArray) {
    yield lines;
    return;
  }
  for (let at = 0; at < lines.length; ) {
    const end =
      at + BLOCK_BYTES >= lines.length
        ? lines.length
        : lines.lastIndexOf(0x0a, at + BLOCK_BYTES) + 1 || lines.length;
    yield lines.subarray(at, end);
    at = end;
  }
}

function startsArray(chunk: Buffer): boolean {
  const text = chunk.subarray(0, 4096).toString('utf8').replace(/^﻿/, '').trimStart();
  return text.startsWith('[');
}

/** CSV with a header: each record is an object of texts; empty cells are left out. */
async function* csvBlocks(stream: Readable): AsyncGenerator<Buffer> {
  const parser = stream.pipe(
    parse({ columns: true, bom: true, skip_empty_lines: true, relax_column_count: true, trim: true }),
  );
  stream.once('error', (error) => parser.destroy(error));
  let lines: string[] = [];
  let bytes = 0;
  for await (const record of parser as AsyncIterable<Record<string, string>>) {
    for (const key in record) if (record[key] === '') delete record[key];
    const line = `${JSON.stringify(record)}\n`;
    lines.push(line);
    bytes += line.length;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.from(lines.join(''));
    [lines, bytes] = [[], 0];
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''));
}
