import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSameCurrency, minorDigits, readCurrency } from './read-currency.ts';
import { moneyText, readMoney } from './read-money.ts';
import { readBoolean, readInteger } from './read-number.ts';

/** The amount with its currency, or the reason. */
function read(value: unknown, decimal?: '.' | ',', dollar?: string): string {
  const money = readMoney(value, { decimal, dollar });
  if (typeof money === 'string') return money;
  return `${moneyText(money.units)} ${money.currency ?? ''}`.trim();
}

describe('money', () => {
  it('is read where there is no doubt', () => {
    for (const [value, expected] of [
      [39.8, '39.8000'],
      ['\u00a039.80 ', '39.8000'],
      ['39,80 €', '39.8000 EUR'],
      ['€39.80', '39.8000 EUR'],
      ['EUR 39.80', '39.8000 EUR'],
      ['39.80eur', '39.8000 EUR'],
      ['US$ 1,234.50', '1234.5000 USD'],
      ['$39.80', '39.8000 $'],
      ['kr 39,80', '39.8000 kr'],
      ['39.80 Fr.', '39.8000 Fr.'],
      ['1.039,80', '1039.8000'],
      ['1,039.80', '1039.8000'],
      ['1\u202f039,80', '1039.8000'],
      ["1'234.50", '1234.5000'],
      ['1.234.567', '1234567.0000'],
      ['12,34,567.89', '1234567.8900'],
      ['12,50', '12.5000'],
      ['0,250', '0.2500'],
      ['1234.567', '1234.5670'],
      ['.5', '0.5000'],
      ['1E2', '100.0000'],
      ['1.5e-3', '0.0015'],
      [1e-7, '0.0000'],
      [0.30000000000000004, '0.3000'],
      ['1.23456', '1.2346'],
      ['(39.80)', '-39.8000'],
      ['(€39.80)', '-39.8000 EUR'],
      ['-€5', '-5.0000 EUR'],
      ['€-5', '-5.0000 EUR'],
      ['5,00-', '-5.0000'],
      ['−5', '-5.0000'],
      ['+5', '5.0000'],
      [{ value: '39,80', currency: 'eur' }, '39.8000 EUR'],
      [{ amount: 39.8, currency_code: 'USD' }, '39.8000 USD'],
      [{ $numberDecimal: '3.5' }, '3.5000'],
      ['99999999999999.9999', '99999999999999.9999'],
    ] as const) {
      assert.equal(read(value), expected, JSON.stringify(value));
    }
  });

  it('is rejected where there is doubt, or none is', () => {
    for (const [value, expected] of [
      ['1,234', 'ambiguous_number'],
      ['1.234', 'ambiguous_number'],
      ['999.000 €', 'ambiguous_number'],
      ['1,2,3', 'bad_number'],
      ['1.23.456', 'bad_number'],
      ['1,23,4567', 'bad_number'],
      ['1.2.3,4', 'bad_number'],
      ['(-5)', 'bad_number'],
      ['--5', 'bad_number'],
      ['€ 5 USD', 'bad_number'],
      ['5 foo', 'bad_number'],
      ['gratis', 'bad_number'],
      ['', 'bad_number'],
      ['€', 'bad_number'],
      ['.', 'bad_number'],
      ['0x10', 'bad_number'],
      ['NaN', 'bad_number'],
      [Number.POSITIVE_INFINITY, 'bad_number'],
      [false, 'bad_number'],
      [['5'], 'bad_number'],
      [{ amount: { value: 5 } }, 'bad_number'],
      [{ value: '$5', currency: 'EUR' }, 'bad_number'],
      [{ value: '5 €', currency: 'USD' }, 'bad_number'],
      [{}, 'bad_number'],
      ['100000000000000', 'number_out_of_range'],
      [1e21, 'number_out_of_range'],
      ['-9e999', 'number_out_of_range'],
      [`${'9'.repeat(100)}`, 'bad_number'],
    ] as const) {
      assert.equal(read(value), expected, JSON.stringify(value));
    }
  });

  it('has the decimal separator and the dollar of the settings', () => {
    assert.equal(read('1,234', ','), '1.2340');
    assert.equal(read('1,234', '.'), '1234.0000');
    assert.equal(read('1.234', ','), '1234.0000');
    assert.equal(read('1.234', '.'), '1.2340');
    assert.equal(read('12.50', ','), 'bad_number', 'a thousand has three digits');
    assert.equal(read('12,50', '.'), 'bad_number');
    assert.equal(read(12.5, ','), '12.5000', 'a number has no separator');
    assert.equal(read('$5', undefined, 'CAD'), '5.0000 CAD');
  });

  it('of any size is read as any country writes it', () => {
    const countries = ['de-DE', 'en-US', 'fr-FR', 'de-CH', 'en-IN', 'sv-SE', 'pt-BR', 'pl-PL'];
    fc.assert(
      fc.property(
        fc.integer({ min: -9_999_999_999, max: 9_999_999_999 }),
        fc.constantFrom(...countries),
        fc.constantFrom('EUR', 'CHF', 'BRL', 'INR', 'JPY', null),
        (cents, country, currency) => {
          const amount = cents / 100;
          const text = new Intl.NumberFormat(country, {
            minimumFractionDigits: 2,
            ...(currency === null ? {} : { style: 'currency', currency }),
          }).format(amount);
          const expected = `${moneyText(BigInt(cents) * 100n)} ${currency ?? ''}`.trim();
          assert.equal(read(text), expected, text);
        },
      ),
    );
  });

  it('never throws and never is more than DECIMAL(18,4) holds', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.double(), fc.stringMatching(/^[-(€$ ]{0,2}[\d.,' e+-]{0,30}[)€ ]{0,2}$/)),
        fc.constantFrom('.', ',', undefined),
        (value, decimal) => {
          const money = readMoney(value, { decimal });
          if (typeof money === 'string') return;
          assert.ok(money.units > -(10n ** 18n) && money.units < 10n ** 18n);
        },
      ),
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), (number) => {
        const money = readMoney(number, {});
        assert.ok(typeof money !== 'string');
        assert.ok(Math.abs(Number(money.units) / 10_000 - number) <= 0.000_051);
      }),
    );
  });
});

