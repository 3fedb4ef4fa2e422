import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMoney, parseMoney } from './values.ts';

test('decimals, rounded half away from zero', () => {
  const cases: [string, string][] = [
    ['12', '12.0000'],
    ['-3.50', '-3.5000'],
    ['0', '0.0000'],
    ['-0', '0.0000'],
    ['007', '7.0000'],
    ['1.00005', '1.0001'],
    ['1.00004999999', '1.0000'],
    ['-1.00005', '-1.0001'],
    ['0.00005', '0.0001'],
    ['-0.00004', '0.0000'],
    ['99999999999999.9999', '99999999999999.9999'],
    ['99999999999999.99994', '99999999999999.9999'],
    [`${'0'.repeat(39)}5`, '5.0000'],
    ['5.684341886080802e-14', '0.0000'],
    ['-5e-05', '-0.0001'],
    ['4.9e-5', '0.0000'],
    ['9.9E-5', '0.0001'],
  ];
  for (const [text, money] of cases) assert.equal(formatMoney(parseMoney(text) as bigint), money, text);
});

test('values that do not fit are rejected', () => {
  for (const text of ['100000000000000', '-100000000000000', '99999999999999.99995', '9'.repeat(40)])
    assert.equal(parseMoney(text), 'out_of_range', text);
});

test('texts that are not money', () => {
  for (const text of [
    '',
    ' ',
    '.5',
    '5.',
    '+5',
    ' 5',
    '5 ',
    '1,5',
    '1_0',
    '0x1',
    'NaN',
    'Infinity',
    'EUR 5',
    '1e3',
    '1e-4',
    '1e+5',
    '1.5e-3',
    '--1',
    '١',
    '5\n',
    '9'.repeat(41),
    `1.${'1'.repeat(41)}`,
  ]) {
    assert.equal(parseMoney(text), null, text);
  }
});

test('what was written is read back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }), (units) => {
      assert.equal(parseMoney(formatMoney(units)), units);
    }),
  );
});
