/**
 * Golden pairs, and: however the bytes are cut, the records are the same. After a change: TILLSTREAM_GOLDEN=write node --test
 * src/ingest/formats.test.ts, biome check --write, and read the difference.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Detected, describeDetection } from './detect.ts';
import { detected, readAll } from './fake-reading.ts';
import type { DetectOptions } from './format.ts';
import { FORMATS } from './formats/all.ts';

const FOLDER = join(import.meta.dirname, '../../test/fixtures/formats');
const INPUTS = readdirSync(FOLDER).filter((name) => !name.endsWith('.expected.json'));

const OPTIONS: Record<string, DetectOptions> = {
  'table.csv': { isKnownName: (name) => name === 'Zeit' || name === 'event' },
};

function load(name: string): { bytes: Buffer; found: Detected } {
  const bytes = readFileSync(join(FOLDER, name));
  return { bytes, found: detected(bytes, OPTIONS[name]) };
}

describe('Formats', () => {
  for (const name of INPUTS) {
    it(`${name} is read as expected`, () => {
      const { bytes, found } = load(name);
      const golden = join(FOLDER, `${name}.expected.json`);
      const read = { detected: describeDetection(found), pieces: readAll(found, [bytes]) };
      if (process.env.TILLSTREAM_GOLDEN === 'write')
        writeFileSync(golden, `${JSON.stringify(read, null, 2)}\n`);
      assert.deepEqual(read, JSON.parse(readFileSync(golden, 'utf8')));
    });

    it(`${name} is the same wherever it is cut`, () => {
      const { bytes, found } = load(name);
      const whole = readAll(found, [bytes]);
      for (let at = 1; at < bytes.length; at++)
        assert.deepEqual(readAll(found, [bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
      const each = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
      assert.deepEqual(readAll(found, each), whole, 'byte by byte');
    });

    it(`${name} with damage is the same wherever it is cut`, () => {
      const { bytes, found } = load(name);
      fc.assert(
        fc.property(
          fc.array(
            fc.tuple(
              fc.nat(bytes.length - 1),
              fc.constantFrom('"', '\n', '{', '}', '[', ',', '\0', '\\', '\xef'),
            ),
            {
              minLength: 1,
              maxLength: 4,
            },
          ),
          fc.array(fc.nat(bytes.length), { maxLength: 6 }),
          (damage, cuts) => {
            const changed = Buffer.from(bytes);
            for (const [at, byte] of damage) changed.write(byte, at, 'latin1');
            const whole = readAll(found, [changed]);
            const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
            const parts = edges.slice(1).map((end, i) => changed.subarray(edges[i], end));
            assert.deepEqual(readAll(found, parts), whole);
          },
        ),
        { numRuns: 300 },
      );
    });
  }

  it('each have a golden pair', () => {
    const used = new Set(INPUTS.map((name) => load(name).found.format.name));
    assert.deepEqual(
      FORMATS.map(({ name }) => name).filter((name) => !used.has(name)),
      ['sequence-file'],
    );
  });
});

it('reads a column named __proto__ like any other, in a table and in a log', () => {
  for (const text of [
    'timestamp,__proto__,user_id\n2026-11-01,x,u1\n2026-11-02,,u2\n',
    '#Fields: timestamp __proto__ user_id\n2026-11-01 x u1\n2026-11-02 - u2\n',
  ]) {
    const pieces = readAll(detected(Buffer.from(text)), [Buffer.from(text)]);
    const members = pieces.map(({ fields }) => Object.entries(fields!));
    assert.deepEqual(members, [
      [
        ['timestamp', '2026-11-01'],
        ['__proto__', 'x'],
        ['user_id', 'u1'],
      ],
      [
        ['timestamp', '2026-11-02'],
        ['user_id', 'u2'],
      ],
    ]);
  }
});
