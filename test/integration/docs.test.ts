import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('the generated pages of docs/ are up to date', async () => {
  const script = join(import.meta.dirname, '../../scripts/generate-docs.ts');
  const { stderr } = await promisify(execFile)(process.execPath, [script, '--check']).catch((error) => error);
  assert.equal(stderr, '');
});

test('the messages that the docs explain are those of the program', () => {
  const root = join(import.meta.dirname, '../..');
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const plain = (text: string) => text.replaceAll('’', "'").replaceAll("\\'", "'").replace(/\s+/g, ' ');
  const code = plain(
    [...globSync('src/**/*.ts', { cwd: root }), 'start-pipeline.sh', 'stop-pipeline.sh']
      .filter((file) => !file.endsWith('.test.ts'))
      .map(read)
      .join('\n')
      // A sentence may be written in several pieces, and have values in it.
      .replace(/['"`]\s*\+\s*['"`]/g, ''),
  );
  const unknown = ['docs/find-out-what-is-wrong.md', 'docs/spark-and-yarn.md']
    .flatMap((page) => read(page).split('\n'))
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, message]) => message!))
    .filter((message) => message.includes(' '))
    .filter((message) =>
      // Between what stands for a value.
      plain(message)
        .split(/…|\.\.\.|\b\d[\d.]*\b|\bfile:line\b/)
        .map((piece) => piece.replace(/^[\s,:.]+|[\s,:.]+$/g, ''))
        .some((piece) => piece.length > 3 && !code.includes(piece)),
    );
  assert.deepEqual(unknown, []);
});
