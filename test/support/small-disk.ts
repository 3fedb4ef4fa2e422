/** A disk that a test can fill and free again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryDir } from './product.ts';

const MIB = 1024 * 1024;

export interface SmallDisk {
  /** How the space is made scarce. */
  kind: 'file system of its own' | 'limit of file sizes';
  dir: string;
  /** What the product must have in its environment. */
  env: Record<string, string>;
  /** Takes all space but so many bytes from the process. */
  fill(pid: number, leaveBytes: number): void;
  /** Gives it back; to no process when it has ended. */
  free(pid: number | null): void;
  remove(): void;
}

/**
 * A small file system where mounting is allowed. Else (or with TILLSTREAM_TEST_MOUNTS=no) the process may write no more bytes to
 * any file, which is harder than a full disk: bytes that are there can't be written over either.
 */
export function smallDisk(mib: number): SmallDisk {
  return (process.env.TILLSTREAM_TEST_MOUNTS === 'no' ? null : mountedDisk(mib)) ?? limitedDisk();
}

function mountedDisk(mib: number): SmallDisk | null {
  const dir = join(temporaryDir(), 'disk');
  mkdirSync(dir);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    return null;
  }
  const ballast = join(dir, 'ballast');
  return {
    kind: 'file system of its own',
    dir,
    env: {},
    fill(_pid, leaveBytes) {
      const { bavail, bsize } = statfsSync(dir);
      const fd = openSync(ballast, 'a');
      let left = bavail * bsize - leaveBytes;
      try {
        for (; left > 0; left -= MIB) writeSync(fd, Buffer.alloc(Math.min(left, MIB)));
        fdatasyncSync(fd);
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
      closeSync(fd);
    },
    free: () => rmSync(ballast),
    remove: () => execFileSync('umount', [dir]),
  };
}

function limitedDisk(): SmallDisk {
  const dir = join(temporaryDir(), 'disk');
  mkdirSync(dir);
  const freeFile = join(temporaryDir(), 'free');
  writeFileSync(freeFile, '');
  const limit = (pid: number, bytes: string) =>
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], { stdio: 'pipe' });
  return {
    kind: 'limit of file sizes',
    dir,
    env: {
      NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'full-disk-preload.ts')).href}`,
      TILLSTREAM_TEST_FREE_SPACE: freeFile,
    },
    fill(pid, leaveBytes) {
      writeFileSync(freeFile, String(leaveBytes));
      if (leaveBytes === 0) limit(pid, '0');
    },
    free(pid) {
      writeFileSync(freeFile, '');
      if (pid !== null) limit(pid, 'unlimited');
    },
    remove: () => {},
  };
}
