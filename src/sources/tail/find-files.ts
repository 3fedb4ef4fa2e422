import { glob, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { type FileStat, fileStat } from './read-file.ts';

export interface FoundFile extends FileStat {
  path: string;
}

/** Rotated files that were packed: most of them were read before, under their former name. */
const PACKED = /\.(gz|zst|bz2)$/;
/** Ends of names of files that are never logs themselves. */
const OTHER_PACKED = /\.(xz|lz4|zip)$/;
/** A pattern that asks for packed files: its last part ends so, or with a list that does. */
const PACKED_PATTERN = /\.(gz|zst|bz2|\{[^}]*\b(gz|zst|bz2)\b[^}]*\})$/;
/** What logrotate and its like append: .1, -20261123, .2026-11-23_10 */
const ROTATED_SUFFIX = /[.-]\d[\d.\-_T:]*$/;
/** A date before the extension: shop-20261123.ndjson. (shop-2.ndjson may be of a second process.) */
const ROTATED_MIDDLE = /^[.\-_](?=(\D*\d){6})\d[\d.\-_T:]*$/;
/** A folder with more files is no folder of logs. */
const FOLDER_FILES_MAX = 10_000;

/** The regular files that a glob pattern matches, the oldest first; packed ones only where it names their suffix. */
export async function findFiles(pattern: string): Promise<FoundFile[]> {
  const paths: string[] = [];
  for await (const path of glob(pattern)) paths.push(path);
  return statAll(PACKED_PATTERN.test(pattern) ? paths : paths.filter((path) => !PACKED.test(path)));
}

/**
 * Other files in the folder of `path` that may be older ones of it: their names begin as its own does. Looked at until two looks
 * agree: in the middle of a rotation, files are found under two names or under none.
 */
export async function findSiblings(path: string): Promise<FoundFile[]> {
  const folder = dirname(path);
  const name = basename(path);
  let before = '';
  for (let looks = 0; ; looks++) {
    // A folder that is not there, or not open to us, has no files of ours.
    const names = await readdir(folder).catch(() => []);
    const others = names.filter((other) => other.startsWith(stemOf(name)) && other !== name);
    const found = await statAll(others.map((other) => join(folder, other)));
    const seen = found.map((file) => `${file.id} ${file.path}`).join();
    if (seen === before || looks === 10) return found;
    before = seen;
  }
}

/** All regular files in the folders of these paths, within a limit for each. */
export async function findInFolders(paths: readonly string[]): Promise<FoundFile[]> {
  const folders = new Set(paths.filter((path) => path !== '').map((path) => dirname(path)));
  const found: string[] = [];
  for (const folder of folders) {
    // A folder that is not there, or not open to us, has no files of ours.
    const names = await readdir(folder).catch(() => []);
    for (const name of names.slice(0, FOLDER_FILES_MAX)) found.push(join(folder, name));
  }
  return statAll(found);
}

/** True for shop.ndjson.1, shop-20261123.ndjson and shop.ndjson.2.gz as rotated files of shop.ndjson. */
export function isRotatedNameOf(path: string, family: string): boolean {
  const plain = path.replace(PACKED, '');
  if (plain !== path && plain === family) return true;
  if (plain.startsWith(family)) return ROTATED_SUFFIX.exec(plain)?.index === family.length;
  const extension = extname(family);
  const stem = family.slice(0, family.length - extension.length);
  if (extension === '' || !plain.startsWith(stem) || !plain.endsWith(extension)) return false;
  return ROTATED_MIDDLE.test(plain.slice(stem.length, plain.length - extension.length));
}

/** The name without what rotation appended, when the file of that name is among `paths`. */
export function familyOf(path: string, paths: ReadonlySet<string>): string {
  for (const family of paths) if (isRotatedNameOf(path, family)) return family;
  return path;
}

/** Whether a file has the name of a packed one. */
export function hasPackedName(path: string): boolean {
  return PACKED.test(path);
}

/** Where the links in a path lead to; the path itself where that can't be found out. */
export async function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

/** What all names of a family begin with: shop.ndjson, shop-20261123.ndjson. */
function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

async function statAll(paths: string[]): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths.sort()) {
    if (OTHER_PACKED.test(path)) continue;
    // Files come and go while we look; one that is gone is simply not there.
    const result = await stat(path, { bigint: true }).catch(() => null);
    if (!result?.isFile()) continue;
    const file = { path, ...fileStat(result) };
    // Two names of one file: links.
    if (!found.has(file.id)) found.set(file.id, file);
  }
  return [...found.values()].sort((a, b) => a.modifiedMs - b.modifiedMs || generation(b) - generation(a));
}

/** Times are as coarse as the kernel's tick; of files with the same one, shop.ndjson.2 is older than shop.ndjson.1. */
function generation({ path }: FoundFile): number {
  return Number(/\.(\d{1,3})$/.exec(path.replace(PACKED, ''))?.[1] ?? 0);
}
