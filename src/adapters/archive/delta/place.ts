import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../../../domain/errors.ts';
import type { ArchiveTable } from '../../../ports/batch.ts';
import { DeltaArchive, type DeltaArchiveOptions, openLocalArchive } from './archive.ts';
import type { ArchiveConfig } from './config.ts';
import { hdfsStorage } from './hdfs-storage.ts';
import { Gate, REMOTE_LIMITS, RemoteError, type RemoteLimits, TRANSFERS_MAX } from './remote.ts';
import { S3Bucket } from './s3-bucket.ts';
import { s3Storage } from './s3-storage.ts';
import type { TableStorage } from './storage.ts';
import { WebHdfs } from './webhdfs.ts';

type OpenOptions = Omit<DeltaArchiveOptions, 'stagingDir' | 'storage'>;

/** Where the config puts the archive. */
export interface ArchivePlace {
  /** The local folder that its Parquet files are read from and written to. */
  dir: string;
  /** Whether a server keeps it, which may be away. */
  isRemote: boolean;
  /** Address (file://) of the folder of the tables, if it is one of this machine. */
  address: string | null;
  open(options: OpenOptions): Promise<DeltaArchive>;
}

/** The place that the config names, with its local folder made. */
export async function archivePlace(config: ArchiveConfig, dataDir: string): Promise<ArchivePlace> {
  if (config.kind === 'local') {
    const dir = config.path ? resolve(config.path) : join(dataDir, 'archive');
    await mkdir(dir, { recursive: true });
    const address = pathToFileURL(dir).href;
    return { dir, isRemote: false, address, open: (options) => openLocalArchive(dir, options) };
  }
  const dir = join(dataDir, 'archive-staging');
  await mkdir(dir, { recursive: true });
  return {
    dir,
    isRemote: true,
    address: null,
    async open(options) {
      // The archive empties its staging folder at the start; DuckDB knows the one around it.
      const stagingDir = join(dir, 'files');
      const storage = remoteStorage(config, stagingDir);
      try {
        // One try: a start that can't work tells why at once.
        await storage('events').check();
        return await DeltaArchive.open({ ...options, stagingDir, storage });
      } catch (error) {
        if (error instanceof RemoteError)
          throw new UsageError(`The archive can't be opened. ${error.message}`);
        throw error;
      }
    },
  };
}

/** The tables of an archive on a server; they share its connections and the limit of transfers. */
export function remoteStorage(
  config: Exclude<ArchiveConfig, { kind: 'local' }>,
  stagingDir: string,
  limits: RemoteLimits = REMOTE_LIMITS,
): (table: ArchiveTable) => TableStorage {
  const transfers = new Gate(TRANSFERS_MAX);
  if (config.kind === 'hdfs') {
    const hdfs = new WebHdfs({ url: config.url, user: config.user, limits });
    return (table) => hdfsStorage({ hdfs, root: `${config.path}/${table}`, stagingDir, transfers, limits });
  }
  const { prefix, path_style: pathStyle = config.endpoint !== undefined } = config;
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
