import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fetchOnce } from '../../tools/dev-services/cache.ts';
import { python } from './read-archive.ts';
import { sparkPython } from './spark.ts';

/** The version whose engine is that of @duckdb/node-api. */
const DUCKDB = 'duckdb==1.5.6';

/** Environment in which `python3` has the readers that docs/open-the-archive.md lets a reader install. */
export async function docsPython(): Promise<Record<string, string>> {
  const readers = python();
  // A build for one version of Python.
  const version = ask("import sys; print('python%d.%d' % sys.version_info[:2])");
  const packages = await fetchOnce(
    `docs-${DUCKDB.replace('==', '-')}-${version}`,
    'DuckDB for Python',
    console.error,
    async (scratch) => {
      execFileSync(
        readers,
        ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--target', scratch, DUCKDB],
        { stdio: 'inherit' },
      );
    },
  );
  const { PATH } = process.env;
  assert.ok(PATH);
  return { PATH: `${dirname(readers)}${delimiter}${PATH}`, PYTHONPATH: packages };
}

/** The same with pyspark, for docs/spark-and-yarn.md. */
export async function docsSparkPython(): Promise<Record<string, string>> {
  const { PATH } = process.env;
  assert.ok(PATH);
  const packages = ask('import sysconfig; print(sysconfig.get_path("purelib"))');
  return { PATH: `${dirname(await sparkPython())}${delimiter}${PATH}`, PYTHONPATH: packages };
}

/** What a line of Python prints. */
function ask(line: string): string {
  return execFileSync(python(), ['-c', line], { encoding: 'utf8' }).trim();
}
