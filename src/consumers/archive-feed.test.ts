import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TypedBatch } from '../decode/batch.ts';
import type { LogReader } from '../log/event-log.ts';
import type { Positions } from '../log/offset.ts';
import type { ArchivedBatches, ArchiveReader } from '../metrics/engine.ts';
import { ArchiveFeed, LogOrArchive } from './archive-feed.ts';
import type { BatchSource } from './batch-source.ts';

/** A source that notes what is asked of it. */
class Noting implements BatchSource {
  readonly calls: string[] = [];

  async waitPast(): Promise<boolean> {
    this.calls.push('waitPast');
    return true;
  }

  async take(from: Positions): Promise<TypedBatch> {
    this.calls.push('take');
    return { ranges: [{ partition: 0, start: from[0]!, end: from[0]! + 1 }] } as unknown as TypedBatch;
  }

  async done(): Promise<void> {
    this.calls.push('done');
  }
}

test('a batch is returned to its source even after partitions were added or removed', async () => {
  const [log, archive] = [new Noting(), new Noting()];
  let archivesAll = true;
  const source = new LogOrArchive(log, archive, () => archivesAll);
  assert.equal(await source.waitPast({ 0: 5 }, 0), true);
  const ownBatch = await source.take({ 0: 5 });
  archivesAll = false;
  await source.waitPast({ 0: 5 }, 0);
  const archived = await source.take({ 0: 6 });
  await source.done({ 0: 5 }, ownBatch);
  await source.done({ 0: 6 }, archived);
  assert.deepEqual(log.calls, ['waitPast', 'take', 'done']);
  assert.deepEqual(archive.calls, ['waitPast', 'take', 'done']);
});

test('the archive provides rows after the positions, a share from each partition', async () => {
  const positions = [100, 30, 7];
  const archive = { position: (partition: number) => positions[partition]! } as ArchiveReader;
  const read: unknown[] = [];
  const batches: ArchivedBatches = {
    async read(_archive, ranges) {
      read.push(ranges);
      return { lines: 0, badLines: 0, sources: { http: 9 }, maxReceivedAtMs: 0, rowsSql: 'rows' };
    },
    async release() {},
  };
  const log = {
    partitions: () => [
      { partition: 0, start: 0, end: 100 },
      { partition: 1, start: 0, end: 30, lines: 90 },
      { partition: 2, start: 0, end: 7 },
    ],
    receivedBefore: async (at: Positions) => ({
      http: Object.values(at).reduce((sum, offset) => sum + offset, 0),
    }),
  } as Partial<LogReader> as LogReader;
  const feed = new ArchiveFeed(log, archive, batches, 20);
  assert.equal(await feed.waitPast({ 0: 100, 1: 30, 2: 7 }, 0), false);
  assert.equal(await feed.waitPast({ 0: 100, 1: 25, 2: 7 }, 0), true);
  const { ranges, lost } = await feed.take({ 0: 40, 1: 20, 2: 7 });
  assert.deepEqual(ranges, [
    { partition: 0, start: 40, end: 50 },
    { partition: 1, start: 20, end: 24 },
  ]);
  assert.deepEqual(lost, { http: 5 }, 'the log counted 14 lines there, and the archive has 9 of them');
});
