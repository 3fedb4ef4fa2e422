/** The program that checks plain lines says of each what the checker says without it. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyLine } from '../../test/support/line-arbitraries.ts';
import { testSeed } from '../../test/support/seed.ts';
import { newPlainLineProgram } from '../system/plain-line-program.ts';
import { LineChecker } from './check-line.ts';
import { FIELDS } from './fields.ts';
import { LineSpans } from './line-spans.ts';
import { PlainLines } from './plain-lines.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const LINES = Number(process.env.TILLSTREAM_TEST_LINES ?? 20_000);
const SEED = testSeed('plain lines');
const UTC_TIME = '"timestamp":"2026-11-23T10:15:30Z"';

/** All that is known of a line after it was checked. */
function told(checker: LineChecker, bytes: Buffer, start: number, end: number) {
  checker.spans.seen.fill(0);
  const reason = checker.check(bytes, start, end, NOW_MS);
  const { needsNormalizing, spans } = checker;
  if (reason !== null || needsNormalizing) return { reason, needsNormalizing, field: checker.field };
  const fields = FIELDS.flatMap(({ name }, index) =>
    spans.kinds[index] === 0
      ? []
      : [
          {
            name,
            kind: spans.kinds[index],
            span: [spans.members[index], spans.starts[index], spans.ends[index]],
            isRenamed: spans.isRenamed[index],
            isPlain: spans.isPlain[index],
            flaw: spans.flaws[index],
            text: spans.text(index),
          },
        ],
  );
  const { isCanonical, isBot, eventType, micros } = checker;
  const { extraStart, extraEnd, urlHasQuery, hasFlaws, hasNul, length } = spans;
  const others = [...spans.others.subarray(0, spans.othersLength)];
  const line = checker.canonical('given-id').toString();
  return {
    fields,
    others,
    extra: [extraStart, extraEnd],
    is: { isCanonical, isBot, urlHasQuery, hasFlaws, hasNul },
    eventType,
    micros,
    length,
    line,
    seen: [...spans.seen],
  };
}

