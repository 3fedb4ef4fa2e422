/** The demo: a simulated shop with a past, in a data folder that is only for it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { testNow } from '../support/clock.ts';
import { startImport, tryFile, uploaded } from '../support/imports.ts';
import { casePath } from '../support/load-case.ts';
import { cli, type Product, spawnUp, startProduct, temporaryDir, until } from '../support/product.ts';

interface Total {
  rows: { start: string; events: number; reason: string }[];
  total: { reason: string; rows: number }[];
}

const DAY_MS = 86_400_000;
const EVENT = JSON.stringify({ timestamp: '2026-11-23T10:15:30Z', event_type: 'purchase', event_id: 'own' });

const metric = async (product: Product, name: string, window: string, days: number) => {
  const to = new Date(testNow() + DAY_MS).toISOString();
  const from = new Date(testNow() - days * DAY_MS).toISOString();
  const path = `/v1/metrics/${name}?window=${window}&from=${from}&to=${to}&total=true`;
  return (await product.request<Total>('GET', path)).json;
};
const liveLines = async (product: Product) => (await product.ledger()).by_source.demo?.received ?? 0;
const isFilled = (dataDir: string) =>
  (JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')) as { filled_until: string | null })
    .filled_until !== null;
const demo = (dataDir: string) => startProduct({ dataDir, args: ['--demo'] });

describe('the demo', () => {
  const dataDir = temporaryDir();

  it('has a month of history that is not late, continues live, and takes no events of others', async () => {
    const product = await demo(dataDir);
    try {
      const recent = await metric(product, 'traffic', '1h', 1);
      assert.ok(
        new Set(recent.rows.map(({ start }) => start)).size >= 24,
        'the last 24 hours are there at the start',
      );
      await until(async () => (await liveLines(product)) > 0, 'a live line', 10_000);
      await until(() => isFilled(dataDir), 'the rest of the past', 60_000);
      const settled = await product.settled();
      assert.equal(settled.balanced, true);
      assert.ok(settled.received > 150_000, `${settled.received} lines`);
      assert.deepEqual(Object.keys(settled.by_source), ['demo', 'demo-history']);
      const daily = await metric(product, 'traffic', '1d', 40);
      assert.ok(
        new Set(daily.rows.map(({ start }) => start)).size >= 30,
        'each of the last 30 days has events',
      );
      const hourly = await metric(product, 'traffic', '1h', 1);
      assert.ok(
        new Set(hourly.rows.map(({ start }) => start)).size >= 24,
        'each of the last 24 hours has events',
      );
      const quality = await metric(product, 'quality', '1d', 2);
      assert.deepEqual(
        quality.total.filter(({ reason }) => reason.startsWith('late_')),
        [],
      );

      const answer = await product.send(EVENT);
      assert.equal(answer.status, 409);
      assert.equal(answer.json.error?.code, 'demo');
      assert.match(answer.json.error?.hint ?? '', /stop-pipeline\.sh.*start-pipeline\.sh --no-demo/);
      const file = join(temporaryDir(), 'own.ndjson');
      writeFileSync(file, `${EVENT}\n`);
      const load = await cli(['load', file, '--data', dataDir]);
      assert.equal(load.code, 2);
      assert.match(load.stderr, /This is the demo.*--no-demo/);
      const again = await cli(['up', '--background', '--data', dataDir]);
      assert.equal(again.code, 2);
      assert.match(again.stderr, /The demo runs on this data folder/);
    } finally {
      await product.stop();
    }
  });

  it('continues as the demo at the next start, and shows what a file would give without importing it', async () => {
    const product = await demo(dataDir);
    try {
      const { by_source } = await product.ledger();
      assert.ok(by_source['demo-history']!.received > 150_000);
      assert.equal((await product.request<{ demo: boolean }>('GET', '/v1/status')).json.demo, true);

      const id = await uploaded(product, 'rees46.csv', readFileSync(casePath('rees46.csv')));
      const { json: found } = await tryFile(product, id, { map: 'rees46' });
      assert.equal(found.result!.events, 120);
      const refused = await startImport(product, id, { map: 'rees46' });
      assert.deepEqual([refused.status, refused.json.error.code], [409, 'demo']);
    } finally {
      await product.stop();
    }
  });

  it('is moved aside by a load while it is stopped', async () => {
    const copy = join(temporaryDir(), 'data');
    cpSync(dataDir, copy, { recursive: true });
    const file = join(temporaryDir(), 'own.ndjson');
    writeFileSync(file, `${EVENT}\n`);
    const load = await cli(['load', file, '--json', '--data', copy]);
    assert.equal(load.code, 0, load.stderr);
    assert.match(load.stderr, /The data of the demo were moved to/);
    assert.equal(load.json<{ ledger: { received: number } }>().ledger.received, 1);
  });

  it('gives way to a real shop: its data is moved aside, and nothing of it is counted', async () => {
    const product = await startProduct({ dataDir });
    try {
      assert.equal((await product.ledger()).received, 0);
      assert.equal((await product.send(EVENT)).status, 200);
      assert.deepEqual(Object.keys((await product.settled()).by_source), ['http']);
    } finally {
      await product.stop();
    }
    const aside = readdirSync(dataDir).filter((name) => name.startsWith('demo-'));
    assert.equal(aside.length, 1);
    assert.ok(existsSync(join(dataDir, aside[0]!, 'demo.json')));
    const later = await demo(dataDir);
    try {
      assert.deepEqual(Object.keys((await later.ledger()).by_source), ['http'], 'it never comes back');
    } finally {
      await later.stop();
    }
  });
});

it('a demo that is killed while it writes its past has the same past after the next start, once', async () => {
  const dataDir = temporaryDir();
  const { child, exited } = spawnUp({ dataDir, args: ['--demo'] });
  const segments = () =>
    existsSync(join(dataDir, 'log')) &&
    readdirSync(join(dataDir, 'log'), { recursive: true, withFileTypes: true }).some(
      (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).length > 5_000_000,
    );
  await until(segments, 'a part of the past');
  child.kill('SIGKILL');
  await exited;
  const mark = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')) as {
    filled_until: string | null;
  };
  assert.equal(mark.filled_until, null, 'it was killed in the middle');
  const product = await demo(dataDir);
  try {
    await until(() => isFilled(dataDir), 'the past', 60_000);
    const ledger = await product.settled();
    assert.equal(ledger.balanced, true);
    assert.ok(ledger.by_source['demo-history']!.received > 150_000);
    assert.equal(ledger.by_source['demo-history']!.metrics.duplicate, 0);
  } finally {
    await product.stop();
  }
});
