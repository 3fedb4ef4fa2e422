/**
 * `npm run build`: makes dist/, the program of the package. It is compiled, with the types of its library; beside it are the page, the
 * line checker and the driver of Spark. src/system/own-files.ts knows where the program finds them. package.json lists what else is in the
 * package.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { withPackageCommands } from './package-commands.ts';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
/** The declarations that a user's program imports, with all that they import. */
const TYPES = join(DIST, 'src', 'index.d.ts');

const run = (name: string, ...args: string[]) =>
  execFileSync(process.execPath, [join(ROOT, 'node_modules', name), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });

function copy(from: string, to: string): void {
  cpSync(join(ROOT, from), join(DIST, to), { recursive: true });
}

/** Keeps the declarations of the library alone. They may need no package: not every user has the same ones. */
function pruneTypes(): void {
  const kept = new Set<string>();
  const keep = (file: string) => {
    if (kept.has(file)) return;
    kept.add(file);
    // The compiler rewrites imports in programs only.
    const text = readFileSync(file, 'utf8').replace(/(from '|import\(")(\.[^'"]+)\.ts(?=['"])/g, '$1$2.js');
    writeFileSync(file, text);
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, name] of code.matchAll(/(?:\bfrom|\bimport\()\s*['"]([^'"]+)['"]|<reference types/g)) {
      if (!name?.startsWith('.'))
        throw new Error(`${relative(DIST, file)} would need the types of ${name ?? 'a package'}`);
      keep(join(dirname(file), name.replace(/\.js$/, '.d.ts')));
    }
  };
  keep(TYPES);
  for (const file of globSync('**/*.d.ts', { cwd: DIST }))
    if (!kept.has(join(DIST, file))) rmSync(join(DIST, file));
}

function nameCommands(): void {
  for (const file of globSync('**/*.{js,yaml}', { cwd: DIST })) {
    const path = join(DIST, file);
    const text = readFileSync(path, 'utf8');
    const changed = withPackageCommands(text);
    if (changed !== text) writeFileSync(path, changed);
  }
}

rmSync(DIST, { recursive: true, force: true });
run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
pruneTypes();
copy('src/ingest/mappings/presets', 'src/ingest/mappings/presets');
copy('src/api/snippet', 'src/api/snippet');
run(
  'vite/bin/vite.js',
  'build',
  'web',
  '--logLevel',
  'warn',
  '--outDir',
  join(DIST, 'page'),
  '--emptyOutDir',
);
run(
  'assemblyscript/bin/asc.js',
  '--config',
  'wasm/asconfig.json',
  '--outFile',
  join(DIST, 'wasm', 'plain-line.wasm'),
);
copy('deploy/spark', 'spark');
nameCommands();
chmodSync(join(DIST, 'src', 'bin.js'), 0o755);
