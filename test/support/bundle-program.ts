/**
 * Writes the program into few files, which test.sh then lets the tests start: a process of it takes half the time until it works, as
 * it has a hundred files to find and to link in place of a thousand. Everything else is the same: what it finds by a path it finds
 * where the sources lie.
 *
 *     node test/support/bundle-program.ts FOLDER
 */
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'vite';

const ROOT = join(import.meta.dirname, '..', '..');
/** With programs of their own, or read only when they are used. */
const LEFT_OUT = ['@duckdb/node-api', '@duckdb/node-bindings', '@aws-sdk/client-s3', '@platformatic/kafka'];

/** Where a file lies stays what it is in the sources. */
const keepPaths: Plugin = {
  name: 'keep-paths',
  transform(code, id) {
    if (!id.startsWith(join(ROOT, 'src'))) return null;
    return code
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(id)))
      .replaceAll('import.meta.filename', JSON.stringify(id))
      .replaceAll('import.meta.url', JSON.stringify(`file://${id}`));
  },
};

const [outDir] = process.argv.slice(2);
if (outDir === undefined) throw new Error('Name the folder for the program.');
await build({
  root: ROOT,
  configFile: false,
  logLevel: 'warn',
  plugins: [keepPaths],
  ssr: { noExternal: true, external: LEFT_OUT },
  build: {
    ssr: join(ROOT, 'src', 'main.ts'),
    outDir,
    emptyOutDir: true,
    target: 'node24',
    minify: false,
    rolldownOptions: {
      output: { keepNames: true, entryFileNames: 'main.mjs', chunkFileNames: '[name]-[hash].mjs' },
    },
  },
});
