import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineChecker } from './check-line.ts';
import { BAD_MARK, DEPTH_MAX, FIELDS } from './fields.ts';
import { REASON_CODES, type Reason } from './reasons.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const checker = new LineChecker('Europe/Berlin');
const TIME = '"timestamp":"2026-11-23T10:15:30Z"';
const TYPE = '"event_type":"purchase"';

function check(line: string | Buffer): string | null {
  const bytes = Buffer.from(line);
  const reason = checker.check(bytes, 0, bytes.length, NOW_MS);
  return reason && (checker.field === undefined ? reason : `${reason}:${checker.field}`);
}

/** The verdict on a good line with one more member, or with another value of a member it has. */
function withMember(name: string, json: string): string | null {
  const others = [TIME, TYPE].filter((member) => !member.startsWith(`"${name}"`));
  return check(`{${[...others, `"${name}":${json}`].join(',')}}`);
}

function textOf(name: string): string | null {
  return checker.text(FIELDS.findIndex((field) => field.name === name));
}

const CASES: { reason: Reason; lines: Record<string, string> }[] = [
  {
    reason: 'not_json',
    lines: {
      'not_json 1': '',
      'not_json 2': '{',
      'not_json 3': '}',
      'not_json 4': `{${TIME},${TYPE},}`,
      'not_json 5': `{${TIME} ${TYPE}}`,
      'not_json 6': `{${TIME},${TYPE}}{}`,
      'not_json 7': `{${TIME},,${TYPE}}`,
      'not_json 8': `{"a"}`,
      'not_json 9': `{"a":}`,
      'not_json 10': `{a:1}`,
      'not_json 11': `{'a':1}`,
      'not_json 12': '{"a":[1,]}',
      'not_json 13': '{"a":[1 2]}',
      'not_json 14': '{"a":tru}',
      'not_json 15': '{"a":truex}',
      'not_json 16': '{"a":nul',
      'not_json 17': '{"a":"x',
      'not_json 18': '{"a":"x\\"}',
      'not_json 19': 'GET / 200',
      'not_json 20': '[1',
      'not_json 21': '"a',
      'not_json 22': '{"a":1}}',
      'not_json 23': '{"a":{"b":1}',
      'not_json 24': '{"a":[}',
      'not_json 25': '{"a":1]',
      'not_json 26': '{:1}',
      'not_json 27': '{"a"1}',
      'not_json 28': '\u00a0{}',
      'not_json 29': '{}\u2028',
      'not_json 30': '/**/{}',
      'not_json 31': '{}//',
      'not_json 32': '{"a":undefined}',
      'not_json 33': '{"a":TRUE}',
    },
  },
  {
    reason: 'not_an_object',
    lines: {
      not_an_object: '[]',
      'not_an_object 2': '42',
      'not_an_object 3': ' null ',
      'not_an_object 4': '"x"',
      'not_an_object 5': `[{${TIME},${TYPE}}]`,
    },
  },
  {
    reason: 'duplicate_field',
    lines: {
      'duplicate_field:event_type': `{${TIME},${TYPE},${TYPE}}`,
      'duplicate_field:user_id': `{${TIME},${TYPE},"user_id":null,"\\u0075ser_id":"x"}`,
    },
  },
  {
    reason: 'reserved_field',
    lines: {
      [`reserved_field:${BAD_MARK}`]: `{${TIME},${TYPE},"${BAD_MARK}":"not_json"}`,
      [`reserved_field:${BAD_MARK} `]: `{"tillstream\\u005fbad":null,${TIME},${TYPE}}`,
    },
  },
  {
    reason: 'nul_character',
    lines: {
      nul_character: `{${TIME},${TYPE},"user_id":"\\u0000"}`,
      'nul_character 2': `{${TIME},${TYPE},"x":["\\u0000"]}`,
      'nul_character 3': `{"\\u0000":1}`,
    },
  },
  {
    reason: 'missing_field',
    lines: {
      'missing_field:timestamp': '{}',
      'missing_field:event_type': `{${TIME}}`,
      'missing_field:event_type ': `{${TIME},"event_type":""}`,
      'missing_field:timestamp ': `{${TYPE},"timestamp":null}`,
      'missing_field:timestamp  ': `{${TYPE},"Timestamp":1}`,
    },
  },
  {
    reason: 'wrong_type',
    lines: {
      'wrong_type:user_id': `{${TIME},${TYPE},"user_id":{}}`,
      'wrong_type:timestamp': `{${TYPE},"timestamp":true}`,
      'wrong_type:quantity': `{${TIME},${TYPE},"quantity":[1]}`,
      'wrong_type:price': `{${TIME},${TYPE},"price":false}`,
      'wrong_type:user_id ': `{${TIME},${TYPE},"user_id":1.0}`,
      'wrong_type:user_id  ': `{${TIME},${TYPE},"user_id":1e3}`,
    },
  },
];

