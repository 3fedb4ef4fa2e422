import type { ArchiveKind } from '../../archive-kind.ts';
import { hdfsArchiveConfig } from './config.ts';

export const hdfsArchive: ArchiveKind<typeof hdfsArchiveConfig> = {
  schema: hdfsArchiveConfig,
  isRemote: true,
  // The address of its NameNode is in Hadoop's configuration: programs of Hadoop can't use that of its web server.
  address: ({ path, user }) => ({ url: `hdfs://${path}`, isLocal: false, user }),
  async locate(config, dataDir) {
    const { remoteLocation } = await import('../../delta/remote-archive.ts');
    const { openHdfs } = await import('./hdfs-storage.ts');
    const location = `${config.path} on HDFS (${config.url})`;
    return remoteLocation(location, dataDir, (stagingDir) => openHdfs(config, stagingDir));
  },
  async check(config) {
    const { checkStorage } = await import('../../delta/remote-archive.ts');
    const { openHdfs } = await import('./hdfs-storage.ts');
    return checkStorage((stagingDir) => openHdfs(config, stagingDir));
  },
};
