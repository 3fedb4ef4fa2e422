import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../telemetry/errors.ts';
import type { ArchiveTable } from '../archive.ts';
import type { ArchiveLocation } from '../archive-kind.ts';
import { RemoteError } from '../storage/remote.ts';
import type { TableStorage } from '../storage/storage.ts';
import { DeltaArchive } from './archive.ts';
import { openRemembered } from './identity.ts';

/** Opens the storage of the tables of an archive on a server; `stagingDir` is for files on their way. */
export type OpenStorage = (stagingDir: string) => (table: ArchiveTable) => TableStorage;

/** An archive on a server. `location` is for people. */
export async function remoteLocation(
  location: string,
  dataDir: string,
  openStorage: OpenStorage,
): Promise<ArchiveLocation> {
  const dir = join(dataDir, 'archive-staging');
  await mkdir(dir, { recursive: true });
  return {
    dir,
    async open(options) {
      // The archive empties its staging folder at the start; DuckDB knows the one around it.
      const stagingDir = join(dir, 'files');
      const storage = openStorage(stagingDir);
      try {
        // One try: a start that can't work tells why at once.
        await storage('events').check();
        return await openRemembered(dataDir, location, (expectedId) =>
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

/** Tries whether the server takes what normal work does; leaves nothing there. Throws UsageError. */
export async function checkStorage(openStorage: OpenStorage): Promise<string> {
  try {
    await openStorage(tmpdir())('events').check();
  } catch (error) {
    if (error instanceof RemoteError) throw new UsageError(`The archive can't be used. ${error.message}`);
    throw error;
  }
  return 'takes and gives files';
}
