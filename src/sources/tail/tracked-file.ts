import type { FileHandle } from 'node:fs/promises';
import type { LineFormat } from '../../ingest/line-format.ts';
import {
  FINGERPRINT_BYTES,
  fingerprintOf,
  fits,
  lastBytes,
  NO_FINGERPRINT,
  TRAIL_BYTES,
} from './fingerprint.ts';
import { PackedContent, summarizePacked } from './packed-content.ts';
import { openIfThere, readAt, statOf } from './read-file.ts';
import type { FileRecord } from './tail-state-file.ts';

/** A file that is followed: its record and what is only known while we run. */
export class TrackedFile {
  readonly record: FileRecord;
  handle: FileHandle | null = null;
  /** Its size when last looked at, that of its content where it is packed. */
  size = 0;
  lastGrowthMs: number;
  visible = true;
  /** How often its copy was looked for since it was emptied. */
  looksForCopy = 0;
  /** Bytes behind the position that can't be read yet, because the line or record is not complete. */
  waitingBytes = 0;
  /** How it is read; null: not known yet. */
  format: LineFormat | null = null;
  /** Why it can't be read, or not yet; empty: nothing is wrong with it. */
  refusal = '';
  /** More of the same content would not change that. */
  isRejected = false;
  /** What the refusal was found with. */
  refusedAt = '';
  /** Packed data that ends in the middle: it may still be written. */
  isCut = false;
  readonly #signal: AbortSignal;
  #verifiedAt = '';
  #packed: PackedContent | null = null;
  #trailBytes: Buffer = Buffer.alloc(0);

  constructor(record: FileRecord, nowMs: number, signal: AbortSignal) {
    this.record = record;
    this.lastGrowthMs = Math.min(nowMs, record.modifiedMs);
    this.#signal = signal;
  }

  /** Opens the file at its path; false when another file is there by now. */
  async open(): Promise<boolean> {
    if (this.handle !== null) return true;
    const handle = await openIfThere(this.record.path);
    if (handle === null) return false;
    if ((await statOf(handle)).id !== this.record.id) {
      await handle.close();
      return false;
    }
    this.handle = handle;
    this.#verifiedAt = '';
    const packed = new PackedContent(handle);
    this.record.isPacked = await packed.isPacked();
    this.#packed = this.record.isPacked ? packed : null;
    return true;
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = null;
    await this.#packed?.close();
    this.#packed = null;
    await handle?.close();
  }

  /** Looks at size and times; true when the file was truncated or rewritten since it was last read. */
  async wasReplaced(nowMs: number): Promise<boolean> {
    const stat = await statOf(this.handle!);
    if (stat.size > this.size && this.#packed === null)
      this.lastGrowthMs = Math.max(this.lastGrowthMs, Math.min(nowMs, stat.modifiedMs));
    if (stat.size < this.record.position && this.#packed === null) return true;
    const seen = `${stat.size} ${stat.modifiedMs}`;
    if (seen === this.#verifiedAt) return false;
    if (this.#packed !== null) this.lastGrowthMs = Math.min(nowMs, stat.modifiedMs);
    if (!(await this.verify())) return true;
    this.#verifiedAt = seen;
    if (this.#packed === null) this.size = stat.size;
    this.record.modifiedMs = stat.modifiedMs;
    return false;
  }

  /** True while the file has the content that was read. Lets the fingerprint grow with a file that is still short. */
  async verify(): Promise<boolean> {
    const { record } = this;
    const { trail, position } = record;
    let content: { head: Buffer; trail: Buffer };
    if (this.#packed !== null) {
      const summary = (await summarizePacked(this.handle!, [position], this.#signal))!;
      this.size = summary.size;
      this.isCut = summary.isCut;
      if (summary.size < position) return false;
      content = { head: summary.head, trail: summary.trails[0]! };
    } else {
      const head = await readAt(this.handle!, 0, FINGERPRINT_BYTES);
      content = { head, trail: await readAt(this.handle!, position - trail.bytes, trail.bytes) };
    }
    if (!fits(record, content.head, content.trail)) return false;
    this.#trailBytes = Buffer.from(content.trail.subarray(content.trail.length - trail.bytes));
    if (content.head.length > record.fingerprint.bytes) record.fingerprint = fingerprintOf(content.head);
    return true;
  }

  /** Reads bytes from the position on; null when the file was replaced meanwhile, so that they can't be trusted. */
  async read(bytesMax: number): Promise<Buffer | null> {
    const { position } = this.record;
    if (this.#packed !== null) return Buffer.from(await this.#packed.readAt(position, bytesMax));
    const block = await readAt(this.handle!, position, bytesMax);
    const { size } = await statOf(this.handle!);
    if (size < position + block.length || !(await this.verify())) return null;
    return block;
  }

  /** Up to `bytesMax` bytes of its beginning. */
  async readStart(bytesMax: number): Promise<Buffer> {
    if (this.#packed === null) return readAt(this.handle!, 0, bytesMax);
    const content = new PackedContent(this.handle!);
    const bytes = Buffer.from(await content.readAt(0, bytesMax));
    await content.close();
    return bytes;
  }

  /** Notes that the log has all up to there: `block` begins at the position. */
  advance(block: Buffer, bytes: number): void {
    this.record.position += bytes;
    this.#trailBytes = lastBytes(this.#trailBytes, block.subarray(0, bytes), TRAIL_BYTES);
    this.record.trail = fingerprintOf(this.#trailBytes);
  }

  /** Back to the beginning, after the file was emptied. */
  restart(idPrefix: string): void {
    Object.assign(this.record, {
      position: 0,
      skipping: false,
      fingerprint: NO_FINGERPRINT,
      trail: NO_FINGERPRINT,
      finished: false,
      sampleBytes: 0,
      directive: null,
      idPrefix,
      records: 0,
    });
    this.size = 0;
    this.looksForCopy = 0;
    this.waitingBytes = 0;
    this.format = null;
    this.refusal = '';
    this.isRejected = false;
    this.refusedAt = '';
    this.#verifiedAt = '';
    this.#trailBytes = Buffer.alloc(0);
  }
}
