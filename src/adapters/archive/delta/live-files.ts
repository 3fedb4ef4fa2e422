import { addCount, type CountsBySource, type Offset } from '../../../domain/offset.ts';
import type { ArchiveFile, FileFilter } from '../../../ports/engine.ts';
import type { LiveFile } from './actions.ts';

/** Those that the filter lets pass. */
export function chooseFiles(
  files: readonly LiveFile[],
  { dates, receivedMs: ranges }: FileFilter,
): ArchiveFile[] {
  return files.flatMap(({ add: { path }, date, receivedMinMs, receivedMaxMs }) => {
    if (dates && !dates.has(date)) return [];
    if (ranges && !ranges.some(([from, to]) => receivedMaxMs >= from && receivedMinMs <= to)) return [];
    return [{ path, receivedMs: [receivedMinMs, receivedMaxMs] }];
  });
}

/** Whether the file holds rows past the positions of the archive. */
export function isAhead({ ends }: LiveFile, positions: ReadonlyMap<number, Offset>): boolean {
  return Object.entries(ends).some(([partition, end]) => end > (positions.get(Number(partition)) ?? 0));
}

/** Rows by source. */
export function countFiles(files: LiveFile[]): CountsBySource {
  const counts: CountsBySource = {};
  for (const file of files) {
    for (const [source, rows] of Object.entries(file.sources)) addCount(counts, source, rows);
  }
  return counts;
}
