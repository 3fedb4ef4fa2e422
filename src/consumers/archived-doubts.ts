import { ORDER_IDENTITY } from '../decode/identity.ts';
import type { ArchiveAnswer, ArchivedDoubt, DoubtReader, DoubtsAsked } from '../metrics/doubt-reader.ts';
import type { ArchiveReader } from '../metrics/engine.ts';

/** So many rows, and such a share of them, are not equal by chance. */
const EQUAL_ROWS_MIN = 20;
const EQUAL_SHARE_MIN = 0.05;
/** Of a small input some rows are enough where they are half of it, and of any input nearly all of it. */
const EQUAL_ROWS_OF_HALF_MIN = 3;
const NEARLY_ALL = 0.9;

/** Whether so many of the rows of an input are hardly equal to others by chance. */
function areRepeated(equal: number, all: number): boolean {
  if (equal >= all * NEARLY_ALL) return true;
  if (equal >= all / 2) return equal >= EQUAL_ROWS_OF_HALF_MIN;
  return equal >= Math.max(EQUAL_ROWS_MIN, all * EQUAL_SHARE_MIN);
}

/** Newest files in which orders are looked for that are said to be cancelled: about as many days, after compaction. */
const FILES_MAX = 500;

const TABLE = 'events';

/** What the archive says about rows of a source, beside those that it had before. Looks at older rows only where it may be something. */
export async function archivedDoubts(
  archive: ArchiveReader,
  reader: DoubtReader,
  { withdrawn, givenBack, isOfSeveral, ...arrival }: DoubtsAsked,
): Promise<ArchiveAnswer> {
  const { sinceMs } = arrival;
  const since = (fromMs: number) => [[fromMs, Number.MAX_SAFE_INTEGER]] as const;
  const sinceRecentMs = sinceMs - ORDER_IDENTITY.withinMs;
  // An order may be cancelled long after it.
  const inNewest = <T>(use: (files: string[]) => Promise<T>) =>
    archive.withNames(TABLE, {}, async (named) => {
      const newestFirst = [...named].sort((a, b) => b.receivedMs[1] - a.receivedMs[1]);
      const looked = newestFirst.filter((file, n) => n < FILES_MAX || file.receivedMs[1] >= sinceRecentMs);
      const paths = new Set(looked.map(({ path }) => path));
      return archive.withFiles(TABLE, { paths }, use);
    });
  const inRecent = <T>(use: (files: string[]) => Promise<T>) =>
    archive.withFiles(TABLE, { receivedMs: since(sinceRecentMs) }, use);
  const { summary, doubts } = await archive.withFiles(
    TABLE,
    { receivedMs: since(sinceMs) },
    async (arrived) => {
      const summary = await reader.summary(arrived, arrival);
      const lookAt = async (files: string[]): Promise<readonly ArchivedDoubt[]> =>
        files.length === 0 ? [] : reader.ofOrders(files, arrived, arrival, withdrawn);
      if (withdrawn.length > 0) return { summary, doubts: await inNewest(lookAt) };
      return { summary, doubts: summary.hasOrders ? await inRecent(lookAt) : [] };
    },
  );
  const { unnamedRows, unnamedDates } = summary;
  const refunded =
    givenBack.length === 0 ? [] : await inNewest((files) => reader.refundedOf(files, givenBack));
  if (unnamedRows === 0) return { doubts, refunded };
  const dates = { dates: new Set(unnamedDates) };
  const hasOlder = await archive.withNames(TABLE, dates, async (files) =>
    files.some(({ receivedMs }) => receivedMs[0] < sinceMs),
  );
  if (!hasOlder && !isOfSeveral) return { doubts, refunded };
  const equal = await archive.withFiles(TABLE, dates, (files) => reader.ofUnnamedRows(files, arrival));
  return { doubts: [...doubts, ...equal.filter(({ rows }) => areRepeated(rows, unnamedRows))], refunded };
}
