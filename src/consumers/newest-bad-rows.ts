import type { ArchiveTable, BadRow } from '../archive/archive.ts';
import type { ParquetReader } from '../archive/parquet-tool.ts';
import type { ArchiveFile, ArchiveFiles } from '../metrics/engine.ts';

const TABLE: ArchiveTable = 'bad_rows';
/** Files that are read at first; then twice as many, and so on up to this number. */
const FILES_MIN = 4;
const FILES_MAX = 64;

export interface BadRowFilter {
  limit: number;
  reason?: string;
  /** `partition-offset-line` of one row. */
  id?: string;
}

/**
 * The newest bad rows, by received-at over all partitions. Reads the newest files first, and no more than it takes; one row is
 * looked for in the files only that can have its offset.
 */
export function newestBadRows(
  archive: ArchiveFiles,
  parquet: Pick<ParquetReader, 'badRows'>,
  filter: BadRowFilter,
): Promise<BadRow[]> {
  const { limit, id } = filter;
  const parsed = id === undefined ? null : /^(\d{1,9})-(\d{1,15})-\d+$/.exec(id);
  if (id !== undefined && !parsed) return Promise.resolve([]);
  const [partition, start] = [Number(parsed?.[1]), Number(parsed?.[2])];
  const only = parsed ? { ranges: [{ partition, start, end: start + 1 }] } : {};
  return archive.withNames(TABLE, only, async (named) => {
    const files = [...named].sort((a, b) => b.receivedMs[1] - a.receivedMs[1]);
    let rows: BadRow[] = [];
    for (let at = 0, step = FILES_MIN; at < files.length; at += step, step = Math.min(2 * step, FILES_MAX)) {
      if (rows.length >= limit && isDone(rows, files[at]!)) break;
      const paths = new Set(files.slice(at, at + step).map(({ path }) => path));
      const found = await archive.withFiles(TABLE, { paths }, (local) => parquet.badRows(local, filter));
      rows = [...rows, ...found].sort(byReceipt).slice(0, limit);
    }
    return rows;
  });
}

/** Whether no row of the file, nor of older ones, is newer than those found. */
function isDone(rows: readonly BadRow[], next: ArchiveFile): boolean {
  return Date.parse(rows.at(-1)!.received_at) > next.receivedMs[1];
}

/** Newest first; rows of one moment by partition, then by offset, the last first. */
function byReceipt(a: BadRow, b: BadRow): number {
  if (a.received_at !== b.received_at) return a.received_at < b.received_at ? 1 : -1;
  const [left, right] = [a, b].map(({ id }) => id.split('-').map(Number) as [number, number, number]);
  return left![0] - right![0] || right![1] - left![1] || right![2] - left![2];
}