for (const { reason, lines } of CASES) {
  test(reason, () => {
    for (const [verdict, line] of Object.entries(lines))
      assert.equal(check(line), verdict.replace(/ .*/, ''), line);
  });
}

test('every reason but those of the door and of other tests here has cases above or below', () => {
  const here = new Set<string>(CASES.map(({ reason }) => reason));
  const elsewhere = [
    'not_utf8',
    'line_too_long',
    'too_deep',
    'text_too_long',
    'bad_timestamp',
    'timestamp_out_of_range',
    'timestamp_in_future',
    'bad_number',
    'number_out_of_range',
  ];
  assert.deepEqual([...here, ...elsewhere].sort(), [...REASON_CODES].sort());
});

test('a good line, with space wherever JSON allows it', () => {
  assert.equal(check(`{${TIME},${TYPE}}`), null);
  assert.equal(check(` \t\r{ \t${TIME} ,\r${TYPE}\t, "user_id" : null } \r`), null);
  assert.equal(textOf('user_id'), null);
  assert.equal(textOf('event_type'), 'purchase');
});

test('only the bytes of the line are looked at', () => {
  const line = `{${TIME},${TYPE}}`;
  const bytes = Buffer.from(`}}${line}}}`);
  assert.equal(checker.check(bytes, 2, 2 + line.length, NOW_MS), null);
  for (let end = 2; end < 2 + line.length; end++) {
    assert.equal(checker.check(bytes, 2, end, NOW_MS), 'not_json', String(end));
  }
});

test('a checker keeps nothing of the line before', () => {
  assert.equal(withMember('user_id', '"u1"'), null);
  assert.equal(check(`{${TIME},${TYPE}}`), null);
  assert.equal(textOf('user_id'), null);
  assert.equal(check('{'), 'not_json');
  assert.equal(checker.field, undefined);
});

test('texts: the limit counts bytes of the decoded text', () => {
  for (const field of FIELDS) {
    if (field.kind !== 'text') continue;
    const max = field.bytesMax!;
    for (const unit of ['x', 'é', '€', '😀', '"']) {
      const bytes = Buffer.byteLength(unit);
      const fits = unit
        .repeat(Math.floor(max / bytes))
        .padEnd(Math.floor(max / bytes) * unit.length + (max % bytes), 'y');
      assert.equal(Buffer.byteLength(fits), max);
      assert.equal(withMember(field.name, JSON.stringify(fits)), null);
      assert.equal(textOf(field.name), fits);
      assert.equal(withMember(field.name, JSON.stringify(`${fits}z`)), `text_too_long:${field.name}`);
    }
    assert.equal(withMember(field.name, `"${'\\u0041'.repeat(max)}"`), null);
    assert.equal(withMember(field.name, `"${'\\u0041'.repeat(max + 1)}"`), `text_too_long:${field.name}`);
    assert.equal(withMember(field.name, '9'.repeat(max)), null);
    assert.equal(withMember(field.name, '9'.repeat(max + 1)), `text_too_long:${field.name}`);
    assert.equal(withMember(field.name, '""'), field.required ? `missing_field:${field.name}` : null);
  }
});

test('whole numbers are texts as they are written', () => {
  for (const [json, text] of [
    ['7', '7'],
    ['-7', '-7'],
    ['0', '0'],
    ['-0', '0'],
    ['12345678901234567890123', '12345678901234567890123'],
  ]) {
    assert.equal(withMember('user_id', json!), null);
    assert.equal(textOf('user_id'), text!);
  }
});

