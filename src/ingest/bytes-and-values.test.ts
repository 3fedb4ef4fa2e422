import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyLine } from '../../test/support/line-arbitraries.ts';
import { testSeed } from '../../test/support/seed.ts';
import { FIELDS } from '../event/fields.ts';
import { parseTimestamp } from '../event/timestamp.ts';
import { Ingestor } from './ingestor.ts';
import { LineValidator } from './line-validator.ts';
import { Normalizer } from './normalize.ts';
import { Observer } from './observer.ts';

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

const ZONE = 'Europe/Berlin';

function createValidator(): LineValidator {
  return new LineValidator({
    normalizer: new Normalizer({ time_zone: ZONE }),
    timeZone: ZONE,
    lineBytesMax: 64 * 1024,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now: () => NOW_MS,
  });
}

const FIELD_NAMES = FIELDS.map(({ name }) => name);

/** Fields of a stored line that are not among `fields`. */
function unnamed(stored: Buffer, fields: readonly string[]): string[] {
  const names = stored.length === 0 ? [] : Object.keys(JSON.parse(stored.toString()) as object);
  return names.filter((name) => FIELD_NAMES.includes(name) && !fields.includes(name));
}

/** What becomes of a line, and what is found. */
function read(validator: LineValidator, line: Buffer) {
  const observer = new Observer({ zone: ZONE, isWhole: true });
  const input = { kind: 'json', bytes: Buffer.from(line), places: { first: 1 } } as const;
  const { bytes, fields, tally, invalidFields, errors } = validator.validate([input], observer);
  assert.deepEqual(
    unnamed(Buffer.concat(bytes), fields),
    [],
    'fields of the stored line that the result does not name',
  );
  observer.summarize(tally);
  const findings = tally.list().map(({ code, rows }) => [code, rows]);
  return { event: meaning(Buffer.concat(bytes).toString()), findings, invalidFields, errors };
}

test(`a line is the same event, with the same findings, whether its values are read or, once its names are known, its bytes (seed ${SEED})`, () => {
  const lines = fc.sample(anyLine, { numRuns: LINES, seed: SEED });
  const learned = createValidator();
  for (const line of lines) read(learned, line);
  for (const line of lines)
    assert.deepEqual(read(learned, line), read(createValidator(), line), line.toString());
});

test('digits, blanks in escapes, the currency for tests and a bot that is null are read from bytes as from values', () => {
  const time = '"timestamp":"2026-11-23T10:15:30Z","event_type":"search"';
  for (const [members, field, wanted] of [
    ['"timestamp":1590872113281.35393,"event_type":"search"', 'timestamp', '2020-05-30T20:55:13.281353Z'],
    ['"timestamp":1590872113.2813539,"event_type":"search"', 'timestamp', '2020-05-30T20:55:13.281353Z'],
    [`${time},"price":"1.5","amount":123456789012.3456`, 'amount', '123456789012.3456'],
    [`${time},"country":"DE\\ufeff"`, 'country', 'DE'],
    [`${time},"country":"DE\\u00a0"`, 'country', 'DE'],
    [`${time},"country":"n\\u0075ll"`, 'country', undefined],
    [`${time},"currency":"XTS"`, 'currency', undefined],
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
