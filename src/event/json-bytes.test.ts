import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { testSeed } from '../../test/support/seed.ts';
import { plainEnd, viewOf } from './json-bytes.ts';

/** Bytes around those that end a text, and others. */
const byte = fc.oneof(
  fc.constantFrom(0x00, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff),
  fc.constant(0x61),
  fc.integer({ min: 0, max: 255 }),
);

test('four bytes together end a text where single bytes do', () => {
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), fc.nat(40), fc.nat(40), (bytes, from, length) => {
      const buffer = Buffer.from(bytes);
      const start = Math.min(from, buffer.length);
      const end = Math.min(start + length, buffer.length);
      const found = buffer
        .subarray(start, end)
        .findIndex((each) => each < 0x20 || each === 0x22 || each === 0x5c);
      const wanted = found < 0 ? end : start + found;
      assert.equal(plainEnd(buffer, viewOf(buffer), start, end), wanted);
    }),
    { seed: testSeed('end of a text'), numRuns: 20_000 },
  );
});
