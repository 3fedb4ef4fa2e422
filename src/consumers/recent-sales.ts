import { ORDER_IDENTITY } from '../decode/identity.ts';
import type { ArchivedSale, DoubtReader } from '../metrics/doubt-reader.ts';
import type { ArchiveReader } from '../metrics/engine.ts';

const TABLE = 'events';
/** Files that are read at first; then twice as many, and so on, until there are enough sales or this many files were read. */
const FILES_MIN = 4;
const FILES_MAX = 60;

/**
 * The newest archived purchases and refunds that name an order, the oldest of them first; about `enough`. Reads the newest files first, and no
 * more than it takes.
 */
export function recentSales(
  archive: ArchiveReader,
  reader: Pick<DoubtReader, 'sales'>,
  nowMs: number,
  enough: number,
): Promise<readonly ArchivedSale[]> {
  const recent = { receivedMs: [[nowMs - ORDER_IDENTITY.withinMs, Number.MAX_SAFE_INTEGER]] as const };
  return archive.withNames(TABLE, recent, async (named) => {
    const newest = [...named].sort((a, b) => b.receivedMs[1] - a.receivedMs[1]).slice(0, FILES_MAX);
    let sales: readonly ArchivedSale[] = [];
    for (let at = 0, step = FILES_MIN; at < newest.length && sales.length < enough; at += step, step *= 2) {
      const paths = new Set(newest.slice(at, at + step).map(({ path }) => path));
      const older = await archive.withFiles(TABLE, { paths }, (files) => reader.sales(files, enough));
      sales = [...older, ...sales];
    }
    return sales;
  });
}