function bothCheckers(): [LineChecker, LineChecker] {
  const checkers = [new LineChecker('UTC'), new LineChecker('UTC', newPlainLineProgram())] as const;
  for (const checker of checkers) {
    for (const name of ['note', 'ab', 'Größe', 'a "b"', 'loyalty_points']) checker.learnOtherName(name);
    checker.learnFieldName('uid', 3);
    checker.learnFieldName('eventType', 1);
    checker.learn('event_type', 'newsletter_signup');
    checker.learn('user_agent', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0');
    checker.learn('bot', 'Googlebot/2.1 (+http://www.google.com/bot.html)');
  }
  return [...checkers];
}

/** Bytes stand before and after the line, as in a body. `mayForget`: either may have forgotten what it has learned, and ask again. */
function assertSame([without, by]: [LineChecker, LineChecker], line: Buffer, mayForget = false): void {
  const body = Buffer.concat([Buffer.from('{"a":1}\n'), line, Buffer.from('\n"x":1}')]);
  const [start, end] = [8, 8 + line.length];
  const found = told(by, Buffer.from(body), start, end);
  const wanted = told(without, body, start, end);
  if (mayForget && (by.needsNormalizing || without.needsNormalizing)) return;
  assert.deepEqual(found, wanted, line.toString());
}

const TEXTS = [
  ...[
    'x',
    'p17',
    'guest',
    'Guest',
    'GUEST!',
    'null',
    'NULL',
    'nulls',
    'n/a',
    '(none)',
    '-',
    '--',
    '0',
    '00',
    '-1',
    '-12',
  ],
  ...[
    ' a',
    'a ',
    'é',
    'Küche',
    'Café',
    '\u00a0x',
    'x\u00a0',
    '\u3000x',
    'x\u2028',
    'x\ufeff',
    '日本',
    '日本　',
    'x€',
    '🙂',
  ],
  ...['EUR', 'eur', 'XTS', 'X'.repeat(3), 'EURO', 'AAA', 'AA[', '@@@'],
  ...['purchase', 'Order Completed', 'search', 'newsletter_signup', 'refund', 'constructor', 'view_product'],
  ...[
    'https://shop.example/p?a=1',
    'https://shop.example/p',
    '?',
    'a?',
    'ü'.repeat(33),
    'x'.repeat(64),
    'x'.repeat(65),
  ],
  ...[
    'Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0',
    'Googlebot/2.1 (+http://www.google.com/bot.html)',
    'curl/8',
  ],
  ...[
    '12',
    '12.50',
    '1.234',
    '1234.567',
    '12345.678',
    '-1.234',
    '12.3456',
    '12.34567',
    '1,5',
    '123456789012.1',
    '1234567890123',
    '.5',
    '5.',
    '-',
    '+1',
  ],
  ...[
    '2026-11-23T10:15:30Z',
    '2026-11-23T12:05:00Z',
    '2026-11-23T12:05:00.001Z',
    '2024-02-29T23:59:59.999999999Z',
  ],
  ...[
    '2025-02-29T00:00:00Z',
    '2100-12-31T00:00:00Z',
    '2101-01-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '1994-12-31T23:59:59Z',
  ],
  ...[
    '1995-01-01T00:00:00Z',
    '2000-02-29T00:00:00.5Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T10:60:00Z',
    '2026-11-23T10:15:30.Z',
  ],
  ...[
    '2026-11-23T10:15:30.1234567Z',
    '2026-11-23T10:15:30.12x4567Z',
    '2026-1-23T10:15:30Z',
    '2026-11-23 10:15:30Z',
    '2026-11-31T00:00:00Z',
  ],
  ...['x'.repeat(128), 'x'.repeat(129), 'x'.repeat(256), 'x'.repeat(257), '0'.repeat(15), '9'.repeat(16)],
];
const RAW = [
  ...[
    '""',
    'null',
    'true',
    'false',
    '0',
    '-0',
    '1',
    '-1',
    '12',
    '007',
    '-007',
    '1.0',
    '1.50',
    '1e3',
    '1E-2',
    '-1.5',
    '.5',
    '1.',
    '01.5',
  ],
  ...[
    '123456789012345',
    '1234567890123456',
    '123456789012.1234',
    '1000000000',
    '1000000001',
    '999999999',
    '599',
    '600',
    '99',
    '86400000',
  ],
  ...[
    '"a\\/b"',
    '"\\u00e9t\\u00e9"',
    '"x\\u0000"',
    '"\\ud83d\\ude42"',
    '"\\ud800"',
    '"\\u006eull"',
    '"nul\\u006c"',
    '"\\n"',
    '"a\\n"',
    '"\\x"',
  ],
  ...[
    '"200"',
    '"0200"',
    '"-5"',
    '"1\\u0030"',
    '{}',
    '[]',
    '{"a":{"b":[1,"x",null,{}]}}',
    '[1,]',
    '{"a":1,}',
    '{"a" : [ true , -2.5 ] }',
  ],
  ...[
    '{a:1}',
    '[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]',
    '["\\u0000"]',
    'nul',
    'tru',
    'truee',
    'falsy',
    '"open',
    '-',
    '"tab\there"',
  ],
];
const NAMES = [
  ...FIELDS.map(({ name }) => name),
  ...[
    'uid',
    'eventType',
    'note',
    'ab',
    'Größe',
    'unknown',
    'extra',
    'tillstream_bad',
    'event\\u005fid',
    '',
    'e',
    'event_ix',
  ],
];

const value = fc.oneof(
  fc.constantFrom(...TEXTS).map((text) => `"${text}"`),
  fc.constantFrom(...RAW),
);
const blank = fc.oneof({ weight: 12, arbitrary: fc.constant('') }, fc.constantFrom(' ', '  ', '\t', '\r'));
const member = fc
  .tuple(blank, fc.constantFrom(...NAMES), blank, blank, value, blank)
  .map(
    ([before, name, beforeColon, afterColon, text, after]) =>
      `${before}"${name}"${beforeColon}:${afterColon}${text}${after}`,
  );
/** Mostly with what an event must have, and with few members, so that one odd value decides. */
const line = fc
  .tuple(
    fc.boolean(),
    fc.constantFrom('purchase', 'search', 'refund', 'Order Completed', 'newsletter_signup', 'other_type'),
    fc.array(member, { maxLength: 5 }),
    fc.constantFrom('', '', '', ' ', ',', '}', 'x'),
  )
  .map(([isEvent, type, members, rest]) => {
    const all = isEvent ? [UTC_TIME, `"event_type":"${type}"`, ...members] : members;
    return Buffer.from(`{${all.join(',')}}${rest}`);
  });
/** With a byte that is another, or a part that is missing. */
const changed = fc.tuple(line, fc.nat(), fc.nat(255), fc.boolean()).map(([bytes, at, byte, isCut]) => {
  const place = at % bytes.length;
  if (isCut) return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + (byte % 8))]);
  const other = Buffer.from(bytes);
  other[place] = byte;
  return isUtf8(other) ? other : bytes;
});

