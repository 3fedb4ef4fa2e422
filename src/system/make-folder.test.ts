import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FolderError, makeFolder } from './make-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'tillstream-folder-'));
after(() => rmSync(dir, { recursive: true }));

test('a folder is made with those above it, and making it again changes nothing', () => {
  const folder = join(dir, 'a', 'b', 'c');
  makeFolder(folder, 0o700);
  makeFolder(`${folder}/`);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const link = join(dir, 'link');
  symlinkSync(folder, link);
  makeFolder(join(link, 'd'));
  assert.ok(existsSync(join(folder, 'd')));
});

test('an obstacle is named', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const loose = join(dir, 'loose');
  symlinkSync(join(dir, 'nowhere'), loose);
  const cases: [string, string][] = [
    [file, `${file} is a file, not a folder`],
    [join(file, 'x', 'y'), `${file} is a file, not a folder`],
    ['/dev/null/x', '/dev/null is a file, not a folder'],
    [loose, `${loose} is a link to what does not exist`],
    [join(loose, 'x'), `${loose} is a link to what does not exist`],
  ];
  for (const [path, message] of cases)
    assert.throws(() => makeFolder(path), { constructor: FolderError, message });
});

test('where the system makes no folders it ends with a message', () => {
  for (const path of ['/proc/tillstream', '/proc/tillstream/data', '/proc/self/tillstream'])
    assert.throws(() => makeFolder(path), { message: /^no folder can be made in \/proc/ });
});
