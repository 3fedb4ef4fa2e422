import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readableLine } from './pino-logger.ts';

test('a line for people has a grade, the message, its values, and nothing that a terminal acts on', () => {
  const line = (fields: object) =>
    readableLine(JSON.stringify({ level: 'info', time: '2026-11-23T10:15:30.250Z', ...fields }));
  assert.match(
    line({ msg: 'ready', url: 'http://x', lines: 3 }),
    /^\d\d:\d\d:30 ready \(url: http:\/\/x, lines: 3\)\n$/,
  );
  assert.match(line({ level: 'warn', msg: 'slow' }), /^\S+ warning: slow\n$/);
  const failed = line({ level: 'error', msg: 'failed', err: { message: 'the disk is full', stack: 'at x' } });
  assert.match(failed, /^\S+ error: failed \(reason: the disk is full\)\n$/);
  assert.doesNotMatch(line({ msg: '\u001b[2Jevil\n', name: '\u202ex' }), /[\u001b\u202e]|\n./);
});
