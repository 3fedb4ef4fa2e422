/** What commands write to a terminal: nothing of what others have sent is acted on, and a full device is told. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testNow } from '../support/clock.ts';
import { childEnv, cli, MAIN, type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const ACTIVE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const HOSTILE = '\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m\u202eevil\u2066\r\n\tx\u2028y\x7f\u0085';

let product: Product;
const dir = temporaryDir();
const data = join(dir, 'data');
before(async () => {
  product = await startProduct({ dataDir: data });
  const event = (fields: object) =>
    JSON.stringify({ timestamp: testNow(), event_type: 'purchase', ...fields });
  const text = HOSTILE.replace(/[\0\n]/g, '');
  await product.send(
    [
      `not json ${HOSTILE.replace('\n', '')}`,
      event({ product_id: 7, amount: text }),
      event({ event_type: text }),
      event({ device_type: text, product_id: text, currency: 'EUR', amount: 1, user_id: text }),
      event({ event_type: 'view_product', product_id: `a${text}`, product_name: text, device_type: text }),
      `{"${text}":1}`,
    ].join('\n'),
  );
  await product.settled();
});
const started: ChildProcess[] = [];
after(async () => {
  for (const child of started) child.kill('SIGKILL');
  await product?.stop();
});

const good = () => JSON.stringify({ timestamp: testNow(), event_type: 'view_product' });

test('tables, single rows, taps and errors show it escaped; --json stays the same JSON', async () => {
  const rows = (await cli(['bad', 'list', '--data', data, '--json'])).json<{
    bad_rows: { id: string; raw: string }[];
  }>().bad_rows;
  assert.ok(
    rows.some(({ raw }) => raw.includes('\x1b]52')),
    'JSON has the line as it came',
  );
  const commands: string[][] = [
    ['bad', 'list'],
    ['bad', 'show', rows.find(({ raw }) => raw.includes('\x1b'))!.id],
    ['query', 'traffic', '--window', '1d'],
    ['query', 'products', '--window', '1d'],
    ['query', HOSTILE, '--window', '1d'],
    ['bad', 'show', HOSTILE],
    ['load', `/nowhere/${HOSTILE}`],
    [HOSTILE],
  ];
  let escapes = 0;
  for (const command of commands) {
    const isUnknown = command[0] === HOSTILE;
    for (const json of isUnknown ? [false] : [false, true]) {
      const result = await cli([
        ...command,
        ...(isUnknown ? [] : ['--data', data]),
        ...(json ? ['--json'] : []),
      ]);
      for (const text of [result.stdout, result.stderr])
        assert.doesNotMatch(text, ACTIVE, `${command.join(' ')} ${JSON.stringify(text.slice(0, 300))}`);
      if (json) result.json();
      else if (result.stdout.includes('\\u001b') || result.stderr.includes('\\u001b')) escapes++;
    }
  }
  assert.ok(escapes >= 6, `${escapes}: what was sent is shown`);
});

test('a row of a table and a tapped line are one line each', async () => {
  const list = await cli(['bad', 'list', '--data', data]);
  const { bad_rows: rows } = (await cli(['bad', 'list', '--data', data, '--json'])).json<{ bad_rows: [] }>();
  assert.equal(list.stdout.trimEnd().split('\n').length, rows.length + 1);
  for (const json of [[], ['--json']]) {
    const tap = cli(['tap', '--count', '3', '--data', data, ...json]);
    let done = false;
    void tap.then(() => {
      done = true;
    });
    await until(async () => {
      await product.send(`${good()}\n${HOSTILE}\n`);
      return done;
    }, 'the tap has its lines');
    const { stdout, stderr, code } = await tap;
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, ACTIVE);
    if (json.length > 0) assert.equal(JSON.parse(stdout).length, 3);
    else assert.equal(stdout.split('\n').length, 4);
  }
});

function toFull(args: string[], stream: 'stdout' | 'stderr') {
  const redirect = stream === 'stdout' ? '> /dev/full' : '2> /dev/full';
  const child = spawn('sh', ['-c', `exec "$@" ${redirect}`, 'sh', process.execPath, MAIN, ...args], {
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  for (const each of [child.stdout, child.stderr])
    each.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exited = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  );
  return { child, exited };
}

test('output to a full device ends with a message and without a stack', async () => {
  for (const command of [['ledger'], ['status', '--json']]) {
    const { code, output } = await toFull([...command, '--data', data], 'stdout').exited;
    assert.equal(code, 1, output);
    assert.match(output, /^The output can't be written: the device is full\.\n$/);
  }
});

test('a pipeline whose own messages find no room continues', async () => {
  const own = join(dir, 'own');
  const { child, exited } = toFull(['up', '--data', own], 'stderr');
  const url = () => (JSON.parse(readFileSync(join(own, 'run.json'), 'utf8')) as { url: string }).url;
  await until(async () => {
    try {
      return (await fetch(`${url()}/readyz`)).ok;
    } catch {
      return false;
    }
  }, 'it is ready');
  const answer = await fetch(`${url()}/v1/events`, { method: 'POST', body: good() });
  assert.equal(answer.status, 200);
  child.kill('SIGHUP');
  assert.equal((await exited).code, 0);
});

test('up shows a person the address and how to stop it, and gives a program JSON', async () => {
  const folder = join(dir, 'terminal');
  const child = spawn(
    'python3',
    ['-c', 'import pty, sys; pty.spawn(sys.argv[1:])', process.execPath, MAIN, 'up', '--data', folder],
    { env: childEnv({ TILLSTREAM_PORT: '0' }), stdio: ['ignore', 'pipe', 'inherit'] },
  );
  started.push(child);
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  await until(() => shown.includes('Stop '), 'the address and how to stop it');
  assert.match(
    shown,
    /Tillstream is ready\.\s+Dashboard {2}http:\/\/127\.0\.0\.1:\d+\s+Data .*terminal\s+Stop .*Ctrl-C/,
  );
  await cli(['down', '--data', folder]);
  await closed;
  assert.doesNotMatch(shown, /^\{/m);
});
