import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import pLimit, { type LimitFunction } from 'p-limit';
import type { ArchiveTable } from '../../archive.ts';
import {
  REMOTE_LIMITS,
  RemoteError,
  type RemoteLimits,
  retried,
  TRANSFERS_MAX,
  UPLOADS,
  withCopies,
} from '../remote.ts';
import type { TableStorage } from '../storage.ts';
import type { HdfsArchiveConfig } from './config.ts';
import { HdfsError, type HdfsUpload, WebHdfs } from './webhdfs.ts';

export interface HdfsStorageOptions {
  hdfs: WebHdfs;
  /** Folder of the table on HDFS. */
  root: string;
  /** Local folder for copies. */
  stagingDir: string;
  transfers: LimitFunction;
  limits: RemoteLimits;
}

/**
 * A table on HDFS. A file is written under a name of its own, checked, and moved to its place: a move that refuses an
 * existing target is what makes a commit atomic.
 */
export function hdfsStorage({ hdfs, root, stagingDir, transfers, limits }: HdfsStorageOptions): TableStorage {
  const at = (path: string) => (path ? `${root}/${path}` : root);

  /** A new name for each try: what a broken one leaves may still be open. */
  const upload = (what: HdfsUpload) =>
    transfers(() =>
      retried(limits, async () => {
        const temp = at(`${UPLOADS}/${randomUUID()}`);
        try {
          await hdfs.create(temp, what);
          const bytes = (await hdfs.status(temp))?.bytes;
          if (bytes !== what.bytes)
            throw new RemoteError(`HDFS has ${bytes} of ${what.bytes} bytes of an upload.`, true);
          return temp;
        } catch (error) {
          // What stays is deleted with the leftovers.
          await hdfs.remove(temp).catch(() => {});
          throw error;
        }
      }),
    );

  /** Resolves false where the target exists and `option` does not allow that. */
  const move = (temp: string, target: string, bytes: number, option: 'NONE' | 'OVERWRITE') =>
    retried(limits, async () => {
      const rename = () => hdfs.rename(temp, target, option);
      try {
        await rename();
        return true;
      } catch (error) {
        const why = error instanceof HdfsError ? error.exception : '';
        if (why !== 'FileAlreadyExistsException' && why !== 'FileNotFoundException') throw error;
        if ((await hdfs.status(temp)) === null) {
          // Nobody else knows this name: an earlier try of ours, whose answer was lost, has moved it.
          if ((await hdfs.status(target))?.bytes === bytes) return true;
          throw new RemoteError(
            `An upload to ${target} was deleted on HDFS before it was in its place.`,
            false,
          );
        }
        if (why === 'FileAlreadyExistsException') return false;
      }
      await hdfs.makeFolder(posix.dirname(target));
      await rename().catch((error) => {
        // Between the two another writer may have come, or the answer been lost: look again from the start.
        throw error instanceof HdfsError && error.exception !== 'AccessControlException'
          ? new RemoteError(error.message, true, { cause: error })
          : error;
      });
      return true;
    });

  async function place(what: HdfsUpload, path: string, option: 'NONE' | 'OVERWRITE'): Promise<boolean> {
    const temp = await upload(what);
    let isMoved = false;
    try {
      isMoved = await move(temp, at(path), what.bytes, option);
      return isMoved;
    } finally {
      // What stays is deleted with the leftovers.
      if (!isMoved) await hdfs.remove(temp).catch(() => {});
    }
  }

  const text = (content: string): HdfsUpload => ({ text: content, bytes: Buffer.byteLength(content) });

  async function list(folder: string) {
    const entries = await retried(limits, () => hdfs.list(at(folder)));
    return entries
      .filter(({ isFile, name }) => isFile && name !== '')
      .map(({ name, bytes, modifiedMs }) => ({
        path: folder ? `${folder}/${name}` : name,
        bytes,
        modifiedMs,
      }));
  }

  return {
    address: (path) => `${at(path)} on HDFS`,
    read: (path) => retried(limits, () => hdfs.read(at(path))),
    list,
    putIfAbsent: (path, content) => place(text(content), path, 'NONE'),

    async put(path, content) {
      await place(text(content), path, 'OVERWRITE');
    },

    async publish(localFile, path) {
      const { size } = await stat(localFile);
      await place({ file: localFile, bytes: size }, path, 'OVERWRITE');
      await rm(localFile);
    },

    remove: (path) => retried(limits, () => hdfs.remove(at(path))),

    withLocal: (paths, use) =>
      withCopies(
        stagingDir,
        paths,
        (path, target) => transfers(() => retried(limits, () => hdfs.download(at(path), target))),
        use,
      ),

    async removeLeftovers(beforeMs) {
      for (const { path, modifiedMs } of await list(UPLOADS))
        if (modifiedMs < beforeMs) await retried(limits, () => hdfs.remove(at(path)));
    },

    async check() {
      const probe = at(`${UPLOADS}/${randomUUID()}`);
      const existing = await hdfs.status(root);
      if (existing?.isFile)
        throw new RemoteError(`${root} on HDFS is a file. Set archive.path to a folder.`, false);
      try {
        await hdfs.makeFolder(root);
        await hdfs.create(probe, text('probe'));
        await hdfs.remove(probe);
      } catch (error) {
        if (!(error instanceof HdfsError && error.exception === 'AccessControlException')) throw error;
        throw new RemoteError(
          `HDFS does not let this user write to ${root}: ${error.message} Set archive.user to a user with write access, or give this user access to the folder.`,
          false,
          { cause: error },
        );
      }
    },
  };
}

/** The tables of an archive on HDFS; they share the limit of transfers. */
export function openHdfs(
  { url, user, path }: HdfsArchiveConfig,
  stagingDir: string,
  limits: RemoteLimits = REMOTE_LIMITS,
): (table: ArchiveTable) => TableStorage {
  const transfers = pLimit(TRANSFERS_MAX);
  const hdfs = new WebHdfs({ url, user, limits });
  return (table) => hdfsStorage({ hdfs, root: `${path}/${table}`, stagingDir, transfers, limits });
}
