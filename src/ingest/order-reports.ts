/** What a purchase says of its order. */
export interface OrderReport {
  readonly order: string;
  /** The product of a line of the order; null where there is none, or the report has all lines. */
  readonly product: string | null;
  readonly amount: string | null;
  readonly price: string | null;
  /** The event's time, microseconds since 1970. */
  readonly micros: number;
}

/** Reports of one order come sooner after each other: a payment may take some days. */
const APART_MICROS = 4 * 86_400e6;
/** Orders that are remembered. */
const REMEMBERED_MAX = 20_000;

interface Known {
  /** What the first report that told of the order as a whole says that it cost. */
  whole: number | null;
  hasLine: boolean;
  readonly amount: string | null;
  readonly product: string | null;
  readonly micros: number;
}

/** How a report of an order is at odds with others. */
export type Odds = 'repeated' | 'told_again' | 'days_apart';

/** Remembers what purchases said of orders: one order told in two ways counts twice. Shared by all sources of a process. */
export class OrderReports {
  readonly #orders = new Map<string, Known>();

  /**
   * Takes a purchase; how it is at odds with others of its order: `repeated`, the same amount with another product, `told_again`, as a
   * whole with another amount, or as a whole and by lines, or `days_apart`, much later or earlier. Null: not at all.
   */
  take({ order, product, amount, price, micros }: OrderReport): Odds | null {
    if (amount === null && price === null) return null;
    // 5 and 5.00 are the same.
    const value = Number(amount);
    // As in ORDER_LINE_IDENTITY.
    const isLine = product !== null || amount === null;
    const known = this.#orders.get(order);
    if (known === undefined) {
      if (this.#orders.size >= REMEMBERED_MAX) this.#orders.delete(this.#orders.keys().next().value!);
      this.#orders.set(order, { whole: isLine ? null : value, hasLine: isLine, amount, product, micros });
      return null;
    }
    const isToldAgain = isLine
      ? known.whole !== null
      : known.hasLine || (known.whole !== null && known.whole !== value);
    if (isLine) known.hasLine = true;
    else known.whole ??= value;
    if (isToldAgain) return 'told_again';
    const isRepeated =
      amount !== null && known.amount === amount && known.product !== product && price === null;
    if (isRepeated) return 'repeated';
    return Math.abs(micros - known.micros) > APART_MICROS ? 'days_apart' : null;
  }
}
