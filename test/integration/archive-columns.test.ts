/** Files of the archive that are opened as they are, without the table: whatever is in one, it has all columns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { DATE_COLUMN, EVENT_COLUMNS } from '../../src/event/columns.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 86_400_000;
/** More than a date needs for a COPY of its own. */
const MANY = 10_500;

const line = (daysAgo: number) =>
  `{"timestamp":"${new Date(NOW_MS - daysAgo * DAY_MS).toISOString()}","event_type":"view_page"}`;

test('files of many and of few rows, of one date and of several, have all columns', async () => {
  const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone: 'UTC' });
  try {
    const batches = [
      [...Array.from({ length: MANY }, () => line(0)), line(1), line(2)],
      [line(0)],
      [line(0), line(3), line(4)],
    ];
    for (const lines of batches) {
      await harness.deliver({ atMs: NOW_MS, lines });
      while (await harness.archiveSome(MANY * 2));
    }
    const connection = await (await DuckDBInstance.create()).connect();
    const columns = EVENT_COLUMNS.map(({ name }) => name).filter((name) => name !== DATE_COLUMN);
    await harness.archive.withFiles('events', {}, async (paths) => {
      assert.ok(paths.length >= 7);
      for (const path of paths) {
        const reader = await connection.runAndReadAll(
          `DESCRIBE FROM read_parquet('${path}', hive_partitioning = false)`,
        );
        assert.deepEqual(
          reader
            .getRowObjectsJS()
            .map((row) => row.column_name)
            .sort(),
          [...columns].sort(),
          path,
        );
      }
    });
    connection.closeSync();
  } finally {
    await harness.close();
  }
});
