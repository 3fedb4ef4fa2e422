/** Starting and stopping: what is in the way is told, and nothing that is not ours is touched. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import {
  childEnv,
  cli,
  configFile,
  MAIN,
  spawnUp,
  startProduct,
  temporaryDir,
  until,
} from '../support/product.ts';

const background: string[] = [];
after(async () => {
  for (const data of background) await cli(['down', '--data', data]);
});

test('up, up again, status, down, down again', async () => {
  const data = join(temporaryDir(), 'new', 'data');
  background.push(data);
  const args = ['--data', data, '--json'];
  assert.deepEqual((await cli(['status', ...args])).json(), { running: false, data });
  const first = (await cli(['up', '--background', ...args])).json<{ pid: number; url: string }>();
  const again = await cli(['up', '--background', ...args]);
  assert.equal(again.code, 0);
  assert.deepEqual(again.json<{ pid: number; already: boolean }>(), {
    running: true,
    pid: first.pid,
    url: first.url,
    already: true,
  });
  assert.equal((await cli(['up', ...args])).json<{ pid: number }>().pid, first.pid, 'in the foreground too');

  const status = (await cli(['status', ...args])).json<{
    running: boolean;
    pid: number;
    parts: object;
    lag: object;
  }>();
  assert.equal(status.pid, first.pid);
  assert.deepEqual(status.lag, { archive: 0, metrics: 0 });
  assert.equal(
    statSync(join(data, 'run.json')).mode & 0o077,
    0,
    'the secret of this start is for its user only',
  );
  const { token } = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8'));
  assert.ok(!readFileSync(join(data, 'tillstream.log'), 'utf8').includes(token));

  const body = '{"timestamp":1790000000000,"event_type":"view_product"}';
  assert.equal((await fetch(`${first.url}/v1/events`, { method: 'POST', body })).status, 200);
  // Two at once: both wait until it is drained, neither cuts it short.
  const [one, two] = await Promise.all([cli(['down', ...args]), cli(['down', ...args])]);
  assert.deepEqual([one.code, two.code], [0, 0], one.stderr + two.stderr);
  const third = await cli(['down', ...args]);
  assert.equal(third.code, 0);
  assert.deepEqual(third.json(), { stopped: false, running: false, servers: [] });
  const ledger = (await cli(['ledger', ...args])).json<{ archive: object; metrics: object }>();
  assert.deepEqual(ledger.archive, { events: 1, bad_rows: 0, in_flight: 0 });
  assert.ok(!readdirSync(data).includes('run.json'));
});

test('commands work on the folder itself while nothing runs', async () => {
  const args = ['--data', join(temporaryDir(), 'data'), '--json'];
  const empty = join(temporaryDir(), 'empty.ndjson');
  writeFileSync(empty, '');
  assert.equal((await cli(['load', empty, ...args])).code, 1, 'nothing is counted, in a new data folder');
  const ledger = (await cli(['ledger', ...args])).json<{ received: number; balanced: boolean }>();
  assert.deepEqual([ledger.received, ledger.balanced], [0, true]);
  assert.deepEqual(
    (await cli(['query', 'traffic', '--window', '1d', ...args])).json<{ rows: unknown[] }>().rows,
    [],
  );
  assert.deepEqual((await cli(['bad', 'list', ...args])).json(), { bad_rows: [] });
  assert.deepEqual((await cli(['compact', ...args])).json(), { filesBefore: 0, filesAfter: 0 });
  assert.equal((await cli(['vacuum', '--retention-hours', '0', ...args])).code, 0);
  assert.equal((await cli(['rebuild', '--diff', ...args])).json<{ differences: number }>().differences, 0);
  assert.equal((await cli(['check', ...args])).code, 0);
  const failing: [string[], number][] = [
    [['bad', 'show', '0-1-0'], 1],
    [['tap', '--count', '1'], 1],
    [['query', 'nope', '--window', '1d'], 2],
    [['query', 'funnel', '--window', '1m'], 2],
    [['query', 'traffic', '--window', '1d', '--from', 'never'], 2],
    [['query', 'traffic', '--window', '1d', '--total', '--top', 'x'], 2],
    [['vacuum', '--retention-hours', 'x'], 2],
    [['bad', 'list', '--limit', '0'], 2],
    [['rebuild', '--from', 'x'], 2],
  ];
  for (const [command, code] of failing) {
    const result = await cli([...command, ...args]);
    assert.equal(result.code, code, `${command.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, /^[^\n]+\n$/);
    assert.deepEqual(result.json(), { error: { message: result.stderr.trimEnd() } });
  }
});

test('one process at a time on a folder', async () => {
  const data = temporaryDir();
  const product = await startProduct({ dataDir: data });
  const second = spawnUp({ dataDir: data });
  assert.equal(await second.exited, 0, 'it says that one runs already');
  // A folder whose process does not answer: paused, as by a debugger.
  process.kill(product.pid, 'SIGSTOP');
  try {
    const load = await cli(['ledger', '--data', data]);
    assert.equal(load.code, 1);
    assert.match(load.stderr, new RegExp(`Process ${product.pid} does not answer`));
    const up = spawnUp({ dataDir: data });
    assert.equal(await up.exited, 1);
    assert.match(up.output(), /does not answer/);
  } finally {
    process.kill(product.pid, 'SIGCONT');
  }
  assert.equal((await cli(['down', '--data', data])).code, 0);
  assert.equal(await product.exited, 0);
});

test('down does not stop a command that has the folder open', async () => {
  const dir = temporaryDir();
  const [file, data] = [join(dir, 'lines.ndjson'), join(dir, 'data')];
  const lines = Array.from(
    { length: 300_000 },
    (_, n) => `{"timestamp":${1_790_000_000_000 + n},"event_type":"search"}\n`,
  );
  writeFileSync(file, lines.join(''));
  const load = cli(['load', file, '--data', data, '--json']);
  await until(() => existsSync(join(data, 'log', 'log.json')), 'the load has opened the folder');
  const down = await cli(['down', '--data', data]);
  assert.equal(down.code, 1, down.stderr);
  assert.match(down.stderr, /has the data folder open, but is not serving it/);
  assert.equal((await load).json<{ events: number }>().events, 300_000);
});

test('down ends only what it started: not a process that has its number by chance', async () => {
  const data = temporaryDir();
  const product = await startProduct({ dataDir: data });
  await product.kill();
  const stranger = spawn('sleep', ['60']);
  const run = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8'));
  writeFileSync(join(data, 'run.json'), JSON.stringify({ ...run, pid: stranger.pid }));
  const down = await cli(['down', '--data', data, '--json']);
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(down.json(), { stopped: false, running: false, servers: [] });
  assert.equal(stranger.exitCode, null);
  stranger.kill();
});

test('a port that another program has', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const result = await cli(['up', '--data', temporaryDir()], { env: { TILLSTREAM_PORT: String(port) } });
  assert.equal(result.code, 2);
  assert.match(result.stderr, new RegExp(`Port ${port} .* in use`));
  const inBackground = await cli(['up', '--background', '--data', temporaryDir()], {
    env: { TILLSTREAM_PORT: String(port) },
  });
  assert.equal(inBackground.code, 2);
  assert.match(
    inBackground.stderr,
    new RegExp(`^It did not start:\\n {2}Port ${port} .* is in use by another program\\.[^\\n]*\\n$`),
    'the reason, and nothing else',
  );
  server.close();
});

test('a data folder that is newer, damaged, half written or not a folder is refused', async () => {
  const refused: Record<string, [content: string, says: RegExp]> = {
    newer: ['{"format":99,"created_by":"tillstream 9.0.0"}', /newer Tillstream/],
    garbage: ['garbage', /data\.json is damaged/],
    empty: ['', /data\.json is damaged/],
    'no object': ['null', /data\.json is damaged/],
    'no format': ['{}', /data\.json is damaged/],
  };
  for (const [name, [content, says]] of Object.entries(refused)) {
    const data = temporaryDir();
    writeFileSync(join(data, 'data.json'), content);
    const result = await cli(['ledger', '--data', data]);
    assert.equal(result.code, 2, name);
    assert.match(result.stderr, says);
    assert.deepEqual(readdirSync(data), ['data.json'], `${name}: nothing was touched`);
  }
  const file = join(temporaryDir(), 'file');
  writeFileSync(file, '');
  for (const data of [file, join(file, 'below')]) {
    for (const command of [['ledger'], ['up'], ['up', '--background'], ['load', file]]) {
      const result = await cli([...command, '--data', data]);
      assert.equal(result.code, 2, `${data}: ${result.stderr}`);
      assert.equal(
        result.stderr,
        `The data folder ${data} can't be used: ${file} is a file, not a folder. Set TILLSTREAM_DATA or --data to your own folder.\n`,
      );
    }
    const check = await cli(['check', '--data', data]);
    assert.equal(check.code, 1);
    assert.match(check.stdout, /PROBLEM .* is a file, not a folder/);
  }
});

test('a folder that the system refuses to create is reported', async () => {
  const data = '/proc/tillstream/data';
  const lines = join(temporaryDir(), 'lines.ndjson');
  writeFileSync(lines, '{"timestamp":"2026-11-01T10:00:00Z","event_type":"search"}\n');
  for (const command of [['up'], ['up', '--background'], ['load', lines], ['services', 'up', 'kafka']]) {
    const result = await cli([...command, '--data', data]);
    assert.match(result.stderr, /no folder can be made in \/proc\./, command.join(' '));
    assert.notEqual(result.code, 0);
  }
  const own = temporaryDir();
  const config = join(own, 'shop.yaml');
  writeFileSync(config, `archive: {path: ${data}}\n`);
  const up = await cli(['up', '--data', join(own, 'data'), '--config', config]);
  assert.equal(up.stderr, `The archive folder ${data} can't be made: no folder can be made in /proc.\n`);
  assert.equal(up.code, 2);
  const out = await cli(['export', '--out', data, '--data', join(own, 'data')]);
  assert.match(out.stderr, /no folder can be made in \/proc\.\n$/);
});

test('doctor looks at a folder that is not there yet', async () => {
  const result = await cli(['doctor', '--data', join(temporaryDir(), 'a', 'b')]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /does not exist yet; a start creates it/);
});

test('a folder that can be read but not written', async (t) => {
  const data = join(temporaryDir(), 'data');
  mkdirSync(data);
  await (await startProduct({ dataDir: data })).stop();
  for (const [how, file, args] of await readOnlyWays(t, data)) {
    for (const command of ['ledger', 'up']) {
      const result = await run(file, [...args, process.execPath, MAIN, command, '--data', data]);
      assert.equal(result.code, 2, `${how}, ${command}: ${result.stderr}`);
      assert.match(
        result.stderr,
        /can.t be used: .*(permission denied|read-only|not permit|a file, not a folder)/,
        `${how}, ${command}`,
      );
    }
  }
});

/** Ways to run a program that may not write there: without the rights, and on a file system that is read only where mounting is allowed. */
async function readOnlyWays(
  t: TestContext,
  data: string,
): Promise<[how: string, file: string, args: string[]][]> {
  const inner = `mount --bind ${data} ${data} && mount -o remount,ro,bind ${data} && exec "$@"`;
  const mounted = ['-m', 'sh', '-c', inner, 'sh'];
  const { code } = await run('unshare', [...mounted, 'true']);
  t.diagnostic(`mounts are ${code === 0 ? '' : 'not '}allowed here`);
  const folders = [data, ...readdirSync(data, { recursive: true }).map((name) => join(data, String(name)))];
  for (const path of folders) chmodSync(path, statSync(path).mode & 0o555);
  t.after(() => {
    for (const path of folders) if (statSync(path).isDirectory()) chmodSync(path, 0o755);
  });
  // Modes are no limit for root, unless it has lost its capabilities.
  const isRoot = process.getuid!() === 0;
  const plain = isRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : ['env'];
  const probe = await run(plain[0]!, [...plain.slice(1), 'touch', join(data, 'probe')]);
  assert.notEqual(probe.code, 0, 'without the rights a file can still be made');
  assert.match(probe.stderr, /denied/, `${plain.join(' ')} does not work here: ${probe.stderr}`);
  const ways: [string, string, string[]][] = [['no right to write', plain[0]!, plain.slice(1)]];
  if (code === 0) ways.push(['a file system that is read only', 'unshare', mounted]);
  return ways;
}

