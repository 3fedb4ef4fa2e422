/** What a user sees when the archive is not the one of the data folder, or files of it are missing or damaged. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { testNow } from '../support/clock.ts';
import { cli, configFile, type Product, spawnUp, startProduct, temporaryDir } from '../support/product.ts';

const BATCH = { batch: { archive_every_ms: 100, metrics_every_ms: 100 } };
const configOf = (path: string) => ({ ...BATCH, archive: { kind: 'local', path } });

const line = (id: string) => `{"timestamp":${testNow()},"event_type":"search","event_id":"${id}"}`;

async function send(product: Product, name: string, count = 5): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) => line(`${name}${n}`));
  assert.equal((await product.send([...lines, 'not an event'].join('\n'))).json.accepted, count);
}

/** A data folder and an archive folder, with lines, and nothing running. */
async function filled(): Promise<{ dataDir: string; archive: string }> {
  const [dataDir, archive] = [temporaryDir(), join(temporaryDir(), 'archive')];
  const product = await startProduct({ dataDir, config: configOf(archive) });
  await send(product, 'a');
  await product.settled();
  assert.equal(await product.stop(), 0, product.output());
  return { dataDir, archive };
}

/** Fails to start, with a message and no stack trace. */
async function refused(dataDir: string, archive: string): Promise<string> {
  const { exited, output } = spawnUp({ dataDir, config: configOf(archive) });
  const code = await exited;
  assert.ok(code === 1 || code === 2, `exit code ${code}: ${output()}`);
  assert.doesNotMatch(output(), /^\s+at /m);
  return output();
}

const parquetFiles = (dir: string) =>
  readdirSync(dir, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.parquet') && !name.includes('_delta_log'));

test('a start with another archive location is refused with both names, and writes nothing there', async () => {
  const { dataDir, archive } = await filled();
  const other = join(temporaryDir(), 'elsewhere');
  const message = await refused(dataDir, other);
  assert.ok(message.includes(archive) && message.includes(other), message);
  assert.match(message, /no archive at .* To move the archive, copy all of its files/);
  assert.deepEqual(existsSync(other) ? readdirSync(other).filter((name) => name !== '_staging') : [], []);

  const stranger = await filled();
  const before = readdirSync(stranger.archive, { recursive: true }).sort();
  assert.match(await refused(dataDir, stranger.archive), /there is another archive \(\S+\) at/);
  assert.deepEqual(readdirSync(stranger.archive, { recursive: true }).sort(), before);

  const again = await startProduct({ dataDir, config: configOf(archive) });
  await send(again, 'b');
  const ledger = await again.settled();
  assert.ok(ledger.balanced);
  assert.equal(ledger.archive.events, 10);
  await again.stop();
});

test('an archive that was copied to its new location is used there', async () => {
  const { dataDir, archive } = await filled();
  const moved = join(temporaryDir(), 'moved');
  cpSync(archive, moved, { recursive: true });
  const product = await startProduct({ dataDir, config: configOf(moved) });
  await send(product, 'b');
  assert.equal((await product.settled()).archive.events, 10);
  await product.stop();
  assert.equal(parquetFiles(join(archive, 'events')).length, 1);
  assert.equal(parquetFiles(join(moved, 'events')).length, 2);
  const message = await refused(dataDir, join(temporaryDir(), 'nothing'));
  assert.ok(message.includes(moved), message);
});

for (const [what, damage, found] of [
  ['is missing', (file: string) => rmSync(file), 'missing'],
  ['is cut', (file: string) => truncateSync(file, 100), '100 bytes instead of \\d+'],
  [
    'has a damaged end',
    (file: string) => {
      const bytes = readFileSync(file);
      writeFileSync(file, Buffer.concat([bytes.subarray(0, -50), Buffer.alloc(50, 0xa5)]));
    },
    'it can’t be read',
  ],
] as const) {
  test(`a Parquet file that ${what} is named by rebuild and bad list, and stops no collection`, async () => {
    const { dataDir, archive } = await filled();
    const files = ['events', 'bad_rows'].map((table) => {
      const file = join(archive, table, parquetFiles(join(archive, table))[0]!);
      damage(file);
      return file;
    });
    const product = await startProduct({ dataDir, config: configOf(archive) });
    await send(product, 'b');
    const ledger = await product.settled();
    assert.ok(ledger.balanced, JSON.stringify(ledger));
    for (const [args, file] of [
      [['rebuild'], files[0]!],
      [['rebuild', '--diff'], files[0]!],
      [['bad', 'list'], files[1]!],
    ] as const) {
      const { code, stderr } = await cli([...args, '--data', dataDir]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, new RegExp(`missing or damaged: ${file} \\(${found}\\)`));
      assert.doesNotMatch(stderr, /^\s+at |Something went wrong/m);
    }
    assert.ok((await product.settled()).balanced);
    await product.stop();
  });
}

test('a commit file of the archive that is damaged or missing is named at the start, without a stack trace', async () => {
  const { dataDir, archive } = await filled();
  const file = join(archive, 'events', '_delta_log', `${'0'.repeat(19)}1.json`);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.slice(0, -40));
  assert.match(await refused(dataDir, archive), new RegExp(`${file} is damaged: line \\d+ is not JSON`));
  const { code, stderr } = await cli([
    'ledger',
    '--data',
    dataDir,
    '--config',
    configFile(configOf(archive)),
  ]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^The archive file ${file} is damaged`));
  writeFileSync(file, text);
  const product = await startProduct({ dataDir, config: configOf(archive) });
  assert.ok((await product.settled()).balanced);
  await product.stop();
});
