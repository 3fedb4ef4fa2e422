/**
 * Runs test files in the order given, so many at a time: `node --test` sorts them by name, and then a file that takes minutes may be
 * left to run alone at the end.
 *
 *     node test/support/run-files.ts CONCURRENCY FILE...
 */
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import fileReporter from './file-reporter.ts';

const FILE_MS_MAX = 600_000;

const [concurrency, ...files] = process.argv.slice(2);
const tests = run({ files, concurrency: Number(concurrency), timeout: FILE_MS_MAX });
tests.on('test:summary', ({ success }) => {
  if (!success) process.exitCode = 1;
});
for (const reporter of [new spec(), fileReporter]) tests.compose(reporter).pipe(process.stdout);
