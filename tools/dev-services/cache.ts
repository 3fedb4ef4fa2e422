import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../src/system/cache-dir.ts';
import { makeFolder } from '../../src/system/make-folder.ts';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { ServiceError } from './failure.ts';
import { withLock } from './lock.ts';

/** Says one line of progress to the user. */
export type Say = (line: string) => void;

/** What a killed fetch left is removed when it is older than this; no fetch takes as long. */
const SCRATCH_MS_MAX = 3_600_000;

/** Folder for the programs of servers. */
const servicesDir = () => join(cacheDir(), 'services');

/**
 * Path of the folder `key` in the cache. Where it is missing, `make` fills a scratch folder, which then is renamed into
 * place: the folder is there whole or not at all. Of several processes that need it, one makes it and the others wait.
 */
export async function fetchOnce(
  key: string,
  title: string,
  say: Say,
  make: (scratch: string) => Promise<void>,
): Promise<string> {
  const cache = servicesDir();
  const folder = join(cache, key);
  if (await exists(folder)) return folder;
  const onWait = () => say(`Waiting for another start that fetches ${title} ...`);
  return withLock(folder, onWait, async () => {
    if (await exists(folder)) return folder;
    const scratch = await newScratch(cache);
    try {
      say(`Fetching ${title} ...`);
      await make(scratch);
      await rename(scratch, folder);
      return folder;
    } catch (error) {
      // The lock is one of this machine; a container that shares the folder may have been faster.
      if (await exists(folder)) return folder;
      throw error;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
}

/** Path of the folder `key` in the cache; null where it is not there. */
export async function inCache(key: string): Promise<string | null> {
  const folder = join(servicesDir(), key);
  return (await exists(folder)) ? folder : null;
}

async function newScratch(cache: string): Promise<string> {
  try {
    makeFolder(cache);
    for (const name of await readdir(cache)) {
      if (!name.startsWith('new-')) continue;
      // Another process has just moved it.
      const made = await stat(join(cache, name)).catch(() => null);
      if (made && Date.now() - made.mtimeMs > SCRATCH_MS_MAX)
        await rm(join(cache, name), { recursive: true, force: true });
    }
    return await mkdtemp(join(cache, 'new-'));
  } catch (error) {
    throw new ServiceError(
      `The folder for fetched programs ${cache} can't be written: ${reasonOf(error)}. ` +
        'Set XDG_CACHE_HOME to your own folder.',
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
