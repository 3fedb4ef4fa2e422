/** What waits for archive and metrics while one of them fails, and the ledger meanwhile. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { localStorage } from '../../src/archive/storage/local/local-storage.ts';
import type { Consumers } from '../../src/consumers/consumers.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { quickPipeline } from '../support/pipeline.ts';
import { temporaryDir, until } from '../support/product.ts';

/** A pipeline around a rig whose storage fails while `fault` says how. */
async function withPipeline(
  run: (pipeline: Consumers, rig: ArchiveRig, fault: { after: number; before: number }) => Promise<void>,
): Promise<void> {
  const fault = { after: 0, before: 0 };
  const dir = temporaryDir();
  const fail = (kind: 'after' | 'before') => {
    if (fault[kind]-- > 0) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  };
  const rig = await ArchiveRig.open(dir, (staging) => (table) => {
    const storage = localStorage(join(dir, 'archive', table), staging);
    const isEvents = table === 'events';
    return {
      ...storage,
      async putIfAbsent(path, text) {
        if (isEvents) fail('before');
        const isCreated = await storage.putIfAbsent(path, text);
        if (isEvents) fail('after');
        return isCreated;
      },
      async put(path, text) {
        if (isEvents) fail('after');
        return storage.put(path, text);
      },
    };
  });
  const { duckdb, log } = rig;
  const archive = await rig.openArchive();
  const pipeline = quickPipeline({ log, duckdb, archive }, { failingMsMax: 400 });
  await pipeline.start();
  try {
    await run(pipeline, rig, fault);
  } finally {
    await pipeline.stop(0);
    await rig.close();
  }
}

const lines = (rig: ArchiveRig, count: number) =>
  Array.from({ length: count }, (_, n) =>
    n % 4 === 3 ? 'not an event' : `{"timestamp":${rig.nowMs},"event_type":"search"}`,
  );

test('while the archive fails, waiting for it and rebuild end with what is wrong; then it continues', () =>
  withPipeline(async (pipeline, rig, fault) => {
    fault.before = Number.POSITIVE_INFINITY;
    await rig.receive(lines(rig, 20));
    await until(() => pipeline.lag().metrics === 0, 'the metrics do not wait for the archive');
    await assert.rejects(
      pipeline.waitUntilIdle(),
      /The archive is not up to date, because it fails: .*the disk reports an error/,
    );
    await assert.rejects(pipeline.rebuild(null, true), { name: 'ArchiveError' });
    assert.ok(pipeline.ledger().balanced);
    fault.before = 0;
    await until(() => pipeline.lag().archive === 0, 'the archive goes on by itself');
    await pipeline.waitUntilIdle();
    assert.equal((await pipeline.rebuild(null, true)).differences, 0);
    assert.ok(pipeline.ledger().balanced);
  }));

test('the ledger balances through commits of which it is not known at first whether they were written', () =>
  withPipeline(async (pipeline, rig, fault) => {
    for (let round = 0; round < 3; round++) {
      fault.after = 1 + round;
      await rig.receive(lines(rig, 20));
      await until(() => fault.after <= 0, 'the commit fails');
      // Lines that come between the failed step and the next make another batch.
      await rig.receive(lines(rig, 8));
      await until(() => pipeline.lag().archive === 0, 'the archive goes on by itself');
      await pipeline.waitUntilIdle();
      const ledger = pipeline.ledger();
      assert.ok(ledger.balanced, JSON.stringify(ledger));
      assert.equal(ledger.archive.events + ledger.archive.bad_rows, 28 * (round + 1));
    }
  }));
