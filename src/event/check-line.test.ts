import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { check, checker, NOW_MS, TIME, TYPE, textOf, withMember } from '../../test/support/check-line.ts';
import { BAD_MARK, DEPTH_MAX } from './fields.ts';
import { REASON_CODES, type Reason } from './reasons.ts';

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
      'nul_character:event_type': `{${TIME},"event_type":"a\\u0000"}`,
      'nul_character:currency': `{${TIME},${TYPE},"currency":"\\u0000"}`,
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
      'wrong_type:timestamp': `{${TYPE},"timestamp":true}`,
      'wrong_type:price': `{${TIME},${TYPE},"price":false}`,
      'wrong_type:currency': `{${TIME},${TYPE},"currency":1.0}`,
      'wrong_type:event_type': `{${TIME},"event_type":1e3}`,
    },
  },
];

for (const { reason, lines } of CASES) {
  test(reason, () => {
    for (const [result, line] of Object.entries(lines))
      assert.equal(check(line), result.replace(/ .*/, ''), line);
  });
}

test('every reason but those of ingest and of other tests here has cases above or below', () => {
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
    // Of formats: src/ingest/formats.test.ts.
    'bad_record',
    'bad_quote',
    'wrong_cell_count',
    'cut_off',
    'mapping_failed',
    'date_order',
    'ambiguous_number',
    'bad_currency',
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

test('a checker keeps nothing of the previous line', () => {
  assert.equal(withMember('user_id', '"u1"'), null);
  assert.equal(check(`{${TIME},${TYPE}}`), null);
  assert.equal(textOf('user_id'), null);
  assert.equal(check('{'), 'not_json');
  assert.equal(checker.field, undefined);
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
      const result = check(line);
      if (line.includes('\\u0000')) return;
      assert.equal(result, null, line);
      assert.equal(textOf('user_id'), user);
    }),
    { numRuns: 2000 },
  );
});
