/** Quantiles from histograms, both ways in which they are computed, beside the nearest rank of the rows themselves. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { manyQuantilesSql, quantileSql, ROWS_ALONE_MAX } from '../../src/metrics/duckdb/tables.ts';
import { GAMMA, ZERO_BUCKET } from '../../src/metrics/pass-sql.ts';
import { Random } from '../../tools/simulator/random.ts';
import { type DecoderUnderTest, openDecoder } from '../support/decode-lines.ts';
import { testSeed } from '../support/seed.ts';

const QUANTILES = [0.5, 0.95, 0.99].map((q, index) => ({ q, name: `q${index + 1}` }));
const ROUNDS = 8;

let under: DecoderUnderTest;
before(async () => {
  under = await openDecoder('UTC');
});
after(() => under.close());

const bucketValue = (bucket: number) => (bucket === ZERO_BUCKET ? 0 : (2 * GAMMA ** bucket) / (GAMMA + 1));

/** The bucket of the row at the nearest rank, found row by row. */
function nearest(buckets: readonly { bucket: number; n: number }[], q: number): number {
  const rows = buckets.flatMap(({ bucket, n }) => Array<number>(n).fill(bucket)).sort((a, b) => a - b);
  return bucketValue(rows[Math.ceil(q * rows.length) - 1]!);
}

test('quantiles of groups with few rows and with very many are those of the row at the nearest rank', async (t) => {
  const random = new Random(testSeed(t));
  for (let round = 0; round < ROUNDS; round++) {
    const groups = Array.from({ length: random.integer(0, 12) }, (_, start) => {
      // Many rows in one bucket, and such as are just few enough.
      const most = random.pick([1, 3, 50, ROWS_ALONE_MAX / 4, ROWS_ALONE_MAX, 2 * ROWS_ALONE_MAX]);
      return {
        start,
        key: random.pick(['purchase', "o'brien", '']),
        buckets: Array.from({ length: random.integer(1, 9) }, () => ({
          bucket: random.integer(ZERO_BUCKET, 600),
          n: random.chance(0.2) ? most : random.integer(1, most),
        })),
      };
    });
    const values = groups.flatMap(({ start, key, buckets }) =>
      buckets.map(({ bucket, n }) => `(${start}, '${key.replaceAll("'", "''")}', ${bucket}, ${n})`),
    );
    const rows = [...values, "(-1, '', 0, 1)"].join(', ');
    const histogram = `(SELECT * FROM (VALUES ${rows}) AS rows (start, key, bucket, n) WHERE start >= 0)`;
    const expected = groups.map(({ start, key, buckets }) => [
      start,
      key,
      ...QUANTILES.map(({ q }) => nearest(buckets, q)),
    ]);
    for (const sql of [quantileSql, manyQuantilesSql]) {
      const found = await under.connection.rows<Record<string, unknown>>(
        `SELECT * FROM (${sql(QUANTILES, ['start', 'key'], histogram)}) ORDER BY start`,
      );
      assert.equal(found.length, expected.length);
      for (const [index, { start, key, q1, q2, q3 }] of found.entries()) {
        const [atStart, ofKey, ...quantiles] = expected[index]!;
        assert.deepEqual([start, key], [atStart, ofKey]);
        for (const [at, value] of [q1, q2, q3].entries())
          assert.ok(
            Math.abs(Number(value) / (quantiles[at] as number) - 1) < 1e-9 || value === quantiles[at],
            `${sql.name}: ${key} ${at}`,
          );
      }
    }
  }
});
