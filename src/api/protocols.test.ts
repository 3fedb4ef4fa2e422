import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blankKey } from './protocols.ts';

test('a key in a body is overwritten where it is a key, and nowhere else', () => {
  const blanked = (text: string, key: string) => {
    const body = Buffer.from(text);
    blankKey(body, ['api_key', 'token'], key);
    return JSON.parse(body.toString());
  };
  assert.deepEqual(
    blanked('{"api_key":"test","batch":[{"event":"test","token" : "test","test":"test"}]}', 'test'),
    {
      api_key: '',
      batch: [{ event: 'test', token: '', test: 'test' }],
    },
  );
  assert.deepEqual(blanked('{"token":"ü\\"x","name":"ü\\"x"}', 'ü"x'), { token: '', name: 'ü"x' });
  assert.deepEqual(blanked('{"event":"test"}', 'test'), { event: 'test' });
});
