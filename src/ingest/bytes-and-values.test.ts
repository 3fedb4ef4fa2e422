import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyLine } from '../../test/support/line-arbitraries.ts';
import { testSeed } from '../../test/support/seed.ts';
import { FIELDS } from '../event/fields.ts';
import { parseTimestamp } from '../event/timestamp.ts';
import { Ingestor } from './ingestor.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const LINES = Number(process.env.TILLSTREAM_TEST_LINES ?? 6000);
const SEED = testSeed('bytes and values');

/** The fields of a stored line by what they mean, whatever their spelling: numbers as such, times as instants. */
function meaning(stored: string): unknown {
  if (stored === '') return null;
  const line = JSON.parse(stored) as Record<string, unknown>;
  // Its numbers are spelled as they came, or as the reader of values writes them.
  delete line.extra;
  for (const { name, kind } of FIELDS) {
    if (line[name] === undefined) continue;
    if (kind === 'timestamp') line[name] = parseTimestamp(String(line[name]), 'UTC');
    if (kind === 'money' || kind === 'decimal' || kind === 'integer') line[name] = Number(line[name]) + 0;
  }
  return line;
}

test(`a line is the same event whether its values are read or, once its names are known, its bytes (seed ${SEED})`, () => {
  const now = () => NOW_MS;
  const create = () =>
    new Ingestor({
      log: {} as never,
      settings: { time_zone: 'Europe/Berlin' },
      lineBytesMax: 64 * 1024,
      now,
    });
  const stored = (ingestor: Ingestor, line: Buffer) =>
    Buffer.concat(ingestor.validate('test', Buffer.from(line)).bytes).toString();
  const lines = fc.sample(anyLine, { numRuns: LINES, seed: SEED });
  const learned = create();
  for (const line of lines) stored(learned, line);
  for (const line of lines)
    assert.deepEqual(meaning(stored(learned, line)), meaning(stored(create(), line)), line.toString());
});

test('digits, blanks in escapes and a bot that is null are read from bytes as from values', () => {
  const time = '"timestamp":"2026-11-23T10:15:30Z","event_type":"search"';
  for (const [members, field, wanted] of [
    ['"timestamp":1590872113281.35393,"event_type":"search"', 'timestamp', '2020-05-30T20:55:13.281353Z'],
    ['"timestamp":1590872113.2813539,"event_type":"search"', 'timestamp', '2020-05-30T20:55:13.281353Z'],
    [`${time},"price":"1.5","amount":123456789012.3456`, 'amount', '123456789012.3456'],
    [`${time},"country":"DE\\ufeff"`, 'country', 'DE'],
    [`${time},"country":"DE\\u00a0"`, 'country', 'DE'],
    [`${time},"country":"n\\u0075ll"`, 'country', undefined],
    [`${time},"user_agent":"Googlebot/2.1","bot":null`, 'bot', true],
    [`${time},"user_agent":"Googlebot/2.1","bot":""`, 'bot', true],
    [`${time},"user_agent":"Googlebot/2.1","bot":false`, 'bot', true],
    [`${time},"user_agent":"Safari","bot":true`, 'bot', true],
  ] as const) {
    const now = () => NOW_MS;
    const ingestor = new Ingestor({ log: {} as never, settings: {}, lineBytesMax: 1000, now });
    for (const name of ['', ',"a name":1', '', ',"a name":2']) {
      const { bytes } = ingestor.validate('test', Buffer.from(`{${members}${name}}`));
      const event = JSON.parse(Buffer.concat(bytes).toString()) as Record<string, unknown>;
      assert.equal(event[field], wanted, `${members}${name}`);
    }
  }
});
