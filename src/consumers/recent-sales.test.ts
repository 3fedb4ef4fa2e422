import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArchivedSale } from '../metrics/doubt-reader.ts';
import type { ArchiveFile, ArchiveReader, FileFilter } from '../metrics/engine.ts';
import { recentSales } from './recent-sales.ts';

const sale = (order: string) => ({ order }) as ArchivedSale;

/** An archive of files with a sale each, which have come one after the other; the last has the highest number. */
function archiveOf(files: number) {
  const read: string[] = [];
  const archive = {
    withNames: (_table: string, _filter: FileFilter, use: (named: ArchiveFile[]) => unknown) =>
      use(
        Array.from({ length: files }, (_, n) => ({ path: String(n), rows: 1, receivedMs: [n, n] as const })),
      ),
    withFiles: (_table: string, { paths }: FileFilter, use: (files: string[]) => unknown) => use([...paths!]),
  } as unknown as ArchiveReader;
  const reader = {
    async sales(paths: readonly string[]) {
      for (const path of paths) read.push(path);
      return paths.toReversed().map(sale);
    },
  };
  return { archive, reader, read };
}

test('sales are read from the newest files until there are enough', async () => {
  const { archive, reader, read } = archiveOf(40);
  const sales = await recentSales(archive, reader, 0, 10);
  assert.deepEqual(
    sales.map(({ order }) => Number(order)),
    Array.from({ length: 12 }, (_, n) => 28 + n),
  );
  assert.equal(read.length, 12);
});

test('only a few files of an archive without sales are read', async () => {
  const { archive, read } = archiveOf(1000);
  const none = {
    async sales(paths: readonly string[]) {
      for (const path of paths) read.push(path);
      return [];
    },
  };
  assert.deepEqual(await recentSales(archive, none, 0, 10), []);
  assert.equal(read.length, 60);
});
