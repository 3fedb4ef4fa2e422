/** What a load says where nothing of a file counts, and what it leaves out of a folder. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cli, PROJECT_DIR, temporaryDir } from '../support/product.ts';

const LOG =
  '203.0.113.7 - - [24/Nov/2026:10:15:30 +0000] "GET /product/17 HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"\n';
const VIEWS = 'timestamp,event_type,user_id\n2026-11-01T10:00:00Z,view_page,u1\n';

/** Loads files of a new folder, named by their content; gives the exit code and what was printed. */
async function load(files: Readonly<Record<string, string>>, ...more: string[]) {
  const dir = temporaryDir();
  const folder = join(dir, 'in');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const names = Object.keys(files);
  const path = names.length === 1 ? join(folder, names[0]!) : folder;
  return cli(['load', path, '--data', join(dir, 'data'), ...more]);
}

test('a load of which nothing counts is not a success, and reports why', async () => {
  for (const text of ['', '\n', 'timestamp,event_type,user_id\n']) {
    const { code, stdout } = await load({ 'a.csv': text });
    assert.equal(code, 1, JSON.stringify(text));
    assert.match(stdout, /Nothing was counted: the file has no records\./);
    assert.doesNotMatch(stdout, /NDJSON/);
  }
  const { code } = await load({ 'a.csv': VIEWS, 'b.csv': 'timestamp,event_type,user_id\n' });
  assert.equal(code, 0, 'one file has an event');
});

test('the mapping that reads a file is named', async () => {
  const log = await load({ 'access.log': LOG });
  assert.equal(log.code, 1);
  assert.match(log.stdout.replaceAll(/\s+/g, ' '), /mapping_fits: 1 .* `--map access-log` reads them\./);
  const orders = join(PROJECT_DIR, 'test/golden/mappings/shopify-orders.csv');
  const shopify = await cli(['load', orders, '--data', temporaryDir()]);
  assert.match(
    shopify.stderr,
    /Nothing was stored\. The mapping shopify-orders reads it: --map shopify-orders/,
  );
  const etsy = await cli([
    'load',
    join(PROJECT_DIR, 'test/fixtures/shops/etsy-orders.csv'),
    '--data',
    temporaryDir(),
  ]);
  assert.match(etsy.stderr, /"tillstream map guess FILE" proposes a mapping/);
  const known = await load({ 'a.csv': `${VIEWS},view_page,u2\n` });
  assert.doesNotMatch(known.stdout, /mapping_fits/, 'one record lacks its time');
});

test('the command that reads an envelope can be copied, and works', async () => {
  const files = ['debezium.ndjson', 'kafka-connect.ndjson', 'firehose.body', 'pubsub.ndjson', 'otlp.body'];
  for (const file of [...files, 'cloudevents.body', 'eventbridge.ndjson']) {
    const path = join(PROJECT_DIR, 'test/golden/mappings', file);
    const data = temporaryDir();
    const { code, stdout } = await cli(['load', path, '--data', data]);
    assert.equal(code, 1, stdout);
    const options = /`(--map [\w-]+)` reads them\./.exec(stdout.replaceAll(/\s+/g, ' '))?.[1];
    assert.equal(options, `--map ${file.replace(/\..*/, '')}`, stdout);
    const mapped = await cli(['load', path, ...options.split(' '), '--data', data, '--json']);
    assert.equal(mapped.code, 0, mapped.stderr);
    const { bad_rows, findings } = mapped.json<{ bad_rows: number; findings: { code: string }[] }>();
    assert.equal(bad_rows, 0, file);
    assert.ok(!findings.some(({ code }) => code === 'status_missing'), file);
  }
});

test('orders without a status beside others with one are reported, however their rows are read', async () => {
  const row = (n: number, status: string, note = '') =>
    `2026-11-01T10:0${n}:00Z,purchase,o${n},${status},9.90,EUR,${note}\n`;
  const rows = [row(1, 'paid'), row(2, ''), row(3, 'paid', '"a ""quoted"" note"'), row(4, 'sent')];
  const codesOf = async (csv: string) => {
    const loaded = await load({ 'orders.csv': csv }, '--json');
    const { findings } = loaded.json<{ findings: { code: string; rows: number; example: string }[] }>();
    return findings.flatMap((each) =>
      each.code === 'status_missing' ? [`${each.rows} ${each.example}`] : [],
    );
  };
  const names = 'timestamp,event_type,order_id,Status,amount,currency,note\n';
  assert.deepEqual(await codesOf(names + rows.join('')), ['1 order_id o2']);
  assert.deepEqual(await codesOf(names + rows.join('').replace('o2,,', 'o2,new,')), []);
});

test('what certainly holds no events is left out of a folder, and named', async () => {
  const readme = 'This folder has the exports of the shop. Ask Ann, please.\n';
  const found = await load({
    'a.csv': VIEWS,
    'README.txt': readme,
    'page.html': '<!doctype html><p>',
  });
  assert.equal(found.code, 0, found.stderr);
  for (const name of ['README.txt', 'page.html'])
    assert.match(found.stderr, new RegExp(`${name} is left out: it looks like`));
  const story = await load({ 'a.csv': VIEWS, 'story.txt': readme });
  assert.notEqual(story.code, 0, 'it may be an export');
  assert.match(story.stderr, /story\.txt .* Nothing was stored/);
  const named = await load({ 'README.txt': readme });
  assert.notEqual(named.code, 0, 'it was named itself');
});

test('the reason why a mapping left records out is reported', async () => {
  const { stdout } = await load(
    { 'access.log': LOG + LOG.replace('/product/17', '/app.css') },
    '--map',
    'access-log',
  );
  assert.match(stdout, /left out 1 record by its rule: `request \| extension` is css \(1\)\./);
});
