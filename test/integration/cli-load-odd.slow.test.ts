/** `load` of files that are cut, and of files in which nothing is an event. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { type LoadResult, ndjson } from '../support/load-lines.ts';
import { cli, temporaryDir } from '../support/product.ts';

test('of files that are cut or followed by garbage, the complete part is loaded, the report mentions it, and the exit code is 1', async () => {
  const dir = temporaryDir();
  const data = join(dir, 'data');
  const good = gzipSync(ndjson('cut', 5000));
  const packed = zstdCompressSync(ndjson('zcut', 5000));
  const files: Record<string, [content: Buffer, why: RegExp]> = {
    'cut.ndjson.gz': [good.subarray(0, good.length / 2), /is cut/],
    'cut.ndjson.zst': [packed.subarray(0, packed.length / 2), /is cut/],
    'rest.ndjson.zst': [
      Buffer.concat([zstdCompressSync(ndjson('rest', 50)), Buffer.from('and more')]),
      /followed by bytes that are something else/,
    ],
  };
  for (const [name, [content, why]] of Object.entries(files)) {
    const file = join(dir, name);
    writeFileSync(file, content);
    const result = await cli(['load', file, '--data', data, '--json']);
    assert.equal(result.code, 1, `${name}: ${result.stderr}`);
    const { files: loaded, events: count, ledger } = result.json<LoadResult>();
    assert.match(loaded[0]!.cut!, why);
    assert.ok(count >= 50 && ledger.balanced, name);
  }
  const args = ['load', join(dir, 'cut.ndjson.gz'), '--data', data];
  const dry = await cli([...args, '--dry-run']);
  assert.equal(dry.code, 1, dry.stderr);
  assert.match(dry.stdout, /can't be read to the end: .* cut.*\n.*only the rest is added/s);
  // The whole file adds what was missing, and counts nothing twice.
  writeFileSync(join(dir, 'cut.ndjson.gz'), good);
  const { code, json } = await cli([...args, '--json']);
  assert.equal(code, 0);
  const whole = json<LoadResult>();
  assert.ok(whole.received < 5000);
  assert.deepEqual([whole.files[0]!.stored_before + whole.received, whole.duplicates], [5000, 0]);
});

test('of a Parquet file with a damaged part, the rows before it are loaded, and the exit code is 1', async () => {
  const rows = 200_000;
  const dir = temporaryDir();
  const [good, damaged, cut] = ['good', 'damaged', 'cut'].map((name) => join(dir, `${name}.parquet`));
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  await connection.run(
    `COPY (SELECT '2026-11-01T10:00:00Z' AS timestamp, 'view_product' AS event_type, 'pq-' || range AS event_id FROM range(${rows}))
     TO '${good}' (FORMAT parquet, ROW_GROUP_SIZE 20480)`,
  );
  connection.closeSync();
  const bytes = readFileSync(good!);
  writeFileSync(cut!, bytes.subarray(0, bytes.length / 2));
  bytes.fill(0xa5, Math.floor(bytes.length * 0.6), Math.floor(bytes.length * 0.7));
  writeFileSync(damaged!, bytes);
  const load = (...files: string[]) => cli(['load', ...files, '--data', join(dir, 'data'), '--json']);
  const part = await load(damaged!);
  assert.equal(part.code, 1, part.stderr);
  const loaded = part.json<LoadResult>();
  assert.match(loaded.files[0]!.cut!, /^only \d+ of its 200000 rows can be read, and the rest is damaged$/);
  assert.ok(loaded.events > 0 && loaded.events < rows, String(loaded.events));
  // The whole file adds what was missing; what was read twice is a duplicate.
  const whole = await load(good!);
  assert.equal(whole.code, 0, whole.stderr);
  const { received, duplicates, files } = whole.json<LoadResult>();
  assert.equal(files[0]!.stored_before + received, rows);
  assert.equal(loaded.events + received - duplicates, rows);
  const none = await load(damaged!, cut!);
  assert.equal(none.code, 1);
  assert.match(
    none.stderr,
    /cut\.parquet can't be read: No magic bytes[\s\S]* a part of \S*damaged\.parquet\./,
  );
});

test('a load from which the mapping leaves out everything ends with exit code 1 and an explanation', async () => {
  const file = join(temporaryDir(), 'calls.ndjson');
  writeFileSync(
    file,
    '{"type":"identify","userId":"u1","messageId":"m1","timestamp":"2026-11-01T10:00:00Z"}\n'.repeat(3),
  );
  const result = await cli(['load', file, '--map', 'segment', '--data', temporaryDir()]);
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stdout, /left out 3 records[\s\S]*The mapping left out all records/);
});

test('a load of which nothing is an event ends with exit code 1, and keeps every record', async () => {
  const dir = temporaryDir();
  writeFileSync(join(dir, 'torn.csv'), 'timestamp,event_type\n"1790000000000,purchase\n');
  writeFileSync(join(dir, 'soon.ndjson'), '{"timestamp":"soon","event_type":"purchase"}\n');
  for (const name of ['torn.csv', 'soon.ndjson']) {
    const args = ['load', join(dir, name), '--data', join(dir, name.slice(0, 4))];
    const dry = await cli([...args, '--dry-run']);
    assert.equal(dry.code, 1, dry.stdout);
    const { code, stdout } = await cli(args);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /None of the records is an event/);
    const { received, bad_rows } = (await cli([...args, '--again', '--json'])).json<LoadResult>();
    assert.deepEqual([received, bad_rows], [1, 1]);
  }
});
