import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { ContentHash, LoadRegistry } from './registry.ts';

const dir = mkdtempSync(join(tmpdir(), 'tillstream-loads-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function* chunksOf(content: Buffer, size: number) {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function save(registry: LoadRegistry, content: Buffer, records: number, isComplete: boolean) {
  const hash = new ContentHash();
  hash.update(content);
  const updatedAt = '2026-11-28T10:00:00Z';
  await registry.save({
    ...registry.begin('a.csv', ''),
    ...hash.at(),
    records,
    allRecords: records,
    events: records,
    isComplete,
    updatedAt,
  });
}

test('a load is recognized by the beginning of its content, whatever its length and chunks', async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.nat(9000),
      fc.nat(9000),
      fc.integer({ min: 1, max: 5000 }),
      fc.boolean(),
      async (loaded, more, size, isComplete) => {
        const folder = join(dir, String(n++));
        const registry = await LoadRegistry.open(folder);
        const content = Buffer.from('0123456789abcdef'.repeat(2000)).subarray(0, loaded + more + 1);
        content[loaded] = 0x2a;
        await save(registry, content.subarray(0, loaded), 7, isComplete);
        const reopened = await LoadRegistry.open(folder);
        const grown = await reopened.find(() => chunksOf(content, size));
        const same = await reopened.find(() => chunksOf(content.subarray(0, loaded), size));
        if (loaded === 0) return assert.deepEqual([grown, same], [null, null]);
        assert.deepEqual([grown?.progress.records, grown?.isAll], [7, false]);
        assert.deepEqual([same?.progress.records, same?.isAll], [7, isComplete]);
        const changed = Buffer.from(content);
        changed[loaded >> 1] = 0x2b;
        assert.equal(await reopened.find(() => chunksOf(changed, size)), null);
      },
    ),
    { numRuns: 60 },
  );
});

test('of several matching loads, the one with the most progress is used', async () => {
  const registry = await LoadRegistry.open(join(dir, 'several'));
  const content = Buffer.from('line of an export\n'.repeat(1000));
  for (const records of [10, 500, 20])
    await save(registry, content.subarray(0, records * 18), records, false);
  const found = await registry.find(() => chunksOf(content, 100));
  assert.equal(found?.progress.records, 500);
});
