/** Commands that look at, start and stop what is there: what they answer to what nobody meant, or where nothing is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { childEnv, cli, configFile, PROJECT_DIR, startProduct, temporaryDir } from '../support/product.ts';

const event = (n: number) =>
  JSON.stringify({ timestamp: 1_790_000_000_000 + n, event_type: 'search', event_id: `q-${n}` });

test('commands that only read create no data folder, and report that there is none', async () => {
  const parent = temporaryDir();
  const data = join(parent, 'typo');
  for (const args of [
    ['ledger'],
    ['query', 'traffic'],
    ['bad', 'list'],
    ['rebuild', '--diff'],
    ['compact'],
    ['export', '--out', join(parent, 'out')],
  ]) {
    const { code, stderr, stdout } = await cli([...args, '--data', data]);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, /^There is no data folder .*typo: nothing was ever received there\./);
  }
  const status = (await cli(['status', '--data', data, '--json'])).json<{ running: boolean }>();
  assert.equal(status.running, false);
  assert.deepEqual(readdirSync(parent), []);
});

test('query lists the metrics, suggests the one that was meant, and takes a day as a window by default', async () => {
  const data = temporaryDir();
  const file = join(temporaryDir(), 'events.ndjson');
  writeFileSync(file, [1, 2, 3].map(event).join('\n'));
  await cli(['load', file, '--data', data]);
  const product = await startProduct({ dataDir: data });
  for (const running of [true, false]) {
    if (!running) await product.stop();
    const ask = (...args: string[]) => cli(['query', ...args, '--data', data]);
    const none = await ask();
    assert.equal(none.code, 2);
    assert.match(none.stderr, /^Name a metric:\n(.*\n)* {2}traffic +Traffic\n/);
    const wrong: [string[], RegExp][] = [
      [['revenu'], /There is no metric "revenu"\. Did you mean revenue\? The metrics: traffic, /],
      [['traffic', '--windw', '1d'], /unknown option '--windw'[\s\S]*--window/],
      [
        ['traffic', '--window', '2d'],
        /^--window "2d" is not a window of the metric traffic\. Use [^.]*\.\n$/,
      ],
      [['traffic', '--top', '3'], /^--top needs --total: [^.]*\.\n$/],
      [['traffic', '--from', 'noon'], /^--from "noon" is not a time\. Use a day of .* since 1970\.\n$/],
      [
        ['traffic', '--from', '2026-11-24', '--to', '2026-11-23'],
        /^--from "2026-11-24" is not before --to "2026-11-23"\.\n$/,
      ],
      [['traffic', '--from', '2999-01-01'], /^--from "2999-01-01" is not in the past\.\n$/],
      [['traffic', '--from', ''], /^--from is empty \(""\)\. /],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await ask(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, message);
    }
    const { rows } = (await ask('traffic', '--from', '2026-09-21', '--to', '2026-09-21', '--json')).json<{
      rows: { start: string; events: number }[];
    }>();
    assert.deepEqual(
      rows.map(({ start, events }) => [start, events]),
      [['2026-09-21T00:00:00Z', 3]],
      'the last day is part of the range',
    );
    const total = await ask('traffic', '--total');
    assert.equal(total.stdout.trimEnd().split('\n').length, 2, 'a head, and a line for the one key');
  }
});

test('a range means the same on the command line, in the API and in a rebuild, in the time zone of the shop', async () => {
  const data = temporaryDir();
  const product = await startProduct({ dataDir: data, config: { time_zone: 'Asia/Kolkata' } });
  // 23 November in Kolkata is from 18:30 UTC of the day before.
  const times = [
    '2026-11-22T18:29:59Z',
    '2026-11-22T18:30:00Z',
    '2026-11-23T18:29:59Z',
    '2026-11-23T18:30:00Z',
  ];
  await product.send(
    times.map((timestamp) => JSON.stringify({ timestamp, event_type: 'search' })).join('\n'),
  );
  await product.settled();
  const range = 'from=2026-11-23&to=2026-11-23';
  const { json } = await product.request<{ rows: { events: number }[] }>(
    'GET',
    `/v1/metrics/traffic?window=1d&${range}`,
  );
  assert.deepEqual(
    json.rows.map(({ events }) => events),
    [2],
  );
  const shown = await cli([
    'query',
    'traffic',
    '--from',
    '2026-11-23',
    '--to',
    '2026-11-23',
    '--data',
    data,
    '--json',
  ]);
  assert.deepEqual(
    shown.json<{ rows: { events: number }[] }>().rows.map(({ events }) => events),
    [2],
  );
  const minutes = await cli([
    'query',
    'traffic',
    '--window',
    '1m',
    '--from',
    '2026-11-23T00:00',
    '--to',
    '2026-11-23T00:01',
    '--data',
    data,
    '--json',
  ]);
  assert.deepEqual(
    minutes.json<{ rows: { start: string }[] }>().rows.map(({ start }) => start),
    ['2026-11-22T18:30:00Z'],
  );
  const rebuilt = await cli([
    'rebuild',
    '--diff',
    '--from',
    '2026-11-23',
    '--to',
    '2026-11-23',
    '--data',
    data,
    '--json',
  ]);
  const whole = await cli(['rebuild', '--diff', '--data', data, '--json']);
  const wrong = await cli(['rebuild', '--from', 'noon', '--data', data]);
  assert.match(wrong.stderr, /^--from "noon" is not a time\. Use a day of .* since 1970\.\n$/);
  const windows = (result: typeof rebuilt) => result.json<{ windows: number }>().windows;
  assert.ok(windows(rebuilt) < windows(whole), 'one day of three');
  await product.stop();
});

test('started several times at the same moment, one runs and the others report that', async () => {
  const data = join(temporaryDir(), 'data');
  const starts = await Promise.all(
    [1, 2, 3].map(() => cli(['up', '--background', '--data', data, '--json'], { timeoutMs: 120_000 })),
  );
  const answers = starts.map((start) => start.json<{ running: boolean; pid: number; already?: boolean }>());
  assert.deepEqual(
    starts.map(({ code }) => code),
    [0, 0, 0],
  );
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
  assert.equal(answers.filter(({ already }) => !already).length, 1);
  const stopped = (await cli(['down', '--data', data, '--json'])).json<{ pid: number }>();
  assert.equal(stopped.pid, answers[0]!.pid);
});

test('a start waits for a command that has the data folder open', async () => {
  const data = temporaryDir();
  const file = join(temporaryDir(), 'many.ndjson');
  writeFileSync(file, Array.from({ length: 200_000 }, (_, n) => event(n)).join('\n'));
  const loading = cli(['load', file, '--data', data, '--json']);
  while (!existsSync(join(data, 'log'))) await new Promise((resolve) => setTimeout(resolve, 5));
  const started = await cli(['up', '--background', '--data', data, '--json'], { timeoutMs: 120_000 });
  assert.equal(started.code, 0, started.stderr);
  assert.equal((await loading).json<{ events: number }>().events, 200_000);
  await cli(['down', '--data', data]);
});

test('down and status need no valid config', async () => {
  const data = temporaryDir();
  const config = configFile({ sources: [{ kind: 'http' }] });
  const started = await cli(['up', '--background', '--config', config, '--data', data]);
  assert.equal(started.code, 0, started.stderr);
  writeFileSync(config, 'sources: [{kind: htp}]\nsecret: ${TILLSTREAM_TEST_UNSET}\n');
  const env = { TILLSTREAM_CONFIG: config };
  for (const command of ['status', 'ledger'])
    assert.equal((await cli([command, '--data', data], { env })).code, 0, command);
  const down = await cli(['down', '--data', data], { env });
  assert.equal(down.code, 0, down.stderr);
  assert.match(down.stdout, /^Stopped process \d+\./);
});

test('down reports what was drained and what was not', async () => {
  // A store that takes nothing: what it has not got waits for the next start.
  let refuses = false;
  const server = createServer((request, response) => {
    request.resume();
    response.statusCode = refuses ? 503 : 204;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const data = temporaryDir();
  const config = configFile({
    stores: [{ kind: 'influxdb', url: `http://127.0.0.1:${port}`, token: 't', org: 'o', bucket: 'b' }],
  });
  const started = await cli(['up', '--background', '--config', config, '--data', data, '--json']);
  const { url } = started.json<{ url: string }>();
  refuses = true;
  const sent = await fetch(`${url}/v1/events`, {
    method: 'POST',
    body: [1, 2, 3, 4].map(event).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  });
  assert.equal(sent.status, 200);
  const down = (await cli(['down', '--data', data, '--json'], { timeoutMs: 120_000 })).json<{
    drained: Record<string, number>;
    waiting: Record<string, number>;
  }>();
  assert.deepEqual(down.waiting, { archive: 0, metrics: 0, 'influxdb raw': 4 });
  assert.equal(down.drained['influxdb raw'], 0);
  server.close();
});

test("another user's data folder is named as such", async () => {
  const data = temporaryDir();
  const product = await startProduct({ dataDir: data });
  // Root may look into every folder, so there the command goes on as somebody else once its code is loaded.
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) chmodSync(data, 0o000);
  const become = isRoot ? 'process.setgid(65534); process.setuid(65534);' : '';
  const commands: [string, string][] = [
    ['inspect', 'status'],
    ['inspect', 'ledger'],
    ['down', 'down'],
  ];
  try {
    for (const [file, name] of commands) {
      const module = pathToFileURL(join(PROJECT_DIR, 'src', 'commands', `${file}.ts`));
      const script = `const { ${name} } = await import('${module}'); ${become}
        await ${name}({ data: '${data}' }).catch((error) => console.log(error.constructor.name, error.message));`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
        env: childEnv(),
      });
      assert.match(
        stdout,
        /^CommandError The data folder \S+ belongs to another user, and you may not look into it\./,
      );
    }
  } finally {
    chmodSync(data, 0o700);
  }
  assert.ok(product.isRunning());
  await product.stop();
});

test('simulate shows as many lines as were asked for, and writes to stdout where it is asked to', async () => {
  for (const args of [
    ['--count', '3'],
    ['--count', '3', '--out', '-'],
    ['--count', '3', '--out', '-', '--json'],
  ]) {
    const { code, stdout, stderr } = await cli(['simulate', ...args], { cwd: temporaryDir() });
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line));
  }
});

test('numbers, times and empty texts that mean nothing are refused, whatever the command', async () => {
  const dir = temporaryDir();
  const simulate = ['simulate', '--out', join(dir, 'lines.ndjson')];
  const cases: [args: string[], message: string][] = [
    [[...simulate, '--count', '-5'], '--count "-5" is not a whole number from 1 to 1000000000.'],
    [[...simulate, '--count', '1e99'], '--count "1e99" is not a whole number from 1 to 1000000000.'],
    [
      [...simulate, '--count', '9', '--seed', '-1'],
      '--seed "-1" is not a whole number from 0 to 9007199254740991.',
    ],
    [[...simulate, '--count', '9', '--rate', '0'], '--rate "0" is not a number above 0, up to 1000000.'],
    [[...simulate, '--count', '9', '--late', '-1'], '--late "-1" is not a number from 0 to 1.'],
    [[...simulate, '--count', '9', '--malformed', '2'], '--malformed "2" is not a number from 0 to 1.'],
    [
      [...simulate, '--count', '9', '--start', '2200-01-01'],
      '--start "2200-01-01" is not between 1970 and 2100.',
    ],
    [
      [...simulate, '--count', '9', '--time-zone', 'X'],
      '--time-zone "X" is not an IANA time zone, such as Europe/Berlin.',
    ],
    [
      [...simulate, '--count', '1000000000', '--rate', '0.001'],
      'At this --rate, 1000000000 lines span more than 50 years. Take a smaller --count, or a larger --rate.',
    ],
    [simulate, '--out needs --count, the number of lines.'],
    [['simulate', '--port', '70000'], '--port "70000" is not a whole number from 0 to 65535.'],
    [['tap', '--count', '0'], '--count "0" is not a whole number from 1 to 1000000000.'],
    [['bad', 'list', '--limit', '0x10'], '--limit "0x10" is not a whole number from 1 to 1000.'],
    [
      ['vacuum', '--retention-hours', '9999999'],
      '--retention-hours "9999999" is not a whole number from 0 to 1000000.',
    ],
    [['services', 'up', 'kafka', '--brokers', '1e0'], '--brokers "1e0" is not a whole number from 1 to 3.'],
    [
      ['export', '--out', join(dir, 'out'), '--from', '2026-02-30'],
      '--from "2026-02-30" is not a date, such as 2026-11-23.',
    ],
    [
      ['export', '--out', join(dir, 'out'), '--from', '2026-11-02', '--to', '2026-11-01'],
      '--from "2026-11-02" is after --to "2026-11-01".',
    ],
    ...[
      ['load', ''],
      ['load', 'a', ''],
      ['map', 'try', ''],
    ].map((args): [string[], string] => [
      args,
      '<files> is empty (""). Give it a value. Is a variable in your script not set?',
    ]),
    [
      ['ledger', '--config', ''],
      '--config is empty (""). Give it a value. Is a variable in your script not set?',
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr, stdout } = await cli([...args, '--data', join(dir, 'data')]);
    assert.deepEqual([stderr, code, stdout], [`${message}\n`, 2, ''], args.join(' '));
  }
  const here = await cli(['ledger', '--data', ''], { cwd: dir });
  assert.match(here.stderr, /^--data is empty/, 'it does not stand for the current folder');
  const unset = await cli(['status', '--json'], {
    cwd: dir,
    env: { TILLSTREAM_DATA: '', TILLSTREAM_CONFIG: '' },
  });
  assert.notEqual(unset.json<{ data: string }>().data, dir);
  assert.deepEqual(readdirSync(dir), []);
});

test('names that do not exist are named, with what was meant or what there is', async () => {
  const data = temporaryDir();
  const cases: [string[], RegExp][] = [
    [['help', 'quer'], /There is no command "quer"\. Did you mean query\?/],
    [['bad', 'list', '--reason', 'not_jso', '--data', data], /Did you mean not_json\? The reasons: /],
    [['qery'], /unknown command 'qery'[\s\S]*query/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr, stdout } = await cli(args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, message);
  }
});
