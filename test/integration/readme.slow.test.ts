/** The commands of the README and the docs, typed from the top, in a data folder of their own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { childEnv, PROJECT_DIR, temporaryDir } from '../support/product.ts';

const run = promisify(execFile);

/** The shell blocks of a section, in order. */
function blocks(section: string, file = 'README.md'): string[] {
  const document = readFileSync(join(PROJECT_DIR, file), 'utf8');
  const text = document.split(/^##? /m).find((part) => part.startsWith(`${section}\n`));
  assert.ok(text, `${file} has the section "${section}"`);
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A folder with the scripts, in which bash runs what the documents print. */
async function folder() {
  const port = await freePort();
  const cwd = temporaryDir();
  for (const name of ['tillstream', 'start-pipeline.sh', 'stop-pipeline.sh'])
    symlinkSync(join(PROJECT_DIR, name), join(cwd, name));
  const env = { ...childEnv(), TILLSTREAM_PORT: String(port), TILLSTREAM_DATA: join(cwd, 'data') };
  const bash = async (script: string) => {
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script.replaceAll(':8080', `:${port}`)], {
      cwd,
      env,
    });
    return stdout;
  };
  return { cwd, bash };
}

it('the README from the demo to own events works as it is printed', async () => {
  const { bash } = await folder();
  try {
    const [start] = blocks('Two commands');
    const demo = await bash(
      start!
        .split('\n')
        .filter((line) => line.startsWith('./start-pipeline.sh'))
        .join('\n'),
    );
    assert.match(demo, /Dashboard {2}http:[\s\S]*Demo {7}a simulated shop/);
    const [own, send, look] = blocks('Your own events');
    assert.match(await bash(own!), /The data of the demo were moved to .*demo-\d{8}-\d{6}/);
    assert.match(await bash(send!), /^\{"accepted":1,"rejected":0/);
    const said = await bash(look!);
    assert.match(said, /Dry run, nothing was stored: 2 records, 2 would be accepted/);
    assert.match(said, /Loaded 2 records .* 2 events/);
    assert.match(said, /^2026-11-23.* EUR .*79\.60/m, 'the revenue of both orders');
    assert.match(said, /^http +1 .*\n^load +2 /m);
  } finally {
    await bash('./stop-pipeline.sh');
  }
});

it('the commands of the docs work as they are printed', async () => {
  const { cwd, bash } = await folder();
  const operating = 'docs/operating.md';
  writeFileSync(
    join(cwd, 'events.csv'),
    'timestamp,event_type,event_id,amount,currency\n2026-11-23T10:21:00Z,purchase,e-2,39.80,EUR\n2026-11-23,x\n',
  );
  try {
    // The last line of the first block stays in the foreground; the second one is for a service.
    const [install, , completion] = blocks('Install', operating);
    const [look, load] = blocks('Loading files', operating);
    mkdirSync(join(cwd, 'exports'));
    writeFileSync(
      join(cwd, 'exports', 'more.csv'),
      'timestamp,event_type,event_id\n2026-11-23 10:22,view_page,e-3\n',
    );
    const said = `${await bash(look!)}${await bash(load!)}`;
    assert.match(said, /Dry run, nothing was stored: 2 records, 1 would be accepted/);
    assert.match(said, /Loaded 2 records .*: 1 event .*, 1 bad row/);
    assert.match(said, /Loaded 1 record .*: 1 event /);
    const [start = '', status = '', stop = '', last = ''] = install!.trim().split('\n');
    assert.match(last, /^\.\/tillstream up +#/);
    assert.match(await bash([start, status].join('\n')), /Tillstream is ready\.[\s\S]*Running: http:/);
    assert.match(await bash(stop), /^Stopped process \d+\./);
    assert.match(await bash(`${completion}complete -p tillstream`), /-F _tillstream tillstream/);
    const [backup] = blocks('Backup', operating);
    await bash(backup!);
    assert.match(await bash('tar -tf backup.tar'), /^\.\/archive\/events\/_delta_log\/0+\.json$/m);
    const [remove] = blocks('Uninstall', 'docs/uninstall.md');
    assert.match(await bash(remove!), /^Stopped process/);
  } finally {
    await bash('./stop-pipeline.sh');
  }
});
