import { join } from 'node:path';
import { closeOnly, shareTree } from '../../../system/access.ts';
import { makeFolder } from '../../../system/make-folder.ts';
import { UsageError } from '../../../telemetry/errors.ts';
import { reasonOf } from '../../../telemetry/system-error.ts';
import type { ArchiveLocation } from '../../archive-kind.ts';
import { DeltaArchive, type DeltaArchiveOptions } from '../../delta/archive.ts';
import { openRemembered } from '../../delta/identity.ts';
import { localStorage } from './local-storage.ts';

/** Opens the archive in a local folder. */
export function openLocalArchive(
  dir: string,
  options: Omit<DeltaArchiveOptions, 'stagingDir' | 'storage'>,
  groupReadable = false,
): Promise<DeltaArchive> {
  const stagingDir = join(dir, '_staging');
  return DeltaArchive.open({
    ...options,
    stagingDir,
    storage: (table) => localStorage(join(dir, table), stagingDir, groupReadable),
  });
}

/** An archive in a folder of this machine, which is made. */
export async function localLocation(
  dir: string,
  { dataDir, groupReadable }: { dataDir: string; groupReadable: boolean },
): Promise<ArchiveLocation> {
  try {
    makeFolder(dir);
  } catch (error) {
    throw new UsageError(`The archive folder ${dir} can't be made: ${reasonOf(error)}.`);
  }
  await setAccess(dir, groupReadable, dir === join(dataDir, 'archive'));
  return {
    dir,
    open: (options) =>
      openRemembered(dataDir, dir, (expectedId) =>
        openLocalArchive(dir, { ...options, expectedId }, groupReadable),
      ),
  };
}

/** Opens the folder to its group, or closes it; one that somebody else made outside of the data folder stays as it is. */
async function setAccess(dir: string, groupReadable: boolean, isOurs: boolean): Promise<void> {
  try {
    if (groupReadable) await shareTree(dir);
    else if (isOurs) await closeOnly(dir);
  } catch (error) {
    throw new UsageError(
      `The permissions of the archive folder ${dir} can't be set: ${reasonOf(error)}. It must belong to the user that ` +
        'runs Tillstream.',
    );
  }
}
