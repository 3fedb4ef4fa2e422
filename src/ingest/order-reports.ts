import type { OrderReport } from '../event/order-report.ts';
import { RecentMap } from './recent-map.ts';

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

/** A cancellation that came before its sale. */
export interface EarlyCancel {
  /** When it was cancelled; null where it is not known. */
  readonly micros: number | null;
  /** What has reported it: one input, or an earlier load, which is undefined. */
  readonly by: object | undefined;
}

/** How a report of an order is at odds with others; `equal`: it is not, and is a duplicate of the first one. */
export type Odds = 'repeated' | 'told_again' | 'days_apart' | 'other_currency' | 'equal';

/** Remembers what purchases said of orders: one order told in two ways counts twice. Shared by all sources of a process. */
export class OrderReports {
  readonly #orders = new RecentMap<Known>(ORDERS_MAX);
  /** Currencies of refunds, by order; null where it is not known. */
  readonly #refunded = new RecentMap<string | null>(ORDERS_MAX);
  /** When orders were sold that nothing said to be cancelled: the newest time. */
  readonly #sold = new RecentMap<number>(ORDERS_MAX);
  /** Cancellations of orders of which no purchase had come. */
  readonly #cancelled = new RecentMap<EarlyCancel>(ORDERS_MAX);

  /** Whether a purchase of the order has come. */
  has(order: string): boolean {
    return this.#orders.has(order);
  }

  /** Whether a purchase has come of an order whose number differs in a sign before it: `#1001` and `1001`. */
  hasOtherSpelling(order: string): boolean {
    return this.#orders.has(order.startsWith('#') ? order.slice(1).trim() : `#${order}`);
  }

  /** Takes a refund of an order; whether it is in another currency than the order, or other refunds of it. */
  refund({ order, currency }: Pick<OrderReport, 'order' | 'currency'>): boolean {
    const before = this.#orders.get(order)?.currency ?? this.#refunded.get(order) ?? null;
    this.#refunded.set(order, before ?? currency);
    return before !== null && currency !== null && before !== currency;
  }

  isRefunded(order: string): boolean {
    return this.#refunded.has(order);
  }

  /** Takes the time of a sale that nothing says to be cancelled. */
  sell(order: string, micros: number): void {
    this.#sold.set(order, Math.max(micros, this.#sold.get(order) ?? micros));
  }

  /** The newest of these times; null for none. */
  soldMicros(order: string): number | null {
    return this.#sold.get(order) ?? null;
  }

  /** Takes the cancellation of an order of which no purchase has come. */
  cancel(order: string, micros: number | null, by?: object): void {
    this.#cancelled.set(order, { micros, by });
  }

  /** The cancellation of such an order; undefined for one that was not cancelled. */
  cancellation(order: string): EarlyCancel | undefined {
    return this.#cancelled.get(order);
  }

  forgetCancel(order: string): void {
    this.#cancelled.delete(order);
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
      const whole = isLine ? null : value;
      this.#orders.set(order, { whole, hasLine: isLine, currency, value, product, micros });
      const refunded = this.#refunded.get(order) ?? null;
      return refunded !== null && currency !== null && refunded !== currency ? 'other_currency' : null;
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