function run(file: string, args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(file, args, { env: childEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: -1, stderr }));
    child.once('close', (code) => resolve({ code, stderr }));
  });
}

test('a signal that asks Node for a debugger opens no port and ends nothing', async () => {
  const data = temporaryDir();
  background.push(data);
  const started = (await cli(['up', '--background', '--data', data, '--json'])).json<{ pid: number }>();
  process.kill(started.pid, 'SIGUSR1');
  // Node would have written where its debugger listens before it answers.
  const status = (await cli(['status', '--data', data, '--json'])).json<{ pid: number }>();
  assert.equal(status.pid, started.pid);
  assert.doesNotMatch(readFileSync(join(data, 'tillstream.log'), 'utf8'), /Debugger|ws:\/\//);
  await cli(['down', '--data', data]);
});

test('a signal drains before the end; Ctrl-C and a closed terminal in the foreground too', async () => {
  const config = { batch: { archive_every_ms: 60_000, metrics_every_ms: 60_000 } };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const data = temporaryDir();
    const product = await startProduct({ dataDir: data, config });
    const lines = Array.from(
      { length: 5000 },
      (_, n) => `{"timestamp":1790000000000,"event_type":"view_product","event_id":"${n}"}`,
    );
    await product.send(lines.join('\n'));
    process.kill(product.pid, signal);
    assert.equal(await product.exited, 0, product.output());
    const ledger = (await cli(['ledger', '--data', data, '--json', '--config', configFile(config)])).json<{
      archive: object;
      metrics: object;
    }>();
    assert.deepEqual(ledger.archive, { events: 5000, bad_rows: 0, in_flight: 0 });
    assert.deepEqual(ledger.metrics, { counted: 5000, duplicate: 0, excluded: 0, bad: 0, in_flight: 0 });
  }
});
