import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { murmur2 as murmur2OfLibrary } from '@platformatic/kafka';
import fc from 'fast-check';
import { lineKey } from './line-key.ts';
import { murmur2, partitionOfKey } from './murmur2.ts';

function keyOf(line: string): string | null {
  const bytes = Buffer.from(`before\n${line}\n{"session_id":"after"}`);
  const start = 7;
  return lineKey(bytes, start, start + Buffer.byteLength(line))?.toString() ?? null;
}

describe('the key of a line', () => {
  const cases: [string, string | null][] = [
    ['{"session_id":"s1","user_id":"u1"}', 's1'],
    ['{"user_id":"u1","session_id":"s1"}', 's1'],
    ['{"user_id" : "u1" , "a":{"session_id":"x"}}', 'u1'],
    ['{"a":"\\"session_id\\":\\"x\\"","user_id":"u1"}', 'u1'],
    ['{"a":["session_id","x"],"b":"session_id"}', null],
    ['{"session_id":"","user_id":"u1"}', 'u1'],
    ['{"session_id":null,"user_id":7}', '7'],
    ['{"session_id":12.5e3}', '12.5e3'],
    ['{"session_id":{"user_id":"x"}}', null],
    ['{"session_id":"a\\u00e9\\"b"}', 'aé"b'],
    ['{}', null],
    ['{"session_id":"s1","event_id":"e1"}', 'e1'],
    ['{"event_id":"e1","order_id":"o1","event_type":"purchase"}', 'o1'],
    ['{"event_type":"refund","order_id":17,"event_id":"e1"}', '17'],
    ['{"event_type":"Order Completed","order_id":"o1"}', 'o1'],
    ['{"event_type":"checkout","order_id":"o1","session_id":"s1"}', 's1'],
    ['{"event_type":"purchase","order_id":"","event_id":"e1"}', 'e1'],
    ['{"tillstream_bad":"not_json","session_id":"s1"}', null],
  ];
  for (const [line, key] of cases) it(line, () => assert.equal(keyOf(line), key));

  it('is the one that a JSON parser finds', () => {
    const name = fc.constantFrom(
      'session_id',
      'user_id',
      'event_id',
      'order_id',
      'a',
      'session',
      '"session_id":"x"',
    );
    const value = fc.jsonValue({ maxDepth: 2 });
    const entries = fc.uniqueArray(fc.tuple(name, value), { selector: ([each]) => each });
    fc.assert(
      fc.property(entries, fc.boolean(), (fields, isOrder) => {
        const event: Record<string, unknown> = {
          ...Object.fromEntries(fields),
          event_type: isOrder ? 'purchase' : 'view_product',
        };
        const text = (field: unknown) =>
          (typeof field === 'string' && field !== '') || typeof field === 'number'
            ? JSON.stringify(field)
            : null;
        const order = isOrder ? text(event.order_id) : null;
        const expected = order ?? text(event.event_id) ?? text(event.session_id) ?? text(event.user_id);
        const found = keyOf(JSON.stringify(event));
        assert.equal(found, expected === null ? null : String(JSON.parse(expected)));
      }),
      { numRuns: 500 },
    );
  });
});

it('keys map to the same partitions as in the Java producer', () => {
  // From UtilsTest of Apache Kafka.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of known) assert.equal(murmur2(Buffer.from(key)), hash);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const key = Buffer.from(bytes);
      assert.equal(murmur2(key), murmur2OfLibrary(key) | 0);
      const partition = partitionOfKey(key, 7);
      assert.ok(partition >= 0 && partition < 7);
    }),
  );
});
