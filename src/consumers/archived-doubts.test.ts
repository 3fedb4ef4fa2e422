import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArrivalSummary, DoubtReader } from '../metrics/doubt-reader.ts';
import type { ArchiveFile, ArchiveReader, FileFilter } from '../metrics/engine.ts';
import { archivedDoubts } from './archived-doubts.ts';

const SINCE_MS = Date.UTC(2026, 10, 1);
const NOTHING: ArrivalSummary = {
  hasOrders: false,
  unnamedRows: 0,
  unnamedDates: [],
};

/** What is looked at, and what is found, when rows with this summary have come. */
async function lookedAt(
  summary: Partial<ArrivalSummary>,
  {
    withdrawn = [] as string[],
    givenBack = [] as string[],
    isOfSeveral = false,
    equalRows = 0,
    olderMs = SINCE_MS - 1,
  } = {},
) {
  const looks: string[] = [];
  const archive = {
    withFiles: (_table: string, filter: FileFilter, use: (paths: string[]) => unknown) =>
      use([JSON.stringify(filter, (_key, value) => (value instanceof Set ? [...value] : value))]),
    withNames: (_table: string, _filter: FileFilter, use: (files: ArchiveFile[]) => unknown) =>
      use([{ path: 'a', rows: 1, receivedMs: [olderMs, SINCE_MS + 1] }]),
  } as unknown as ArchiveReader;
  const reader: Omit<DoubtReader, 'sales'> = {
    summary: async () => ({ ...NOTHING, ...summary }),
    async ofOrders([filter]) {
      looks.push(`orders ${filter}`);
      return [];
    },
    async refundedOf([filter]) {
      looks.push(`refunds ${filter}`);
      return [];
    },
    async ofUnnamedRows() {
      looks.push('rows');
      return [{ code: 'rows_loaded_before', rows: equalRows, example: 'x' }];
    },
  };
  const asked = { source: 'load', sinceMs: SINCE_MS, withdrawn, givenBack, isOfSeveral };
  const { doubts } = await archivedDoubts(archive, reader as DoubtReader, asked);
  return { looks, rows: doubts.map((each) => each.rows) };
}

test('older rows are read only if they can matter', async () => {
  assert.deepEqual((await lookedAt({})).looks, []);
  const [orders] = (await lookedAt({ hasOrders: true })).looks;
  assert.match(orders!, /^orders \{"receivedMs":\[\[\d+,/, 'orders are known for 30 days');
  const cancelled = await lookedAt({}, { withdrawn: ['o1'] });
  assert.deepEqual(cancelled.looks, ['orders {"paths":["a"]}'], 'an order may be cancelled much later');
  const refunded = await lookedAt({}, { givenBack: ['o1'] });
  assert.deepEqual(refunded.looks, ['refunds {"paths":["a"]}'], 'and its money given back');
});

test('rows without ids are compared with older rows and other inputs that may repeat them', async () => {
  const unnamed = { unnamedRows: 100, unnamedDates: ['2026-10-01'] };
  assert.deepEqual((await lookedAt(unnamed)).looks, ['rows']);
  assert.deepEqual((await lookedAt({ ...unnamed, unnamedRows: 0 })).looks, []);
  const first = { olderMs: SINCE_MS };
  assert.deepEqual((await lookedAt(unnamed, first)).looks, []);
  assert.deepEqual((await lookedAt(unnamed, { ...first, isOfSeveral: true })).looks, ['rows']);
});

test('a few equal rows, or a small share of many, are treated as coincidence', async () => {
  const rowsOf = async (unnamedRows: number, equalRows: number) =>
    (await lookedAt({ unnamedRows, unnamedDates: ['2026-10-01'] }, { equalRows })).rows;
  assert.deepEqual(await rowsOf(100, 19), []);
  assert.deepEqual(await rowsOf(100, 20), [20]);
  assert.deepEqual(await rowsOf(1000, 49), []);
  assert.deepEqual(await rowsOf(1000, 50), [50]);
  assert.deepEqual(await rowsOf(20, 19), [19], 'nearly all of a small file');
  assert.deepEqual(await rowsOf(1, 1), [1]);
  assert.deepEqual(await rowsOf(6, 3), [3], 'half of it');
  assert.deepEqual(await rowsOf(4, 2), []);
});