test(`a line is what it is without the program, whatever came before it (seed ${SEED})`, () => {
  const checkers = bothCheckers();
  for (const kind of [line, changed, anyLine])
    for (const each of fc.sample(kind as fc.Arbitrary<Buffer>, { numRuns: LINES, seed: SEED }))
      if (isUtf8(each)) assertSame(checkers, each);
});

test('each value of each field, alone beside what an event must have', () => {
  const checkers = bothCheckers();
  const values = [...TEXTS.map((text) => `"${text}"`), ...RAW];
  for (const name of NAMES)
    for (const each of values)
      for (const type of ['purchase', 'search']) {
        const required = { timestamp: UTC_TIME, event_type: `"event_type":"${type}"` };
        const members = Object.entries(required).flatMap(([field, text]) => (field === name ? [] : [text]));
        assertSame(checkers, Buffer.from(`{${[...members, `"${name}":${each}`].join(',')}}`));
      }
});

const USUAL = [
  `{${UTC_TIME},"event_type":"purchase","event_id":"e1","user_id":"u399","session_id":"s1","product_id":"p30","order_id":77,` +
    '"category":"Küche & Bad","quantity":2,"price":202.13,"amount":"404.26","currency":"EUR","country":"DE","test":false,' +
    '"url":"https:\\/\\/shop.example\\/p?a=1","response_time":117,"status_code":"200","note":{"a":[1,"x"]},"ab":true}',
  `{"timestamp": "2026-11-23T10:15:30.250Z", "event_type": "Order Completed", "uid": "u1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0"}`,
  `{${UTC_TIME},"event_type":"newsletter_signup","bot":true,"user_agent":"curl/8","coupon":null,"country":""}`,
];

test('usual lines are plain: with numbers as ids, blanks, other names, members of their own, escapes, nulls', () => {
  const plain = new PlainLines(newPlainLineProgram()!);
  plain.learnOtherName('note');
  plain.learnOtherName('ab');
  plain.learnFieldName('uid', 3);
  plain.learn('event_type', 'newsletter_signup');
  plain.learn('user_agent', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0');
  const spans = new LineSpans(plain.arrays);
  for (const text of USUAL) {
    const bytes = Buffer.from(text);
    assert.ok(plain.check(spans, bytes, 0, bytes.length, NOW_MS), text);
    assertSame(bothCheckers(), bytes);
  }
});

test('lines longer than the program takes, with more members than it keeps, and more names and agents than its tables', () => {
  const checkers = bothCheckers();
  for (const checker of checkers)
    for (let n = 0; n < 6000; n++) {
      checker.learnOtherName(`name_${n}`);
      checker.learn('user_agent', `agent number ${n}`);
      checker.learn('event_type', `type_${n}`);
      if (n < 600) checker.learnFieldName(`other_${n}`, n % FIELDS.length);
    }
  const start = `{${UTC_TIME},"event_type":"search"`;
  const members = (count: number) => Array.from({ length: count }, (_, n) => `,"name_${n}":${n}`).join('');
  for (const rest of [members(31), members(32), members(33), members(300), `,"note":"${'x'.repeat(20_000)}"`])
    assertSame(checkers, Buffer.from(`${start}${rest}}`), true);
  for (const length of [16_383, 16_384, 16_385]) {
    const text = `${start},"note":"`;
    assertSame(bothCheckers(), Buffer.from(`${text}${'x'.repeat(length - text.length - 2)}"}`));
  }
  for (let n = 0; n < 6000; n += 7)
    assertSame(
      checkers,
      Buffer.from(
        `{${UTC_TIME},"event_type":"type_${n}","user_agent":"agent number ${n}","name_${n}":1,"other_${n % 600}":"5"}`,
      ),
      true,
    );
});
