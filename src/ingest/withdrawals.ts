import type { FindingTally } from './finding-tally.ts';
import type { OrderReports } from './order-reports.ts';

/** Orders that are remembered of each kind. */
const REMEMBERED_MAX = 20_000;
/** A file has the newest rows first where all but a few of these follow newer ones. */
const ORDERED_STEPS_MIN = 3;
const UNORDERED_SHARE_MAX = 0.1;

type WithdrawalCode = 'order_cancelled' | 'cancelled_purchase' | PartlyCode;
/** A part of an order was given back: by its status, or by a column with the amount. */
type PartlyCode = 'partly_refunded' | 'refund_column';

/**
 * Whether what was said of an order is its last word: whatever the order of the rows, or only where the newest row comes last, or first, as
 * in many exports.
 */
type Holds = 'always' | 'newest_last' | 'newest_first';

/** What was said of an order that counts. */
interface Said {
  readonly order: string | null;
  /** What its purchase said, such as "state: cancelled"; null where that had been counted before. */
  readonly status: string | null;
  readonly code: WithdrawalCode;
  readonly micros: number;
  /** It never was a sale; else it was taken back. */
  readonly isUnsold: boolean;
  holds: Holds;
}

/**
 * Remembers orders that are said to be cancelled or given back, and count all the same. It takes its time to tell which: a refund that
 * takes the money back may come after that, and so may an older row, in a file that has the newest first.
 */
export class Withdrawals {
  readonly #orders: OrderReports;
  /** Orders that had been counted before. */
  readonly #counted = new Map<string, Said>();
  /** Purchases that came with such a status: the order, or their number where they name none. */
  readonly #sold = new Map<string | number, Said>();
  /** Purchases of which a part was given back, in the same way. */
  readonly #partly = new Map<string | number, Said>();
  #withoutOrder = 0;
  /** Orders of which nothing was known, and whether a mapping has left out what said so: no event has it. */
  readonly #unknown = new Map<string, { readonly isLeftOut: boolean }>();
  #fresh: Said[] = [];
  /** How often a sale was newer, or older, than the one before it. */
  readonly #steps = { newer: 0, older: 0 };
  #lastMicros: number | null = null;

  constructor(orders: OrderReports) {
    this.#orders = orders;
  }

  /** Takes a record, not a purchase, that says that an order was cancelled; `micros`: when, where that is known. */
  takeOrder(order: string, micros: number | null = null): void {
    const soldMicros = this.#orders.soldMicros(order);
    if (this.#orders.has(order)) {
      this.#addCounted(
        order,
        micros ?? Number.POSITIVE_INFINITY,
        micros === null ? 'always' : afterSale(soldMicros, micros),
      );
      return;
    }
    this.#orders.cancel(order, micros, this);
    if (this.#unknown.size < REMEMBERED_MAX) this.#unknown.set(order, { isLeftOut: micros === null });
  }

  /** Takes a purchase, with what it says of its order: `status`, such as "state: cancelled"; null: nothing of the kind. */
  takePurchase(
    order: string | null,
    micros: number,
    status: { readonly text: string; readonly isUnsold: boolean } | null,
    wasCounted: boolean,
  ): void {
    this.#learnDirection(micros);
    if (order !== null) this.#settleUnknown(order, micros);
    if (status === null) {
      if (order !== null) this.#takeSale(order, micros);
      return;
    }
    const { text, isUnsold } = status;
    if (!wasCounted) this.#addSold(order, micros, text, isUnsold);
    // That it failed once says nothing of an order that counts, and what it says again is known.
    else if (!isUnsold && this.#sold.get(order!)?.holds !== 'always')
      this.#addCounted(order!, micros, afterSale(this.#orders.soldMicros(order!), micros));
  }

  /** Takes a purchase of which a part was given back, by its status, or by the column with that name. */
  takePartly(order: string | null, status: string, code: PartlyCode): void {
    if (this.#partly.size >= REMEMBERED_MAX || (order !== null && this.#partly.has(order))) return;
    this.#remember(this.#partly, {
      order,
      status,
      code,
      micros: 0,
      isUnsold: false,
      holds: 'always',
    });
  }

