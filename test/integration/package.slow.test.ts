/** The package: built, packed, and installed into an empty folder with Node and npm alone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeBlocks, type InstalledPackage, installPackage } from '../support/package.ts';
import { PROJECT_DIR, until } from '../support/product.ts';

/** The declarations that the library publishes: whatever is in one of these must stay. */
const TYPES = [
  'index',
  'ingest/finding',
  'ingest/ingest-result',
  'ingest/mapping/module-types',
  'library/errors',
  'library/mapping-settings',
  'library/pipeline',
  'library/types',
  'log/offset',
  'metrics/metrics-store',
  'metrics/window',
  'telemetry/ledger',
  'telemetry/logger',
  'telemetry/roles',
  'telemetry/status',
].map((name) => `src/${name}`);
const CSV = `timestamp,event_type,user_id,order_id,amount,currency
2025-11-24T10:00:00Z,purchase,u1,o1,19.90,EUR
2025-11-24T11:00:00Z,purchase,u2,o2,5.10,EUR
`;

let installed: InstalledPackage;
before(async () => {
  installed = await installPackage();
});

const under = (folder: string, pattern: string) =>
  globSync(pattern, { cwd: join(PROJECT_DIR, folder) }).sort();
const write = (name: string, text: string) => writeFileSync(join(installed.folder, name), text);
/** Runs a line that must work; gives what it prints. */
async function output(line: string): Promise<string> {
  const { code, stdout, stderr } = await installed.run(line);
  assert.equal(code, 0, `${line}\n${stdout}\n${stderr}`);
  return stdout;
}

