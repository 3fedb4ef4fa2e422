import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../telemetry/errors.ts';
import { WrongKeys } from './wrong-keys.ts';

function setUp() {
  const logged: string[] = [];
  let nowMs = 0;
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (fields: object) => logged.push(JSON.stringify(fields)),
  };
  const keys = new WrongKeys(logger, () => nowMs);
  /** How many of so many wrong keys are answered one by one. */
  const tried = (address: string, tries: number) => {
    let answered = 0;
    for (let n = 0; n < tries; n++) {
      try {
        keys.count(address);
        answered++;
      } catch (error) {
        assert.ok(error instanceof ApiError && error.code === 'too_many_requests');
        assert.ok(error.retryAfterSeconds! >= 1 && error.retryAfterSeconds! <= 60);
      }
    }
    return answered;
  };
  return { logged, tried, pass: (ms: number) => (nowMs += ms) };
}

test('wrong keys are limited by address and minute, and logged once each', () => {
  const { logged, tried, pass } = setUp();
  assert.equal(tried('10.0.0.1', 3000), 20);
  assert.equal(tried('10.0.0.2', 5), 5, 'others are not held up');
  assert.equal(tried('::ffff:10.0.0.1', 5), 0, 'the same address in another form');
  assert.deepEqual(logged, ['{"address":"10.0.0.1"}', '{"address":"10.0.0.2"}']);
  pass(59_999);
  assert.equal(tried('10.0.0.1', 1), 0);
  pass(1);
  assert.equal(tried('10.0.0.1', 30), 20);
  assert.equal(logged.length, 3);
});

test('addresses of one IPv6 network count together', () => {
  const { logged, tried } = setUp();
  assert.equal(tried('2001:db8:1:2::1', 15) + tried('2001:db8:1:2:a:b:c:d', 15), 20);
  assert.equal(tried('2001:db8:1:3::1', 15), 15);
  assert.equal(tried('::1', 5), 5);
  assert.equal(logged.length, 3);
});

test('memory stays bounded, however many addresses send requests', () => {
  const { tried } = setUp();
  for (let n = 0; n < 30_000; n++) tried(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 1);
  assert.equal(tried('10.0.0.0', 30), 20, 'the first ones are forgotten');
});