test('integers: limits, forms and spellings', () => {
  for (const field of FIELDS) {
    if (field.kind !== 'integer') continue;
    const [min, max] = [field.min!, field.max!];
    for (const value of [min, max, String(min), String(max)])
      assert.equal(withMember(field.name, JSON.stringify(value)), null);
    for (const value of [min - 1, max + 1, String(min - 1), String(max + 1), 999_999_999_999_999]) {
      assert.equal(withMember(field.name, JSON.stringify(value)), `number_out_of_range:${field.name}`);
    }
    for (const json of [
      '1.5',
      '1.0',
      '1e2',
      '1E2',
      '"1.5"',
      '" 1"',
      '"1 "',
      '"+1"',
      '"1_0"',
      '"0x1"',
      '"-"',
      '"--1"',
      '"x"',
      '1000000000000000',
      '"1000000000000000"',
      '"١"',
    ]) {
      assert.equal(withMember(field.name, json), `bad_number:${field.name}`, json);
    }
    for (const json of ['null', '""']) assert.equal(withMember(field.name, json), null);
  }
  for (const json of ['"\\u0032\\u0030\\u0030"', '"0200"', '"2\\u00300"'])
    assert.equal(withMember('status_code', json), null, json);
  assert.equal(withMember('status_code', '"\\u0039\\u0039"'), 'number_out_of_range:status_code');
  assert.equal(withMember('status_code', '"2\\u000a0"'), 'bad_number:status_code');
  assert.equal(withMember('quantity', '-0'), null);
});

test('money: numbers and texts', () => {
  for (const json of [
    '19.90',
    '"19.90"',
    '-3',
    '0',
    '1e3',
    '5.684341886080802e-14',
    '"\\u0031.5"',
    '99999999999999.99',
    '"99999999999999.9999"',
    'null',
    '""',
  ]) {
    assert.equal(withMember('price', json), null, json);
  }
  for (const json of [
    '"19,90"',
    '"EUR 5"',
    '".5"',
    '"5."',
    '"+5"',
    '" 5"',
    '"1e3"',
    '1e400',
    '1e21',
    '"NaN"',
  ]) {
    assert.equal(withMember('price', json), 'bad_number:price', json);
  }
  for (const json of [
    '100000000000000',
    '"-100000000000000"',
    '"99999999999999.99995"',
    '123456789012345678901234567890',
  ]) {
    assert.equal(withMember('price', json), 'number_out_of_range:price', json);
  }
});

test('timestamps: what is accepted, and the limits of time', () => {
  const at = (ms: number) => JSON.stringify(new Date(ms).toISOString());
  for (const json of [
    '"2026-11-23T10:15:30.250Z"',
    '"2026-11-23 11:15:30+01:00"',
    '1764000000',
    '1764000000.5',
    '"1764000000250"',
    '1764000000250.0',
    '"11/23/2026"',
    '0',
    at(0),
    at(NOW_MS + 300_000),
    '"\\u0032026-11-23T10:15:30Z"',
  ]) {
    assert.equal(withMember('timestamp', json), null, json);
  }
  for (const json of [
    '"2026-11-23T10:15:30"',
    '"2026-02-30T10:15:30Z"',
    '"yesterday"',
    '-1',
    '1e400',
    '" 2026-11-23T10:15:30Z"',
    '999999999999999',
  ]) {
    assert.equal(withMember('timestamp', json), 'bad_timestamp:timestamp', json);
  }
  for (const json of [
    at(-1),
    '"0001-01-01T00:00:00Z"',
    '"01/01/0099"',
    '"1970-01-01T00:30:00+01:00"',
    '"01/01/1970"',
  ]) {
    assert.equal(withMember('timestamp', json), 'timestamp_out_of_range:timestamp', json);
  }
  for (const json of [
    at(NOW_MS + 300_001),
    '"2026-11-23T12:05:00.000001Z"',
    '"9999-12-31T23:59:59Z"',
    '99999999999999',
    '"11/24/2026"',
  ]) {
    assert.equal(withMember('timestamp', json), 'timestamp_in_future:timestamp', json);
  }
});

