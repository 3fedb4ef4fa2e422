import { UsageError } from '../domain/errors.ts';

/** Fills `into` from its start; gives the number of bytes, 0 at the end. */
export type Reader = (into: Buffer) => Promise<number>;

const MAGIC = 'SEQ';
const VERSION = 6;
const SYNC_BYTES = 16;
/** Length that stands for a sync mark. */
const SYNC_ESCAPE = -1;
const CHUNK_BYTES = 1024 * 1024;
/** Larger records are no events; a length like that is a damaged file. */
const RECORD_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = Buffer.from('\n');

/** How the bytes of a value are wrapped, by the class that the file names. */
const VALUES: Record<string, (value: Buffer) => Buffer> = {
  'org.apache.hadoop.io.BytesWritable': (value) => value.subarray(4, 4 + value.readInt32BE(0)),
  'org.apache.hadoop.io.Text': (value) => {
    const [length, bytes] = variableInt(value);
    return value.subarray(bytes, bytes + length);
  },
};

export function isSequenceFile(start: Buffer): boolean {
  return start.toString('latin1', 0, 3) === MAGIC;
}

/**
 * The values of a Hadoop SequenceFile as lines, about `blockBytes` at a time: what Flume's HDFS sink writes by default. Format:
 * https://hadoop.apache.org/docs/r3.4.1/api/org/apache/hadoop/io/SequenceFile.html. Compressed ones are refused.
 * Throws at an end in the middle of a record, after what came before it.
 */
export async function* sequenceFileBlocks(
  read: Reader,
  file: string,
  blockBytes: number,
): AsyncGenerator<Buffer> {
  const bytes = new Bytes(read);
  const { sync, unwrap } = await readHeader(bytes, file);
  let parts: Buffer[] = [];
  let size = 0;
  try {
    while (!(await bytes.isAtEnd())) {
      const length = (await bytes.take(4)).readInt32BE();
      if (length === SYNC_ESCAPE) {
        if (!(await bytes.take(SYNC_BYTES)).equals(sync))
          throw new Error('a sync mark is not the one of the file');
        continue;
      }
      if (length < 4 || length > RECORD_BYTES_MAX) throw new Error(`a record has the length ${length}`);
      const keyLength = (await bytes.take(4)).readInt32BE();
      if (keyLength < 0 || keyLength > length) throw new Error(`a key has the length ${keyLength}`);
      await bytes.take(keyLength);
      parts.push(Buffer.from(unwrap(await bytes.take(length - keyLength))), NEWLINE);
      size += length;
      if (size < blockBytes) continue;
      yield Buffer.concat(parts);
      [parts, size] = [[], 0];
    }
  } finally {
    // What was read before a torn end counts.
    if (size > 0) yield Buffer.concat(parts);
  }
}

async function readHeader(bytes: Bytes, file: string) {
  const version = (await bytes.take(4))[3]!;
  if (version !== VERSION)
    throw new UsageError(`${file} is a SequenceFile of version ${version}; version ${VERSION} can be read.`);
  await bytes.text();
  const valueClass = await bytes.text();
  const [isCompressed, isBlockCompressed] = await bytes.take(2);
  if (isCompressed || isBlockCompressed)
    throw new UsageError(
      `${file} is a compressed SequenceFile, which can't be read here. "hadoop fs -text ${file}" writes its lines: load those.`,
    );
  const unwrap = VALUES[valueClass];
  if (!unwrap)
    throw new UsageError(
      `${file} holds values of ${valueClass}; ${Object.keys(VALUES).join(' and ')} can be read.`,
    );
  for (let entries = (await bytes.take(4)).readInt32BE(); entries > 0; entries--) {
    await bytes.text();
    await bytes.text();
  }
  return { sync: Buffer.from(await bytes.take(SYNC_BYTES)), unwrap };
}

/** Hadoop's WritableUtils.readVInt: the number, and how many bytes it took. */
function variableInt(from: Buffer): [number, number] {
  const first = from.readInt8(0);
  if (first >= -112) return [first, 1];
  const isNegative = first < -120;
  const count = isNegative ? -(first + 120) : -(first + 112);
  let value = 0;
  for (let i = 1; i <= count; i++) value = value * 256 + from[i]!;
  return [isNegative ? -value - 1 : value, count + 1];
}

/** Bytes of a stream, as many as one asks for. */
class Bytes {
  readonly #read: Reader;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(read: Reader) {
    this.#read = read;
  }

  async isAtEnd(): Promise<boolean> {
    return this.#chunk.length === 0 && !(await this.#more());
  }

  /** Valid until the next call. */
  async take(count: number): Promise<Buffer> {
    while (this.#chunk.length < count)
      if (!(await this.#more())) throw new Error('it ends in the middle of a record');
    const taken = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return taken;
  }

  async text(): Promise<string> {
    const first = await this.take(1);
    const extra = first.readInt8(0) < -112 ? -(first.readInt8(0) + 112) : 0;
    const head = Buffer.concat([Buffer.from(first), await this.take(extra)]);
    return (await this.take(variableInt(head)[0])).toString('utf8');
  }

  async #more(): Promise<boolean> {
    const next = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = await this.#read(next);
    if (count > 0) this.#chunk = Buffer.concat([this.#chunk, next.subarray(0, count)]);
    return count > 0;
  }
}
