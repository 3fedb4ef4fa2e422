import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { ignoreMissing } from '../../system/error-code.ts';

/** The few calls on files that the log makes. Tests put one that fails or forgets in its place. */
export interface LogFiles {
  mkdir(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  /** `read`: for reading; `update`: an existing file for both; `create`: a new file for both, EEXIST if there is one. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<number>;
  size(fd: number): Promise<number>;
  /** May read less than asked for; 0 is the end of the file. */
  read(fd: number, buffer: Buffer, position: number): Promise<number>;
  /** May write less than given. */
  write(fd: number, buffers: readonly Buffer[], position: number): Promise<number>;
  fdatasync(fd: number): Promise<void>;
  truncate(fd: number, bytes: number): Promise<void>;
  close(fd: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes creations, renames and removals in the folder durable. */
  syncDir(path: string): Promise<void>;
  /** Bytes that this user may still write on the disk of `path`. */
  freeBytes(path: string): Promise<number>;
}

// Plain descriptors with the callback calls: a FileHandle costs more per call and closes itself when collected.
const open = promisify(fs.open);
const close = promisify(fs.close);
const fsync = promisify(fs.fsync);
const fstat = promisify(fs.fstat);
const OPEN_FLAGS = { read: 'r', update: 'r+', create: 'wx+' } as const;

/** The files of this machine. */
export const nodeFiles: LogFiles = {
  async mkdir(path) {
    await fs.promises.mkdir(path, { recursive: true });
  },
  readdir: (path) => fs.promises.readdir(path),
  open: (path, mode) => open(path, OPEN_FLAGS[mode], 0o640),
  async size(fd) {
    return (await fstat(fd)).size;
  },
  read: (fd, buffer, position) =>
    new Promise((resolve, reject) => {
      fs.read(fd, buffer, 0, buffer.length, position, (error, bytes) =>
        error ? reject(error) : resolve(bytes),
      );
    }),
  write: (fd, buffers, position) =>
    new Promise((resolve, reject) => {
      fs.writev(fd, buffers, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    }),
  fdatasync: promisify(fs.fdatasync),
  truncate: promisify(fs.ftruncate),
  close,
  rename: fs.promises.rename,
  unlink: fs.promises.unlink,
  async syncDir(path) {
    const fd = await open(path, 'r');
    try {
      await fsync(fd);
    } finally {
      await close(fd);
    }
  },
  async freeBytes(path) {
    const stat = await fs.promises.statfs(path);
    return stat.bavail * stat.bsize;
  },
};

/** Writes all bytes at `position`, going on after short writes. Returns how many that were. */
export async function writeAll(
  files: LogFiles,
  fd: number,
  buffers: readonly Buffer[],
  position: number,
): Promise<number> {
  let rest = buffers.filter((buffer) => buffer.length > 0);
  let written = 0;
  while (rest.length > 0) {
    let bytes = await files.write(fd, rest, position + written);
    if (bytes <= 0) throw Object.assign(new Error('the disk took no bytes of a write'), { code: 'EIO' });
    written += bytes;
    let taken = 0;
    while (taken < rest.length && bytes >= rest[taken]!.length) {
      bytes -= rest[taken]!.length;
      taken += 1;
    }
    rest = rest.slice(taken);
    if (rest.length > 0 && bytes > 0) rest[0] = rest[0]!.subarray(bytes);
  }
  return written;
}

/** Reads up to `bytes` bytes at `position`, into `memory` where it is large enough; less only at the end of the file. */
export async function readUpTo(
  files: LogFiles,
  fd: number,
  position: number,
  bytes: number,
  memory?: Buffer,
): Promise<Buffer> {
  const buffer = memory && memory.length >= bytes ? memory.subarray(0, bytes) : Buffer.allocUnsafeSlow(bytes);
  let have = 0;
  while (have < bytes) {
    const got = await files.read(fd, buffer.subarray(have), position + have);
    if (got === 0) break;
    have += got;
  }
  return buffer.subarray(0, have);
}

/** Replaces the file at `path` by `content`: a crash leaves the old or the new one, never a part. */
export async function replaceFile(
  files: LogFiles,
  dir: string,
  name: string,
  content: Buffer,
): Promise<void> {
  const temporary = `${dir}/${name}.tmp`;
  await files.unlink(temporary).catch(ignoreMissing);
  const fd = await files.open(temporary, 'create');
  try {
    await writeAll(files, fd, [content], 0);
    await files.fdatasync(fd);
  } finally {
    await files.close(fd);
  }
  await files.rename(temporary, `${dir}/${name}`);
  await files.syncDir(dir);
}
