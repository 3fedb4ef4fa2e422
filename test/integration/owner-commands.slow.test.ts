/** Commands of the owner while the process has no connection to spare, is suspended, or is on its way. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { childEnv, cli, configFile, MAIN, startProduct, temporaryDir, until } from '../support/product.ts';

const LINE = '{"timestamp":1790000000000,"event_type":"view_product"}\n';

/** Opens connections until the port takes no more, and keeps them. */
async function takeAll(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let settled = 0;
  for (let n = 0; n < count; n++) {
    const socket = connect(port, '127.0.0.1');
    for (const event of ['connect', 'error']) socket.once(event, () => settled++);
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await until(() => settled >= count, 'the connections are open');
  return sockets;
}

test('status, ledger, query, load and down work while all connections are taken', async () => {
  const data = join(temporaryDir(), 'data');
  const file = `${data}.ndjson`;
  writeFileSync(file, LINE.repeat(3));
  const product = await startProduct({
    dataDir: data,
    config: {
      sources: [
        { kind: 'http', connections_max: 10, header_timeout_seconds: 90, request_timeout_seconds: 90 },
      ],
    },
  });
  const held = await takeAll(product.port, 30);
  const open = () => held.filter(({ destroyed }) => !destroyed).length;
  await until(() => open() <= 10, 'those over the limit are closed');
  assert.ok(open() >= 9, 'all are taken; a test that asked before may have one');
  const args = ['--data', data, '--json'];
  const status = await cli(['status', ...args]);
  assert.equal(status.json<{ pid: number }>().pid, product.pid, status.stderr);
  const load = await cli(['load', file, ...args]);
  assert.equal(load.json<{ events: number }>().events, 3, load.stderr);
  const ledger = await cli(['ledger', ...args]);
  assert.equal(ledger.json<{ received: number }>().received, 3);
  const query = await cli(['query', 'traffic', '--window', '1d', ...args]);
  assert.equal(query.json<{ rows: unknown[] }>().rows.length, 1);
  const down = await cli(['down', ...args]);
  assert.equal(down.json<{ stopped: boolean }>().stopped, true, down.stderr);
  for (const socket of held) socket.destroy();
  assert.ok(!existsSync(join(data, 'owner.sock')), 'nothing is left');
});

test('connections leave room for files: with few files for the process, the commands work too', async () => {
  const data = temporaryDir();
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 400; exec "$@"', 'sh', process.execPath, MAIN, 'up', '--data', data],
    {
      env: childEnv(),
      stdio: 'ignore',
    },
  );
  const run = () => JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as { url: string; pid: number };
  await until(() => existsSync(join(data, 'run.json')), 'it has started', 60_000);
  const held = await takeAll(Number(new URL(run().url).port), 450);
  const status = await cli(['status', '--data', data, '--json']);
  assert.equal(status.code, 0, status.stderr);
  const ledger = await cli(['ledger', '--data', data, '--json']);
  assert.equal(ledger.code, 0, ledger.stderr);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  assert.equal((await cli(['down', '--data', data])).code, 0);
  assert.equal(await exited, 0);
  for (const socket of held) socket.destroy();
});

test('the socket is for its user only, and made again after a kill; a long path has one elsewhere', async () => {
  const parent = temporaryDir();
  for (const data of [join(parent, 'short'), join(parent, 'a-long-name-'.repeat(8), 'data')]) {
    for (let round = 0; round < 2; round++) {
      const product = await startProduct({ dataDir: data });
      const { socket } = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as { socket: string };
      assert.equal(statSync(socket).mode & 0o077, 0);
      assert.equal(
        (await cli(['status', '--data', data, '--json'])).json<{ pid: number }>().pid,
        product.pid,
      );
      const refused = await fetch(`${product.url}/v1/admin/compact`, {
        method: 'POST',
        headers: { authorization: 'Bearer wrong' },
      });
      assert.equal(refused.status, 200, 'without keys everyone on this machine may');
      if (round === 0) await product.kill();
      else {
        await product.stop();
        assert.ok(!existsSync(socket));
      }
    }
  }
});

test('of a suspended process, status, ledger and down report that it does not answer, with exit code 1', async () => {
  const data = temporaryDir();
  const product = await startProduct({ dataDir: data });
  process.kill(product.pid, 'SIGSTOP');
  try {
    const commands = ['status', 'ledger', 'down', 'up', 'compact'];
    const results = await Promise.all(commands.map((name) => cli([name, '--data', data])));
    for (const [index, { code, stdout, stderr }] of results.entries()) {
      assert.equal(code, 1, `${commands[index]}: ${stdout}${stderr}`);
      assert.match(stderr, new RegExp(`^Process ${product.pid} does not answer.*kill -CONT ${product.pid}`));
      assert.equal(stdout, '');
    }
  } finally {
    process.kill(product.pid, 'SIGCONT');
  }
  assert.equal((await cli(['status', '--data', data])).code, 0, 'it was not told to end');
  assert.equal((await cli(['down', '--data', data])).code, 0);
  assert.equal(await product.exited, 0);
});

test('status of a folder that a command has open names its process; looking leaves nothing behind', async () => {
  const data = join(temporaryDir(), 'data');
  const file = `${data}.ndjson`;
  writeFileSync(file, LINE.repeat(300_000));
  const config = configFile({ batch: { archive_every_ms: 3000 } });
  const load = cli(['load', file, '--data', data, '--json', '--config', config]);
  await until(() => existsSync(join(data, 'log', 'log.json')), 'the load has opened the folder');
  const status = await cli(['status', '--data', data]);
  assert.equal(status.code, 1, status.stdout);
  assert.match(status.stderr, /^Process \d+ has the data folder open, but is not serving it/);
  assert.equal((await load).code, 0);
  const locks = () => readdirSync(data).filter((name) => name.startsWith('lock'));
  const before = locks();
  for (let n = 0; n < 3; n++) assert.equal((await cli(['status', '--data', data])).code, 0);
  assert.deepEqual(locks(), before);
});
