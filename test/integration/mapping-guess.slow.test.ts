/** What `map guess` and the page propose for a file: the preset that was made for it, or a mapping for the table of an unknown shop. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ADAPTERS, readParquet } from '../../src/app/app.ts';
import { type Guess, guessMapping } from '../../src/ingest/mappings/guess.ts';
import { firstPieces } from '../../src/load/beginning.ts';
import { openInput } from '../../src/load/inputs.ts';
import { testNow } from '../support/clock.ts';
import { PROJECT_DIR } from '../support/product.ts';

const GOLDEN = join(PROJECT_DIR, 'test', 'golden', 'mappings');

/** Read as they are, or told by another shipper's preset in the same way. */
const OTHERWISE: Record<string, string | null> = {
  'kafka-connect-2.ndjson': 'fluent-bit',
  'retailrocket.csv': null,
  'vector-2.ndjson': null,
};

function guess(path: string): Promise<Guess | null> {
  return guessMapping({
    decode: async (detecting) =>
      firstPieces(await openInput(path, path, detecting, { readParquet, formats: ADAPTERS.formats }), 1000),
    timeZone: 'UTC',
    now: testNow,
  });
}

test('each export is given to the preset that was made for it', async () => {
  const files = readdirSync(GOLDEN).filter((file) => !/\.(events\.ndjson|test\.ts|body)$/.test(file));
  for (const file of files) {
    const expected = file in OTHERWISE ? OTHERWISE[file] : file.replace(/(-\d)?\.\w+$/, '');
    const found = await guess(join(GOLDEN, file));
    assert.equal(found?.preset, expected, file);
    assert.equal(found?.proposal, null, file);
  }
});
