import { type Item, linePrice, totalPrice } from './items.ts';
import { minorDigits } from './values/read-currency.ts';

/** Money of an event, in units of `parseMoney`; null where it has none. */
export interface EventMoney {
  readonly amount: bigint | null;
  readonly price: bigint | null;
  readonly quantity: bigint | null;
  readonly tax: bigint | null;
  readonly shipping: bigint | null;
  readonly discount: bigint | null;
  /** Fees beside the lines, below zero where they take something off. */
  readonly fees: bigint | null;
  /** It has a coupon, which may have lowered the amount. */
  readonly hasCoupon: boolean;
}

/** Rounding of each line may add up to this. */
const ROUNDING_UNITS = 100n;

/**
 * Whether the amount of an event is what its lines (its items, or itself as one line) cost: with tax, shipping and discount or without
 * them, as shops differ in what a price holds. True where there is nothing to compare.
 */
export function fitsLines(money: EventMoney, items: readonly Item[] | null): boolean {
  const { amount } = money;
  const lines =
    items !== null ? totalPrice(items) : money.price === null ? null : linePrice(money.price, money.quantity);
  if (amount === null || lines === null) return true;
  const tolerance = ROUNDING_UNITS * BigInt(Math.max(1, items?.length ?? 1));
  for (const tax of [0n, money.tax ?? 0n]) {
    for (const shipping of [0n, money.shipping ?? 0n]) {
      for (const discount of [0n, absolute(money.discount ?? 0n)]) {
        for (const fees of [0n, money.fees ?? 0n]) {
          const sum = absolute(lines + tax + shipping + fees - discount);
          const over = absolute(amount) - sum;
          if (absolute(over) < tolerance || (money.hasCoupon && over < 0n)) return true;
        }
      }
    }
  }
  return false;
}

const absolute = (units: bigint) => (units < 0n ? -units : units);

const UNITS_PER_ONE = 10_000n;

/** An amount in the smaller unit of its currency as one in the currency; null where it is not whole or the unit is not known. */
export function fromMinor(units: bigint, currency: string | null): bigint | null {
  const digits = currency === null ? null : minorDigits(currency);
  if (digits === null || units % UNITS_PER_ONE !== 0n) return null;
  return units / 10n ** BigInt(digits);
}
