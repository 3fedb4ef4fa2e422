/** The commands by which Tillstream is installed and removed, in a data folder of their own. The other pages: test/integration/docs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { childEnv, PROJECT_DIR, temporaryDir } from '../support/product.ts';

const run = promisify(execFile);

/** The shell blocks of a section, in order. */
function blocks(section: string, file: string): string[] {
  const document = readFileSync(join(PROJECT_DIR, file), 'utf8');
  const text = document.split(/^##? /m).find((part) => part.startsWith(`${section}\n`));
  assert.ok(text, `${file} has the section "${section}"`);
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
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
  return { bash };
}

it('Tillstream is installed and removed as the docs say', async () => {
  const { bash } = await folder();
  const operating = 'docs/operating.md';
  try {
    // The last line of the first block stays in the foreground; the second one is for a service.
    const [install, , completion] = blocks('Install', operating);
    const [start = '', status = '', stop = '', last = ''] = install!.trim().split('\n');
    assert.match(last, /^\.\/tillstream up +#/);
    assert.match(await bash([start, status].join('\n')), /Tillstream is ready\.[\s\S]*Running: http:/);
    assert.match(await bash(stop), /^Stopped process \d+\./);
    assert.match(await bash(`${completion}complete -p tillstream`), /-F _tillstream tillstream/);
    await bash(start);
    const [remove] = blocks('Uninstall', 'docs/uninstall.md');
    assert.match(await bash(remove!), /^Stopped process/);
  } finally {
    await bash('./stop-pipeline.sh');
  }
});
