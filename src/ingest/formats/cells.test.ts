import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitAtBlanks } from './cells.ts';

test('cells of an access log are split at spaces, except inside quotes and brackets', () => {
  const lines: [string, string[] | null][] = [
    ['a  b', ['a', 'b']],
    [
      '[01/Nov/2024:10:00:00 +0000] "GET / HTTP/1.1" 200',
      ['01/Nov/2024:10:00:00 +0000', 'GET / HTTP/1.1', '200'],
    ],
    ['"a \\"b\\" c" -', ['a "b" c', '-']],
    ['[2001:db8::1]:2817 [::1]', ['[2001:db8::1]:2817', '::1']],
    ['[never closed', null],
    ['"a"b c', null],
  ];
  for (const [line, cells] of lines) assert.deepEqual(splitAtBlanks(line), cells, line);
});
