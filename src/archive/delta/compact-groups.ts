import type { LiveFile } from './live-files.ts';

/** Files below this size are merged, up to about this size and this many rows. */
const COMPACT_BYTES = 128 * 1024 * 1024;
const COMPACT_ROWS = 4_000_000;
/** A date's small files are worth merging from this number on. */
const COMPACT_FILES_MIN = 8;
/** Most files that are merged at a time: each that is open takes memory. */
const COMPACT_FILES_MAX = 200;

/** Small files of each date, in groups that make about one full file. */
export function groupsToCompact(files: LiveFile[]): LiveFile[][] {
  const byDate = new Map<string, LiveFile[]>();
  for (const file of files) {
    if (file.add.size >= COMPACT_BYTES / 2 || file.date === null || !file.isKnown) continue;
    byDate.set(file.date, [...(byDate.get(file.date) ?? []), file]);
  }
  const groups: LiveFile[][] = [];
  for (const small of byDate.values()) {
    if (small.length < COMPACT_FILES_MIN) continue;
    small.sort((a, b) => a.offsets[0] - b.offsets[0]);
    let group: LiveFile[] = [];
    let bytes = 0;
    let rows = 0;
    for (const file of small) {
      const isFull =
        group.length >= COMPACT_FILES_MAX ||
        bytes + file.add.size > COMPACT_BYTES ||
        rows + file.rows > COMPACT_ROWS;
      if (group.length > 0 && isFull) {
        groups.push(group);
        [group, bytes, rows] = [[], 0, 0];
      }
      group.push(file);
      bytes += file.add.size;
      rows += file.rows;
    }
    groups.push(group);
  }
  return groups.filter((group) => group.length > 1);
}
