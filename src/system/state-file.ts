import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileDurable } from './write-durable.ts';

/**
 * A small JSON document on disk. `write` replaces it in one step and resolves when it is durable: a crash leaves the old
 * or the new one. `read` gives null where there is none or where it is damaged; who reads it then begins again.
 */
export interface StateFile {
  read(): Promise<unknown>;
  write(value: object): Promise<void>;
}

/** The document at the path; its folder is made where it is missing. */
export function openStateFile(path: string): StateFile {
  return {
    async read() {
      try {
        return JSON.parse(await readFile(path, 'utf8'));
      } catch (error) {
        if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    async write(value) {
      await mkdir(dirname(path), { recursive: true });
      await writeFileDurable(path, `${JSON.stringify(value)}\n`);
    },
  };
}
