import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BadRow } from '../archive/archive.ts';
import type { ArchiveFiles, FileFilter } from '../metrics/engine.ts';
import { newestBadRows } from './newest-bad-rows.ts';

const MINUTE_MS = 60_000;

/** An archive whose file n has the rows of partition n % 3 of the minutes that it is given. */
function archiveOf(filesOfMinutes: number[][]) {
  const rowsOf = new Map<string, BadRow[]>();
  const offsetsOf = new Map<string, number[]>();
  for (const [n, minutes] of filesOfMinutes.entries()) {
    const rows = minutes.map((minute) => ({
      id: `${n % 3}-${minute}-0`,
      reason: minute % 2 ? 'not_json' : 'bad_number',
      field: null,
      raw: null,
      source: 'http',
      received_at: new Date(minute * MINUTE_MS).toISOString(),
    }));
    rowsOf.set(`file${n}`, rows);
    offsetsOf.set(`file${n}`, minutes);
  }
  const read = new Set<string>();
  const chosen = ({ paths, ranges }: FileFilter) =>
    [...rowsOf.keys()].filter((path) => {
      const offsets = offsetsOf.get(path)!;
      const mayHold =
        ranges === undefined ||
        ranges.some(({ start, end }) => end > Math.min(...offsets) && start <= Math.max(...offsets));
      return mayHold && (paths?.has(path) ?? true);
    });
  const archive = {
    withNames: (_table, filter, use) =>
      use(
        chosen(filter).map((path) => {
          const minutes = offsetsOf.get(path)!;
          return {
            path,
            rows: minutes.length,
            receivedMs: [Math.min(...minutes) * MINUTE_MS, Math.max(...minutes) * MINUTE_MS],
          };
        }),
      ),
    withFiles: (_table, filter, use) => use(chosen(filter)),
  } as Pick<ArchiveFiles, 'withNames' | 'withFiles'> as ArchiveFiles;
  const parquet = {
    async badRows(paths: string[], { limit, id, reason }: { limit: number; id?: string; reason?: string }) {
      for (const path of paths) read.add(path);
      return paths
        .flatMap((path) => rowsOf.get(path)!)
        .filter((row) => (!id || row.id === id) && (!reason || row.reason === reason))
        .sort((a, b) => (a.received_at < b.received_at ? 1 : -1))
        .slice(0, limit);
    },
  };
  return { archive, parquet, read };
}

/** Minutes of a file: `count` from `from` on. */
const minutes = (from: number, count = 10) => Array.from({ length: count }, (_, n) => from + n);

test('the newest rows come first across all partitions, without reading old files', async () => {
  const { archive, parquet, read } = archiveOf(Array.from({ length: 500 }, (_, n) => minutes(n * 10)));
  const rows = await newestBadRows(archive, parquet, { limit: 25 });
  assert.deepEqual(
    rows.map(({ received_at }) => Date.parse(received_at) / MINUTE_MS),
    Array.from({ length: 25 }, (_, n) => 4999 - n),
  );
  assert.ok(read.size <= 4, `${read.size} files were read`);
});

test('all files with overlapping times are read', async () => {
  const files = Array.from({ length: 40 }, (_, n) => [n, 1000 + n]);
  const { archive, parquet } = archiveOf([...files, minutes(2000, 3)]);
  const rows = await newestBadRows(archive, parquet, { limit: 30 });
  assert.deepEqual(
    rows.map(({ received_at }) => Date.parse(received_at) / MINUTE_MS),
    [2002, 2001, 2000, ...Array.from({ length: 27 }, (_, n) => 1039 - n)],
  );
});

test('a single row is looked up only in files that can contain its offset', async () => {
  const { archive, parquet, read } = archiveOf(Array.from({ length: 500 }, (_, n) => minutes(n * 10)));
  assert.deepEqual(
    (await newestBadRows(archive, parquet, { limit: 1, id: '1-15-0' })).map(({ id }) => id),
    ['1-15-0'],
  );
  assert.deepEqual([...read], ['file1']);
  for (const id of ['', 'x', '1-2', "1-2-3' OR true", '1-99999-0', '0-15-0', '1-15-1'])
    assert.deepEqual(await newestBadRows(archive, parquet, { limit: 1, id }), []);
});

test('the search for a rare reason continues until all files are read', async () => {
  const { archive, parquet } = archiveOf([[1], ...Array.from({ length: 300 }, (_, n) => [2 * n + 2])]);
  const rows = await newestBadRows(archive, parquet, { limit: 5, reason: 'not_json' });
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['0-1-0'],
  );
});