describe('The tarball', () => {
  it('holds the program, the pages, and the files that they name, and nothing else', () => {
    const outside = installed.files.filter((file) => !/^(dist|docs|deploy\/grafana)\//.test(file));
    assert.deepEqual(outside, [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'deploy/prometheus/alerts.yml',
      'deploy/prometheus/prometheus.yml',
      'deploy/tillstream.service',
      'package.json',
    ]);
    for (const file of [
      ...under('.', 'docs/*'),
      ...under('.', 'deploy/grafana/{dashboards,provisioning}/**/*.*'),
    ])
      assert.ok(installed.files.includes(file), file);
    const dist = installed.files.flatMap((file) => (file.startsWith('dist/') ? [file.slice(5)] : []));
    const copied = [
      ...under('.', 'src/ingest/mappings/presets/*.yaml'),
      'src/api/snippet/t.js',
      ...under('deploy', 'spark/*'),
    ];
    const types = TYPES.map((name) => `${name}.d.ts`);
    for (const file of [...copied, ...types, 'page/index.html', 'wasm/plain-line.wasm', 'src/bin.js'])
      assert.ok(dist.includes(file), file);
    const rest = dist.filter(
      (file) =>
        !copied.includes(file) &&
        !types.includes(file) &&
        file !== 'wasm/plain-line.wasm' &&
        !/^page\/(index\.html|icon\.svg|assets\/)/.test(file),
    );
    const unknown = rest.filter((file) => !existsSync(join(PROJECT_DIR, file.replace(/\.js$/, '.ts'))));
    assert.deepEqual(unknown, []);
    assert.deepEqual(
      rest.filter((file) => !file.endsWith('.js') || /\.test\.|(^|\/)fake-/.test(file)),
      [],
    );
  });

  it('has pages whose links lead to files of the package', () => {
    const dead = installed.files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...readFileSync(join(installed.home, file), 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
          .map(([, target]) => join(dirname(file), target!))
          .filter((target) => !existsSync(join(installed.home, target)))
          .map((target) => `${file}: ${target}`),
      );
    assert.deepEqual(dead, []);
  });

  it('has a README with the commands of the package for those of a checkout', async () => {
    const { COMMANDS } = await import('../../scripts/package-commands.ts');
    const readme = readFileSync(join(installed.home, 'README.md'), 'utf8');
    for (const { inCheckout, inPackage } of COMMANDS)
      assert.ok(readme.includes(`| \`${inCheckout}\` | \`${inPackage}\` |`), inCheckout);
  });

  it('names no command that only a checkout has, and no path of the machine that built it', () => {
    const wrong = installed.files.filter((file) => {
      const text = readFileSync(join(installed.home, file), 'utf8');
      if (text.includes(PROJECT_DIR)) return true;
      return (
        file.startsWith('dist/') && /(start|stop)-pipeline\.sh|(?<![\w/])\.\/tillstream(?![\w./-])/.test(text)
      );
    });
    assert.deepEqual(wrong, []);
  });
});

describe('The systemd unit and the Dockerfile', () => {
  it('start what is installed', () => {
    const deploy = (name: string) => readFileSync(join(PROJECT_DIR, 'deploy', name), 'utf8');
    const [, command] = /^ExecStart=\/opt\/tillstream\/(\S+) up$/m.exec(deploy('tillstream.service')) ?? [];
    assert.ok(existsSync(join(installed.folder, command ?? 'not named')), command);
    const [, linked] =
      /ln -s \/opt\/tillstream\/(\S+) \/usr\/local\/bin\/tillstream/.exec(deploy('Dockerfile')) ?? [];
    assert.ok(existsSync(join(installed.home, linked ?? 'not named')), linked);
  });
});

describe('The command', () => {
  it('has its version, the presets and their texts', async () => {
    const { version } = JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8'));
    assert.equal(await output('npx tillstream --version'), `${version}\n`);
    const presets = under('.', 'src/ingest/mappings/presets/*.yaml');
    assert.equal(JSON.parse(await output('npx tillstream map list --json')).presets.length, presets.length);
    const preset = readFileSync(join(PROJECT_DIR, 'src/ingest/mappings/presets/segment.yaml'), 'utf8');
    const shown = await output('npx tillstream map show segment');
    assert.equal(shown.trim(), preset.replaceAll('./tillstream', 'npx tillstream').trim());
  });

  it('loads a file, also by a mapping in TypeScript, and answers queries; the data are in the current folder', async () => {
    write('orders.csv', CSV);
    const loaded = JSON.parse(await output('npx tillstream load orders.csv --json'));
    assert.deepEqual([loaded.events, loaded.bad_rows], [2, 0]);
    write('orders.mts', codeBlocks('embed.md', 'ts').find((code) => code.includes('MapFunction')) ?? '');
    write('rows.ndjson', '{"at":"2025-11-25 10:00","id":7,"cents":1500}\n{"state":"draft"}\n');
    const mapped = JSON.parse(await output('npx tillstream load rows.ndjson --map ./orders.mts --json'));
    assert.deepEqual([mapped.events, mapped.left_out], [1, 1]);
    const { rows } = JSON.parse(await output('npx tillstream query revenue --json'));
    assert.deepEqual(
      rows.map((row: { revenue: string }) => row.revenue),
      ['25.0000', '15.0000'],
    );
    assert.ok(existsSync(join(installed.folder, 'data', 'archive')));
  });

  it('exits with the code of what it ran', async () => {
    const { code, stderr } = await installed.run('npx tillstream query revnue');
    assert.equal(code, 2);
    assert.match(stderr, /^There is no metric "revnue"/);
  });

  it('says which Node it needs where this one is too old', async () => {
    write('old.mjs', "Object.defineProperty(process, 'versions', { value: { node: '22.1.0' } });\n");
    const { code, stderr } = await installed.run(
      'node --import ./old.mjs node_modules/.bin/tillstream --version',
    );
    assert.equal(code, 1);
    assert.match(stderr, /^Tillstream needs Node 24 or newer, and this is Node 22\.1\.0\..*\n$/);
  });
});

describe('up', () => {
  const children: ReturnType<typeof spawn>[] = [];
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  it('serves the page and the API as one process, and drains on SIGTERM', async () => {
    const { folder, env } = installed;
    const child = spawn('node_modules/.bin/tillstream', ['up'], { cwd: folder, env, stdio: 'pipe' });
    children.push(child);
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const exited = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
    const runFile = join(folder, 'data', 'run.json');
    await until(() => existsSync(runFile), `it is ready: ${log}`, 60_000);
    const { url, pid, token } = JSON.parse(readFileSync(runFile, 'utf8'));
    assert.equal(pid, child.pid, 'the launcher is replaced, and no process stands above it');
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    for (const setting of ['UV_THREADPOOL_SIZE=16', 'MALLOC_ARENA_MAX=2'])
      assert.ok(environment.includes(setting), setting);
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    assert.ok(args.includes('--disable-sigusr1'));

    const get = async (path: string, type: RegExp) => {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(answer.status, 200, path);
      assert.match(answer.headers.get('content-type') ?? '', type, path);
      return answer.text();
    };
    const page = await get('/', /html/);
    const assets = [...page.matchAll(/(?:src|href)="\.(\/[^"]+)"/g)].map(([, path]) => path!);
    assert.ok(assets.length >= 3, page);
    for (const path of assets) assert.ok((await get(path, /javascript|css|svg/)).length > 100, path);
    assert.match(await get('/t.js', /javascript/), /v1\/events/);
    assert.match(await get('/v1/metrics/revenue?window=1d&from=2025-11-24', /json/), /"revenue":"25\.0000"/);
    const ways = await get('/v1/ways', /json/);
    assert.match(ways, /npx tillstream load/);

    child.kill('SIGTERM');
    assert.equal(await exited, 0, log);
  });

  it('goes to the background, and down stops it, as docs/operating.md says', async () => {
    const block = codeBlocks('operating.md', 'sh').find((text) => text.startsWith('npm install')) ?? '';
    const [, start, status, stop] = block.split('\n');
    assert.match(await output(start!), /^Tillstream is ready\./);
    assert.match(await output(status!), /^Running: http:/);
    assert.match(await output(stop!), /^Stopped process \d+\./);
    assert.equal(JSON.parse(await output('npx tillstream status --json')).running, false);
  });
});

describe('The library', () => {
  it('compiles against its types alone, and does what docs/embed.md says', async () => {
    await output('npm pkg set type=module');
    const [program] = codeBlocks('embed.md', 'ts');
    write('shop.ts', program!);
    write(
      'wrong.ts',
      `import { openPipeline, RejectedError, type MapFunction } from 'tillstream';
const pipeline = await openPipeline({ data: './other' });
// @ts-expect-error: not a window
await pipeline.query('revenue', { window: '2d' });
// @ts-expect-error: not an event
export const map: MapFunction = () => 5;
// @ts-expect-error: an internal class
export type { Ingestor } from 'tillstream';
try {
  await pipeline.ingest({});
} catch (error) {
  if (error instanceof RejectedError) console.log(error.result.errors[0]?.line.toFixed());
}
`,
    );
    // No types of Node, or of a browser: whoever embeds it may have others.
    write('console.d.ts', 'declare const console: { log(...values: unknown[]): void };\n');
    write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2024',
          lib: ['es2024'],
          types: [],
          strict: true,
          noEmit: true,
        },
        include: ['*.ts', '*.mts'],
      }),
    );
    await output(`node ${join(PROJECT_DIR, 'node_modules', 'typescript', 'bin', 'tsc')} -p .`);
    await output('node -e "fs.rmSync(\'data\', { recursive: true })"');
    assert.equal(await output('node shop.ts'), '2 0 19.9000\n');
    assert.equal(await output('node shop.ts'), '2 0 19.9000\n');
  });

  it('exports nothing else', async () => {
    const names = await output(
      "node -e \"import('tillstream').then((all) => console.log(Object.keys(all).join(' ')))\"",
    );
    assert.equal(
      names.trim(),
      'ConfigError InputError RejectedError TillstreamError UnavailableError openPipeline',
    );
    const { stderr } = await installed.run(
      'node -e "import(\'tillstream/dist/src/app/app.js\').catch((e) => console.error(e.code))"',
    );
    assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });
});
