import type { FindingTally } from './finding-tally.ts';
import type { OrderReports } from './order-reports.ts';

/** Orders that are remembered of each kind. */
const REMEMBERED_MAX = 20_000;

type WithdrawalCode = 'order_cancelled' | 'cancelled_purchase' | 'partly_refunded';

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
  /** Purchases of which a part was given back, in the same way. */
  readonly #partly = new Map<string | number, string>();
  #withoutOrder = 0;
  /** Orders of which nothing was known. */
  readonly #unknown = new Set<string>();
  #fresh: { order: string | null; status: string | null; code: WithdrawalCode }[] = [];

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

  /** Takes a purchase of which a part was given back, by its status. */
  takePartly(order: string | null, status: string): void {
    if (this.#partly.size >= REMEMBERED_MAX || (order !== null && this.#partly.has(order))) return;
    this.#partly.set(order ?? this.#withoutOrder++, status);
    this.#fresh.push({ order, status, code: 'partly_refunded' });
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
    this.#fresh.push({ order, status, code: status === null ? 'order_cancelled' : 'cancelled_purchase' });
  }

  /** Orders that are said to be cancelled, and of which this process does not know whether they had been counted. */
  get unknown(): ReadonlySet<string> {
    return this.#unknown;
  }

  /** Orders that are said to be cancelled or given back, and of which no refund has come. */
  get givenBack(): string[] {
    const orders = [...this.#counted, ...this.#sold.keys(), ...this.#partly.keys()];
    return orders
      .filter((order) => typeof order === 'string')
      .filter((order) => !this.#orders.isRefunded(order));
  }

  /** What has come since the last call. */
  reportFresh(tally: FindingTally): void {
    for (const { order, status, code } of this.#fresh) this.#report(order, status, code, tally);
    this.#fresh = [];
  }

  /** All that has come. `refunded`: orders that have a refund of which others know. */
  report(tally: FindingTally, refunded: ReadonlySet<string | number> = new Set()): void {
    for (const order of this.#counted)
      if (!refunded.has(order)) this.#report(order, null, 'order_cancelled', tally);
    for (const [order, status] of this.#sold)
      if (!refunded.has(order))
        this.#report(typeof order === 'string' ? order : null, status, 'cancelled_purchase', tally);
    for (const [order, status] of this.#partly)
      if (!refunded.has(order))
        this.#report(typeof order === 'string' ? order : null, status, 'partly_refunded', tally);
  }

  #report(order: string | null, status: string | null, code: WithdrawalCode, tally: FindingTally): void {
    if (order !== null && this.#orders.isRefunded(order)) return;
    const example = order === null ? status! : `order_id ${order}`;
    if (status === null) tally.add(code, example);
    else tally.add(code, example, status);
  }
}