  /** A sale that says nothing of the kind: what is older than it does not hold any more. */
  #takeSale(order: string, micros: number): void {
    this.#orders.sell(order, micros);
    const said = this.#sold.get(order);
    if (said?.isUnsold) this.#sold.delete(order);
    else if (said !== undefined && micros >= said.micros) said.holds = 'newest_first';
    const counted = this.#counted.get(order);
    if (counted !== undefined && counted.holds === 'always' && micros > counted.micros)
      this.#counted.delete(order);
  }

  /** A sale of an order that was cancelled before it came. */
  #settleUnknown(order: string, micros: number): void {
    const cancellation = this.#orders.cancellation(order);
    if (cancellation === undefined) return;
    const { micros: cancelled, by } = cancellation;
    this.#orders.forgetCancel(order);
    this.#unknown.delete(order);
    // Without a time it holds for what another input brings, and in one input where that has the newest rows first.
    const isOlder = cancelled === null ? by !== this : micros < cancelled;
    this.#addCounted(order, cancelled ?? Number.POSITIVE_INFINITY, isOlder ? 'always' : 'newest_first');
  }

  #learnDirection(micros: number): void {
    if (this.#lastMicros !== null && micros > this.#lastMicros) this.#steps.newer++;
    if (this.#lastMicros !== null && micros < this.#lastMicros) this.#steps.older++;
    this.#lastMicros = micros;
  }

  /** Whether what holds only for rows in some order is to be reported: where they have none, it is. */
  #mayHold(holds: Holds): boolean {
    const { newer, older } = this.#steps;
    if (holds === 'newest_first') return older > newer;
    return holds === 'always' || older < ORDERED_STEPS_MIN || newer > older * UNORDERED_SHARE_MAX;
  }

  #addSold(order: string | null, micros: number, status: string, isUnsold: boolean): void {
    if (this.#sold.size >= REMEMBERED_MAX || (order !== null && this.#sold.has(order))) return;
    this.#remember(this.#sold, {
      order,
      status,
      code: 'cancelled_purchase',
      micros,
      isUnsold,
      holds: 'always',
    });
  }

  #addCounted(order: string, micros: number, holds: Holds): void {
    if (this.#counted.has(order) || this.#counted.size >= REMEMBERED_MAX) return;
    this.#remember(this.#counted, {
      order,
      status: null,
      code: 'order_cancelled',
      micros,
      isUnsold: false,
      holds,
    });
  }

  #remember(kind: Map<string | number, Said> | Map<string, Said>, said: Said): void {
    (kind as Map<string | number, Said>).set(said.order ?? this.#withoutOrder++, said);
    this.#fresh.push(said);
  }

  /** Orders that are said to be cancelled, and of which this process does not know whether they had been counted. */
  get unknown(): string[] {
    return [...this.#unknown.keys()];
  }

  /** Those of them of which no event says so. */
  get unknownLeftOut(): string[] {
    return [...this.#unknown].flatMap(([order, { isLeftOut }]) => (isLeftOut ? [order] : []));
  }

  /** Orders that are said to be cancelled or given back, and of which no refund has come. */
  get givenBack(): string[] {
    return this.#all().flatMap(({ order }) =>
      order === null || this.#orders.isRefunded(order) ? [] : [order],
    );
  }

  /** What has come since the last call. */
  reportFresh(tally: FindingTally): void {
    for (const said of this.#fresh) this.#report(said, tally);
    this.#fresh = [];
  }

  /** All that has come. `refunded`: orders that have a refund of which others know. */
  report(tally: FindingTally, refunded: ReadonlySet<string> = new Set()): void {
    for (const said of this.#all())
      if (said.order === null || !refunded.has(said.order)) this.#report(said, tally);
  }

  #all(): Said[] {
    return [...this.#counted.values(), ...this.#sold.values(), ...this.#partly.values()];
  }

  #report({ order, status, code, holds }: Said, tally: FindingTally): void {
    if (!this.#mayHold(holds)) return;
    if (order !== null && this.#orders.isRefunded(order)) return;
    const example = order === null ? status! : `order_id ${order}`;
    if (status === null) tally.add(code, example);
    else tally.add(code, example, status);
  }
}

/** Whether what comes after a sale holds; times of a day alone are before those of its sales. */
const afterSale = (soldMicros: number | null, micros: number): Holds =>
  soldMicros === null || micros > soldMicros ? 'always' : 'newest_last';
