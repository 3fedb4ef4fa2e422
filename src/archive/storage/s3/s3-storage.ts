import { randomUUID } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
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
import type { S3ArchiveConfig } from './config.ts';
import { S3Bucket, S3Error } from './s3-bucket.ts';
import { abortOldUploads, PART_BYTES, uploadInParts } from './s3-multipart.ts';

export interface S3StorageOptions {
  bucket: S3Bucket;
  /** Prefix of the table's keys, without '/' at its end. */
  root: string;
  /** Local folder for copies. */
  stagingDir: string;
  transfers: LimitFunction;
}

/**
 * A table in a bucket of S3. An object appears whole or not at all, and a conditional write makes a commit atomic. Every
 * write carries a name of its own, so that after a lost answer the object itself tells whose it is.
 */
export function s3Storage({ bucket, root, stagingDir, transfers }: S3StorageOptions): TableStorage {
  const { limits } = bucket;
  const at = (path: string) => `${root}/${path}`;

  /** Tries it for so long; of what came before, `writer` tells what is ours. */
  function create(path: string, text: string, writer: string, limits: RemoteLimits): Promise<boolean> {
    const [key, body] = [at(path), Buffer.from(text)];
    return retried(limits, async () => {
      try {
        await bucket.put(key, body, writer, { IfNoneMatch: '*' });
        return true;
      } catch (error) {
        if (!(error instanceof S3Error && error.status === 412)) throw error;
        // It is ours where an earlier try of this call worked and its answer was lost.
        return bucket.isOf(key, writer);
      }
    });
  }

  async function list(folder: string) {
    const files = await retried(limits, () => bucket.list(folder ? at(`${folder}/`) : at('')));
    return files.map((file) => ({ ...file, path: file.path.slice(root.length + 1) }));
  }

  return {
    address: (path) => `s3://${bucket.name}/${path ? at(path) : root}`,
    read: (path) => retried(limits, () => bucket.read(at(path))),
    list,
    putIfAbsent: (path, text) => transfers(() => create(path, text, randomUUID(), limits)),

    put: (path, text) =>
      transfers(() => retried(limits, () => bucket.put(at(path), Buffer.from(text), randomUUID()))),

    async publish(localFile, path) {
      const { size } = await stat(localFile);
      const writer = randomUUID();
      if (size > PART_BYTES) await uploadInParts(bucket, transfers, localFile, size, at(path), writer);
      else {
        await transfers(async () => {
          const body = await readFile(localFile);
          await retried(limits, () => bucket.put(at(path), body, writer));
        });
      }
      await rm(localFile);
    },

    remove: (path) => retried(limits, () => bucket.remove(at(path))),

    withLocal: (paths, use) =>
      withCopies(
        stagingDir,
        paths,
        (path, target) => transfers(() => retried(limits, () => bucket.download(at(path), target))),
        use,
      ),

    async removeLeftovers(beforeMs) {
      for (const { path, modifiedMs } of await list(UPLOADS))
        if (modifiedMs < beforeMs) await retried(limits, () => bucket.remove(at(path)));
      await abortOldUploads(bucket, at(''), beforeMs);
    },

    async check() {
      const probe = `${UPLOADS}/${randomUUID()}`;
      const once = { ...limits, totalMsMax: 0 };
      // The probe comes in the way of nobody, and listing tells a missing bucket from a missing right.
      await bucket.list(at(`${UPLOADS}/`));
      const results = [await create(probe, 'first', 'a', once), await create(probe, 'second', 'b', once)];
      await bucket.remove(at(probe));
      if (!results[0] || results[1])
        throw new RemoteError(
          'This S3 server takes no conditional writes (If-None-Match), so commits of two writers could overwrite each other. Use a server that does.',
          false,
        );
    },
  };
}

/** The tables of an archive in a bucket; they share its connections and the limit of transfers. */
export function openS3(
  config: S3ArchiveConfig,
  stagingDir: string,
  limits: RemoteLimits = REMOTE_LIMITS,
): (table: ArchiveTable) => TableStorage {
  const { prefix, path_style: pathStyle = config.endpoint !== undefined } = config;
  const transfers = pLimit(TRANSFERS_MAX);
  const bucket = new S3Bucket({
    bucket: config.bucket,
    endpoint: config.endpoint,
    region: config.region,
    accessKeyId: config.access_key_id,
    secretAccessKey: config.secret_access_key,
    pathStyle,
    limits,
  });
  return (table) => s3Storage({ bucket, root: prefix ? `${prefix}/${table}` : table, stagingDir, transfers });
}
