import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LeftOutOrdersFile } from './left-out-orders.ts';

test('orders are known again after a restart; lines that are damaged are passed over', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tillstream-left-out-'));
  try {
    const path = join(dir, 'left-out.ndjson');
    const file = await LeftOutOrdersFile.open(path);
    await file.add({ source: 'shop', orders: ['1', '2', '2'] });
    await file.add({ source: 'shop', orders: ['2'] });
    await file.add({ source: 'constructor', orders: ['1'] });
    const known = [
      { source: 'shop', orders: ['1', '2'] },
      { source: 'constructor', orders: ['1'] },
    ];
    assert.deepEqual(file.entries(), known);
    const text = await readFile(path, 'utf8');
    await writeFile(path, `null\n5\n{"source":"shop","orders":7}\n${text}{"source":"shop","ord`);
    const again = await LeftOutOrdersFile.open(path);
    assert.deepEqual(again.entries(), known);
    await again.add({ source: 'shop', orders: ['3'] });
    assert.deepEqual((await LeftOutOrdersFile.open(path)).entries()[0]!.orders, ['1', '2', '3']);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
