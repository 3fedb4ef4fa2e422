import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../telemetry/errors.ts';
import { decimalNumber, wholeNumber, wholeNumberIfGiven } from './numbers.ts';

/** What is a number for JavaScript, or looks like one. */
const ODD = ['', ' ', ' 5', '5 ', '-5', '+5', '-0', '0x10', '1e2', '1e99', '5k', '5s', '1_000', '1,5', 'NaN'];
const MORE = ['Infinity', '٣', '5n', '.', '5.', '--5', '99999999999999999'];

test('a whole number is digits, within its limits', () => {
  assert.deepEqual(
    ['1', '20', '007', '1000'].map((text) => wholeNumber('--limit', text, 1, 1000)),
    [1, 20, 7, 1000],
  );
  assert.equal(wholeNumber('--count', '0', 0), 0);
  assert.equal(wholeNumberIfGiven('--count', undefined, 1), undefined);
  for (const text of [...ODD, ...MORE, '1.5', '1.0', '0', '1001'])
    assert.throws(
      () => wholeNumber('--limit', text, 1, 1000),
      (error) =>
        error instanceof UsageError &&
        error.message === `--limit "${text}" is not a whole number from 1 to 1000.`,
    );
});

test('a number with decimals, within its limits', () => {
  const share = { min: 0, max: 1 };
  assert.deepEqual(
    ['0', '1', '0.25', '.5', '1.0'].map((text) => decimalNumber('--late', text, share)),
    [0, 1, 0.25, 0.5, 1],
  );
  assert.equal(decimalNumber('--late', undefined, share), undefined);
  for (const text of [...ODD, ...MORE, '1.01', '2'])
    assert.throws(
      () => decimalNumber('--late', text, share),
      /^UsageError: --late ".*" is not a number from 0 to 1\.$/s,
    );
  assert.throws(
    () => decimalNumber('--rate', '0', { min: 0, max: 10, isAbove: true }),
    /above 0, up to 10\.$/,
  );
});
