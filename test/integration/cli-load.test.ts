/** `load` of every kind of file, and the commands that look at what became of the lines. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { events, type LoadResult, ndjson } from '../support/load-lines.ts';
import { cli, startProduct, temporaryDir, until } from '../support/product.ts';

const zstdParts = (name: string) =>
  Buffer.concat([
    zstdCompressSync(ndjson(`${name}1`, 700)),
    zstdCompressSync(ndjson(`${name}2`, 300)),
    zstdCompressSync(''),
  ]);
const csv = (name: string) =>
  `timestamp,event_type,event_id,amount,currency,coupon\n${events(name, 50)
    .map((event) => `${event.timestamp},${event.event_type},${event.event_id},"19.90",EUR,`)
    .join('\n')}\n`;

/** Content, and how many events are in it. */
const FILES: Record<string, [content: string | Buffer, count: number]> = {
  'plain.ndjson': [ndjson('plain', 1000), 1000],
  'no-line-end.ndjson': [ndjson('nle', 10).trimEnd(), 10],
  'crlf.ndjson': [ndjson('crlf', 10).replaceAll('\n', '\r\n'), 10],
  'mark.ndjson': [`\ufeff${ndjson('mark', 10)}`, 10],
  'array.json': [JSON.stringify(events('array', 1000)), 1000],
  'pretty.json': [JSON.stringify(events('pretty', 20), null, 2), 20],
  'one.json': [JSON.stringify(events('one', 1)[0], null, 2), 1],
  'empty.ndjson': ['', 0],
  'empty-array.json': ['[]', 0],
  'zipped.ndjson.gz': [gzipSync(ndjson('gz', 1000)), 1000],
  'zipped-parts.ndjson.gz': [
    Buffer.concat([gzipSync(ndjson('gz1', 700)), gzipSync(ndjson('gz2', 300))]),
    1000,
  ],
  'packed.ndjson.zst': [zstdCompressSync(ndjson('zst', 1000)), 1000],
  'packed-parts.ndjson.zst': [zstdParts('parts'), 1000],
  'array.json.gz': [gzipSync(JSON.stringify(events('arraygz', 30))), 30],
  'table.csv': [csv('csv'), 50],
  'table.csv.gz': [gzipSync(csv('csvgz')), 50],
  'table-mark.csv': [`\ufeff${csv('csvmark')}`, 50],
};

test('files of every kind give their events, with and without a running process', async () => {
  const dir = temporaryDir();
  const files = Object.entries(FILES).map(([name, [content]]) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  });
  const total = Object.values(FILES).reduce((sum, [, count]) => sum + count, 0);
  const data = join(dir, 'data');
  const alone = await cli(['load', ...files, '--data', data, '--json']);
  assert.equal(alone.code, 0, alone.stderr);
  const first = alone.json<LoadResult>();
  assert.deepEqual([first.received, first.events, first.bad_rows, first.duplicates], [total, total, 0, 0]);
  assert.ok(first.ledger.balanced);

  const product = await startProduct({ dataDir: data });
  const repeated = (await cli(['load', ...files, '--data', data, '--json'])).json<LoadResult>();
  assert.deepEqual([repeated.received, repeated.duplicates], [0, 0], 'a file is loaded once');
  assert.equal(
    repeated.files.reduce((sum, { stored_before }) => sum + stored_before, 0),
    total,
  );
  const second = (await cli(['load', ...files, '--again', '--data', data, '--json'])).json<LoadResult>();
  assert.deepEqual(
    [second.received, second.events, second.duplicates],
    [total, total, total],
    'all were received before',
  );
  for (const name of ['pretty.json', 'packed-parts.ndjson.zst', 'table.csv', 'empty.ndjson']) {
    const [, count] = FILES[name]!;
    const again = ['load', join(dir, name), '--again', '--data', data, '--json'];
    const one = (await cli(again)).json<LoadResult>();
    assert.deepEqual([one.received, one.events], [count, count], name);
  }
  await product.stop();
  const revenue = await cli(['query', 'revenue', '--window', '1d', '--total', '--data', data, '--json']);
  const [row] = revenue.json<{ total: { orders: number; revenue: string }[] }>().total;
  assert.equal(row!.orders, total);
  assert.equal(Number(row!.revenue), (total * 1990) / 100);
});

