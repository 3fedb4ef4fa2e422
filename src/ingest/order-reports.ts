import type { OrderReport } from '../event/order-report.ts';

/** Reports of one order come sooner after each other: a payment may take some days. */
const APART_MICROS = 4 * 86_400e6;
/** Orders that are remembered. */
export const ORDERS_MAX = 20_000;

interface Known {
  /** What the first report that told of the order as a whole says that it cost. */
  whole: number | null;
  hasLine: boolean;
  currency: string | null;
  readonly value: number | null;
  readonly product: string | null;
  readonly micros: number;
}

/** How a report of an order is at odds with others; `equal`: it is not, and is a duplicate of the first one. */
export type Odds = 'repeated' | 'told_again' | 'days_apart' | 'other_currency' | 'equal';

/** Remembers what purchases said of orders: one order told in two ways counts twice. Shared by all sources of a process. */
export class OrderReports {
  readonly #orders = new Map<string, Known>();
  /** Currencies of refunds, by order; null where it is not known. */
  readonly #refunded = new Map<string, string | null>();

  /** Whether a purchase of the order has come. */
  has(order: string): boolean {
    return this.#orders.has(order);
  }

  /** Takes a refund of an order; whether it is in another currency than the order, or other refunds of it. */
  refund({ order, currency }: Pick<OrderReport, 'order' | 'currency'>): boolean {
    const before = this.#orders.get(order)?.currency ?? this.#refunded.get(order) ?? null;
    if (this.#refunded.size >= ORDERS_MAX) this.#refunded.delete(this.#refunded.keys().next().value!);
    this.#refunded.set(order, before ?? currency);
    return before !== null && currency !== null && before !== currency;
  }

  isRefunded(order: string): boolean {
    return this.#refunded.has(order);
  }

  /**
   * Takes a purchase; how it is at odds with others of its order: `other_currency`, in another one, `repeated`, the same amount with another
   * product, `told_again`, as a whole with another amount, or as a whole and by lines, or `days_apart`, much later or earlier. Null: not at
   * all.
   */
  take({ order, product, amount, price, currency, micros }: OrderReport): Odds | null {
    if (amount === null && price === null) return null;
    // 5 and 5.00 are the same.
    const value = amount === null ? null : Number(amount);
    // As in ORDER_LINE_IDENTITY.
    const isLine = product !== null || amount === null;
    const known = this.#orders.get(order);
    if (known === undefined) {
      if (this.#orders.size >= ORDERS_MAX) this.#orders.delete(this.#orders.keys().next().value!);
      const whole = isLine ? null : value;
      this.#orders.set(order, { whole, hasLine: isLine, currency, value, product, micros });
      return null;
    }
    const isOtherCurrency = currency !== null && known.currency !== null && currency !== known.currency;
    known.currency ??= currency;
    const isToldAgain = isLine
      ? known.whole !== null
      : known.hasLine || (known.whole !== null && known.whole !== value);
    if (isLine) known.hasLine = true;
    else known.whole ??= value;
    if (isOtherCurrency) return 'other_currency';
    if (isToldAgain) return 'told_again';
    const isRepeated = value !== null && known.value === value && known.product !== product && price === null;
    if (isRepeated) return 'repeated';
    if (Math.abs(micros - known.micros) > APART_MICROS) return 'days_apart';
    return isLine ? null : 'equal';
  }
}
