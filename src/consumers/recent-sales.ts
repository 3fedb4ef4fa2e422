import { ORDER_IDENTITY } from '../decode/identity.ts';
import type { ArchivedSale, DoubtReader } from '../metrics/doubt-reader.ts';
import type { ArchiveReader } from '../metrics/engine.ts';

/** Newest files that are read. */
const FILES_MAX = 64;

/** The newest archived purchases and refunds that name an order, the oldest of them first: small, whatever the archive holds. */
export function recentSales(
  archive: ArchiveReader,
  reader: Pick<DoubtReader, 'sales'>,
  nowMs: number,
  limit: number,
): Promise<readonly ArchivedSale[]> {
  const recent = { receivedMs: [[nowMs - ORDER_IDENTITY.withinMs, Number.MAX_SAFE_INTEGER]] as const };
  return archive.withNames('events', recent, async (named) => {
    const newest = [...named].sort((a, b) => b.receivedMs[1] - a.receivedMs[1]).slice(0, FILES_MAX);
    if (newest.length === 0) return [];
    const paths = new Set(newest.map(({ path }) => path));
    return archive.withFiles('events', { paths }, (files) => reader.sales(files, limit));
  });
}
