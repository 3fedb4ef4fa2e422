/**
 * Writes the program into few files, which test.sh then lets the tests start: a process of it takes half the time until it works, as
 * it has a hundred files to find and to link in place of a thousand. Everything else is the same: what it finds by a path it finds
 * where the sources lie.
 *
 *     node test/support/bundle-program.ts FOLDER
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'vite';

const ROOT = join(import.meta.dirname, '..', '..');
const ENTRY = 'main.mjs';
/** A run takes less. */
const KEPT_MS = 86_400_000;
/** How the program finds itself in src/system/own-files.ts, to start itself in the background. */
const ITSELF = "program('main')";
/** Not JavaScript alone, or large and read only when they are used. */
const LEFT_OUT = ['@duckdb/node-bindings', '@aws-sdk/client-s3', '@platformatic/kafka'];

const [outDir] = process.argv.slice(2);
if (outDir === undefined) throw new Error('Name the folder for the program.');

/** Where a file lies stays what it is in the sources. */
const keepPaths: Plugin = {
  name: 'keep-paths',
  enforce: 'pre',
  transform(code, id) {
    if (!id.startsWith(join(ROOT, 'src'))) return null;
    if (id.endsWith('/own-files.ts') && !code.includes(ITSELF))
      throw new Error(`${id} no longer has ${ITSELF}, which would start the sources.`);
    return code
      .replaceAll(ITSELF, JSON.stringify(join(outDir, ENTRY)))
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(id)))
      .replaceAll('import.meta.filename', JSON.stringify(id))
      .replaceAll('import.meta.url', JSON.stringify(`file://${id}`));
  },
};

await build({
  root: ROOT,
  configFile: false,
  logLevel: 'warn',
  plugins: [keepPaths],
  ssr: { noExternal: true, external: LEFT_OUT },
  build: {
    ssr: join(ROOT, 'src', 'main.ts'),
    outDir,
    // Another run of test.sh may use those that are there.
    emptyOutDir: false,
    target: 'node24',
    minify: false,
    rolldownOptions: {
      output: { keepNames: true, entryFileNames: ENTRY, chunkFileNames: '[name]-[hash].mjs' },
    },
  },
});
const writtenMs = (name: string) => statSync(join(outDir, name)).mtimeMs;
for (const name of readdirSync(outDir))
  if (writtenMs(name) < writtenMs(ENTRY) - KEPT_MS) rmSync(join(outDir, name));
