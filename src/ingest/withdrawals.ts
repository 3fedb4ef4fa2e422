import type { FindingTally } from './finding-tally.ts';
import type { OrderReports } from './order-reports.ts';

/** Orders that are remembered of each kind. */
const REMEMBERED_MAX = 20_000;

/**
 * Remembers orders that are said to be cancelled or given back, and count all the same. It takes its time to tell which: a refund that
 * takes the money back may come after that.
 */
export class Withdrawals {
  readonly #orders: OrderReports;
  /** Orders that had been counted before. */
  readonly #counted = new Set<string>();
  /** Purchases that came with such a status: the order, or their number where they name none. */
  readonly #sold = new Map<string | number, string>();
  #withoutOrder = 0;
  /** Orders of which nothing was known. */
  readonly #unknown = new Set<string>();
  #fresh: { order: string | null; status: string | null }[] = [];

  constructor(orders: OrderReports) {
    this.#orders = orders;
  }

  /** Takes a record, not a purchase, that says that an order was cancelled. */
  takeOrder(order: string): void {
    if (this.#orders.has(order)) this.#add(order, null);
    else if (this.#unknown.size < REMEMBERED_MAX) this.#unknown.add(order);
  }

  /** Takes a purchase that says so: `status`, such as "state: cancelled". `wasCounted`: its order had come before. */
  takePurchase(order: string | null, status: string, wasCounted: boolean): void {
    this.#add(order, wasCounted ? null : status);
  }

  /** Takes a purchase whose status says nothing of the kind: what another one of its order said does not hold any more. */
  takeSale(order: string): void {
    this.#sold.delete(order);
  }

  #add(order: string | null, status: string | null): void {
    if (status === null) {
      if (this.#counted.has(order!) || this.#counted.size >= REMEMBERED_MAX) return;
      this.#counted.add(order!);
    } else {
      if (this.#sold.size >= REMEMBERED_MAX || (order !== null && this.#sold.has(order))) return;
      this.#sold.set(order ?? this.#withoutOrder++, status);
    }
    this.#fresh.push({ order, status });
  }

  /** Orders that are said to be cancelled, and of which this process does not know whether they had been counted. */
  get unknown(): ReadonlySet<string> {
    return this.#unknown;
  }

  /** What has come since the last call. */
  reportFresh(tally: FindingTally): void {
    for (const { order, status } of this.#fresh) this.#report(order, status, tally);
    this.#fresh = [];
  }

  /** All that has come. */
  report(tally: FindingTally): void {
    for (const order of this.#counted) this.#report(order, null, tally);
    for (const [order, status] of this.#sold)
      this.#report(typeof order === 'string' ? order : null, status, tally);
  }

  #report(order: string | null, status: string | null, tally: FindingTally): void {
    if (order !== null && this.#orders.isRefunded(order)) return;
    if (status === null) tally.add('order_cancelled', `order_id ${order}`);
    else tally.add('cancelled_purchase', order === null ? status : `order_id ${order}`, status);
  }
}
