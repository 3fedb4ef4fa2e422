/** How often the log of a table has a checkpoint, where no test says otherwise. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ArchiveRig } from '../support/archive-rig.ts';
import { temporaryDir } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';

const COMMITS = 103;

test('the first checkpoint of a table comes after 100 commits, and other programs read the table with it', async () => {
  const rig = await ArchiveRig.open(temporaryDir());
  try {
    const archive = await rig.openArchive();
    for (let n = 0; n < COMMITS; n++) {
      await rig.receive([JSON.stringify({ timestamp: rig.nowMs, event_type: 'search', event_id: `e${n}` })]);
      assert.ok(await rig.archive(archive, 10));
    }
    const checkpoints = readdirSync(join(rig.archiveDir, 'events', '_delta_log')).filter((name) =>
      name.includes('.checkpoint.'),
    );
    assert.deepEqual(checkpoints, ['00000000000000000100.checkpoint.parquet']);
    const { events } = await readArchive(rig.archiveDir);
    assert.deepEqual([events.rows, events.event_ids], [COMMITS, COMMITS]);
    assert.equal((await rig.openArchive()).position(0), COMMITS);
  } finally {
    await rig.close();
  }
});
