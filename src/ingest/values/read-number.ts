import { plainValue } from './plain-value.ts';
import { type NumberReason, readDecimal } from './read-money.ts';

const UNITS = 10_000n;

/**
 * Reads a whole number: `7`, ` 7 `, `2.0`. `isRounded`: fractions are rounded, as measured times may have them.
 * A number with one separator and three digits, `1,234`, is `ambiguous_number` here as well.
 */
export function readInteger(
  value: unknown,
  isRounded: boolean,
  decimal?: '.' | ',' | undefined,
): number | NumberReason {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  const units = readDecimal(value, { decimal });
  if (typeof units === 'string') return units;
  if (units % UNITS === 0n) return Number(units / UNITS);
  return isRounded ? Math.round(Number(units) / Number(UNITS)) : 'bad_number';
}

const TRUE_WORDS = new Set(['true', 't', 'yes', 'y', 'on', '1']);
const FALSE_WORDS = new Set(['false', 'f', 'no', 'n', 'off', '0']);

/** Reads yes or no in the usual words; null for anything else. */
export function readBoolean(input: unknown): boolean | null {
  const value = plainValue(input);
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string') return null;
  const word = value.trim().toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : null;
}
