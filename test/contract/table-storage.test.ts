import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { localStorage } from '../../src/archive/storage/local/local-storage.ts';
import { temporaryDir } from '../support/product.ts';
import { tableStorageContract } from './table-storage.ts';

const dir = temporaryDir();
const stagingDir = join(dir, '_staging');

tableStorageContract({
  name: 'a local folder',
  open: async () => localStorage(join(dir, 'table'), stagingDir),
  stagingDir: () => stagingDir,
});

test('a local folder that can’t be made is reported', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  await assert.rejects(
    localStorage(join(file, 'table'), stagingDir).check(),
    /archive folder .* can't be used/,
  );
});
