import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonToLines } from './json-values.ts';

const lines = (body: string) => jsonToLines(Buffer.from(body))?.toString() ?? null;

test('an array gives its elements', () => {
  assert.equal(lines('[{"a":1},{"b":2}]'), '{"a":1}\n{"b":2}\n');
  assert.equal(
    lines(' [ {"a":[1,{"b":"]"}]} , 2 , "x,y" , null ] '),
    '{"a":[1,{"b":"]"}]}\n2 \n"x,y"\nnull \n',
  );
  assert.equal(lines('[]'), '');
  assert.equal(lines(' [ \n ] '), '');
  assert.equal(lines('\ufeff[1]'), '1\n');
});

test('one object, however it is laid out, gives one line', () => {
  assert.equal(lines('{"a":1}'), '{"a":1}');
  assert.equal(
    lines('\ufeff {\n  "a": {\n    "b": [\n1,\n2]\n  }\n}\n'),
    '{   "a": {     "b": [ 1, 2]   } }',
  );
});

test('line ends and brackets in strings', () => {
  assert.equal(lines('[{"a":"}]\\"[{"},\n{"b":"\\\\"}]'), '{"a":"}]\\"[{"}\n{"b":"\\\\"}\n');
  // A raw line end in a string is not JSON; it must stay so, in one line.
  assert.equal(lines('[{"a":"x\ny"},{"b":1}]'), '{"a":"x\ty"}\n{"b":1}\n');
});

test('elements that are not JSON are left to the validator', () => {
  assert.equal(lines('[{"a":tru},nonsense,{"b":2}]'), '{"a":tru}\nnonsense\n{"b":2}\n');
  assert.equal(lines('[1 2,{]}]'), null);
  assert.equal(lines('[1 2,{]]'), '1 2\n{]\n');
});

test('what is not one array or object is not split', () => {
  for (const body of [
    '',
    ' ',
    'x',
    '1',
    '"[1]"',
    '{"a":1}\n{"b":2}',
    '{"a":1}{"b":2}',
    '{"a":1',
    '{"a":"x}',
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[,]',
    '[1}',
    '["x]',
    '["a" "b"]',
    '[{"a":1} {"b":2}]',
    '[1]\n[2]',
    '[1],',
    '[1]x',
    '[{"a":1]',
    '[{"a":"\\',
    '{}[]',
    ']',
    '[[1]',
  ])
    assert.equal(lines(body), null, body);
});

test('any array of JSON values, compact or pretty', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2, '\t', '\r\n '), (values, space) => {
      const result = lines(JSON.stringify(values, null, space));
      const parts = result === '' ? [] : result!.slice(0, -1).split('\n');
      assert.deepEqual(
        parts.map((part) => JSON.parse(part)),
        JSON.parse(JSON.stringify(values)),
      );
    }),
  );
});

test('any bytes: never an exception, and no line end but at the end of an element', () => {
  const soup = fc.array(
    fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', ':', '\n', ' ', '1', 'x', '\r', 'é'),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(soup, fc.uint8Array({ maxLength: 10 }), (parts, bytes) => {
      jsonToLines(Buffer.from(bytes));
      const result = jsonToLines(Buffer.from(`[${parts.join('')}]`));
      if (result && result.length > 0) {
        assert.equal(result.at(-1), 0x0a);
        for (const line of result.toString().slice(0, -1).split('\n')) assert.notEqual(line.trim(), '');
      }
    }),
    { numRuns: 5000 },
  );
});
