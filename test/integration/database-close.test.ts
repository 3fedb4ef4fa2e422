/** A process ends soon after its database is closed, whatever still runs in it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Database } from '../../src/metrics/duckdb/database.ts';
import { temporaryDir } from '../support/product.ts';

const DATABASE = join(import.meta.dirname, '../../src/metrics/duckdb/database.ts');
/** Each of the statements takes minutes. */
const SCRIPT = `
  const { Database } = await import(${JSON.stringify(DATABASE)});
  const dir = process.argv[1];
  const database = await Database.open({ directories: [dir + '/'], threads: 1, memoryMb: 200, tempDir: dir });
  const failures = [];
  for (let n = 0; n < 4; n++) {
    const connection = await database.connect();
    connection.row('SELECT sum(sqrt(a.range * b.range)) AS n FROM range(1000000) a, range(1000000) b').catch(({ message }) => failures.push(message));
  }
  // Some may not have begun yet.
  if (process.argv[2] === 'running') await new Promise((resolve) => setTimeout(resolve, 300));
  await database.close();
  const after = await database.connect().then((connection) => connection.row('SELECT 1 AS n')).catch(() => 'closed');
  console.log(JSON.stringify({ failures, after }));
  process.exit(0);
`;

test('a statement that can’t be ended does not keep a database from being closed', async () => {
  const dir = temporaryDir();
  const never = new Promise<never>(() => {});
  const options = { directories: [`${dir}/`], threads: 1, memoryMb: 200, tempDir: dir };
  const database = await Database.open({ ...options, intercept: () => never });
  const connection = await database.connect();
  void connection.run('SELECT 1');
  await sleep(10);
  await database.close();
  await assert.rejects((await database.connect()).run('SELECT 2'), /closed/);
});

for (const when of ['running', 'beginning'])
  test(`statements that are ${when} are ended when the database is closed, and the process ends`, async () => {
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', SCRIPT];
    const { stdout } = await promisify(execFile)(process.execPath, [...args, temporaryDir(), when], {
      timeout: 60_000,
    });
    const { failures, after } = JSON.parse(stdout) as { failures: string[]; after: string };
    assert.equal(failures.length, 4);
    for (const failure of failures) assert.match(failure, /Interrupted|closed/);
    assert.equal(after, 'closed');
  });
