import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Imports, type ImportsOptions } from './imports.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'tillstream-imports-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

async function* chunk(text: string) {
  yield Buffer.from(text);
}

test('a file that is no longer requested is removed; one that is still requested stays', async () => {
  mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const dir = join(dataDir, 'uploads');
  mkdirSync(dir);
  writeFileSync(join(dir, 'left'), 'of a process that was killed');
  const imports = await Imports.open({
    dir,
    dataDir,
    bytesMax: 1000,
    reserveBytes: 0,
    refuse: () => {},
  } as unknown as ImportsOptions);
  assert.equal(existsSync(dir), false);
  const left = await imports.create('left.csv', 3);
  const kept = await imports.create('kept.csv', 3);
  await imports.write(left.id, 0, chunk('abc'));
  for (let minute = 0; minute < 6; minute++) {
    mock.timers.tick(60_000);
    assert.equal(imports.get(kept.id).state, 'uploading');
  }
  while (readdirSync(dir).length > 1) await turn();
  assert.deepEqual(
    imports.list().map(({ name }) => name),
    ['kept.csv'],
  );
  assert.throws(() => imports.get(left.id), /was removed/);
  await imports.close();
  assert.equal(existsSync(dir), false);
  mock.timers.reset();
});
