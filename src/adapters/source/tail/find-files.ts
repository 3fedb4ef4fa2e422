import { glob, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type FileStat, fileStat } from './tracked-file.ts';

export interface FoundFile extends FileStat {
  path: string;
}

/** Rotated files that were packed: their lines were read before, under their former name. */
const PACKED = /\.(gz|zst|bz2|xz|lz4|zip)$/;
/** What logrotate and its like append: .1, -20261123, .2026-11-23_10 */
const ROTATED_SUFFIX = /[.-]\d[\d.\-_T:]*$/;

/** The regular files that a glob pattern matches, the oldest first. */
export async function findFiles(pattern: string): Promise<FoundFile[]> {
  const paths: string[] = [];
  for await (const path of glob(pattern)) paths.push(path);
  return statAll(paths);
}

/**
 * Other files in the folder of `path` whose name begins with its name, the oldest first. Looked at until two looks
 * agree: in the middle of a rotation, files are found under two names or under none.
 */
export async function findSiblings(path: string): Promise<FoundFile[]> {
  const folder = dirname(path);
  const name = basename(path);
  let before = '';
  for (let looks = 0; ; looks++) {
    const names = await readdir(folder).catch(() => []);
    const others = names.filter((other) => other.startsWith(name) && other !== name);
    const found = await statAll(others.map((other) => join(folder, other)));
    const seen = found.map((file) => `${file.id} ${file.path}`).join();
    if (seen === before || looks === 10) return found;
    before = seen;
  }
}

/** True for shop.ndjson.1 as a rotated file of shop.ndjson. */
export function isRotatedNameOf(path: string, family: string): boolean {
  return path.startsWith(family) && ROTATED_SUFFIX.exec(path)?.index === family.length;
}

/** The name without what rotation appended, when the file of that name is among `paths`. */
export function familyOf(path: string, paths: ReadonlySet<string>): string {
  for (const family of paths) if (isRotatedNameOf(path, family)) return family;
  return path;
}

async function statAll(paths: string[]): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths.sort()) {
    if (PACKED.test(path)) continue;
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
  return Number(/\.(\d{1,3})$/.exec(path)?.[1] ?? 0);
}
