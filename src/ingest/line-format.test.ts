import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyLines } from '../../test/support/body-lines.ts';
import type { Decoded, DetectOptions } from './format.ts';
import { detectLineFormat, type LineFormat } from './line-format.ts';
import { isDecidingName } from './names.ts';

const OPTIONS: DetectOptions = { isKnownName: isDecidingName };
const CASES = join(import.meta.dirname, '../../test/fixtures/cases');
const caseFile = (name: string) => readFileSync(join(CASES, name));

const W3C = Buffer.from(
  [
    '#Version: 1.0',
    '#Fields: date time cs-uri-stem sc-status',
    '2026-11-01 10:00:00 /a 200',
    '2026-11-01 10:00:01 /b 200',
    '#Software: restarted',
    '#Fields: date time sc-status cs-uri-stem time-taken',
    '2026-11-01 10:00:02 404 /c 12',
    '2026-11-01 10:00:03 200 /d 7',
    '',
  ].join('\r\n'),
);
const MULTI = Buffer.from(
  'timestamp,event_type,search_term\n2026-11-01,search,"a\nb ""c"" ,d"\n2026-11-02,search,e\n2026-11-03,search,"f\n\ng"\n2026-11-04,search,h\n',
);
const PART = 'x'.repeat(16 * 1024);
const DOCKER = Buffer.from(
  [
    { log: 'starting\n', stream: 'stdout', time: 't' },
    { log: '{"event_type":"search","timestamp":"2026-11-01T00:00:00Z"}\n', stream: 'stdout', time: 't' },
    {
      log: `{"event_type":"search","timestamp":"2026-11-01T00:00:00Z","q":"${PART}`,
      stream: 'stdout',
      time: 't',
    },
    { log: 'a warning\n', stream: 'stderr', time: 't' },
    { log: '"}\n', stream: 'stdout', time: 't' },
    { log: '{"event_type":"purchase","timestamp":"2026-11-01T00:00:00Z"}\n', stream: 'stdout', time: 't' },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join(''),
);

function detected(sample: Buffer, isWhole = true): LineFormat {
  const found = detectLineFormat({ bytes: sample.subarray(0, 64 * 1024), isWhole }, OPTIONS);
  assert.ok(!('refusal' in found), JSON.stringify(found));
  return found;
}

/** What a reader does that gets the input in pieces of these sizes, and starts again between any two. */
function readInPieces(input: Buffer, sizes: readonly number[]): Decoded[] {
  const format = detected(input);
  const all: Decoded[] = [];
  let [position, end, directive, turn] = [0, 0, null as string | null, 0];
  while (position < input.length) {
    end = Math.min(input.length, end + sizes[turn++ % sizes.length]!);
    const block = input.subarray(position, input.lastIndexOf(0x0a, end - 1) + 1);
    if (block.length === 0) continue;
    const isEnd = end === input.length;
    const read = format.decode(block, { isStart: position === 0, directive }, isEnd);
    for (const piece of read.pieces) all.push(piece);
    directive = format.directiveIn(block.subarray(0, read.bytes)) ?? directive;
    position += read.bytes;
  }
  return all;
}

const facts = (pieces: readonly Decoded[]) =>
  pieces.flatMap((piece): unknown[] => {
    if (piece.kind === 'records') return piece.records.map(({ fields }) => fields);
    return piece.kind === 'json' ? bodyLines([piece]) : [[piece.reason, piece.raw.toString()]];
  });

const INPUTS: Record<string, Buffer> = {
  'W3C with columns that change': W3C,
  'CSV with cells over several lines': MULTI,
  'Docker with a line in several parts, and another between them': DOCKER,
  ...Object.fromEntries(
    [
      'nginx-combined.txt',
      'cloudfront.tsv',
      'alb.txt',
      'docker-json.txt',
      'csv-sep.csv',
      'csv-tab.tsv',
      'nginx-json.txt',
      'guests.ndjson',
      'ts.ndjson',
    ].map((name) => [name, caseFile(name)]),
  ),
};

for (const [name, input] of Object.entries(INPUTS)) {
  test(`read on from any line, as it grows, it gives what it gives in one piece: ${name}`, () => {
    const whole = facts(detected(input).decode(input, { isStart: true, directive: null }, true).pieces);
    assert.ok(whole.length >= 3);
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, (all) => assert.deepEqual(facts(readInPieces(input, all)), whole)),
      { numRuns: 40 },
    );
  });
}

test('the columns of W3C are those of the last line that names them', () => {
  const last = facts(readInPieces(W3C, [40])).at(-1) as Record<string, string>;
  assert.deepEqual([last['sc-status'], last['cs-uri-stem'], last['time-taken']], ['200', '/d', '7']);
});

test('a file without one record per line is refused with the reason', () => {
  const refusals: [string | Buffer, RegExp][] = [
    [
      '[\n{"event_type":"search"},\n{"event_type":"search"}\n]\n',
      /json-array, which does not have one record per line\. Load it/,
    ],
    [
      '{"events":[\n{"event_type":"search","timestamp":1}\n]}\n',
      /JSON object, .*not have one record per line/,
    ],
    ['{\n "event_type": "search",\n "timestamp": 1\n}\n', /json.*not have one record per line/],
    [Buffer.from('PAR1\x15\x04\x15'), /Parquet/],
    ['<html><body>x</body></html>\n', /an HTML page/],
    ['some words without meaning\nand others\n', /has an unknown format/],
  ];
  for (const [sample, refusal] of refusals) {
    const found = detectLineFormat({ bytes: Buffer.from(sample), isWhole: true }, OPTIONS);
    assert.ok('refusal' in found, String(sample));
    assert.match(found.refusal, refusal);
  }
});

test('a container that has logged no event yet is not decided on, until the sample is full', () => {
  const starting = (n: number) =>
    `{"log":"starting ${n}\\n","stream":"stdout","time":"2026-11-01T10:00:00Z"}\n`;
  const cri = (n: number) => `2026-11-01T10:00:00.1Z stdout F starting ${n}\n`;
  for (const line of [starting, cri]) {
    const few = Buffer.from([1, 2, 3].map(line).join(''));
    const found = detectLineFormat({ bytes: few, isWhole: false }, OPTIONS);
    assert.ok('refusal' in found && /log shipper so far/.test(found.refusal), JSON.stringify(found));
  }
  const event = JSON.stringify('{"event_type":"search","timestamp":"2026-11-01T10:00:00Z"}\n');
  const later = `${starting(1)}${starting(2)}{"log":${event},"stream":"stdout","time":"x"}\n`;
  assert.equal(detected(Buffer.from(later), false).name, 'json-inside');
  const plain = '{"event_type":"search","timestamp":1,"message":"text"}\n';
  assert.equal(detected(Buffer.from(plain), false).name, 'ndjson');
});
