import type { Offset } from '../offset.ts';
import { type LogFiles, readUpTo } from './files.ts';
import {
  BATCH_PREFIX,
  type BatchHeader,
  checksum,
  decodeBatchHeader,
  decodeSegmentHeader,
  HEADER_BYTES_MAX,
  HEADER_BYTES_USUAL,
  type SegmentHeader,
} from './format.ts';

const WINDOW_BYTES = 256 * 1024;
const SEARCH_BYTES = 1024 * 1024;

/** A whole batch, or bytes that are none. `next` is the position to go on at. */
export type Step =
  | { kind: 'batch'; header: BatchHeader; position: number; next: number; body: Buffer }
  | { kind: 'damage'; position: number; next: number; nextFirst: Offset | null };

/**
 * Goes through one segment file, and over what is damaged in it.
 *
 * Reads ahead in windows. A window is never written to again, so the bodies that `step` returns are views of it.
 */
export class Scanner {
  private readonly files: LogFiles;
  private readonly fd: number;
  private readonly seed: number;
  /** Nothing is read at or after this position: what follows is not durable yet. */
  readonly limit: number;
  private readAheadBytes: number;
  private memory: Buffer | undefined;
  private window: Buffer = Buffer.alloc(0);
  private windowAt = 0;

  /**
   * The first read takes `readAheadBytes`, and goes to `memory` where that is large enough; a caller that knows how much
   * it wants gets it in one piece.
   */
  constructor(
    files: LogFiles,
    fd: number,
    limit: number,
    seed: number,
    readAheadBytes = WINDOW_BYTES,
    memory?: Buffer,
  ) {
    this.files = files;
    this.fd = fd;
    this.limit = limit;
    this.seed = seed;
    this.readAheadBytes = readAheadBytes;
    this.memory = memory;
  }

  async segmentHeader(): Promise<{ header: SegmentHeader; headerBytes: number } | null> {
    return decodeSegmentHeader(await this.line(0));
  }

  /** What stands at `position`, where the batch of offset `expected` or a later one should start; null at the end. */
  async step(position: number, expected: Offset): Promise<Step | null> {
    if (position >= this.limit) return null;
    const found = await this.headerAt(position, expected);
    if (found === null) return await this.damage(position, position + 1, expected);
    const { header, headerBytes } = found;
    const bodyAt = position + headerBytes;
    const next = bodyAt + header.bytes;
    if (next > this.limit) return await this.damage(position, bodyAt, expected);
    const body = await this.bytes(bodyAt, header.bytes);
    if (body.length === header.bytes && checksum([body]) === header.crc) {
      return { kind: 'batch', header, position, next, body };
    }
    // The header is right, so the next batch is where it says, unless bytes were lost or put in between.
    if (next === this.limit) return { kind: 'damage', position, next, nextFirst: null };
    const after = await this.headerAt(next, header.first + header.lines);
    if (after !== null) return { kind: 'damage', position, next, nextFirst: after.header.first };
    return await this.damage(position, bodyAt, expected);
  }

  /** The header at `position`, if a batch of offset `expected` or later starts there. */
  async headerAt(
    position: number,
    expected: Offset,
  ): Promise<{ header: BatchHeader; headerBytes: number } | null> {
    if (position >= this.limit) return null;
    const found = decodeBatchHeader(await this.line(position), 0, this.seed);
    return found !== null && found.header.first >= expected ? found : null;
  }

  /** The bytes from `position`, fewer at the limit. A view: do not write to it. */
  async bytes(position: number, bytes: number): Promise<Buffer> {
    const end = Math.min(position + bytes, this.limit);
    if (position < this.windowAt || end > this.windowAt + this.window.length) {
      const want = Math.max(0, Math.min(Math.max(bytes, this.readAheadBytes), this.limit - position));
      this.readAheadBytes = WINDOW_BYTES;
      this.window = await readUpTo(this.files, this.fd, position, want, this.memory);
      this.memory = undefined;
      this.windowAt = position;
    }
    const from = position - this.windowAt;
    return this.window.subarray(from, from + Math.max(0, end - position));
  }

  // At least one whole line if it is no longer than a header may be.
  private async line(position: number): Promise<Buffer> {
    const from = position - this.windowAt;
    if (from >= 0 && from < this.window.length) {
      const rest = this.window.subarray(from);
      if (rest.includes(0x0a)) return rest;
    }
    const usual = await this.bytes(position, HEADER_BYTES_USUAL);
    return usual.includes(0x0a) ? usual : await this.bytes(position, HEADER_BYTES_MAX);
  }

  // Looks for a header anywhere, not only after a newline: that one may be what is damaged. The checksum decides.
  private async damage(position: number, searchFrom: number, expected: Offset): Promise<Step> {
    for (let at = searchFrom; at < this.limit; ) {
      const chunk = await this.bytes(at, SEARCH_BYTES);
      for (let hit = chunk.indexOf(BATCH_PREFIX); hit !== -1; hit = chunk.indexOf(BATCH_PREFIX, hit + 1)) {
        const next = at + hit;
        const found = await this.headerAt(next, expected);
        if (found !== null) return { kind: 'damage', position, next, nextFirst: found.header.first };
      }
      if (chunk.length < BATCH_PREFIX.length) break;
      at += chunk.length - BATCH_PREFIX.length + 1;
    }
    return { kind: 'damage', position, next: this.limit, nextFirst: null };
  }
}