test('nesting: DEPTH_MAX levels and no more, the line included', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const inner = open === '[' ? '' : '1';
    const nested = (levels: number) => open.repeat(levels) + inner + close.repeat(levels);
    assert.equal(withMember('x', nested(DEPTH_MAX - 1)), null);
    assert.equal(withMember('x', nested(DEPTH_MAX)), 'too_deep');
    assert.equal(withMember('x', open.repeat(100_000)), 'too_deep');
  }
  assert.equal(check('['.repeat(DEPTH_MAX) + ']'.repeat(DEPTH_MAX)), 'not_an_object');
  assert.equal(check('['.repeat(DEPTH_MAX + 1) + ']'.repeat(DEPTH_MAX + 1)), 'too_deep');
});

test('escapes and control characters', () => {
  for (const escaped of [
    '\\"',
    '\\\\',
    '\\/',
    '\\b',
    '\\f',
    '\\n',
    '\\r',
    '\\t',
    '\\u00e9',
    '\\uFFFF',
    '\\ud83d\\ude00',
    '\\uDBFF\\uDFFF',
  ]) {
    assert.equal(withMember('user_id', `"a${escaped}b"`), null, escaped);
    assert.equal(textOf('user_id'), JSON.parse(`"a${escaped}b"`));
  }
  for (const escaped of [
    '\\x41',
    '\\a',
    '\\u12',
    '\\u12G4',
    '\\u 123',
    '\\u+123',
    "\\'",
    '\\ud800',
    '\\udc00',
    '\\ud800x',
    '\\ud800\\u0041',
    '\\ud800\\ud800',
    '\\ude00\\ud83d',
    '\\',
    '\\U00e9',
  ]) {
    assert.equal(withMember('user_id', `"a${escaped}"`), 'not_json', escaped);
  }
  for (let code = 0; code < 0x20; code++) {
    assert.equal(withMember('user_id', `"a${String.fromCharCode(code)}b"`), 'not_json', String(code));
  }
  assert.equal(withMember('user_id', '"\u007f\u2028\uffff"'), null);
});

test('the grammar of numbers', () => {
  for (const json of ['0', '-0', '10', '0.5', '-0.5e10', '1E+9', '1e-9', '1e400'])
    assert.equal(withMember('x', json), null, json);
  for (const json of [
    '01',
    '-01',
    '00',
    '+1',
    '.5',
    '5.',
    '1e',
    '1e+',
    '1.e3',
    '-',
    '--1',
    '0x1',
    '1_0',
    'NaN',
    'Infinity',
    '-Infinity',
    '１',
    '1a',
  ]) {
    assert.equal(withMember('x', json), 'not_json', json);
  }
});

test('keys that are dangerous to objects are ordinary unknown fields', () => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    assert.equal(withMember(key, '{"polluted":true,"timestamp":1}'), null, key);
    assert.equal(check(`{${TIME},${TYPE},"${key}":1,"${key}":2}`), null, key);
  }
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('whatever JSON.parse takes as an object is JSON here, and what it does not take is not', () => {
  const soup = fc.array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"b":',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'null',
      ' ',
      '\t',
      '"',
      '\\',
      '\\n',
      'é',
      '\\u00e9',
      '\u0001',
      '"a":1,',
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(soup, fc.boolean(), (parts, braces) => {
      const line = braces ? `{${parts.join('')}}` : parts.join('');
      let isJson = true;
      try {
        JSON.parse(line);
      } catch {
        isJson = false;
      }
      assert.equal(check(line) !== 'not_json', isJson, line);
    }),
    { numRuns: 20_000 },
  );
});

test('any object of JSON: a good line, and each known text comes back', () => {
  const values = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
  fc.assert(
    fc.property(values, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (unknown, user) => {
      const members = Object.entries(unknown).map(([key, value]) => [`_${key}`, value]);
      const line = JSON.stringify({
        ...Object.fromEntries(members),
        timestamp: 1_764_000_000,
        event_type: 'e',
        user_id: user,
      });
      const verdict = check(line);
      if (line.includes('\\u0000')) return;
      assert.equal(verdict, null, line);
      assert.equal(textOf('user_id'), user);
    }),
    { numRuns: 2000 },
  );
});
