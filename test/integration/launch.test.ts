/** The command that npm installs, run from the sources: what it starts Node with, and what it passes on. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startEnvironment } from '../../src/launch.ts';
import { childEnv, PROJECT_DIR, startProduct, temporaryDir } from '../support/product.ts';

const BIN = join(PROJECT_DIR, 'src', 'bin.ts');

test('it sets what the script of a checkout sets, and keeps what the user has set', () => {
  const script = readFileSync(join(PROJECT_DIR, 'tillstream'), 'utf8');
  const exported = [...script.matchAll(/^export (\w+)=\$\{\1:-(.*)\}$/gm)].map(([, name, value]) => [
    name,
    value!.replace('$cache', '/cache/tillstream'),
  ]);
  assert.deepEqual(Object.entries(startEnvironment({ XDG_CACHE_HOME: '/cache' })), exported);
  assert.equal(startEnvironment({ UV_THREADPOOL_SIZE: '4' }).UV_THREADPOOL_SIZE, '4');
  const launcher = readFileSync(join(PROJECT_DIR, 'src', 'launch.ts'), 'utf8');
  const [, flags] = /exec "\$node" (--.*) "\$root\/src\/main\.ts"/.exec(script) ?? [];
  assert.ok(flags);
  for (const flag of flags.split(' ')) assert.ok(launcher.includes(`'${flag}'`), flag);
});

test('arguments, output and exit code are those of the command', () => {
  const env = childEnv();
  const { version } = JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8'));
  assert.equal(execFileSync(process.execPath, [BIN, '--version'], { env, encoding: 'utf8' }), `${version}\n`);
  const data = join(temporaryDir(), 'a folder');
  const wrong = spawnSync(process.execPath, [BIN, 'ledger', '--data', data], { env, encoding: 'utf8' });
  assert.equal(wrong.status, 1);
  assert.ok(wrong.stderr.startsWith(`There is no data folder ${data}: `), wrong.stderr);
});

/** Packages and folders of ours that a command has loaded when it ends. */
function loadedBy(...args: string[]): string {
  const hook = `import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    process.on('exit', () => process.stderr.write(loaded.join('\\n')));`;
  const main = join(PROJECT_DIR, 'src', 'main.ts');
  const hooked = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, main, ...args];
  return spawnSync(process.execPath, hooked, { env: childEnv(), encoding: 'utf8' }).stderr;
}

test('a command loads what it needs: one that asks a running process next to nothing, no other the client of S3', async () => {
  const product = await startProduct({ dataDir: temporaryDir() });
  for (const command of [['status'], ['ledger'], ['query', 'traffic']]) {
    const loaded = loadedBy(...command, '--data', product.dataDir);
    assert.match(loaded, /\/src\/commands\/inspect\.ts$/m);
    assert.doesNotMatch(loaded, /\/src\/(app|archive|ingest)\/|\/(zod|prom-client|@duckdb)\//, command[0]);
  }
  await product.stop();
  const loaded = loadedBy('ledger', '--data', product.dataDir);
  assert.match(loaded, /\/@duckdb\//);
  assert.doesNotMatch(loaded, /\/(@aws-sdk|@platformatic|fastify)\//);
});
