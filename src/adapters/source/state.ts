import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a small file so that a crash at any moment leaves the old or the new content, never a mix: written to a
 * temporary name, fsynced, renamed over the old one, and the folder fsynced, or the rename itself could be lost.
 */
export async function writeFileDurable(path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Reads what writeFileDurable wrote; null when there is none. A file that is not JSON was not written by us: that is
 * an error for a person, because starting over silently would read everything again.
 */
export async function readStateFile(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  await rm(`${path}.tmp`, { force: true });
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is damaged. Remove it to read from the beginning again.`);
  }
}
