import { join, resolve } from 'node:path';
import type { ArchiveKind } from '../../archive-kind.ts';
import { type LocalArchiveConfig, localArchiveConfig } from './config.ts';

const folderOf = ({ path }: LocalArchiveConfig, dataDir: string) =>
  path ? resolve(path) : join(dataDir, 'archive');

export const localArchive: ArchiveKind<typeof localArchiveConfig> = {
  schema: localArchiveConfig,
  isRemote: false,
  opensDataDir: ({ group_readable, path }) => group_readable && path === undefined,
  // Not encoded: Hadoop takes what follows as it is.
  address: (config, dataDir) => ({ url: `file:${folderOf(config, dataDir)}`, isLocal: true }),
  async locate(config, dataDir) {
    const { localLocation } = await import('./local-archive.ts');
    return localLocation(folderOf(config, dataDir), { dataDir, groupReadable: config.group_readable });
  },
};
