import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { closeOnly, shareTree } from '../../system/access.ts';
import { UsageError } from '../../telemetry/errors.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import type { ArchiveAddress, ArchiveTable } from '../archive.ts';
import { hdfsStorage } from '../storage/hdfs-storage.ts';
import type { TableStorage } from '../storage/storage.ts';
import { WebHdfs } from '../storage/webhdfs.ts';
import { DeltaArchive, type DeltaArchiveOptions, openLocalArchive } from './archive.ts';
import type { ArchiveConfig } from './config.ts';
import { openRemembered } from './identity.ts';
import { REMOTE_LIMITS, RemoteError, type RemoteLimits, Semaphore, TRANSFERS_MAX } from './remote.ts';

type DeltaOpenOptions = Omit<DeltaArchiveOptions, 'stagingDir' | 'storage'>;

/** Where the config puts the archive. */
export interface ArchiveLocation {
  /** The local folder that its Parquet files are read from and written to. */
  dir: string;
  /** Whether a server keeps it, which may be away. */
  isRemote: boolean;
  /** For people. */
  location: string;
  address: ArchiveAddress | null;
  open(options: DeltaOpenOptions): Promise<DeltaArchive>;
}

/** Tries whether the archive's server takes what normal work does; leaves nothing there. Gives a sentence for people, or throws UsageError. */
export async function checkArchive(config: Exclude<ArchiveConfig, { kind: 'local' }>): Promise<string> {
  try {
    const storage = await remoteStorage(config, tmpdir());
    await storage('events').check();
  } catch (error) {
    if (error instanceof RemoteError) throw new UsageError(`The archive can't be used. ${error.message}`);
    throw error;
  }
  return 'takes and gives files';
}

/** The place that the config names, with its local folder made. */
export async function archiveLocation(config: ArchiveConfig, dataDir: string): Promise<ArchiveLocation> {
  if (config.kind === 'local') {
    const dir = localDir(config, dataDir);
    await mkdir(dir, { recursive: true });
    await setAccess(dir, config, dataDir);
    return {
      dir,
      isRemote: false,
      location: dir,
      address: archiveAddress(config, dataDir),
      open: (options) =>
        openRemembered(dataDir, dir, (expectedId) =>
          openLocalArchive(dir, { ...options, expectedId }, config.group_readable),
        ),
    };
  }
  const dir = join(dataDir, 'archive-staging');
  await mkdir(dir, { recursive: true });
  return {
    dir,
    isRemote: true,
    location: remoteLocation(config),
    address: archiveAddress(config, dataDir),
    async open(options) {
      // The archive empties its staging folder at the start; DuckDB knows the one around it.
      const stagingDir = join(dir, 'files');
      const storage = await remoteStorage(config, stagingDir);
      try {
        // One try: a start that can't work tells why at once.
        await storage('events').check();
        return await openRemembered(dataDir, remoteLocation(config), (expectedId) =>
          DeltaArchive.open({ ...options, stagingDir, storage, expectedId }),
        );
      } catch (error) {
        if (error instanceof RemoteError)
          throw new UsageError(`The archive can't be opened. ${error.message}`);
        throw error;
      }
    },
  };
}

/** Null where it needs settings that the config does not have. */
export function archiveAddress(config: ArchiveConfig, dataDir: string): ArchiveAddress | null {
  // Not encoded: Hadoop takes what follows as it is.
  if (config.kind === 'local') return { url: `file:${localDir(config, dataDir)}`, isLocal: true };
  if (config.kind === 's3') return null;
  // The address of its NameNode is in Hadoop's configuration: programs of Hadoop can't use that of its web server.
  return { url: `hdfs://${config.path}`, isLocal: false, user: config.user };
}

function localDir({ path }: Extract<ArchiveConfig, { kind: 'local' }>, dataDir: string): string {
  return path ? resolve(path) : join(dataDir, 'archive');
}

function remoteLocation(config: Exclude<ArchiveConfig, { kind: 'local' }>): string {
  if (config.kind === 'hdfs') return `${config.path} on HDFS (${config.url})`;
  const key = config.prefix ? `${config.bucket}/${config.prefix}` : config.bucket;
  return `s3://${key}${config.endpoint ? ` (${config.endpoint})` : ''}`;
}

/** Opens the folder to its group, or closes it; one that somebody else made outside of the data folder stays as it is. */
async function setAccess(
  dir: string,
  config: Extract<ArchiveConfig, { kind: 'local' }>,
  dataDir: string,
): Promise<void> {
  try {
    if (config.group_readable) await shareTree(dir);
    else if (dir === join(dataDir, 'archive')) await closeOnly(dir);
  } catch (error) {
    throw new UsageError(
      `The permissions of the archive folder ${dir} can't be set: ${reasonOf(error)}. It must belong to the user that ` +
        'runs Tillstream.',
    );
  }
}

/** The tables of an archive on a server; they share its connections and the limit of transfers. */
export async function remoteStorage(
  config: Exclude<ArchiveConfig, { kind: 'local' }>,
  stagingDir: string,
  limits: RemoteLimits = REMOTE_LIMITS,
): Promise<(table: ArchiveTable) => TableStorage> {
  const transfers = new Semaphore(TRANSFERS_MAX);
  if (config.kind === 'hdfs') {
    const hdfs = new WebHdfs({ url: config.url, user: config.user, limits });
    return (table) => hdfsStorage({ hdfs, root: `${config.path}/${table}`, stagingDir, transfers, limits });
  }
  const { prefix, path_style: pathStyle = config.endpoint !== undefined } = config;
  const [{ S3Bucket }, { s3Storage }] = await Promise.all([
    import('../storage/s3-bucket.ts'),
    import('../storage/s3-storage.ts'),
  ]);
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
