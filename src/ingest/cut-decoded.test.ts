import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutDecoded } from './cut-decoded.ts';
import type { Decoded } from './format.ts';

const text = fc.string({ minLength: 1, maxLength: 12 }).map((t) => t.replaceAll('\n', '_'));
const texts = fc.array(text, { minLength: 1, maxLength: 8 });
const json = fc.tuple(texts, fc.boolean(), fc.boolean()).map(
  ([lines, endsLine, isNumbered]): Decoded => ({
    kind: 'json',
    bytes: Buffer.from(lines.join('\n') + (endsLine ? '\n' : '')),
    places: isNumbered ? lines.map((_, i) => 100 + i * 3) : { first: 7 },
  }),
);
const records = texts.map(
  (all): Decoded => ({
    kind: 'records',
    records: all.map((each, place) => ({ fields: { each }, raw: Buffer.from(each), place })),
  }),
);
const rejected = text.map(
  (each): Decoded => ({ kind: 'rejected', reason: 'bad_record', raw: Buffer.from(each), place: 3 }),
);

/** Each record with its place. */
function flat(pieces: readonly Decoded[]): [string, number][] {
  return pieces.flatMap((piece): [string, number][] => {
    if (piece.kind === 'rejected') return [[piece.raw.toString(), piece.place]];
    if (piece.kind === 'records') return piece.records.map(({ raw, place }) => [raw.toString(), place]);
    const lines = piece.bytes.toString().replace(/\n$/, '').split('\n');
    const { places } = piece;
    return lines.map((line, i) => [line, 'first' in places ? places.first + i : places[i]!]);
  });
}

test('whatever is cut: the same records with the same places, in order, and no part over the limits', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(json, records, rejected), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      (pieces, recordsMax, bytesMax) => {
        const parts = [...cutDecoded(pieces, { recordsMax, bytesMax })];
        assert.deepEqual(parts.flatMap(flat), flat(pieces));
        for (const part of parts) {
          const all = flat(part);
          assert.ok(all.length > 0 && all.length <= recordsMax);
          const bytes = all.reduce((sum, [each]) => sum + Buffer.byteLength(each), 0);
          assert.ok(all.length === 1 || bytes <= bytesMax, `${bytes} bytes in ${all.length} records`);
        }
      },
    ),
  );
});
