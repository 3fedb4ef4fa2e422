import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bodyOf, externalLines } from './value-lines.ts';

const CASES: [string | Buffer | null, string[], string][] = [
  ['{"a":1}', ['{"a":1}'], '{"a":1}\n'],
  ['{"a":\n1}', ['{"a": 1}'], '{"a": 1}\n'],
  ['[1,{"a":2}]', ['1', '{"a":2}'], '1\n{"a":2}\n'],
  ['[1,', ['[1,'], '[1,\n'],
  ['[1,\n2', ['[1,', '2'], '[1,\n2\n'],
  ['{"a":1}\n{"a":2}', ['{"a":1}', '{"a":2}'], '{"a":1}\n{"a":2}\n'],
  ['\ufeff{"a":1}\n{"a":2}', ['{"a":1}', '{"a":2}'], '{"a":1}\n{"a":2}\n'],
  ['a\r\n\r\nb\n', ['a', 'b'], 'a\nb\n'],
  ['\n', ['{"tillstream_bad":"not_json","tillstream_bad_raw":"\\n"}'], ''],
  ['', ['{"tillstream_bad":"not_json","tillstream_bad_raw":""}'], ''],
  [null, ['{"tillstream_bad":"not_json","tillstream_bad_raw":""}'], ''],
  ['[ ]', ['{"tillstream_bad":"not_an_object","tillstream_bad_raw":"[ ]"}'], ''],
];

for (const [value, lines, body] of CASES) {
  it(`the value ${JSON.stringify(value)}`, () => {
    const bytes = value === null ? null : Buffer.from(value);
    const joined = Buffer.concat(externalLines(bytes, 1000)).toString();
    assert.equal(joined, lines.map((line) => `${line}\n`).join(''));
    if (bytes !== null) assert.equal(bodyOf(bytes).toString(), body);
  });
}
