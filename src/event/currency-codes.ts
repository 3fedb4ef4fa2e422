import { createRequire } from 'node:module';
import type { CurrencyCodeRecord } from 'currency-codes';

/** The names of the package are CommonJS, and it keeps its table in the file it exports. */
const { data } = createRequire(import.meta.url)('currency-codes') as { data: readonly CurrencyCodeRecord[] };

/** Codes of ISO 4217 for testing and for no currency at all. */
export const NOT_MONEY = /^X(?:TS|X{2})$/;
/** The currencies of ISO 4217. */
export const CURRENCIES: readonly CurrencyCodeRecord[] = data.filter(({ code }) => !NOT_MONEY.test(code));

const LETTERS = 26;
const FIRST_LETTER = 0x41;
/** 1 for each three letters that are a code. */
export const IS_CURRENCY_CODE = new Uint8Array(LETTERS ** 3);
for (const { code } of CURRENCIES) IS_CURRENCY_CODE[numberOf(Buffer.from(code), 0)] = 1;

function numberOf(bytes: Buffer, start: number): number {
  let number = 0;
  for (let i = start; i < start + 3; i++) {
    const letter = bytes[i]! - FIRST_LETTER;
    if (letter < 0 || letter >= LETTERS) return -1;
    number = number * LETTERS + letter;
  }
  return number;
}

/** Whether `bytes[start, end)` is the code of a currency, in upper case. */
export function isCurrencyCode(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 3 && IS_CURRENCY_CODE[numberOf(bytes, start)] === 1;
}
