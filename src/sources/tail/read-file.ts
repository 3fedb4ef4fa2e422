import { type FileHandle, open } from 'node:fs/promises';

/** What a file on disk is now. */
export interface FileStat {
  /** Device and inode. */
  id: string;
  size: number;
  modifiedMs: number;
}

/** Null: there is no such file. */
export async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function statOf(handle: FileHandle): Promise<FileStat> {
  return fileStat(await handle.stat({ bigint: true }));
}

/** Inode numbers may be past what a double holds, so stats are asked for as bigint. */
export function fileStat(stat: { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint }): FileStat {
  return { id: `${stat.dev}:${stat.ino}`, size: Number(stat.size), modifiedMs: Number(stat.mtimeNs) / 1e6 };
}

/** Up to `bytesMax` bytes, fewer only at the end of the file. */
export async function readAt(handle: FileHandle, position: number, bytesMax: number): Promise<Buffer> {
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
