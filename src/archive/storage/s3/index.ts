import type { ArchiveKind } from '../../archive-kind.ts';
import { type S3ArchiveConfig, s3ArchiveConfig } from './config.ts';

function locationOf({ bucket, prefix, endpoint }: S3ArchiveConfig): string {
  return `s3://${prefix ? `${bucket}/${prefix}` : bucket}${endpoint ? ` (${endpoint})` : ''}`;
}

export const s3Archive: ArchiveKind<typeof s3ArchiveConfig> = {
  schema: s3ArchiveConfig,
  isRemote: true,
  address: () => null,
  async locate(config, dataDir) {
    const { remoteLocation } = await import('../../delta/remote-archive.ts');
    // Its client takes long to load.
    const { openS3 } = await import('./s3-storage.ts');
    return remoteLocation(locationOf(config), dataDir, (stagingDir) => openS3(config, stagingDir));
  },
  async check(config) {
    const { checkStorage } = await import('../../delta/remote-archive.ts');
    const { openS3 } = await import('./s3-storage.ts');
    return checkStorage((stagingDir) => openS3(config, stagingDir));
  },
};
