/** What a checkout builds for itself: the page and the line checker, at the first start and when their sources change. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { PLAIN_LINE_FILE } from '../../src/system/own-files.ts';
import { childEnv, PROJECT_DIR, temporaryDir } from '../support/product.ts';

/** The types of Node leave it out, and those of a browser would bring too much. */
declare const WebAssembly: {
  Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): unknown[];
    exports(module: object): { name: string }[];
  };
};

const SOURCE = 'wasm/plain-line.ts';
const MODULE = 'wasm/dist/plain-line.wasm';
const PAGE = 'web/dist/index.html';

/** Starts scripts/bootstrap.sh of a checkout; gives the progress that it printed, without the seconds. */
function bootstrap(checkout: string): { code: number | null; printed: string[] } {
  const { status, stderr } = spawnSync('bash', [join(checkout, 'scripts/bootstrap.sh')], {
    env: childEnv(),
    encoding: 'utf8',
  });
  const printed = stderr.split('\n').map((line) => line.replace(/ \d+ s$/, ''));
  return { code: status, printed: printed.filter((line) => line !== '') };
}

describe('A fresh checkout', () => {
  const checkout = join(temporaryDir(), 'tillstream');
  const inCheckout = (file: string) => join(checkout, file);
  before(() => {
    assert.equal(bootstrap(PROJECT_DIR).code, 0);
    for (const path of [
      'scripts',
      'web',
      'wasm',
      'src/event',
      'package.json',
      'package-lock.json',
      '.node-version',
    ])
      cpSync(join(PROJECT_DIR, path), inCheckout(path), {
        recursive: true,
        filter: (file) => !file.endsWith('/dist'),
      });
    symlinkSync(join(PROJECT_DIR, 'node_modules'), inCheckout('node_modules'));
  });

  it('builds both, once', () => {
    const building = ['tillstream: Building the page ...', 'tillstream: Building the line checker ...'];
    assert.deepEqual(bootstrap(checkout), { code: 0, printed: building });
    for (const file of [PAGE, MODULE]) assert.ok(statSync(inCheckout(file)).size > 0, file);
    assert.deepEqual(bootstrap(checkout), { code: 0, printed: [] });
  });

  it('builds again what has other sources, and only that', () => {
    const old = readFileSync(inCheckout(MODULE));
    appendFileSync(inCheckout(SOURCE), 'export function added(): i32 {\n  return 1;\n}\n');
    assert.deepEqual(bootstrap(checkout), {
      code: 0,
      printed: ['tillstream: Building the line checker ...'],
    });
    assert.notDeepEqual(readFileSync(inCheckout(MODULE)), old);
    appendFileSync(inCheckout('web/index.html'), '<!-- changed -->\n');
    assert.deepEqual(bootstrap(checkout), { code: 0, printed: ['tillstream: Building the page ...'] });
  });

  it('keeps what was built where the sources are wrong, and says what is', () => {
    const old = readFileSync(inCheckout(MODULE));
    appendFileSync(inCheckout(SOURCE), 'export function wrong(): i32 {\n  return missing;\n}\n');
    const { code, printed } = bootstrap(checkout);
    assert.equal(code, 1);
    const text = printed.join('\n');
    assert.match(text, /Cannot find name 'missing'/);
    assert.match(text, /\ntillstream: The line checker could not be built\.\n {2}Its sources are in wasm\/;/);
    assert.deepEqual(readFileSync(inCheckout(MODULE)), old);
  });
});

describe('The line checker', () => {
  it('is where the program looks for it, and needs nothing of its host', () => {
    assert.equal(PLAIN_LINE_FILE, join(PROJECT_DIR, MODULE));
    assert.ok(existsSync(PLAIN_LINE_FILE));
    const module = new WebAssembly.Module(readFileSync(PLAIN_LINE_FILE));
    assert.deepEqual(WebAssembly.Module.imports(module), []);
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    for (const name of ['check', 'memory']) assert.ok(exported.includes(name), name);
  });
});
