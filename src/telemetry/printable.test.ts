import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable, printableJson, printableLines } from './printable.ts';

const ACTIVE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\x1b]52;c;eA==\x07',
      '\x1b[2J',
      '\x9b31m',
      '\u202e',
      '\u2066',
      '\n',
      '\r',
      '\t',
      '\0',
      '\x7f',
      '\\',
    ),
    fc.string({ unit: 'binary', maxLength: 1 }),
    fc.constantFrom('ü', '日本', '😀', '👨‍👩‍👧', 'مرحبا'),
  ),
});

test('nothing that a terminal acts on is left', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      assert.doesNotMatch(printable(text), ACTIVE);
      assert.doesNotMatch(printableLines(text).replaceAll('\n', ''), ACTIVE);
      assert.equal(printableLines(text).split('\n').length, text.split('\n').length);
    }),
  );
});

test('text of any language stays as it is', () => {
  for (const text of ['plain', 'größer 5 €', '日本語', '😀👨‍👩‍👧', 'مرحبا', 'C:\\temp']) {
    assert.equal(printable(text), text);
    assert.equal(printableLines(`${text}\n${text}`), `${text}\n${text}`);
  }
});

test('JSON stays the same document', () => {
  fc.assert(
    fc.property(hostile, fc.dictionary(hostile, hostile), (text, object) => {
      for (const value of [text, object, { a: [text] }]) {
        const json = printableJson(JSON.stringify(value));
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
        assert.doesNotMatch(json, ACTIVE);
      }
    }),
  );
});