describe('currencies', () => {
  it('are codes, numbers, names and signs of ISO 4217', () => {
    for (const [value, expected] of [
      [' EUR', 'EUR'],
      ['Eur', 'EUR'],
      ['€', 'EUR'],
      ['£', 'GBP'],
      ['¥', 'JPY'],
      ['978', 'EUR'],
      ['978.0', 'EUR'],
      [978, 'EUR'],
      ['036', 'AUD'],
      [36, 'AUD'],
      ['us dollar', 'USD'],
      ['DEM', 'DEM'],
      ['EUROS', null],
      ['BTC', null],
      ['XTS', null],
      ['X'.repeat(3), null],
      ['', null],
      ['$', null],
      [true, null],
      ['039.80', null],
      [{ code: 'EUR' }, null],
    ] as const) {
      assert.equal(readCurrency(value), expected, String(value));
    }
    assert.equal(readCurrency('$', 'USD'), 'USD');
    for (const [sign, ...codes] of [
      ['$', 'USD', 'CAD', 'MXN', 'BRL', 'UYU'],
      ['kr', 'SEK', 'NOK', 'DKK', 'ISK'],
      ['Fr.', 'CHF', 'XOF'],
    ] as const) {
      for (const code of codes) assert.ok(isSameCurrency(sign, code), `${sign} ${code}`);
      for (const code of ['EUR', 'GBP', 'JPY', 'CZK'])
        assert.ok(!isSameCurrency(sign, code), `${sign} ${code}`);
    }
    assert.ok(isSameCurrency('GBP', 'EGP') && !isSameCurrency('GBP', 'EUR'));
    assert.deepEqual(['EUR', 'JPY', 'KWD', 'DEM'].map(minorDigits), [2, 0, 3, null]);
  });
});

describe('whole numbers and booleans', () => {
  it('are read in the usual writings', () => {
    for (const [value, expected] of [
      [7, 7],
      [' 7 ', 7],
      ['2.0', 2],
      ['-3', -3],
      ['1e3', 1000],
      [87.5, 'bad_number'],
      ['200 OK', 'bad_number'],
      ['1,234', 'ambiguous_number'],
      ['5 EUR', 'bad_number'],
      [null, 'bad_number'],
      [true, 'bad_number'],
    ] as const) {
      assert.equal(readInteger(value, false), expected, String(value));
    }
    assert.equal(readInteger(87.5, true), 88);
    assert.equal(readInteger('0.4', true), 0);
    for (const word of ['true', 'T', ' Yes', 'y', 'ON', '1', 1, true]) assert.equal(readBoolean(word), true);
    for (const word of ['False', 'f', 'no', 'n', 'off', '0', 0, false])
      assert.equal(readBoolean(word), false);
    for (const word of ['', 'maybe', 2, null, {}, []]) assert.equal(readBoolean(word), null);
  });
});
