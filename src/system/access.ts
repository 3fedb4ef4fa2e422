import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What others may not do with what this process makes: everything. */
const UMASK = 0o077;
const PERMISSIONS = 0o777;
/** Kept where an administrator has set it: what is made in the folder then belongs to the folder's group. */
const SET_GROUP = 0o2000;
const FOLDER = 0o700;
const FILE = 0o600;
const SHARED_FOLDER = 0o750;
const SHARED_FILE = 0o640;
/** Its group may go through, to what is shared in it, and see nothing else. */
const PASSABLE_FOLDER = 0o710;

/** From now on files and folders are made for this user alone, whatever the shell has set. */
export function makePrivately(): void {
  process.umask(UMASK);
}

/** Closes a folder and what is in it, except for `apart`, to everyone else. */
export async function closeFolder(
  folder: string,
  options: { mayPass: boolean; apart: readonly string[] },
): Promise<void> {
  await setMode(folder, options.mayPass ? PASSABLE_FOLDER : FOLDER);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (options.apart.includes(entry.name)) continue;
    if (entry.isDirectory()) await setMode(join(folder, entry.name), FOLDER);
    else if (entry.isFile()) await setMode(join(folder, entry.name), FILE);
  }
}

/** Closes one folder. */
export async function closeOnly(folder: string): Promise<void> {
  await setMode(folder, FOLDER);
}

/** Lets the group read a folder and all that is in it, but what begins with "_staging". */
export async function shareTree(folder: string): Promise<void> {
  await setMode(folder, SHARED_FOLDER);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== '_staging') await shareTree(path);
    else if (entry.isFile()) await shareFile(path);
  }
}

/** Lets the group read a file. */
export async function shareFile(file: string): Promise<void> {
  await setMode(file, SHARED_FILE);
}

/** Makes a folder that the group may read, if it is missing. */
export async function makeShared(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await setMode(folder, SHARED_FOLDER);
}

/** Whether everyone on this machine may read the file. */
export async function isOpenToAll(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o007) !== 0;
}

async function setMode(path: string, mode: number): Promise<void> {
  const before = (await stat(path)).mode;
  if ((before & PERMISSIONS) === mode) return;
  await chmod(path, mode | (before & SET_GROUP));
}
