import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { testSeed } from '../../test/support/seed.ts';
import { LineChecker } from './check-line.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);

/** Members of a line: fields, names that are nearly those of fields, other ones, with blanks and escapes, of values of all kinds. */
const member = fc.constantFrom(
  '"event_id":"e1"',
  '"event_id" : "e2"',
  '"event_ix":"e1"',
  '"event\\u005fid":"e3"',
  '"user_id":"u1"',
  '"used_id":"u1"',
  '"uid":"u2"',
  '"order_id":77',
  '"order_id":null',
  '"amount":12.5',
  '"amount": "12.50"',
  '"price":"4.10"',
  '"quantity":2',
  '"status_code":"0200"',
  '"country":"DE"',
  '"country":""',
  '"url":"https://shop.example/p?a=\\"1\\""',
  '"extra":{"a":{"event_id":"no"},"user_id":[1,"x"]}',
  '"a":{"event_type":"no"}',
  '"ab":true',
  '"x":"y"',
  '"test":true',
  '"bot":false',
  '"newsletter":false',
);
const line = fc
  .tuple(fc.constantFrom('purchase', 'page_view', 'Order Completed', 'refund'), fc.uniqueArray(member))
  .chain(([type, members]) =>
    fc.shuffledSubarray([`"timestamp":"2026-11-23T10:00:00Z"`, `"event_type":"${type}"`, ...members], {
      minLength: 2,
    }),
  )
  .map((members) => `{${members.join(',')}}`);

const told = (checker: LineChecker, text: string) => {
  const bytes = Buffer.from(text);
  const reason = checker.check(bytes, 0, bytes.length, NOW_MS);
  if (reason !== null) return { reason, field: checker.field };
  const { isCanonical, needsNormalizing } = checker;
  return { isCanonical, needsNormalizing, line: checker.canonical().toString() };
};

test('a line is read in the same way whatever lines came before it', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
      const checker = new LineChecker('UTC');
      checker.learnFieldName('uid', 3);
      for (const each of lines) {
        const fresh = new LineChecker('UTC');
        fresh.learnFieldName('uid', 3);
        assert.deepEqual(told(checker, each), told(fresh, each), each);
      }
    }),
    { seed: testSeed('names in turn'), numRuns: 3000 },
  );
});

test('a name that is learned is known where it came before', () => {
  const checker = new LineChecker('UTC');
  const text = '{"timestamp":"2026-11-23T10:00:00Z","event_type":"page_view","uid":"u1"}';
  assert.match(String(told(checker, text).line), /"extra":\{"uid":"u1"\}/);
  checker.learnFieldName('uid', 3);
  assert.match(String(told(checker, text).line), /"user_id":"u1"/);
});

test('members that follow each other are stored as they came', () => {
  const checker = new LineChecker('UTC');
  const stored = (text: string) => told(checker, text).line;
  const start = '"timestamp":"2026-11-23T10:00:00Z","event_type":"page_view"';
  assert.equal(stored(`{${start},"event_id":"e","user_id":"u"}`), `{${start},"event_id":"e","user_id":"u"}`);
  assert.equal(
    stored(`{"user_id":"u", ${start}, "event_id" :"e","x":1}`),
    `{${start},"event_id":"e","user_id":"u","extra":{"x":1}}`,
  );
  assert.equal(
    stored(`{"amount":1.5,"event_type":"page_view","timestamp":"2026-11-23T10:00:00Z"}`),
    `{${start},"amount":1.5}`,
  );
});
