import { mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorCode } from './error-code.ts';

/** A folder can't be made, for a reason that the codes of the system don't say: the message does. */
export class FolderError extends Error {}

/**
 * Makes a folder, and those above it that are missing. For paths that users choose: the recursive mkdir of Node never returns where the system
 * reports ENOENT for a folder whose parent exists, as it does in /proc; and it does not say which part of a path is a file.
 */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const found = statOf(folder);
    if (found?.isDirectory()) break;
    if (found) throw new FolderError(`${folder} is a file, not a folder`);
    missing.push(folder);
  }
  for (const folder of missing.reverse()) makeOne(folder, mode);
}

function makeOne(folder: string, mode: number): void {
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    const code = errorCode(error);
    // Another process was faster.
    if (code === 'EEXIST' && statOf(folder)?.isDirectory()) return;
    if (code === 'EEXIST') throw new FolderError(`${folder} is a link to what does not exist`);
    if (code === 'ENOENT') throw new FolderError(`no folder can be made in ${dirname(folder)}`);
    throw error;
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    // A part of the path may be a file; it is found on the way up.
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return null;
    throw error;
  }
}
