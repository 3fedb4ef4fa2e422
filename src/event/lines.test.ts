import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sliceLines } from './lines.ts';

test('pieces have at most so many whole lines, and give the body back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('\n', 'a', 'bc\n', '\r\n', '0123456789')),
      fc.integer({ min: 1, max: 5 }),
      (parts, linesMax) => {
        const body = Buffer.from(parts.join(''));
        const pieces = [...sliceLines(body, linesMax)].map(String);
        assert.equal(pieces.join(''), body.toString());
        for (const [index, piece] of pieces.entries()) {
          const lines = piece.split('\n').length - 1;
          assert.ok(
            index === pieces.length - 1 ? lines <= linesMax : lines === linesMax && piece.endsWith('\n'),
          );
        }
      },
    ),
  );
});
