import {
  AMOUNT,
  CURRENCY,
  ORDER_ID,
  PRICE,
  PRODUCT_ID,
  PRODUCT_NAME,
  USER_ID,
} from '../event/field-index.ts';
import type { FindingTally } from './finding-tally.ts';
import type { ObservedEvent } from './observed-event.ts';
import { RecentMap } from './recent-map.ts';

/** Refunds that are remembered of each kind. */
const REMEMBERED_MAX = 20_000;
const DAY_MICROS = 86_400e6;
/** The goods and the money of one return come back within this. Where neither an order nor a customer ties them, the amount alone does for less. */
const WITHIN_MICROS = { order: 90 * DAY_MICROS, customer: 30 * DAY_MICROS, amount: 3 * DAY_MICROS };

type Tie = keyof typeof WITHIN_MICROS;

interface Refund {
  readonly micros: number;
  readonly goods: string | null;
  readonly paid: string;
  isTaken: boolean;
}

/** Finds refunds for goods that came back beside refunds that give the money of them back: of one return both would count. */
export class Returns {
  readonly #goods = new RecentMap<Refund>(REMEMBERED_MAX);
  readonly #money = new RecentMap<Refund>(REMEMBERED_MAX);

  /** Looks at a refund. `goods`: its type in the source, such as "Retoure", where that says that goods came back. */
  take(event: ObservedEvent, goods: string | null, example: () => string, tally: FindingTally): void {
    const paid = event.text(AMOUNT) ?? event.text(PRICE);
    if (paid === null) return;
    const amount = `${Math.abs(Number(paid))} ${event.text(CURRENCY)}`;
    const product = event.text(PRODUCT_ID) ?? event.text(PRODUCT_NAME) ?? '';
    const refund = { micros: event.micros, goods, paid: `${amount} ${product}`, isTaken: false };
    const [own, others] = goods === null ? [this.#money, this.#goods] : [this.#goods, this.#money];
    const ties = tiesOf(event, amount);
    for (const [tie, key] of ties) {
      const other = others.get(key);
      if (other === undefined || other.isTaken) continue;
      // Equal ones of an order are one refund for the archive, too.
      if (tie === 'order' && other.paid === refund.paid) return;
      if (Math.abs(other.micros - refund.micros) > WITHIN_MICROS[tie]) continue;
      other.isTaken = true;
      tally.add('returned_twice', example(), (goods ?? other.goods)!);
      return;
    }
    for (const [, key] of ties) own.set(key, refund);
  }
}

/** By what a refund may be known as that of the same return. */
function tiesOf(event: ObservedEvent, amount: string): (readonly [Tie, string])[] {
  const [order, user] = [event.text(ORDER_ID), event.text(USER_ID)];
  const byAmount =
    user === null
      ? (['amount', `amount ${amount}`] as const)
      : (['customer', `user ${amount} ${user}`] as const);
  return [...(order === null ? [] : [['order', `order ${order}`] as const]), byAmount];
}
