import {
  type Decoded,
  type Detection,
  type Format,
  RECORD_BYTES_MAX,
  type RecordDecoder,
  type Unreadable,
} from '../format.ts';
import { HeldBytes } from './held-bytes.ts';
import { onOneLine } from './json-scan.ts';
import { Pieces } from './pieces.ts';

const MAGIC = 'SEQ';
const VERSION = 6;
const SYNC_BYTES = 16;
/** Length that stands for a sync mark. */
const SYNC_ESCAPE = -1;
/** Larger records are not events; a length like that is a damaged file. */
const VALUE_BYTES_MAX = 64 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** How the bytes of a value are wrapped, by the class that the file names. */
const VALUES: Record<string, (value: Buffer) => Buffer> = {
  'org.apache.hadoop.io.BytesWritable': (value) => value.subarray(4, 4 + value.readInt32BE(0)),
  'org.apache.hadoop.io.Text': (value) => {
    const [length, bytes] = variableInt(value, 0);
    return value.subarray(bytes, bytes + length);
  },
};

interface SequenceDetection extends Detection {
  readonly headerBytes: number;
  readonly sync: Buffer;
  readonly unwrap: (value: Buffer) => Buffer;
}

/** https://hadoop.apache.org/docs/r3.4.1/api/org/apache/hadoop/io/SequenceFile.html */
export const sequenceFile: Format<SequenceDetection> = {
  name: 'sequence-file',
  isWhole: true,
  description: "Hadoop SequenceFiles of JSON lines, as Flume's HDFS sink writes them; not compressed ones.",
  detect(sample): SequenceDetection | Unreadable | null {
    const { bytes } = sample;
    // The class name of the key follows; texts may begin with the same letters.
    if (bytes.toString('latin1', 0, 3) !== MAGIC || bytes.length < 4 || bytes[3]! > 0x20) return null;
    if (bytes[3] !== VERSION)
      return { refusal: `is a SequenceFile of version ${bytes[3]}; version ${VERSION} can be read` };
    try {
      return readHeader(bytes);
    } catch {
      // A length in it leads past its end.
      return { refusal: 'is a SequenceFile whose header is damaged' };
    }
  },
  decoder: (detection) => new SequenceDecoder(detection),
};

function readHeader(bytes: Buffer): SequenceDetection | Unreadable {
  let at = 4;
  const text = () => {
    const [length, taken] = variableInt(bytes, at);
    at += taken + length;
    return bytes.toString('utf8', at - length, at);
  };
  text();
  const valueClass = text();
  if (bytes.readUInt8(at) !== 0 || bytes.readUInt8(at + 1) !== 0)
    return {
      refusal:
        'is a compressed SequenceFile, which can\'t be read here; "hadoop fs -text" writes its lines: load those',
    };
  const unwrap = Object.hasOwn(VALUES, valueClass) ? VALUES[valueClass] : undefined;
  if (!unwrap)
    return { refusal: `holds values of ${valueClass}; ${Object.keys(VALUES).join(' and ')} can be read` };
  const entries = bytes.readInt32BE(at + 2);
  at += 6;
  for (let i = 0; i < entries && at < bytes.length; i++) {
    text();
    text();
  }
  if (at + SYNC_BYTES > bytes.length) throw new Error('cut');
  const sync = Buffer.from(bytes.subarray(at, at + SYNC_BYTES));
  return { details: [], headerBytes: at + SYNC_BYTES, sync, unwrap };
}

/** Hadoop's WritableUtils.readVInt: the number, and how many bytes it took. */
function variableInt(bytes: Buffer, at: number): [number, number] {
  const first = bytes.readInt8(at);
  if (first >= -112) return [first, 1];
  const isNegative = first < -120;
  const count = isNegative ? -(first + 120) : -(first + 112);
  let value = 0;
  for (let i = 1; i <= count; i++) value = value * 256 + bytes.readUInt8(at + i);
  return [isNegative ? -value - 1 : value, count + 1];
}

/** The place of a record is its number. */
class SequenceDecoder implements RecordDecoder {
  readonly #detection: SequenceDetection;
  readonly #pieces = new Pieces();
  readonly #held = new HeldBytes();
  /** Bytes of the header that are still to come. */
  #headerBytes: number;
  #place = 1;
  #isDamaged = false;

  constructor(detection: SequenceDetection) {
    this.#detection = detection;
    this.#headerBytes = detection.headerBytes;
  }

  push(chunk: Buffer): Decoded[] {
    const skipped = Math.min(this.#headerBytes, chunk.length);
    this.#headerBytes -= skipped;
    if (this.#isDamaged) return [];
    const bytes = this.#held.with(chunk.subarray(skipped));
    let at = 0;
    for (let next = this.#record(bytes, at); next > at; next = this.#record(bytes, at)) at = next;
    this.#held.keep(this.#isDamaged ? EMPTY : bytes.subarray(at));
    return this.#pieces.take();
  }

  end(): Decoded[] {
    const rest = this.#held.with(EMPTY);
    if (rest.length > 0 || this.#headerBytes > 0) this.#pieces.reject('cut_off', rest, this.#place);
    this.#held.keep(EMPTY);
    return this.#pieces.take();
  }

  /** Reads what begins at `at`; gives where it ends, or `at` while it is not complete. */
  #record(bytes: Buffer, at: number): number {
    if (this.#isDamaged || bytes.length - at < 4) return at;
    const length = bytes.readInt32BE(at);
    if (length === SYNC_ESCAPE) {
      const end = at + 4 + SYNC_BYTES;
      if (bytes.length < end) return at;
      return bytes.subarray(at + 4, end).equals(this.#detection.sync) ? end : this.#damaged(bytes, at);
    }
    if (length < 4 || length > VALUE_BYTES_MAX) return this.#damaged(bytes, at);
    if (bytes.length - at < 8) return at;
    const keyLength = bytes.readInt32BE(at + 4);
    if (keyLength < 0 || keyLength > length) return this.#damaged(bytes, at);
    const end = at + 8 + length;
    if (bytes.length < end) return at;
    this.#value(bytes.subarray(at + 8 + keyLength, end));
    this.#place++;
    return end;
  }

  #value(wrapped: Buffer): void {
    let value: Buffer;
    try {
      value = this.#detection.unwrap(wrapped);
    } catch {
      // A length in it leads past its end.
      this.#pieces.reject('bad_record', wrapped, this.#place);
      return;
    }
    if (value.length > RECORD_BYTES_MAX) this.#pieces.reject('line_too_long', value, this.#place);
    else this.#pieces.text(onOneLine(value), this.#place);
  }

  #damaged(bytes: Buffer, at: number): number {
    this.#pieces.reject('bad_record', bytes.subarray(at), this.#place);
    this.#isDamaged = true;
    return at;
  }
}
