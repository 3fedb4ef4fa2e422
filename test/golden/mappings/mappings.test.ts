/**
 * Golden pairs of the presets: each NAME.* beside this file, but for NAME.events.ndjson, holds records as that system writes them, and
 * NAME.events.ndjson the events that the preset must make of them. After a change: TILLSTREAM_GOLDEN=write node --test
 * test/golden/mappings/mappings.test.ts, and read the difference.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openContent } from '../../../src/ingest/content.ts';
import { detectFormat } from '../../../src/ingest/detect.ts';
import { LineValidator } from '../../../src/ingest/line-validator.ts';
import { mapperOf } from '../../../src/ingest/mapping/map-records.ts';
import { presetNames, readMapping } from '../../../src/ingest/mappings/read.ts';
import { Normalizer } from '../../../src/ingest/normalize.ts';
import { Observer } from '../../../src/ingest/observer.ts';

const NOW_MS = Date.UTC(2026, 10, 28, 12);
const DIR = import.meta.dirname;
const ENDING = '.events.ndjson';

/** What a preset makes of a file: a line for each event, and for each record that is none. */
async function eventsOf(preset: string, file: string): Promise<string> {
  const mapper = mapperOf(readMapping(preset, DIR));
  async function* bytes() {
    yield readFileSync(join(DIR, file));
  }
  const content = await openContent(bytes());
  const found = detectFormat(content.sample, mapper.detecting);
  assert.ok('format' in found, JSON.stringify(found));
  const decoder = found.format.decoder(found.detection);
  const validator = new LineValidator({
    normalizer: new Normalizer({ time_zone: 'UTC', ...mapper.settings }),
    timeZone: 'UTC',
    lineBytesMax: 1 << 20,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now: () => NOW_MS,
  });
  const observer = new Observer({ zone: 'UTC' });
  let [text, leftOut] = ['', 0];
  const take = async (pieces: ReturnType<typeof decoder.push>) => {
    const mapped = await mapper.map(pieces);
    leftOut += mapped.leftOut;
    const { bytes: lines } = validator.validate(mapped.decoded, observer);
    text += Buffer.concat(lines).toString();
  };
  for await (const chunk of content.chunks) await take(decoder.push(chunk));
  await take(decoder.end());
  return leftOut === 0 ? text : `${text}{"left_out":${leftOut}}\n`;
}

describe('the preset', () => {
  const files = readdirSync(DIR).filter((file) => !file.endsWith('.ts') && !file.endsWith(ENDING));
  for (const preset of presetNames()) {
    const inputs = files.filter((file) => file.slice(0, file.indexOf('.')).replace(/-\d+$/, '') === preset);
    it(`${preset} makes the right events`, async () => {
      assert.ok(inputs.length > 0, `there is no ${preset}.* in test/golden/mappings`);
      for (const input of inputs) {
        const golden = join(DIR, `${input.slice(0, input.indexOf('.'))}${ENDING}`);
        const events = await eventsOf(preset, input);
        if (process.env.TILLSTREAM_GOLDEN === 'write') writeFileSync(golden, events);
        assert.ok(existsSync(golden), `there is no ${golden}`);
        assert.equal(events, readFileSync(golden, 'utf8'), input);
        assert.doesNotMatch(
          events,
          /tillstream_bad/,
          'every record of a golden pair is an event, or left out by rule',
        );
      }
    });
  }
  it('has no input without it', () => {
    const known = new Set(presetNames());
    const unknown = files.filter((file) => !known.has(file.slice(0, file.indexOf('.')).replace(/-\d+$/, '')));
    assert.deepEqual(unknown, []);
    const events = readdirSync(DIR).filter((file) => file.endsWith(ENDING));
    const inputs = new Set(files.map((file) => `${file.slice(0, file.indexOf('.'))}${ENDING}`));
    assert.deepEqual(
      events.filter((file) => !inputs.has(file)),
      [],
      'each has its input; files *.log are not kept by git',
    );
  });
});
