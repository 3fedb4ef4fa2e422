/** Where the demo does not start: simulated lines never come into the data folder of a real shop. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cli, startProduct, temporaryDir } from '../support/product.ts';

const EVENT = JSON.stringify({ timestamp: '2026-11-23T10:15:30Z', event_type: 'purchase', event_id: 'own' });

const isDemo = async (product: Awaited<ReturnType<typeof startProduct>>) =>
  (await product.request<{ demo: boolean }>('GET', '/v1/status')).json.demo;

test('a folder with own data never gets simulated lines, and the start says that the demo stays away', async () => {
  const dataDir = temporaryDir();
  const file = join(temporaryDir(), 'own.ndjson');
  writeFileSync(file, `${EVENT}\n`);
  assert.equal((await cli(['load', file, '--data', dataDir])).code, 0);
  const up = await cli(['up', '--demo', '--background', '--data', dataDir]);
  try {
    assert.equal(up.code, 0, up.stderr);
    assert.match(up.stdout, /Without the simulated shop: this data folder is not one of the demo/);
    assert.equal(existsSync(join(dataDir, 'demo.json')), false);
  } finally {
    await cli(['down', '--data', dataDir]);
  }
  const ledger = await cli(['ledger', '--json', '--data', dataDir]);
  assert.deepEqual(Object.keys(ledger.json<{ by_source: object }>().by_source), ['load']);
});

test('a config of the user, even one without sources, is a real shop: no demo, and events are accepted', async () => {
  const product = await startProduct({
    dataDir: temporaryDir(),
    config: { time_zone: 'Europe/Berlin' },
    args: ['--demo'],
  });
  try {
    assert.equal(await isDemo(product), false);
    assert.equal((await product.send(EVENT)).status, 200);
  } finally {
    await product.stop();
  }
});

test('a folder that was started without the demo stays a real shop, also while it is empty', async () => {
  const dataDir = temporaryDir();
  await (await startProduct({ dataDir })).stop();
  const product = await startProduct({ dataDir, args: ['--demo'] });
  try {
    assert.equal(await isDemo(product), false);
    assert.equal((await product.ledger()).received, 0);
  } finally {
    await product.stop();
  }
});