test('missing files, files without events and empty folders are refused before anything is stored', async () => {
  const dir = temporaryDir();
  const data = join(dir, 'data');
  const good = join(dir, 'good.ndjson');
  writeFileSync(good, ndjson('good', 3));
  mkdirSync(join(dir, 'folder'));
  const files: Record<string, [content: string | Buffer | null, says: RegExp]> = {
    'none.ndjson': [null, /There is no file/],
    folder: [null, /has no files/],
    'book.xlsx': [Buffer.from('PK\u0003\u0004 xl/workbook.xml'), /export it as CSV|unpack it/],
    'noise.bin': [Buffer.from([1, 2, 3, 0, 255, 254, 7]), /has an unknown format/],
    'no-columns.csv': ['a;b;c\n1;2;3\n4;5;6\n', /./],
  };
  for (const [name, [content, says]] of Object.entries(files)) {
    const file = join(dir, name);
    if (content) writeFileSync(file, content);
    const result = await cli(['load', good, file, '--data', data, '--json']);
    assert.equal(result.code, 2, `${name}: ${result.stderr}`);
    assert.match(result.stderr, says);
    assert.match(result.stderr, /Nothing was stored\.\n$/);
    assert.match(result.json<{ error: { message: string } }>().error.message, says);
    assert.doesNotMatch(result.stderr, /\n {4}at /);
    assert.ok(!existsSync(data), name);
  }
});

test('--dry-run shows what would be stored, and leaves the data folder unchanged', async () => {
  const dir = temporaryDir();
  const [file, data] = [join(dir, 'mixed.ndjson'), join(dir, 'data')];
  writeFileSync(file, `${ndjson('dry', 100)}nope\n{"event_type":"x"}\n${ndjson('dry', 5)}`);
  const fresh = await cli(['load', file, '--dry-run', '--data', data, '--json']);
  assert.equal(fresh.code, 0, fresh.stderr);
  const summary = fresh.json<{
    received: number;
    accepted: number;
    rejected: number;
    duplicates: number;
    bad_by_reason: object;
  }>();
  assert.deepEqual(
    [summary.received, summary.accepted, summary.rejected, summary.duplicates],
    [107, 105, 2, 5],
  );
  assert.deepEqual(summary.bad_by_reason, { not_json: 1, missing_field: 1 });
  assert.ok(!existsSync(data), 'no folder was made');
  await cli(['load', file, '--data', data]);
  const before = fingerprint(data);
  await cli(['load', file, '--dry-run', '--data', data]);
  assert.equal(fingerprint(data), before);
  const product = await startProduct({ dataDir: data });
  const { received } = await product.ledger();
  assert.equal((await cli(['load', file, '--dry-run', '--data', data])).code, 0);
  assert.equal((await product.ledger()).received, received);
  await product.stop();
});

function fingerprint(dir: string): string {
  const files = (readdirSync(dir, { recursive: true }) as string[]).sort();
  const hash = createHash('sha256');
  for (const name of files) {
    const stat = statSync(join(dir, name));
    hash.update(`${name} ${stat.mtimeMs} ${stat.isFile() ? readFileSync(join(dir, name), 'latin1') : ''}\n`);
  }
  return hash.digest('hex');
}

test('bad rows are listed, by reason, and shown whole', async () => {
  const dir = temporaryDir();
  const file = join(dir, 'bad.ndjson');
  const long = `{"timestamp":"never","event_type":"purchase","note":"${'x'.repeat(300)}"}`;
  writeFileSync(file, `${ndjson('fine', 3)}nope\n${long}\n`);
  const args = ['--data', join(dir, 'data'), '--json'];
  await cli(['load', file, ...args]);
  type Bad = { id: string; reason: string; field: string | null; raw: string; source: string };
  const check = async () => {
    const { bad_rows } = (await cli(['bad', 'list', ...args])).json<{ bad_rows: Bad[] }>();
    assert.deepEqual(
      bad_rows.map(({ reason }) => reason),
      ['bad_timestamp', 'not_json'],
    );
    const one = (await cli(['bad', 'list', '--reason', 'not_json', ...args])).json<{ bad_rows: Bad[] }>()
      .bad_rows;
    assert.deepEqual(
      one.map(({ raw }) => raw),
      ['nope'],
    );
    const shown = (await cli(['bad', 'show', bad_rows[0]!.id, ...args])).json<Bad>();
    assert.equal(shown.raw, long);
    assert.equal(shown.field, 'timestamp');
    assert.equal(shown.source, 'load');
    assert.equal((await cli(['bad', 'show', '0-999-0', ...args])).code, 1);
  };
  await check();
  const product = await startProduct({ dataDir: join(dir, 'data') });
  await check();
  await product.stop();
});

test('tap shows lines as they come, and ends after --count', async () => {
  const data = temporaryDir();
  const product = await startProduct({ dataDir: data });
  const tapping = cli(['tap', '--count', '3', '--data', data, '--json']);
  let sent = 0;
  const result = await Promise.race([
    tapping,
    until(
      async () => {
        await product.send(ndjson(`tap${sent++}`, 1));
        return false;
      },
      'tap ends',
      20_000,
    ),
  ]);
  assert.ok(result);
  const { code, stdout } = result;
  assert.equal(code, 0);
  const lines = JSON.parse(stdout) as { source: string; line: string }[];
  assert.equal(lines.length, 3);
  for (const { source, line } of lines) {
    assert.equal(source, 'http');
    assert.match(line, /"event_id":"tap\d+-0"/);
  }
  await product.stop();
});
