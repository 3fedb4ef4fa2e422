/** A start on a disk that takes nothing: by a limit of file sizes, which needs no mount. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { childEnv, cli, MAIN, temporaryDir } from '../support/product.ts';

/** Runs a command that can't write a byte to any file. */
function withoutRoom(args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn('sh', ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, MAIN, ...args], {
    env: childEnv(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr })));
}

test('a start without disk space reports it, and leaves nothing behind however often it is tried', async () => {
  const fresh = join(temporaryDir(), 'fresh');
  const used = join(temporaryDir(), 'used');
  const events = join(temporaryDir(), 'events.ndjson');
  writeFileSync(events, '{"timestamp":1790000000000,"event_type":"search"}\n');
  assert.equal((await cli(['load', events, '--data', used])).code, 0);
  for (const data of [fresh, used]) {
    const before = existsSync(data) ? readdirSync(data).sort() : [];
    const commands = [['up'], ['load', events], ...(data === used ? [['ledger']] : []), ['up']];
    for (const command of commands) {
      const { code, stderr } = await withoutRoom([...command, '--data', data]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /The disk of the data folder .* is full/);
      assert.doesNotMatch(stderr, /\n {4}at /);
      assert.deepEqual(readdirSync(data).sort(), before);
    }
    for (const command of ['down', 'status']) {
      const { code, stderr } = await withoutRoom([command, '--data', data]);
      assert.equal(code, 0, stderr);
    }
  }
  assert.equal((await cli(['ledger', '--data', used])).code, 0, 'with room again it works');
});
