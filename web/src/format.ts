/** Numbers as people read them, in the page's one language. Times are in time/labels.ts. */

/** English throughout, whatever the browser's language: half-translated sentences are harder to read than ones in another language. */
export const LOCALE = 'en-GB';

const cache = new Map<string, Intl.NumberFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let format = cache.get(key);
  if (!format) {
    format = new Intl.NumberFormat(LOCALE, options);
    cache.set(key, format);
  }
  return format;
}

/** What stands where there is no value. */
export const NONE = '–';

type Maybe = number | null | undefined;
const none = (value: Maybe): value is null | undefined =>
  value === null || value === undefined || Number.isNaN(value);

export const count = (value: Maybe): string => (none(value) ? NONE : numberFormat({}).format(value));

/** Exact below 100,000, then 1.2M: a tile has room for about six digits. */
export function shortCount(value: Maybe): string {
  if (none(value)) return NONE;
  if (Math.abs(value) < 100_000) return count(value);
  return numberFormat({ notation: 'compact', maximumSignificantDigits: 4 }).format(value);
}

export const axisCount = (value: number): string =>
  numberFormat({ notation: 'compact', maximumFractionDigits: 1 }).format(value);

export function share(value: Maybe, digits?: number): string {
  if (none(value)) return NONE;
  const fraction = digits ?? (Math.abs(value) < 0.1 ? 2 : 1);
  const options = {
    style: 'percent',
    minimumFractionDigits: fraction,
    maximumFractionDigits: fraction,
  } as const;
  return numberFormat(options).format(value);
}

export function milliseconds(value: Maybe): string {
  if (none(value)) return NONE;
  if (value >= 10_000) return `${numberFormat({ maximumFractionDigits: 1 }).format(value / 1000)} s`;
  return `${numberFormat({ maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ms`;
}

export function rate(value: Maybe): string {
  if (none(value)) return NONE;
  const maximumFractionDigits = value < 0.1 ? 3 : value < 1 ? 2 : value < 100 ? 1 : 0;
  return numberFormat({ maximumFractionDigits }).format(value);
}

/** Intl reads a decimal string exactly; as a number it would be rounded to a float first. */
export function money(amount: string | null | undefined, currency: string, compact = false): string {
  if (amount === null || amount === undefined) return NONE;
  const exact = amount as Intl.StringNumericLiteral;
  const shape: Intl.NumberFormatOptions = compact ? { notation: 'compact', maximumSignificantDigits: 4 } : {};
  if (/^[A-Z]{3}$/.test(currency)) {
    return numberFormat({ style: 'currency', currency, ...shape }).format(exact);
  }
  const plain = numberFormat({ minimumFractionDigits: 2, maximumFractionDigits: 2, ...shape }).format(exact);
  return currency ? `${plain} ${currency}` : plain;
}

/** How long ago: coarse, because it is read at a glance. */
export function age(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${count(Math.floor(seconds / 86_400))} d`;
}

/** For a name from outside in a text without markup: its direction must not turn the words around it. */
export const isolated = (name: string): string => `\u2068${name}\u2069`;

/** `add_to_cart` as "Add to cart". */
export function words(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Change against before, in the sign and size that people compare. Null when there is nothing to compare with. */
export function change(now: Maybe, before: Maybe): number | null {
  if (none(now) || none(before) || before === 0) return null;
  return (now - before) / before;
}

/** A change as people say it: in percent, and as "×118" where it is tenfold or more. */
export const signedShare = (value: number): string =>
  value >= 9
    ? `×${numberFormat({ maximumSignificantDigits: 3 }).format(value + 1)}`
    : numberFormat({
        style: 'percent',
        maximumFractionDigits: Math.abs(value) < 0.1 ? 1 : 0,
        signDisplay: 'exceptZero',
      }).format(value);

/** A difference of two shares, in percentage points. */
export const points = (value: number): string =>
  `${numberFormat({ maximumFractionDigits: 2, signDisplay: 'exceptZero' }).format(value * 100)} pp`;

/** "1 event", "3 events". */
export const counted = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
