/** Decimal strings added exactly. A float would lose cents in a year's revenue. */

interface Scaled {
  units: bigint;
  scale: number;
}

function parse(text: string): Scaled {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return { units: 0n, scale: 0 };
  const fraction = match[3] ?? '';
  const units = BigInt(match[2]! + fraction);
  return { units: match[1] ? -units : units, scale: fraction.length };
}

const raise = (value: Scaled, scale: number): bigint => value.units * 10n ** BigInt(scale - value.scale);

function print(units: bigint, scale: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale > 0 ? `.${digits.slice(-scale)}` : '';
  return `${units < 0n ? '-' : ''}${whole}${fraction}`;
}

export function addMoney(amounts: Iterable<string>): string {
  let units = 0n;
  let scale = 0;
  for (const amount of amounts) {
    const value = parse(amount);
    const wider = Math.max(scale, value.scale);
    units = raise({ units, scale }, wider) + raise(value, wider);
    scale = wider;
  }
  return print(units, scale);
}

/** Negative, zero or positive, as sort() wants it. */
export function compareMoney(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  const scale = Math.max(left.scale, right.scale);
  const difference = raise(left, scale) - raise(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** For drawing and for shares only, where a pixel is coarser than the error. */
export const moneyAsNumber = (text: string): number => Number(text);
