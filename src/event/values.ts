import { MONEY_PRECISION, MONEY_SCALE } from './fields.ts';

/**
 * Reads a decimal number as money: the integer number of 1/10^MONEY_SCALE units, rounded half away from zero; null
 * when it is no plain decimal such as `12` or `-3.50`; `'out_of_range'` when it does not fit DECIMAL(18,4).
 * An exponent is taken only where almost nothing is left (`5.7e-14`): that is how floating-point noise is written.
 */
export function parseMoney(text: string): bigint | 'out_of_range' | null {
  const units = parseMoneySum(text) ?? parseTiny(text);
  if (units === null) return null;
  return units >= UNITS_MAX || units <= -UNITS_MAX ? 'out_of_range' : units;
}

/** The same of a sum, which may be larger than the money of an event. */
export function parseMoneySum(text: string): bigint | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const fraction = (match[3] ?? '').padEnd(MONEY_SCALE + 1, '0');
  let units = BigInt(match[2]! + fraction.slice(0, MONEY_SCALE));
  if (fraction.charCodeAt(MONEY_SCALE) >= '5'.charCodeAt(0)) units += 1n;
  return match[1] ? -units : units;
}

const DECIMAL = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?$/;
const TINY = /^-?\d{1,40}(?:\.\d{1,40})?[eE]-\d{1,3}$/;
const UNITS_MAX = 10n ** BigInt(MONEY_PRECISION);

function parseTiny(text: string): bigint | null {
  if (!TINY.test(text)) return null;
  const value = Number(text);
  if (Math.abs(value) >= TINY_BELOW) return null;
  return BigInt(Math.abs(value) >= HALF_UNIT ? Math.sign(value) : 0);
}

const TINY_BELOW = Number(`1e-${MONEY_SCALE}`);
const HALF_UNIT = Number(`5e-${MONEY_SCALE + 1}`);

/** Money units as a decimal string with all decimals: 123400n is "12.3400". */
export function formatMoney(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(MONEY_SCALE + 1, '0');
  const cut = digits.length - MONEY_SCALE;
  return `${units < 0n ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}
