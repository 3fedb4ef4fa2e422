import { CURRENCIES, NOT_MONEY } from '../../event/currency-codes.ts';

/** Signs that stand for one currency, as the shops of one country write them beside an amount. */
const CURRENCY_SIGNS: Readonly<Record<string, string>> = {
  '€': 'EUR',
  '£': 'GBP',
  '¥': 'JPY',
  '￥': 'JPY',
  元: 'CNY',
  'CN¥': 'CNY',
  'JP¥': 'JPY',
  US$: 'USD',
  $US: 'USD',
  CA$: 'CAD',
  $CA: 'CAD',
  C$: 'CAD',
  AU$: 'AUD',
  A$: 'AUD',
  NZ$: 'NZD',
  HK$: 'HKD',
  R$: 'BRL',
  BR$: 'BRL',
  MX$: 'MXN',
  NT$: 'TWD',
  S$: 'SGD',
  '₹': 'INR',
  '₩': 'KRW',
  '₽': 'RUB',
  '₺': 'TRY',
  '₴': 'UAH',
  '₪': 'ILS',
  '₫': 'VND',
  '฿': 'THB',
  '₱': 'PHP',
  '₦': 'NGN',
  zł: 'PLN',
  Kč: 'CZK',
  Ft: 'HUF',
};
/** The sign of many dollars and pesos; a setting of the source may say of which. */
const DOLLAR = '$';
/** Signs of several currencies: what the currencies with each are called in the standard, and codes of those called otherwise. */
const SHARED_SIGNS: Readonly<Record<string, { readonly name: RegExp; readonly codes: readonly string[] }>> = {
  [DOLLAR]: { name: /Dollar|Peso\b/, codes: ['BRL', 'CVE', 'MOP', 'NIO', 'TOP', 'WST'] },
  kr: { name: /\bKron[ae]\b/, codes: ['ISK', 'EEK'] },
  'kr.': { name: /\bKron[ae]\b/, codes: ['ISK', 'EEK'] },
  'Fr.': { name: /\bFranc\b/, codes: ['FRF', 'BEF', 'LUF'] },
};
/** Currencies whose sign is also that of another, which stands for it where nothing else is said. */
const ALSO_WRITTEN_AS: Readonly<Record<string, string>> = {
  CNY: 'JPY',
  EGP: 'GBP',
  FKP: 'GBP',
  GIP: 'GBP',
  LBP: 'GBP',
  SDG: 'GBP',
  SHP: 'GBP',
  SSP: 'GBP',
  SYP: 'GBP',
};

const byName = new Map<string, string>();
const digitsOf = new Map<string, number>();
const codesOfSign = new Map(Object.entries(SHARED_SIGNS).map(([sign, { codes }]) => [sign, new Set(codes)]));
for (const { code, number, currency, digits } of CURRENCIES) {
  for (const [sign, { name }] of Object.entries(SHARED_SIGNS))
    if (name.test(currency)) codesOfSign.get(sign)!.add(code);
  digitsOf.set(code, digits);
  byName.set(code, code);
  byName.set(number, code);
  byName.set(String(Number(number)), code);
  byName.set(currency.toUpperCase(), code);
}
for (const [sign, code] of Object.entries(CURRENCY_SIGNS)) byName.set(sign.toUpperCase(), code);

/** What may stand beside an amount. */
export const SIGNS: readonly string[] = [...Object.keys(CURRENCY_SIGNS), ...codesOfSign.keys()];

/** Whether a text is a sign of several currencies. */
export function isSharedSign(text: string): boolean {
  return codesOfSign.has(text);
}

/** Whether a code or sign that stands beside an amount, `beside`, may be the currency `named`. */
export function isSameCurrency(beside: string, named: string): boolean {
  return (
    beside === named || ALSO_WRITTEN_AS[named] === beside || codesOfSign.get(beside)?.has(named) === true
  );
}

/** Made at first use, as it takes 50 ms and most inputs need none. */
let formerNames: Intl.DisplayNames | null = null;

/** The runtime also knows currencies that are no longer in use, which old events have. */
function formerCurrency(code: string): string | null {
  if (!/^[A-Z]{3}$/.test(code) || NOT_MONEY.test(code)) return null;
  formerNames ??= new Intl.DisplayNames('en', { type: 'currency', fallback: 'none' });
  return formerNames.of(code) === undefined ? null : code;
}

/** Longer texts name no currency. */
const LENGTH_MAX = 64;

/**
 * The ISO 4217 code that a text or number names: a code in upper or lower case, a numeric code, an English name of the standard, or a
 * sign. `dollar`: the currency of `$`. Null: none, or one of several.
 */
export function readCurrency(value: unknown, dollar?: string): string | null {
  if (typeof value === 'number') return byName.get(String(value)) ?? null;
  if (typeof value !== 'string' || value.length > LENGTH_MAX) return null;
  const text = value.trim();
  if (text === DOLLAR) return dollar ?? null;
  // Tables with gaps make decimals of whole numbers.
  const name = text.toUpperCase().replace(/\.0$/, '');
  return byName.get(name) ?? formerCurrency(name);
}

/** Decimals of the currency's smaller unit: 2 for EUR, 0 for JPY; null where the standard does not say. */
export function minorDigits(code: string): number | null {
  return digitsOf.get(code) ?? null;
}

/** Whether a text may be a currency that is not in the standard, such as `BTC` or `points`; amounts and the like are not. */
export function looksLikeCurrency(value: unknown): boolean {
  return typeof value === 'string' && !/\d/.test(value) && value.length <= LENGTH_MAX;
}
