import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOUBTS } from '../metrics/definitions/doubts.ts';
import { FINDINGS } from './finding-catalogue.ts';

test('messages and remedies are sentences, and name no value twice', () => {
  for (const [code, { message, setting }] of Object.entries(FINDINGS)) {
    const text = message('SUBJECT', 'DETAIL');
    assert.match(text, /^[A-Z].*[.?]$/, code);
    assert.match(setting, /^[A-Z].*\.$/, code);
    assert.ok((text.match(/SUBJECT/g) ?? []).length <= 1, code);
  }
});

test('the metric quality has some findings by their codes', () => {
  for (const code of Object.keys(DOUBTS)) assert.ok(code in FINDINGS, code);
});
