/** Mistakes in the config: each is told with its place and what would be right, with exit code 2, and no secret. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { followerChecks, readRuntimeConfig } from '../../src/app/app.ts';
import { UsageError } from '../../src/telemetry/errors.ts';
import { casePath } from '../support/load-case.ts';
import { cli, temporaryDir } from '../support/product.ts';

const SECRET = 'not-for-the-eyes-of-others';

const CASES: Record<string, { yaml: string; says: RegExp; env?: Record<string, string> }> = {
  'unknown setting': {
    yaml: 'time_zone: UTC\nlogg: {}\n',
    says: /:2: logg is not a setting\. Did you mean log\?/,
  },
  'unknown setting that is like no other': {
    yaml: 'weather: fine\n',
    says: /weather is not a setting\. Use one of these settings: time_zone, currency, currencies, log_level, sources, mappings, log,/,
  },
  'mistyped kind': {
    yaml: 'log: {kind: kafak}\n',
    says: /log\.kind can't be "kafak"\. Did you mean kafka\? Use segments or kafka\./,
  },
  'no kind': {
    yaml: 'sources: [{port: 1}]\n',
    says: /sources\[0\]\.kind is missing: use http, kafka, poll or tail\./,
  },
  'one of a few': {
    yaml: 'log_level: inf\n',
    says: /log_level must be debug, info, warn or error\. Did you mean info\?/,
  },
  'not a list': {
    yaml: 'stores: {kind: influxdb}\n',
    says: /stores must be a list, not settings \(name: value\)\.$/,
  },
  'unknown setting inside': {
    yaml: 'sources:\n  - kind: http\n    prot: 1\n',
    says: /sources\[0\]\.prot is not a setting\. Did you mean port\?/,
  },
  'wrong type': {
    yaml: 'sources:\n  - kind: http\n    port: many\n',
    says: /:3: sources\[0\]\.port must be a number, not a text\.$/,
  },
  'out of range': {
    yaml: 'sources: [{kind: http, port: 70000}]\n',
    says: /sources\[0\]\.port must be at most 65535/,
  },
  'unknown kind': {
    yaml: 'sources: [{kind: carrier-pigeon}]\n',
    says: /can't be "carrier-pigeon"\. Use http, kafka, poll or tail\./,
  },
  'bad time zone': { yaml: 'time_zone: Europe/Atlantis\n', says: /time_zone must be an IANA time zone/ },
  'currency that is none': {
    yaml: 'currency: ABC\ncurrencies: [EUR, EURS]\n',
    says: /:1: currency is not an ISO 4217 code such as EUR\.\n.*:2: currencies\[1\] is not an ISO 4217 code/,
  },
  'a mark for another': {
    yaml: 'sources: [{kind: tail, path: /x, decimal: ";"}]\n',
    says: /sources\[0\]\.decimal must be "\." or ","\.$/,
  },
  'one of several types': {
    yaml: 'sources: [{kind: tail, path: /x, minor_units: 5}]\n',
    says: /sources\[0\]\.minor_units must be true or false, or a list, not a number\.$/,
  },
  'a name that is not allowed': {
    yaml: 'mappings: {A B: x.yaml}\n',
    says: /mappings\.A B must be 1 to 64 of a-z, 0-9, _ and -\.$/,
  },
  'nothing where settings belong': {
    yaml: 'log:\n',
    says: /:1: log is empty, and must be settings \(name: value\)\.$/,
  },
  'a fraction': { yaml: 'batch: {lines_max: 1.5}\n', says: /must be a whole number, not a fraction\.$/ },
  'no number': {
    yaml: 'sources: [{kind: http, port: .inf}]\n',
    says: /must be a number, not \.nan or \.inf\.$/,
  },
  'a text that needs quotes': {
    yaml: `time_zone: Berlin: ${SECRET}\n`,
    says: /is not valid YAML: found a name with a value .*needs quotes \(line 1, column 12\)\.$/,
  },
  'a name twice': {
    yaml: 'time_zone: UTC\ntime_zone: UTC\n',
    says: /is not valid YAML: a name stands there a second time \(line 2, column 1\)\.$/,
  },
  'two documents': { yaml: 'a: 1\n---\nb: 2\n', says: /is not valid YAML: a second document .*\)\.$/ },
  'not YAML': {
    yaml: `api: {key: "${SECRET}"\n  x: [\n`,
    says: /is not valid YAML: .* \(line 2, column \d+\)\./,
  },
  'a list, not settings': {
    yaml: '- a\n- b\n',
    says: /the file must be settings \(name: value\), not a list\.$/,
  },
  'variable that is not set': {
    yaml: 'sources:\n  - kind: http\n    api_keys: [{name: a, key: "${TILLSTREAM_TEST_UNSET}"}]\n',
    says: /:3: sources\[0\]\.api_keys\[0\]\.key needs the environment variable TILLSTREAM_TEST_UNSET/,
  },
  'key too short': {
    yaml: 'sources:\n  - kind: http\n    api_keys: [{name: a, key: "${SHORT}"}]\n',
    says: /sources\[0\]\.api_keys\[0\]\.key/,
    env: { SHORT: 'pssst-short' },
  },
  'open to others without keys': { yaml: 'sources: [{kind: http, host: 0.0.0.0}]\n', says: /api_keys/ },
  'open to others by IPv6': { yaml: 'sources: [{kind: http, host: "::"}]\n', says: /api_keys/ },
  'two of one name': {
    yaml: 'sources: [{kind: poll, name: a, url: "http://x/"}, {kind: tail, name: a, path: /x}]\n',
    says: /name "a"/,
  },
  'two http sources': {
    yaml: 'sources: [{kind: http}, {kind: http}]\n',
    says: /one source of kind http|more than one/,
  },
};

for (const [name, { yaml, says, env }] of Object.entries(CASES)) {
  test(`config: ${name}`, async () => {
    const file = join(temporaryDir(), 'config.yaml');
    writeFileSync(file, yaml);
    await assert.rejects(readRuntimeConfig({ config: file }, env ?? {}, '/nowhere'), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, says);
      for (const secret of [SECRET, ...Object.values(env ?? {})])
        assert.ok(!error.message.includes(secret), error.message);
      return true;
    });
  });
}

test('a mistake in the config: exit code 2, its place on stderr, as JSON on stdout, no folder made', async () => {
  const dir = temporaryDir();
  const [file, data] = [join(dir, 'config.yaml'), join(dir, 'data')];
  for (const name of ['unknown setting', 'not YAML']) {
    const { yaml, says } = CASES[name]!;
    writeFileSync(file, yaml);
    for (const command of ['up', 'check']) {
      const result = await cli([command, '--config', file, '--data', data, '--json']);
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, says);
      assert.match(result.json<{ error: { message: string } }>().error.message, says);
      assert.doesNotMatch(result.stderr, /\bat .*:\d+:\d+\)|node_modules/, 'no stack trace');
      assert.ok(!existsSync(data));
    }
  }
});

test('names of 0.1.0 are taken, with a warning', async () => {
  const data = temporaryDir();
  const servers = {
    log: { kind: 'kafka', brokers: ['127.0.0.1:1'] },
    archive: { kind: 'hdfs', url: 'http://127.0.0.1:1', path: '/shop' },
  };
  const given = {
    data,
    config: { ...servers, housekeeping: { compact_every_minutes: 7 } },
    roles: 'measure,serve',
  };
  const { config, roles, warnings } = await readRuntimeConfig(given, {}, data);
  assert.deepEqual([...roles], ['metrics', 'serve']);
  assert.equal(config.maintenance.compact_every_minutes, 7);
  assert.deepEqual(warnings, [
    '--roles measure: the role is called metrics now.',
    'housekeeping: it is called maintenance now. Change its name in the config.',
  ]);
  const both = { housekeeping: { compact_every_minutes: 7 }, maintenance: { compact_every_minutes: 8 } };
  await assert.rejects(readRuntimeConfig({ data, config: both }, {}, data), /Keep maintenance/);
});

test('a time zone that the config names is set, also where it is the default', async () => {
  const data = temporaryDir();
  const zoneOf = async (config: object) => {
    const runtime = await readRuntimeConfig({ data, config }, {}, data);
    return [runtime.config.time_zone, runtime.isZoneSet];
  };
  assert.deepEqual(await zoneOf({}), ['UTC', false]);
  assert.deepEqual(await zoneOf({ time_zone: 'UTC' }), ['UTC', true]);
  assert.deepEqual(await zoneOf({ time_zone: 'Europe/Berlin' }), ['Europe/Berlin', true]);
});

test('what has worked in 0.1.0 is known by the same text, so that an upgrade need not reach it', async () => {
  const data = temporaryDir();
  const store = { kind: 'influxdb', url: 'http://127.0.0.1:1', database: 'shop' };
  const engine = { kind: 'spark', master: 'local[2]' };
  const runtime = await readRuntimeConfig({ data, config: { stores: [store], engine } }, {}, data);
  const checks = await followerChecks(runtime, { debug() {}, info() {}, warn() {}, error() {} });
  assert.deepEqual(
    checks.map(({ part, settings }) => [part, JSON.stringify(settings)]),
    [
      ['engine', '{"kind":"spark","master":"local[2]","python":"","hadoop_conf_dir":"","archive_url":""}'],
      [
        'store influxdb',
        '{"kind":"influxdb","url":"http://127.0.0.1:1","database":"shop","raw_events":true,"batch_lines_max":5000,"batch_bytes_max":4194304,"timeout_seconds":10,"tag_values_max":200}',
      ],
    ],
  );
});

test('a config file that is missing, a folder, or empty', async () => {
  const dir = temporaryDir();
  const data = join(dir, 'data');
  for (const file of [join(dir, 'none.yaml'), dir]) {
    const result = await cli(['check', '--config', file, '--data', data]);
    assert.equal(result.code, 2);
    assert.match(result.stderr, /can't be read/);
  }
  const empty = join(dir, 'empty.yaml');
  writeFileSync(empty, '');
  assert.equal((await cli(['check', '--config', empty, '--data', data])).code, 0);
});

test('a data folder is read with the config that it was opened with, also where none is named', async () => {
  const dir = temporaryDir();
  const [data, file, other] = ['data', 'berlin.yaml', 'tokyo.yaml'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(file, 'time_zone: Europe/Berlin\n');
  writeFileSync(other, 'time_zone: Asia/Tokyo\n');
  const events = join(dir, 'events.ndjson');
  writeFileSync(events, '{"timestamp":"2026-03-01 00:30","event_type":"view_page"}\n');
  assert.equal((await cli(['load', events, '--config', file, '--data', data])).code, 0);
  const day = async (...options: string[]) => {
    const result = await cli(['query', 'traffic', '--window', '1d', '--data', data, '--json', ...options]);
    assert.equal(result.code, 0, result.stderr);
    const { time_zone, rows } = result.json<{ time_zone: string; rows: { start: string }[] }>();
    return `${time_zone} ${rows[0]!.start}`;
  };
  assert.equal(await day(), 'Europe/Berlin 2026-02-28T23:00:00Z');
  assert.equal(await day('--config', other), 'Asia/Tokyo 2026-02-28T15:00:00Z');
  assert.equal(await day(), 'Asia/Tokyo 2026-02-28T15:00:00Z', 'the last one');
  writeFileSync(join(data, 'config.yaml'), 'time_zone: UTC\n');
  assert.equal(await day(), 'UTC 2026-02-28T00:00:00Z', 'that of the folder');
  rmSync(join(data, 'config.yaml'));
  assert.equal(await day(), 'UTC 2026-02-28T00:00:00Z', 'whoever removes it wants none');
  rmSync(other);
  assert.equal(await day('--config', other).catch(() => 'refused'), 'refused');
  assert.equal(await day('--config', file), 'Europe/Berlin 2026-02-28T23:00:00Z');
  rmSync(file);
  const result = await cli(['query', 'traffic', '--data', data]);
  assert.equal(result.code, 2);
  assert.match(
    result.stderr,
    /was opened with the config .*berlin\.yaml, which no longer exists\. Name its config with --config/,
  );
});

test('unknown commands and options, and an invalid port: exit code 2', async () => {
  const data = join(temporaryDir(), 'data');
  for (const args of [
    ['upp'],
    ['up', '--bakground'],
    ['load'],
    ['bad', 'show'],
    ['export', '--out', '-'],
    [],
  ]) {
    const result = await cli([...args, ...(args.length > 0 ? ['--data', data] : [])]);
    assert.equal(result.code, 2, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
  }
  const result = await cli(['check', '--data', data], { env: { TILLSTREAM_PORT: 'http' } });
  assert.equal(result.code, 2);
  assert.match(result.stderr, /TILLSTREAM_PORT="http" is not a port number/);
  const zone = await cli(['load', casePath('rees46.csv'), '--time-zone', 'CETT', '--data', data]);
  assert.equal(zone.code, 2);
  assert.match(zone.stderr, /^The time zone "CETT" is not an IANA time zone, such as Europe\/Berlin\.\n$/);
  for (const [option, values] of [
    ['--decimal', '"." or ","'],
    ['--date-order', 'mdy, dmy or ymd'],
  ] as const) {
    const { code, stderr } = await cli(['load', casePath('rees46.csv'), option, ';', '--data', data]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`argument ';' is invalid\\. Use ${values.replace('.', '\\.')}\\.\n$`));
  }
  for (const currency of ['ABC', 'EURS']) {
    const { code, stderr } = await cli([
      'load',
      casePath('rees46.csv'),
      '--currency',
      currency,
      '--data',
      data,
    ]);
    assert.deepEqual(
      [code, stderr],
      [2, `The currency "${currency}" is not an ISO 4217 code such as EUR.\n`],
    );
  }
  assert.equal((await cli(['--help'])).code, 0);
  assert.equal((await cli(['--version'])).code, 0);
});

test('a mapping that is wrong or not there, and the name of a webhook that is taken, end a start with the solution', async () => {
  const dir = temporaryDir();
  writeFileSync(join(dir, 'shop.yaml'), 'fields: {amuont: total}\n');
  const hook = (more: string) =>
    `sources: [{kind: http, hooks: [{name: shop, secret: "0123456789", ${more}}]}]\n`;
  for (const [config, says] of [
    [hook('map: segmnt'), /There is no preset segmnt\. Did you mean segment\?/],
    [hook('map: ./shop.yaml'), /shop\.yaml:1: fields\.amuont is not a setting\. Did you mean amount\?/],
    ['mappings: {own: ./none.yaml}\n', /The mapping \.\/none\.yaml can't be read/],
    [
      'sources: [{kind: tail, path: ./x.log, map: ./none.ts}]\n',
      /The mapping file \.\/none\.ts does not exist/,
    ],
    [
      hook('map: stripe').replace('name: shop', 'name: load'),
      /webhook "load" has a name that Tillstream uses itself/,
    ],
  ] as const) {
    const file = join(dir, 'config.yaml');
    writeFileSync(file, config);
    const result = await cli(['up', '--config', file, '--data', join(dir, 'data')]);
    assert.equal(result.code, 2, `${config}${result.stdout}${result.stderr}`);
    assert.match(`${result.stdout}${result.stderr}`, says);
  }
});
