/** Bodies and files of very many lines that are not events: bad rows, in bounded memory, by every way in. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { assertError, assertHealthy } from '../support/answers.ts';
import { cli, type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const MIB = 1024 * 1024;
/** So that what follows is known for NDJSON. */
const BEGINNING_LINES = 100;
const BEGINNING = '{}\n'.repeat(BEGINNING_LINES);
const GOOD = '{"timestamp":1790000000000,"event_type":"view_product"}';

let product: Product;
const dir = temporaryDir();
const tailed = join(dir, 'shop.log');
before(async () => {
  product = await startProduct({
    dataDir: join(dir, 'data'),
    config: { sources: [{ kind: 'http' }, { kind: 'tail', path: tailed, every_seconds: 0.05 }] },
  });
});
after(() => product?.stop());

test('rejected lines, blank lines and numbers of an array by the hundred thousand are counted, in bounded memory', async () => {
  const bodies: [string, string, number, number][] = [
    ['gzipped {}', '{}\n'.repeat(250_000), 0, 250_000],
    ['blank lines between', `${GOOD}\n\n`.repeat(200_000), 200_000, 0],
    ['good and bad in turn', `${GOOD}\nx\n`.repeat(130_000), 130_000, 130_000],
  ];
  const before = product.memory();
  for (const [name, text, accepted, rejected] of bodies) {
    const { status, json } = await product.send(gzipSync(text), {
      'content-encoding': 'gzip',
      'content-type': 'application/json',
    });
    // Nothing of a body in which nothing is an event is stored.
    assert.equal(status, accepted > 0 ? 200 : 422, name);
    assert.deepEqual([json.accepted, json.rejected], [accepted, rejected], name);
    assert.ok(json.errors.length <= 100);
  }
  assert.ok(product.memory() - before < 900 * MIB, `${(product.memory() - before) / MIB} MiB`);
  // No event is a number, so this is no body of events, however long.
  const numbers = await product.send(gzipSync(`[${'1,'.repeat(999_999)}1]`), { 'content-encoding': 'gzip' });
  assertError(numbers, 415, 'unsupported_format');
  await assertHealthy(product);
});

test('a body with more lines than the limit is refused, and says which limit', async () => {
  for (const text of ['{}\n'.repeat(1_000_001), `{}\n{}\n${'\n'.repeat(5_000_000)}`]) {
    const answer = await product.send(gzipSync(text), { 'content-encoding': 'gzip' });
    assertError(answer, 413, 'too_large');
    assert.match(answer.text, /more than 1000000 lines/);
  }
  await assertHealthy(product);
});

test('files of nothing but bad lines are loaded and followed to their end', async () => {
  const file = join(dir, 'bad.ndjson');
  writeFileSync(file, BEGINNING + 'x\n'.repeat(1_100_000));
  const loaded = await cli(['load', file, '--data', join(dir, 'data'), '--json'], { timeoutMs: 240_000 });
  assert.equal(loaded.code, 1, 'nothing of it counts');
  assert.equal(loaded.json<{ bad_by_reason: object }>().bad_by_reason['not_json' as never], 1_100_000);

  // Without a request there is no limit of lines: a smaller file does.
  writeFileSync(file, BEGINNING + 'x\n'.repeat(300_000));
  const local = await cli(['load', file, '--data', join(dir, 'other'), '--json'], { timeoutMs: 240_000 });
  assert.equal(local.code, 1, 'nothing of it counts');
  assert.equal(local.json<{ bad_rows: number }>().bad_rows, BEGINNING_LINES + 300_000);

  writeFileSync(tailed, BEGINNING + 'x\n'.repeat(300_000));
  await until(
    async () => (await product.ledger()).by_source.tail?.received === BEGINNING_LINES + 300_000,
    'the tailed file is in the log',
    240_000,
  );
  await assertHealthy(product);
});
