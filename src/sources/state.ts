import { readFile } from 'node:fs/promises';

/**
 * Reads what writeFileDurable (system/write-durable.ts) wrote; null when there is none. A file that is not JSON was not written by us: that is
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
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is damaged. Remove it to read from the beginning again.`);
  }
}
