import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CATALOGUE } from '../catalogue.ts';
import { planOf } from '../plan.ts';
import { filesBySize, jobOf } from './job.ts';

const { passes } = planOf(CATALOGUE);
const files = { large: [], small: ['file:/a.parquet'] };
const job = (ranges: { partition: number; start: number; end: number }[]) =>
  jobOf({
    id: 'x',
    passes,
    rows: { ranges, expected: 10 },
    files: { events: files, bad_rows: files },
    output: '/out',
  });

suite('A job of Spark', () => {
  test('has the same query whatever its rows are, so that its code is compiled once', () => {
    const one = job([{ partition: 0, start: 5, end: 90 }]);
    const other = job([
      { partition: 0, start: 90, end: 95 },
      { partition: 3, start: 0, end: 7 },
    ]);
    assert.deepEqual([other.query, other.views], [one.query, one.views]);
  });

  test('takes several ranges of a partition, and of partitions that are far apart', () => {
    const { where } = job([
      { partition: 2, start: 1, end: 4 },
      { partition: 0, start: 7, end: 9 },
      { partition: 2, start: 6, end: 8 },
    ]).tables.events;
    assert.equal(
      where,
      '((log_offset >= get(array(7L, 0L, 1L), log_partition) AND log_offset < get(array(9L, 0L, 4L), log_partition)) OR ' +
        '(log_offset >= get(array(0L, 0L, 6L), log_partition) AND log_offset < get(array(0L, 0L, 8L), log_partition)))',
    );
    assert.equal(job([]).tables.events.where, '(false)');
  });

  test('keeps the rows of small files in memory, but not more than fit, and none of a file that does not say how many it has', () => {
    const sizes = [...Array.from({ length: 60 }, () => 2000), 0, 5001, 4_000_000];
    const named = sizes.map((rows, n) => ({ path: `${n}`, rows, receivedMs: [0, 0] as const }));
    const rows = { ranges: [], expected: 5_000_000 };
    const { large, small } = filesBySize(named, rows);
    assert.deepEqual([small.length, large.length], [50, 13]);
    assert.ok(large.some((file) => file.rows === 0));
    assert.deepEqual(filesBySize(named, { ...rows, expected: 1000 }).large, []);
  });
});
