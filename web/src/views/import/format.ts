import { LOCALE } from '../../format.ts';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** Bytes as people read them: 1.2 GB. */
export function bytes(value: number): string {
  const at = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  const unit = UNITS[at]!;
  const shown = value / 1000 ** at;
  const maximumFractionDigits = at > 0 && shown < 10 ? 1 : 0;
  return new Intl.NumberFormat(LOCALE, {
    style: 'unit',
    unit,
    unitDisplay: at === 0 ? 'long' : 'short',
    maximumFractionDigits,
  }).format(shown);
}
