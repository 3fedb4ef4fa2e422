import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a small file so that a crash at any moment leaves the old or the new content, never a mix: written to a
 * temporary name (the path with .tmp), fsynced, renamed over the old one, and the folder fsynced, or the rename itself could be lost.
 */
export async function writeFileDurable(path: string, content: string, mode = 0o666): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await using file = await open(temporary, 'w', mode);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    // A full disk must not fill up with what could not be written.
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
