import type { LineChecker } from '../event/check-line.ts';
import { ORDER_EVENT_TYPES } from '../event/fields.ts';
import { parseMoney } from '../event/values.ts';
import { CAMPAIGN_MARK } from './campaign.ts';
import { AMOUNT, COUPON, CURRENCY, DISCOUNT, PRICE, QUANTITY, SHIPPING, TAX, URL } from './field-index.ts';
import type { Note } from './notes.ts';
import type { ObservedEvent } from './observed-event.ts';
import { saysMore } from './record-slots.ts';
import { fitsLines } from './sale.ts';
import { formOfAmount } from './values/read-money.ts';

/**
 * Whether the line just checked, whose bytes are fine, says something that only its values show, so that the normalizer must read
 * it: an amount that does not fit its price, a status beside its fields, a campaign in its address.
 */
export function needsValues(line: LineChecker): boolean {
  if (line.has(AMOUNT) && line.has(PRICE) && !fits(line)) return true;
  if (saysMoreInExtra(line)) return true;
  return line.spans.urlHasQuery && line.text(URL)!.includes(CAMPAIGN_MARK);
}

/** Whether a sale has something in `extra` that matters for it. */
function saysMoreInExtra(line: LineChecker): boolean {
  const { extraText, eventType } = line.spans;
  if (extraText === null || (eventType !== null && !ORDER_EVENT_TYPES.includes(eventType))) return false;
  return Object.keys(JSON.parse(extraText) as object).some(saysMore);
}

/** How the amount of a sale is written whose line stays as it is; null where it says nothing of its unit. */
export function amountNote(line: ObservedEvent, type: string): Note | null {
  if (!ORDER_EVENT_TYPES.includes(type)) return null;
  const amount = line.text(AMOUNT) ?? line.text(PRICE);
  const form = formOfAmount(amount);
  return form === null ? null : { code: form, field: line.text(CURRENCY) ?? '', value: amount };
}

function fits(line: LineChecker): boolean {
  const units = (index: number) => {
    const text = line.text(index);
    return text === null ? null : (parseMoney(text) as bigint);
  };
  const money = {
    amount: units(AMOUNT),
    price: units(PRICE),
    quantity: units(QUANTITY),
    tax: units(TAX),
    shipping: units(SHIPPING),
    discount: units(DISCOUNT),
    fees: null,
    hasCoupon: line.has(COUPON),
  };
  return fitsLines(money, null);
}
