import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeShared, shareFile } from '../../../system/access.ts';
import { messageOf } from '../../../telemetry/system-error.ts';
import type { TableStorage } from '../storage.ts';

/** A table in a local folder, readable by its group or not. `stagingDir` must be on the same file system. */
export function localStorage(root: string, stagingDir: string, groupReadable = false): TableStorage {
  const at = (path: string) => join(root, path);
  const share = async (file: string) => {
    if (groupReadable) await shareFile(file);
  };
  /** Makes a folder and those above it that are missing, durably. */
  async function makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    for (let made = folder; ; made = dirname(made)) {
      if (groupReadable) await makeShared(made);
      await syncFolder(dirname(made));
      if (made === first) return;
    }
  }

  async function writeTemp(text: string): Promise<string> {
    await mkdir(stagingDir, { recursive: true });
    const temp = join(stagingDir, randomUUID());
    const handle = await open(temp, 'wx');
    try {
      await handle.writeFile(text);
      await share(temp);
      await handle.datasync();
    } catch (error) {
      // The first error is what matters; what stays is deleted with the leftovers.
      await unlink(temp).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    return temp;
  }

  return {
    address: at,

    async read(path) {
      try {
        return await readFile(at(path), 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },

    async list(folder) {
      try {
        const entries = await readdir(at(folder), { withFileTypes: true });
        const files = entries.filter((entry) => entry.isFile());
        return await Promise.all(
          files.map(async ({ name }) => {
            const { size, mtimeMs } = await stat(join(at(folder), name));
            return { path: folder ? `${folder}/${name}` : name, bytes: size, modifiedMs: mtimeMs };
          }),
        );
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    },

    async putIfAbsent(path, text) {
      const temp = await writeTemp(text);
      try {
        await makeFolder(dirname(at(path)));
        // link, not rename: it fails where the target exists.
        await link(temp, at(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      } finally {
        await unlink(temp);
      }
      await syncFolder(dirname(at(path)));
      return true;
    },

    async put(path, text) {
      const temp = await writeTemp(text);
      await makeFolder(dirname(at(path)));
      await rename(temp, at(path));
      await syncFolder(dirname(at(path)));
    },

    async publish(localFile, path) {
      const target = at(path);
      await makeFolder(dirname(target));
      await share(localFile);
      await rename(localFile, target);
      await syncFolder(dirname(target));
    },

    async remove(path) {
      await rm(at(path), { force: true });
    },

    withLocal: (paths, use) => use(paths.map(at)),

    // They are in the staging folder, which is deleted at the start.
    async removeLeftovers() {},

    async check() {
      try {
        await makeFolder(root);
        await access(root, constants.W_OK);
      } catch (error) {
        throw new Error(
          `The archive folder ${root} can't be used: ${messageOf(error)}. Set archive.path to your own folder.`,
        );
      }
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
