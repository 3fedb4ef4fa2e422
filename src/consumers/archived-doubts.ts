import { ORDER_IDENTITY } from '../decode/identity.ts';
import type { ArchivedDoubt, DoubtReader, DoubtsAsked } from '../metrics/doubt-reader.ts';
import type { ArchiveReader } from '../metrics/engine.ts';

/** So many rows, and such a share of them, are not equal by chance. */
const EQUAL_ROWS_MIN = 20;
const EQUAL_SHARE_MIN = 0.05;

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
  let doubts: ArchivedDoubt[] = [];
  if (hasKnownOrders || withdrawn.length > 0)
    doubts = await archive.withFiles(
      TABLE,
      // An order may be cancelled at any time after it.
      withdrawn.length > 0 ? {} : { receivedMs: since(sinceMs - ORDER_IDENTITY.withinMs) },
      async (files) => (files.length === 0 ? [] : [...(await reader.ofOrders(files, arrival, withdrawn))]),
    );
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
