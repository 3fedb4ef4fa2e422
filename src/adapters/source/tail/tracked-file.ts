import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** What is remembered of a file across restarts. */
export interface FileRecord {
  /** Device and inode. */
  id: string;
  path: string;
  /** The name under which its writer wrote it; files of one family are read one after the other. */
  family: string;
  /** All before it is in the log. */
  position: number;
  /** In the middle of a line too long to keep; all up to the next line end is skipped. */
  skipping: boolean;
  /** Of the first bytes: tells a rewritten file, or a new one with an old inode, from the one that we know. */
  fingerprint: Fingerprint;
  rotated: boolean;
  /** Rotated and read to its end. */
  finished: boolean;
  modifiedMs: number;
}

export interface Fingerprint {
  bytes: number;
  crc: number;
}

/** How many bytes a fingerprint covers, once the file has them. */
const FINGERPRINT_BYTES = 256;
/** With fewer bytes, two different files may well begin alike. */
const FINGERPRINT_BYTES_SAFE = 64;

/** What a file on disk is now. */
export interface FileStat {
  id: string;
  size: number;
  modifiedMs: number;
}

/** A file that is followed: its record and what is only known while we run. */
export class TrackedFile {
  readonly record: FileRecord;
  handle: FileHandle | null = null;
  /** Its size when last looked at. */
  size = 0;
  lastGrowthMs: number;
  visible = true;
  /** How often its copy was looked for since it was emptied. */
  looksForCopy = 0;
  private verifiedAt = '';

  constructor(record: FileRecord, nowMs: number) {
    this.record = record;
    this.lastGrowthMs = Math.min(nowMs, record.modifiedMs);
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
    return true;
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = null;
    await handle?.close();
  }

  /** Looks at size and times; true when the file was truncated or rewritten since it was last read. */
  async wasReplaced(nowMs: number): Promise<boolean> {
    const stat = await statOf(this.handle!);
    if (stat.size > this.size)
      this.lastGrowthMs = Math.max(this.lastGrowthMs, Math.min(nowMs, stat.modifiedMs));
    if (stat.size < this.record.position) return true;
    const seen = `${stat.size} ${stat.modifiedMs}`;
    if (seen === this.verifiedAt) return false;
    if (!(await this.verify())) return true;
    this.verifiedAt = seen;
    this.size = stat.size;
    this.record.modifiedMs = stat.modifiedMs;
    return false;
  }

  /** True while the file begins as it did. Lets the fingerprint grow with a file that is still short. */
  async verify(): Promise<boolean> {
    const { fingerprint } = this.record;
    const head = await readAt(this.handle!, 0, FINGERPRINT_BYTES);
    if (head.length < fingerprint.bytes || crc32(head.subarray(0, fingerprint.bytes)) !== fingerprint.crc)
      return false;
    if (head.length > fingerprint.bytes) this.record.fingerprint = { bytes: head.length, crc: crc32(head) };
    return true;
  }

  /** Reads bytes from the position on; null when the file was replaced meanwhile, so that they can't be trusted. */
  async read(bytesMax: number): Promise<Buffer | null> {
    const block = await readAt(this.handle!, this.record.position, bytesMax);
    const { size } = await statOf(this.handle!);
    if (size < this.record.position + block.length || !(await this.verify())) return null;
    return block;
  }

  /** True when the file at `path` begins as this one and holds at least what was read of it: a copy. */
  async hasCopyAt(path: string, size: number): Promise<boolean> {
    const { fingerprint, position } = this.record;
    if (fingerprint.bytes < FINGERPRINT_BYTES_SAFE || size < position) return false;
    const handle = await openIfThere(path);
    if (handle === null) return false;
    try {
      const head = await readAt(handle, 0, fingerprint.bytes);
      return head.length === fingerprint.bytes && crc32(head) === fingerprint.crc;
    } finally {
      await handle.close();
    }
  }

  /** Back to the beginning, after the file was emptied. */
  restart(): void {
    Object.assign(this.record, {
      position: 0,
      skipping: false,
      fingerprint: { bytes: 0, crc: 0 },
      finished: false,
    });
    this.size = 0;
    this.looksForCopy = 0;
    this.verifiedAt = '';
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function statOf(handle: FileHandle): Promise<FileStat> {
  return fileStat(await handle.stat({ bigint: true }));
}

/** Inode numbers may be past what a double holds, so stats are asked for as bigint. */
export function fileStat(stat: { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint }): FileStat {
  return { id: `${stat.dev}:${stat.ino}`, size: Number(stat.size), modifiedMs: Number(stat.mtimeNs) / 1e6 };
}

/** Up to `bytesMax` bytes, fewer only at the end of the file. */
async function readAt(handle: FileHandle, position: number, bytesMax: number): Promise<Buffer> {
  const { size } = await handle.stat();
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(bytesMax, size - position)));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
