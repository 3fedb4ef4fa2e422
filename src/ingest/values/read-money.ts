import { formatMoney, parseMoney } from '../../event/values.ts';
import { plainValue } from './plain-value.ts';
import { isSameCurrency, isSharedSign, readCurrency, SIGNS } from './read-currency.ts';

export interface MoneySettings {
  /** The decimal separator of the source; told from the number where it is left out and there is no doubt. */
  readonly decimal?: '.' | ',' | undefined;
  /** The currency of `$`. */
  readonly dollar?: string | undefined;
}

export interface MoneyValue {
  /** In 1/10,000 of the currency, as `parseMoney` gives it. */
  readonly units: bigint;
  /** Currency that stands beside the number: its code, or a sign of several currencies as it is. */
  readonly currency: string | null;
}

export type NumberReason = 'bad_number' | 'ambiguous_number' | 'number_out_of_range';

const PLAIN = /^-?\d{1,14}(?:\.\d{1,2})?$/;
/** Longer texts are not amounts. */
const LENGTH_MAX = 80;
const MINUS = /^[-\u2212\u2013]/;
/** Blanks and apostrophes that separate thousands. */
const BLANKS = /[\s'\u2019_]/;
const EXPONENT = /^(\d{1,20})?(?:\.(\d{1,20}))?e([+-]?\d{1,3})$/i;
const EXPONENT_MAX = 30;

/** Members of objects that hold an amount and its currency. */
const AMOUNT_NAMES = ['value', 'amount'];
const CURRENCY_NAMES = ['currency', 'currency_code', 'currencyCode'];

/**
 * Reads an amount: a number, a text with a sign or code of a currency on either side, thousands separators and brackets for a negative
 * one, or an object such as `{value, currency}`. What may be read in two ways, `1,234`, is `ambiguous_number`.
 */
export function readMoney(value: unknown, settings: MoneySettings): MoneyValue | NumberReason {
  if (typeof value === 'string') {
    if (settings.decimal !== ',' && PLAIN.test(value)) return amount(value, null);
    return fromText(value, settings);
  }
  if (typeof value === 'number' || typeof value === 'bigint') return amount(expanded(String(value)), null);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'bad_number';
  const plain = plainValue(value);
  return plain === value
    ? fromObject(value as Record<string, unknown>, settings)
    : readMoney(plain, settings);
}

/** Smaller amounts are hardly in the smaller unit. */
const WHOLE_MIN = 100;

/** How an amount is written: in an object, `{amount: 1999}`, or plainly, as a whole number or with decimals. */
const AMOUNT_FORMS = ['whole', 'decimal', 'plain_whole', 'plain_decimal'] as const;
export type AmountForm = (typeof AMOUNT_FORMS)[number];
export const isAmountForm = (code: string): code is AmountForm =>
  (AMOUNT_FORMS as readonly string[]).includes(code);

const WHOLE = /^[^\d.,]*\d+[^\d.,]*$/;

/** The form of an amount, of which some systems write whole numbers in the smaller unit. Null: it says nothing of that. */
export function formOfAmount(value: unknown): AmountForm | null {
  if (typeof value === 'number') return Number.isInteger(value) ? 'plain_whole' : 'plain_decimal';
  if (typeof value === 'string')
    return WHOLE.test(value) ? 'plain_whole' : /\d[.,]\d/.test(value) ? 'plain_decimal' : null;
  if (typeof value !== 'object' || value === null) return null;
  const name = AMOUNT_NAMES.find((each) => Object.hasOwn(value, each));
  const inner = name === undefined ? undefined : plainValue((value as Record<string, unknown>)[name]);
  if (typeof inner === 'string') {
    const text = inner.trim();
    if (/^-?\d+$/.test(text)) return Math.abs(Number(text)) >= WHOLE_MIN ? 'whole' : null;
    return /\d[.,]\d{1,2}$/.test(text) ? 'decimal' : null;
  }
  if (typeof inner !== 'number') return null;
  if (!Number.isInteger(inner)) return 'decimal';
  return Math.abs(inner) >= WHOLE_MIN ? 'whole' : null;
}

/** A decimal in the same writings, without a currency. */
export function readDecimal(value: unknown, settings: MoneySettings): bigint | NumberReason {
  const money = readMoney(value, settings);
  if (typeof money === 'string') return money;
  return money.currency === null ? money.units : 'bad_number';
}

const POINT_DECIMALS = /^\s*-?\d+\.\d+\s*$/;

/** Pieces, a weight or a length. `1.500` is one and a half: nobody writes thousands of them with a point and says nothing else. */
export function readQuantity(value: unknown, settings: MoneySettings): bigint | NumberReason {
  const isDecimal = settings.decimal === undefined && typeof value === 'string' && POINT_DECIMALS.test(value);
  return readDecimal(value, isDecimal ? { ...settings, decimal: '.' } : settings);
}

/** The canonical text of an amount: all four decimals. */
export const moneyText = formatMoney;

function amount(text: string | null, currency: string | null): MoneyValue | NumberReason {
  if (text === null) return 'bad_number';
  const units = parseMoney(text);
  if (units === null) return 'bad_number';
  return units === 'out_of_range' ? 'number_out_of_range' : { units, currency };
}

function fromObject(value: Record<string, unknown>, settings: MoneySettings): MoneyValue | NumberReason {
  const amountName = AMOUNT_NAMES.find((name) => Object.hasOwn(value, name));
  const inner = amountName === undefined ? undefined : plainValue(value[amountName]);
  if (inner === undefined || (typeof inner === 'object' && inner !== null)) return 'bad_number';
  const money = readMoney(inner, settings);
  if (typeof money === 'string') return money;
  const currencyName = CURRENCY_NAMES.find((name) => Object.hasOwn(value, name));
  const currency = currencyName === undefined ? null : readCurrency(value[currencyName], settings.dollar);
  if (currency !== null && money.currency !== null && !isSameCurrency(money.currency, currency))
    return 'bad_number';
  return { units: money.units, currency: currency ?? money.currency };
}

function fromText(value: string, settings: MoneySettings): MoneyValue | NumberReason {
  let text = value.trim();
  if (text === '' || text.length > LENGTH_MAX) return 'bad_number';
  const brackets = /^\((.+)\)$/.exec(text);
  let isNegative = brackets !== null;
  if (brackets) text = brackets[1]!.trim();
  const takeMinus = () => {
    if (MINUS.test(text)) text = text.slice(1).trim();
    else if (/\d\s*[-\u2212]$/.test(text)) text = text.slice(0, -1).trim();
    else return true;
    if (isNegative) return false;
    isNegative = true;
    return true;
  };
  if (!takeMinus()) return 'bad_number';
  const beside = takeCurrency(text, settings.dollar);
  if (beside === null) return 'bad_number';
  text = beside.number;
  if (!takeMinus()) return 'bad_number';
  if (text.startsWith('+')) text = text.slice(1);
  const digits = plainDigits(text, settings.decimal);
  if (digits === 'ambiguous_number') return digits;
  return amount(digits === null ? null : `${isNegative ? '-' : ''}${digits}`, beside.currency);
}

/** The number without the currency beside it; null where letters beside it are not one, or there is one on each side. */
function takeCurrency(text: string, dollar?: string): { number: string; currency: string | null } | null {
  let number = text;
  let sign: string | null = null;
  const front = /^(?:\p{L}+\.(?=\s*\d)|[^\d.,+\-\u2212(]+)/u.exec(text)?.[0];
  if (front !== undefined) {
    sign = front.trim();
    number = text.slice(front.length).trim();
  }
  const back = /[^\d.,\s\-\u2212)][^\d,]*$/.exec(number)?.[0];
  // The e of an exponent is never at the end.
  if (back !== undefined) {
    if (sign !== null) return null;
    sign = back.trim();
    number = number.slice(0, -back.length).trim();
  }
  if (sign === null) return { number, currency: null };
  if (!SIGNS.includes(sign) && !/^[a-z]{3}$/i.test(sign)) return null;
  const currency = readCurrency(sign, dollar) ?? (isSharedSign(sign) ? sign : null);
  return currency === null ? null : { number, currency };
}

/** The number as digits with at most one point; null where it is not one. */
function plainDigits(text: string, decimal: '.' | ',' | undefined): string | 'ambiguous_number' | null {
  if (/e/i.test(text)) return expanded(decimal === ',' ? text.replace(',', '.') : text);
  const point = decimal ?? decimalOf(text);
  if (point === 'ambiguous_number') return point;
  if (point !== '' && text.split(point).length > 2) return null;
  const at = point === '' ? -1 : text.indexOf(point);
  const whole = at < 0 ? text : text.slice(0, at);
  const fraction = at < 0 ? '' : text.slice(at + 1);
  if (!/^\d*$/.test(fraction)) return null;
  const digits = withoutThousands(whole);
  if (digits === null || (digits === '' && fraction === '')) return null;
  return `${digits === '' ? '0' : digits}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Which separator is the decimal one; '' where none is. */
function decimalOf(text: string): '.' | ',' | '' | 'ambiguous_number' {
  const [points, commas] = [text.split('.').length - 1, text.split(',').length - 1];
  if (points > 0 && commas > 0) return text.lastIndexOf('.') > text.lastIndexOf(',') ? '.' : ',';
  if (points + commas !== 1) return '';
  const separator = points === 1 ? '.' : ',';
  const [whole, fraction] = text.split(separator) as [string, string];
  // Three digits may be thousands, unless what is before them can't be: 0,250 and 1234.567 are decimals, 1 234,567 too.
  return fraction.length === 3 && /^[1-9]\d{0,2}$/.test(whole) ? 'ambiguous_number' : separator;
}

/** The digits of a whole number whose thousands one kind of separator groups, also as in India: 12,34,567. Null for others. */
function withoutThousands(whole: string): string | null {
  if (/^\d*$/.test(whole)) return whole;
  const separator = /\D/.exec(whole)![0];
  if (separator !== '.' && separator !== ',' && !BLANKS.test(separator)) return null;
  const groups = whole.split(separator);
  if (!/^[1-9]\d{0,2}$/.test(groups[0]!) || !/^\d{3}$/.test(groups.at(-1)!)) return null;
  const middle = groups.slice(1, -1);
  const isGrouped =
    middle.every(({ length }) => length === 3) ||
    (separator === ',' && groups[0]!.length < 3 && middle.every(({ length }) => length === 2));
  return isGrouped && groups.every((group) => /^\d+$/.test(group)) ? groups.join('') : null;
}

/** A number with an exponent as plain digits; others as they are. */
function expanded(text: string): string | null {
  if (!/e/i.test(text)) return text;
  const isNegative = text.startsWith('-');
  const match = EXPONENT.exec(isNegative ? text.slice(1) : text);
  if (match === null || (match[1] === undefined && match[2] === undefined)) return null;
  const [, whole = '', fraction = '', exponentText] = match;
  const exponent = Number(exponentText);
  // Nothing is left of it, or far too much.
  if (exponent < -EXPONENT_MAX) return '0';
  if (exponent > EXPONENT_MAX) return Number(`${whole}${fraction}`) === 0 ? '0' : '9'.repeat(EXPONENT_MAX);
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const shifted =
    point <= 0
      ? `0.${'0'.repeat(-point)}${digits}`
      : `${digits.slice(0, point).padEnd(point, '0')}${point < digits.length ? `.${digits.slice(point)}` : ''}`;
  // parseMoney takes 40 digits on either side.
  return `${isNegative ? '-' : ''}${shifted.replace(/(\.\d{40})\d+$/, '$1').slice(0, 80)}`;
}
