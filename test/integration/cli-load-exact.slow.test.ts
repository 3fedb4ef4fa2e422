/** What `load` reports is of that load alone, and true also when it ends in the middle. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { childEnv, cli, configFile, MAIN, startProduct, temporaryDir } from '../support/product.ts';

interface LoadResult {
  received: number;
  events: number;
  bad_rows: number;
  duplicates: number;
  bad_by_reason: Record<string, number>;
  ledger: { received: number; balanced: boolean };
}

const lines = (name: string, count: number) =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({ timestamp: 1_790_000_000_000 + n, event_type: 'search', event_id: `${name}-${n}` }),
  );
const figures = ({ received, events, bad_rows, duplicates }: LoadResult) => [
  received,
  events,
  bad_rows,
  duplicates,
];

function file(name: string, content: string | Buffer): string {
  const path = join(temporaryDir(), name);
  writeFileSync(path, content);
  return path;
}

test('a load reports its own lines, whatever the data folder has', async () => {
  const data = temporaryDir();
  const first = file('first.ndjson', [...lines('a', 300), 'nope', ...lines('a', 20)].join('\n'));
  const second = file('second.ndjson', [...lines('b', 50), 'no', 'nor this', ...lines('a', 7)].join('\n'));
  const load = async (path: string) =>
    (await cli(['load', path, '--data', data, '--json'])).json<LoadResult>();
  assert.deepEqual(figures(await load(first)), [321, 320, 1, 20]);
  const alone = await load(second);
  assert.deepEqual(figures(alone), [59, 57, 2, 7]);
  assert.deepEqual(alone.bad_by_reason, { not_json: 2 });
  assert.equal(alone.ledger.received, 380);
  const product = await startProduct({ dataDir: data });
  await product.send(lines('c', 40).join('\n'));
  assert.deepEqual(figures(await load(second)), [0, 0, 0, 0], 'a file is loaded once');
  const again = await cli(['load', second, '--again', '--data', data, '--json']);
  assert.deepEqual(figures(again.json<LoadResult>()), [59, 57, 2, 57]);
  await product.stop();
});

test('lines that a killed load has left are not reported as those of the next one', async () => {
  const data = temporaryDir();
  const big = file('big.ndjson', lines('big', 150_000).join('\n'));
  for (let killed = 0; killed < 2; killed++) {
    const child = spawn(process.execPath, [MAIN, 'load', big, '--data', data], {
      env: childEnv(),
      stdio: 'ignore',
    });
    // It has stored something, and is not through.
    for (let tries = 0; tries < 1000 && !existsSync(join(data, 'log')); tries++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 200 * (killed + 1)));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
  }
  const result = (await cli(['load', big, '--data', data, '--json'])).json<LoadResult>();
  assert.deepEqual([result.received, result.events, result.bad_rows], [150_000, 150_000, 0]);
  assert.ok(result.ledger.balanced);
  assert.equal(result.duplicates, result.ledger.received - 150_000, 'what the killed ones had stored');
});

test('nothing of any file is stored where one of them cannot be read', async () => {
  const good = file('good.ndjson', lines('good', 10).join('\n'));
  const folder = join(temporaryDir(), 'folder');
  mkdirSync(folder);
  const wrong: [string, RegExp][] = [
    [join(folder, 'none.ndjson'), /^There is no file .*none\.ndjson\. Nothing was stored\.\n$/],
    [folder, /has no files\. Nothing was stored\.\n$/],
    [file('plain.ndjson.gz', 'x'), /has an unknown format; .*\. Nothing was stored\.\n$/],
    [file('book.csv', 'PK\u0003\u0004xl/'), /book\.csv looks like .*\. Nothing was stored\.\n$/],
  ];
  for (const [path, message] of wrong) {
    const data = join(temporaryDir(), 'data');
    const { code, stderr, stdout } = await cli(['load', good, path, '--data', data]);
    assert.deepEqual([code, stdout], [2, ''], path);
    assert.match(stderr, message);
    assert.ok(!existsSync(data), 'not even the data folder was made');
  }
});

test('a load that fails in the middle reports exactly what is stored', async () => {
  const data = temporaryDir();
  const known = file('known.ndjson', lines('known', 5).join('\n'));
  await cli(['load', known, '--data', data]);
  const whole = file('whole.ndjson', [...lines('whole', 30), 'nope'].join('\n'));
  const args = ['load', whole, known, '--time-zone', 'Europe/Berlin', '--data', data, '--json'];
  const { code, stdout, stderr } = await cli(args);
  assert.equal(code, 2);
  assert.deepEqual(JSON.parse(stdout), { error: { message: stderr.trimEnd() } });
  assert.match(stderr, /known\.ndjson was loaded on .* with other options\./);
  assert.match(
    stderr,
    /Stored before that: 31 records \(30 events, 1 bad row\), all of \S*whole\.ndjson\. .*The same command continues from there\./,
  );
  const ledger = (await cli(['ledger', '--data', data, '--json'])).json<{ received: number }>();
  assert.equal(ledger.received, 36);
});

test('--dry-run contacts no server of the config', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const config = configFile({
    log: { kind: 'kafka', brokers: [`127.0.0.1:${port}`] },
    archive: { kind: 'hdfs', url: `http://127.0.0.1:${port}`, path: '/x' },
    engine: { kind: 'spark', master: `spark://127.0.0.1:${port}`, python: '/nowhere/python' },
    stores: [{ kind: 'influxdb', url: `http://127.0.0.1:${port}`, token: 't', org: 'o', bucket: 'b' }],
  });
  const path = file('dry.ndjson', lines('dry', 20).join('\n'));
  const data = join(temporaryDir(), 'data');
  const result = await cli(['load', path, '--dry-run', '--config', config, '--data', data, '--json']);
  server.close();
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.json<{ accepted: number }>().accepted, 20);
  assert.equal(connections, 0);
  assert.ok(!existsSync(data));
});
