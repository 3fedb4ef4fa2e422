import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDir } from '../../test/support/product.ts';
import { fetchOnce } from './cache.ts';

const cache = temporaryDir();
before(() => {
  process.env.XDG_CACHE_HOME = cache;
});
const kept = () =>
  readdirSync(join(cache, 'tillstream', 'services')).filter((name) => !name.endsWith('.lock'));

test('of two that need a folder at once, one makes it and the other waits for it', async () => {
  const said: string[] = [];
  let made = 0;
  const fetch = () =>
    fetchOnce(
      'tool-1.0',
      'Tool 1.0',
      (line) => said.push(line),
      async (scratch) => {
        made++;
        await sleep(300);
        writeFileSync(join(scratch, 'tool'), 'whole');
      },
    );
  const folders = await Promise.all([fetch(), fetch()]);
  const folder = join(cache, 'tillstream', 'services', 'tool-1.0');
  assert.deepEqual(folders, [folder, folder]);
  assert.equal(made, 1);
  assert.deepEqual(said.sort(), [
    'Fetching Tool 1.0 ...',
    'Waiting for another start that fetches Tool 1.0 ...',
  ]);
  assert.deepEqual(kept(), ['tool-1.0']);
});

test('what could not be made leaves nothing, and the next one makes it', async () => {
  const fetch = (make: (scratch: string) => Promise<void>) => fetchOnce('other-1.0', 'Other', () => {}, make);
  const failing = fetch(async (scratch) => {
    writeFileSync(join(scratch, 'half'), 'done');
    throw new Error('the network is away');
  });
  await assert.rejects(failing, /the network is away/);
  assert.ok(!kept().some((name) => name.startsWith('other') || name.startsWith('new-')), kept().join());
  const folder = await fetch(async (scratch) => writeFileSync(join(scratch, 'tool'), 'whole'));
  assert.deepEqual(readdirSync(folder), ['tool']);
});
