/** Config files with secrets that others on this machine may read. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cli, configFile, temporaryDir } from '../support/product.ts';

test('a config file with secrets that everyone can read is a warning of check, and at the start', async () => {
  const key = 'a-secret-key-0123456789';
  const secret = { sources: [{ kind: 'http', api_keys: [{ name: 'shop', key, scopes: ['read'] }] }] };
  const fromEnvironment = {
    sources: [{ kind: 'http', api_keys: [{ name: 'shop', key: '${SHOP_KEY}', scopes: ['read'] }] }],
  };
  const cases: [object, number, boolean][] = [
    [secret, 0o644, true],
    [secret, 0o606, true],
    [secret, 0o640, false],
    [secret, 0o600, false],
    [fromEnvironment, 0o644, false],
    [{ time_zone: 'UTC' }, 0o644, false],
  ];
  for (const [config, mode, warns] of cases) {
    const file = configFile(config);
    chmodSync(file, mode);
    const data = join(temporaryDir(), 'data');
    const options = { env: { SHOP_KEY: key } };
    const check = await cli(['check', '--data', data, '--config', file], options);
    assert.equal(check.code, 0, check.stderr);
    assert.equal(check.stdout.includes('WARNING'), warns, `${mode.toString(8)}: ${check.stdout}`);
    if (warns) assert.match(check.stdout, new RegExp(`chmod 600 ${file}`));
    assert.ok(!check.stdout.includes(key));
  }
  const file = configFile(secret);
  chmodSync(file, 0o644);
  const data = join(temporaryDir(), 'data');
  assert.equal((await cli(['up', '--background', '--data', data, '--config', file])).code, 0);
  const log = readFileSync(join(data, 'tillstream.log'), 'utf8');
  assert.match(log, /Every user of this machine can read/);
  assert.ok(!log.includes(key));
  assert.equal((await cli(['down', '--data', data])).code, 0);
});
