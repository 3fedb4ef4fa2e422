import fc from 'fast-check';
import { BAD_MARK, BAD_MARK_RAW, FIELDS } from '../../src/event/fields.ts';
import { FIELD_ALIASES } from '../../src/ingest/names.ts';
import {
  anyJson,
  isoTime,
  jsonString,
  nested,
  often,
  pick,
  shortText,
  valueFor,
} from './value-arbitraries.ts';

/** Lines as clients send them: good ones in every spelling JSON allows, and lines spoiled in many ways. */

const space = often(
  pick('', '', '', ' '),
  pick('\t', ' \t ', '\r', ' \r', '\u00a0', '\u2028', '\v', '\f', '\u0001', '\u0000'),
  60,
);

interface Member {
  key: string;
  value: string;
}

const goodTime = jsonString(isoTime);
const goodType = jsonString(pick('purchase', 'view_product', 'Product Viewed', 'Order Completed'));
const knownMember: fc.Arbitrary<Member> = fc.oneof(
  ...FIELDS.map((field) => fc.record({ key: jsonString(fc.constant(field.name)), value: valueFor(field) })),
);
const unknownMember: fc.Arbitrary<Member> = fc.record({
  key: jsonString(
    often(
      fc.oneof(
        pick(
          'a',
          'utm',
          'Timestamp',
          'timestamp ',
          'étage',
          '__proto__',
          'constructor',
          '',
          'tillstream',
          'u\u007f',
        ),
        shortText,
      ),
      pick(BAD_MARK, BAD_MARK_RAW, 'tillstream_bad_field'),
      20,
    ),
  ),
  value: often(anyJson, nested, 8),
});

/** Names under which a field comes, its own one first. */
function namesOf(name: string): string[] {
  const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return [
    name,
    camel,
    name.toUpperCase(),
    name.replaceAll('_', ' '),
    ...(Object.hasOwn(FIELD_ALIASES, name) ? FIELD_ALIASES[name]! : []),
  ];
}

/** The member under another name, at times. */
function renamed({ key, value }: Member, choice: number): Member {
  const names = namesOf(JSON.parse(key) as string);
  return { key: JSON.stringify(names[choice] ?? names[0]), value };
}

const wellFormed: fc.Arbitrary<string> = fc
  .record({
    time: often(goodTime, valueFor(FIELDS[0]!), 2),
    type: often(goodType, valueFor(FIELDS[1]!), 4),
    others: fc.array(often(knownMember, unknownMember, 3), { maxLength: 8 }),
    spaces: fc.array(space, { minLength: 4, maxLength: 4 }),
    twice: fc.integer({ min: 0, max: 30 }),
    first: fc.integer({ min: 0, max: 3 }),
    // Mostly the field's own name.
    choices: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 10, maxLength: 10 }),
  })
  .map(({ time, type, others, spaces, twice, first, choices }) => {
    const names = new Set(['timestamp', 'event_type']);
    const members = [
      { key: '"timestamp"', value: time },
      { key: '"event_type"', value: type },
    ];
    for (const member of others) {
      const name = JSON.parse(member.key) as string;
      const isKnown = FIELDS.some((field) => field.name === name);
      if (isKnown && names.has(name) && twice > 0) continue;
      names.add(name);
      members.push(member);
    }
    if (first === 0) members.reverse();
    const [a, b, c, d] = spaces as [string, string, string, string];
    const texts = members
      .map((member, i) => renamed(member, choices[i]!))
      .map(({ key, value }) => `${key}${c}:${d}${value}`);
    return `${a}{${b}${texts.join(`${b},${d}`)}${c}}${a}`;
  });

/** Bytes put into a line, or taken from it, at some place. */
const damage = fc.oneof(
  fc.tuple(
    fc.constant('insert'),
    fc.oneof(
      pick(
        ',',
        '}',
        '{',
        ']',
        '[',
        '"',
        '\\',
        ':',
        '0',
        '-',
        'e',
        ' ',
        '\t',
        '\r',
        '\u0000',
        '\u0001',
        '\u001f',
        '\u2028',
        '\\u0000',
        '\\ud800',
        '\\udc00',
        '\\x',
        '\\u12',
        ',}',
        '/**/',
        'null',
      ).map((text) => Buffer.from(text)),
      pick(
        [0xff],
        [0xc3],
        [0xc0, 0xaf],
        [0xed, 0xa0, 0x80],
        [0xf0, 0x9f, 0x98],
        [0x80],
        [0xef, 0xbb, 0xbf],
        [0xf4, 0x90, 0x80, 0x80],
      ).map((bytes) => Buffer.from(bytes)),
    ),
  ),
  fc.tuple(fc.constant('remove'), fc.constant(Buffer.alloc(0))),
  fc.tuple(fc.constant('cut'), fc.constant(Buffer.alloc(0))),
  fc.tuple(fc.constant('comma'), fc.constant(Buffer.from(','))),
);

function damaged(line: Buffer, kind: string, bytes: Buffer, at: number): Buffer {
  if (kind === 'comma') {
    const close = line.lastIndexOf(0x7d);
    return close < 0 ? line : Buffer.concat([line.subarray(0, close), bytes, line.subarray(close)]);
  }
  const place = at % (line.length + 1);
  if (kind === 'insert') return Buffer.concat([line.subarray(0, place), bytes, line.subarray(place)]);
  if (kind === 'remove') return Buffer.concat([line.subarray(0, place), line.subarray(place + 1)]);
  return line.subarray(0, place);
}

const spoiled = fc
  .tuple(wellFormed, damage, fc.nat(100_000))
  .map(([line, [kind, bytes], at]) => damaged(Buffer.from(line), kind, bytes, at));

const other = fc.oneof(
  anyJson.map((text) => Buffer.from(text)),
  pick(
    '',
    ' ',
    '\t',
    '\ufeff',
    '{}',
    ' {}',
    '\t{}',
    '{',
    '}',
    '[]',
    '[{}]',
    'null',
    'GET /p/17 200',
    '{"a":1}{"b":2}',
  ).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);

/** One line without its line end; it never holds "\n". */
export const anyLine: fc.Arbitrary<Buffer> = fc
  .oneof(
    { weight: 7, arbitrary: wellFormed.map((text) => Buffer.from(text)) },
    { weight: 2, arbitrary: spoiled },
    { weight: 1, arbitrary: other },
  )
  .map((line) => (line.includes(0x0a) ? Buffer.from(line.filter((byte) => byte !== 0x0a)) : line));
