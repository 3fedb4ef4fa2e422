/** docs/mappings.md typed from the top: the commands of each preset make of the sample what its golden pair says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { presetNames } from '../../../src/ingest/mappings/read.ts';
import { DocsReader } from '../../support/docs-reader.ts';
import { PROJECT_DIR } from '../../support/product.ts';

const PAGE = 'docs/mappings.md';

/** How many events the golden pair of a sample has. */
function golden(sample: string): number {
  const file = `${sample.slice(0, sample.lastIndexOf('.'))}.events.ndjson`;
  const lines = readFileSync(join(PROJECT_DIR, file), 'utf8').trimEnd().split('\n');
  return lines.filter((line) => !line.startsWith('{"left_out"')).length;
}

it(`${PAGE}: each preset can be tried as its section says`, async () => {
  const tried = new Set<string>();
  await new DocsReader().type(PAGE, ({ text, line }, printed) => {
    const load = /^\.\/tillstream load (test\/\S+) --map (\S+)\n/.exec(text);
    if (!load) return;
    const [, sample = '', preset = ''] = load;
    const where = `${PAGE}:${line}\n${printed}`;
    const events = /^Loaded .* (\d+) events? \((\d+) duplicates?\), 0 bad rows/m.exec(printed);
    assert.ok(events, where);
    assert.equal(Number(events[1]), golden(sample), where);
    const sends = text.includes('\ncurl ');
    const answer = /^\{"accepted":(\d+),"rejected":0,/m.exec(printed);
    assert.equal(Number(answer?.[1] ?? 0), sends ? golden(sample) : 0, where);
    tried.add(preset);
  });
  assert.deepEqual([...tried].sort(), presetNames().toSorted());
});
