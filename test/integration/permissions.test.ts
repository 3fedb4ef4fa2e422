/** Who on this machine may read what Tillstream makes, whatever the umask of the shell is. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { childEnv, cli, configFile, MAIN, temporaryDir } from '../support/product.ts';

const LINE = '{"timestamp":1790000000000,"event_type":"view_product"}\nbad\n';

/** Runs a command under an umask. */
function under(umask: string, args: string[]): Promise<number | null> {
  const child = spawn('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, MAIN, ...args], {
    env: childEnv(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve) => child.once('close', resolve));
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** All files and folders below, with their mode, as "path mode". */
function modes(dir: string, prefix = ''): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    const own = `${prefix}${entry.name} ${modeOf(path)}`;
    return entry.isDirectory() ? [own, ...modes(path, `${prefix}${entry.name}/`)] : [own];
  });
}

test('data folder, archive, metrics, logs and run.json are for their user only', async () => {
  for (const umask of ['000', '077']) {
    const data = join(temporaryDir(), 'data');
    const file = `${data}.ndjson`;
    writeFileSync(file, LINE);
    assert.equal(await under(umask, ['up', '--background', '--data', data]), 0);
    assert.equal(await under(umask, ['load', file, '--data', data]), 0);
    assert.equal(modeOf(data), '700');
    const found = modes(data);
    for (const name of ['tillstream.log', 'run.json', 'metrics', 'archive/events', 'log'])
      assert.ok(
        found.some((line) => line.startsWith(`${name} `)),
        name,
      );
    assert.deepEqual(
      found.filter((line) => !/ [1-7]00$/.test(line)),
      [],
      `umask ${umask}`,
    );
    assert.equal(await under(umask, ['down', '--data', data]), 0);
  }
});

test('a folder that an earlier version left open is closed at the start', async () => {
  const data = join(temporaryDir(), 'data');
  const events = `${data}.ndjson`;
  writeFileSync(events, LINE);
  assert.equal((await cli(['load', events, '--data', data])).code, 0);
  const open = (dir: string) => {
    chmodSync(dir, 0o777);
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (entry.isDirectory()) open(join(dir, entry.name));
      else chmodSync(join(dir, entry.name), 0o666);
    }
  };
  open(data);
  writeFileSync(join(data, 'tillstream.log'), 'old');
  chmodSync(join(data, 'tillstream.log'), 0o644);
  assert.equal((await cli(['ledger', '--data', data])).code, 0);
  assert.equal(modeOf(data), '700');
  for (const entry of readdirSync(data)) assert.match(modeOf(join(data, entry)), /00$/, entry);
});

test('archive.group_readable shares the archive with the group, and nothing else; switched off, it is closed', async () => {
  const data = join(temporaryDir(), 'data');
  const file = `${data}.ndjson`;
  writeFileSync(file, LINE);
  // What is there already is shared too.
  assert.equal(await under('022', ['load', file, '--data', data]), 0);
  const config = configFile({ archive: { kind: 'local', group_readable: true } });
  assert.equal(await under('077', ['load', file, '--data', data, '--config', config]), 0);
  assert.equal(modeOf(data), '710');
  const found = modes(data);
  const archive = found.filter((line) => /^archive[ /]/.test(line));
  assert.ok(archive.some((line) => line.includes('_delta_log/00000000000000000001.json')));
  assert.ok(archive.some((line) => line.includes('.parquet')));
  assert.deepEqual(
    archive.filter((line) => !line.includes('_staging') && !/ (750|640)$/.test(line)),
    [],
  );
  for (const entry of readdirSync(data))
    if (entry !== 'archive') assert.match(modeOf(join(data, entry)), /00$/);

  // The folder remembers its config.
  assert.equal((await cli(['ledger', '--data', data])).code, 0);
  assert.deepEqual([modeOf(data), modeOf(join(data, 'archive'))], ['710', '750']);
  const closed = configFile({ archive: { kind: 'local' } });
  assert.equal((await cli(['ledger', '--data', data, '--config', closed])).code, 0);
  assert.deepEqual([modeOf(data), modeOf(join(data, 'archive'))], ['700', '700']);

  const elsewhere = join(temporaryDir(), 'tables');
  mkdirSync(elsewhere, { mode: 0o755 });
  chmodSync(elsewhere, 0o755);
  const own = configFile({ archive: { kind: 'local', path: elsewhere } });
  assert.equal((await cli(['load', file, '--data', join(temporaryDir(), 'd'), '--config', own])).code, 0);
  assert.equal(modeOf(elsewhere), '755', 'a folder that somebody else made stays as it is');
});
