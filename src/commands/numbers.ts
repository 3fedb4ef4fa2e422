import { UsageError } from '../telemetry/errors.ts';

/** Largest whole number of an option that has no limit of its own. */
const WHOLE_MAX = 1_000_000_000;

/** A whole number as digits: Number() also takes "", " 5", 0x10 and 1e2, of which nobody means a count. */
export function wholeNumber(option: string, text: string, min: number, max = WHOLE_MAX): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} "${text}" is not a whole number from ${min} to ${max}.`);
}

/** The same of an option that may be left out. */
export function wholeNumberIfGiven(
  option: string,
  text: string | undefined,
  min: number,
  max?: number,
): number | undefined {
  return text === undefined ? undefined : wholeNumber(option, text, min, max);
}

/** A number that may have decimals, above or from `min`. */
export function decimalNumber(
  option: string,
  text: string | undefined,
  { min, max, isAbove = false }: { min: number; max: number; isAbove?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{0,16}(\.\d{1,16})?$/.test(text) && text !== '' ? Number(text) : Number.NaN;
  if (value <= max && (isAbove ? value > min : value >= min)) return value;
  throw new UsageError(
    `${option} "${text}" is not a number ${isAbove ? `above ${min}, up to ${max}` : `from ${min} to ${max}`}.`,
  );
}
