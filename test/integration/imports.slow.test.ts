/** `/v1/imports` on long files: beside other events, cancelled, killed. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testNow } from '../support/clock.ts';
import {
  ended,
  exportCsv,
  importOf,
  type Refused,
  startImport,
  tryFile,
  uploaded,
} from '../support/imports.ts';
import { startProduct, temporaryDir, until } from '../support/product.ts';
import { smallDisk } from '../support/small-disk.ts';

const MIB = 1024 * 1024;

test('events received meanwhile are answered at once, and are not in the figures', async () => {
  const lines = 200_000;
  const product = await startProduct({ dataDir: temporaryDir() });
  const id = await uploaded(product, 'export.csv', exportCsv(lines));
  const { json: found } = await tryFile(product, id, {}, true);
  assert.equal(found.is_whole, false);
  assert.ok(Number(found.result!.received) < lines / 2, 'the beginning is tried');
  await startImport(product, id, {});
  let [sent, slowest] = [0, 0];
  const seen: number[] = [];
  for (;;) {
    const { json } = await importOf(product, id);
    seen.push(json.progress!.received);
    if (json.state === 'done') break;
    assert.match(json.state, /loading|counting/);
    const event = {
      timestamp: testNow(),
      event_type: 'purchase',
      event_id: `live-${sent++}`,
      amount: '1',
      currency: 'EUR',
    };
    const started = performance.now();
    // The same twice: duplicates of others are not those of the import.
    const body = `${JSON.stringify(event)}\n`;
    assert.equal((await product.send(body + body)).status, 200);
    slowest = Math.max(slowest, performance.now() - started);
    await sleep(20);
  }
  const { result, progress } = await ended(product, id);
  assert.deepEqual([result!.received, result!.events, result!.duplicates], [lines, lines, 0]);
  assert.ok(
    seen.some((received) => received > 0 && received < lines),
    'the progress shows',
  );
  assert.equal(progress!.received, lines);
  // Blocks of an import are checked in some ten milliseconds; the rest is a busy machine.
  assert.ok(slowest < 2000, `the slowest answer took ${slowest} ms`);
  const ledger = await product.settled();
  assert.equal(ledger.metrics.counted, lines + sent);
  assert.deepEqual(ledger.by_source['page-import']!.received, lines);
  await product.stop();
});

test('an import that is cancelled, or whose process is killed, resumes from there with the same file', async () => {
  const lines = 120_000;
  const content = exportCsv(lines);
  const dataDir = temporaryDir();
  let product = await startProduct({ dataDir });
  const isBegun = async (id: string) => (await importOf(product, id)).json.progress!.received > 0;
  let id = await uploaded(product, 'export.csv', content);
  await startImport(product, id, {});
  assert.equal((await startImport(product, id, {})).json.error.code, 'import_busy');
  await until(() => isBegun(id), 'the import stores records');
  const cancelled = await product.request<{ state: string; error: { message: string } }>(
    'DELETE',
    `/v1/imports/${id}`,
  );
  assert.equal(cancelled.json.state, 'cancelled', cancelled.text);
  assert.match(
    cancelled.json.error.message,
    /^It was cancelled\.\nStored before that: (at least )?\d+ records .*a part of export\.csv.*Importing the same file again continues from there\.$/,
  );
  id = await uploaded(product, 'export.csv', content);
  await startImport(product, id, {});
  await until(() => isBegun(id), 'the import goes on');
  await product.kill();
  assert.equal(readdirSync(join(dataDir, 'uploads')).length, 1);
  product = await startProduct({ dataDir });
  assert.equal(existsSync(join(dataDir, 'uploads')), false, 'what was left is removed at the start');
  id = await uploaded(product, 'export.csv', content);
  const { json: found } = await tryFile(product, id, {});
  assert.ok(found.loaded_before!.records > 0 && !found.loaded_before!.is_all);
  await startImport(product, id, {});
  const view = await ended(product, id);
  assert.equal(view.state, 'done', JSON.stringify(view));
  assert.ok(view.progress!.stored_before > 0);
  assert.equal((await product.settled()).metrics.counted, lines);
  // One that runs when the process is stopped ends in order, too.
  id = await uploaded(product, 'other.csv', content.replaceAll('u1', 'w1'));
  await startImport(product, id, {});
  await until(() => isBegun(id), 'another import has begun');
  assert.equal(await product.stop(), 0);
  assert.equal(existsSync(join(dataDir, 'uploads')), false);
});

test('a full disk is reported in words, and the remaining space is kept for events', async (t) => {
  const disk = smallDisk(96);
  t.diagnostic(`the disk: ${disk.kind}`);
  const config = { log: { disk_reserve_bytes: 8 * MIB } };
  const product = await startProduct({ dataDir: join(disk.dir, 'data'), config, env: disk.env });
  t.after(async () => {
    await product.kill();
    disk.remove();
  });
  const announce = (bytes: number) =>
    product.request<Refused & { id: string }>('POST', `/v1/imports?name=orders.csv&bytes=${bytes}`);
  disk.fill(product.pid, 40 * MIB);
  const tooMuch = await announce(900_000_000);
  assert.deepEqual([tooMuch.status, tooMuch.json.error.code], [507, 'disk_full']);
  assert.match(
    tooMuch.json.error.message,
    /free, and 8\.4 MB are kept for events: there is no room for 900 MB/,
  );
  const { json } = await announce(4 * MIB);
  disk.fill(product.pid, 9 * MIB);
  const path = `/v1/imports/${json.id}/content`;
  const refused = await product.request<Refused>('PUT', path, { body: Buffer.alloc(4 * MIB) });
  assert.deepEqual([refused.status, refused.json.error.code], [507, 'disk_full'], refused.text);
  assert.equal((await importOf(product, json.id)).status, 404, 'the piece that was there is removed');
  const event = { timestamp: testNow(), event_type: 'search', event_id: 'there-is-room' };
  assert.equal((await product.send(JSON.stringify(event))).status, 200);
  disk.free(product.pid);
  assert.equal((await announce(4 * MIB)).status, 201);
});
