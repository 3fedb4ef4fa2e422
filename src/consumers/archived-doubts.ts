import { ORDER_IDENTITY } from '../decode/identity.ts';
import type { ArchivedDoubt, DoubtReader, DoubtsAsked } from '../metrics/doubt-reader.ts';
import type { ArchiveReader } from '../metrics/engine.ts';

/** So many rows, and such a share of them, are not equal by chance. */
const EQUAL_ROWS_MIN = 20;
const EQUAL_SHARE_MIN = 0.05;

/** Newest files in which orders are looked for that are said to be cancelled: about as many days, after compaction. */
const FILES_MAX = 500;

const TABLE = 'events';

/** What is doubtful in archived rows of a source, beside those that the archive had before. Looks at older rows only where it may be something. */
export async function archivedDoubts(
  archive: ArchiveReader,
  reader: DoubtReader,
  { withdrawn, isOfSeveral, ...arrival }: DoubtsAsked,
): Promise<ArchivedDoubt[]> {
  const { sinceMs } = arrival;
  const since = (fromMs: number) => [[fromMs, Number.MAX_SAFE_INTEGER]] as const;
  const { hasKnownOrders, unnamedRows, unnamedDates } = await archive.withFiles(
    TABLE,
    { receivedMs: since(sinceMs) },
    async (files) =>
      files.length === 0
        ? { hasKnownOrders: false, unnamedRows: 0, unnamedDates: [] }
        : reader.summary(files, arrival),
  );
  const lookAt = async (files: string[]) =>
    files.length === 0 ? [] : [...(await reader.ofOrders(files, arrival, withdrawn))];
  const sinceRecentMs = sinceMs - ORDER_IDENTITY.withinMs;
  let doubts: ArchivedDoubt[] = [];
  // An order may be cancelled long after it.
  if (withdrawn.length > 0)
    doubts = await archive.withNames(TABLE, {}, async (named) => {
      const newestFirst = [...named].sort((a, b) => b.receivedMs[1] - a.receivedMs[1]);
      const looked = newestFirst.filter((file, n) => n < FILES_MAX || file.receivedMs[1] >= sinceRecentMs);
      const paths = new Set(looked.map(({ path }) => path));
      return archive.withFiles(TABLE, { paths }, lookAt);
    });
  else if (hasKnownOrders)
    doubts = await archive.withFiles(TABLE, { receivedMs: since(sinceRecentMs) }, lookAt);
  if (unnamedRows < EQUAL_ROWS_MIN) return doubts;
  const dates = { dates: new Set(unnamedDates) };
  const hasOlder = await archive.withNames(TABLE, dates, async (files) =>
    files.some(({ receivedMs }) => receivedMs[0] < sinceMs),
  );
  if (!hasOlder && !isOfSeveral) return doubts;
  const equal = await archive.withFiles(TABLE, dates, (files) => reader.ofUnnamedRows(files, arrival));
  const least = Math.max(EQUAL_ROWS_MIN, unnamedRows * EQUAL_SHARE_MIN);
  return [...doubts, ...equal.filter(({ rows }) => rows >= least)];
}
