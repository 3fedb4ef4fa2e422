import { isObject } from '../record-slots.ts';

/** A decimal whose number of digits behind the point is not known, but assumed. */
export class AssumedDecimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    return this.text;
  }
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
/** No database has decimals of more bytes. */
const BYTES_MAX = 64;
const SCALE_MAX = 100;

/**
 * The decimal whose unscaled number is in `value` as base64, as text; `{scale, value}` brings its scale itself (Debezium's
 * VariableScaleDecimal). What is a number already, or no base64, stays as it is: base64 that consists of digits alone would be a number
 * below zero.
 */
export function decimalOf(value: unknown, scale: number, isAssumed = false): unknown {
  if (isObject(value) && typeof value.scale === 'number' && typeof value.value === 'string')
    return scaled(value.value, value.scale) ?? value;
  if (typeof value !== 'string' || NUMBER.test(value)) return value;
  const text = scaled(value, scale);
  if (text === null) return value;
  return isAssumed ? new AssumedDecimal(text) : text;
}

/** The decimal of an unscaled number in base64, big-endian in two's complement; null where it is none. */
export function scaled(base64: string, scale: number): string | null {
  const bytes = Buffer.from(base64, 'base64');
  const isUsable = bytes.length > 0 && bytes.length <= BYTES_MAX && bytes.toString('base64') === base64;
  if (!isUsable || !Number.isInteger(scale) || Math.abs(scale) > SCALE_MAX) return null;
  const number = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  if (scale <= 0) return String(number * 10n ** BigInt(-scale));
  const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0');
  return `${number < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
