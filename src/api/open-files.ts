import { readFileSync } from 'node:fs';

/** Files that log, archive, metrics, sources and the owner's commands need besides the connections of clients. */
const FILES_RESERVED = 512;

/** Connections that leave room for the files of everything else, at most so many. */
export function connectionsWithin(connectionsMax: number, filesMax: number | null = openFilesMax()): number {
  if (filesMax === null) return connectionsMax;
  return Math.max(1, Math.min(connectionsMax, filesMax - Math.min(FILES_RESERVED, Math.floor(filesMax / 2))));
}

/** How many files this process may open, where the system says so. */
function openFilesMax(): number | null {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found ? Number(found[1]) : null;
  } catch {
    // A system without /proc.
    return null;
  }
}
