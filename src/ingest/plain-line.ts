import type { LineChecker } from '../event/check-line.ts';
import {
  AMOUNT,
  COUPON,
  CURRENCY,
  DISCOUNT,
  PRICE,
  QUANTITY,
  SHIPPING,
  TAX,
  URL,
} from '../event/field-index.ts';
import { ORDER_EVENT_TYPES } from '../event/fields.ts';
import { parseMoney } from '../event/values.ts';
import { CAMPAIGN_MARK } from './campaign.ts';
import type { Note } from './notes.ts';
import { saysMore } from './record-slots.ts';
import { fitsLines } from './sale.ts';
import { minorDigits } from './values/read-currency.ts';
import { formOfAmount } from './values/read-money.ts';

/**
 * Whether the line just checked, whose bytes are fine, says something that only its values show, so that the normalizer must read
 * it: an amount that does not fit its price, a status beside its fields, a campaign in its address. `isRow`: all beside its fields has been
 * looked at.
 */
export function needsValues(line: LineChecker, isRow: boolean): boolean {
  if (line.has(AMOUNT) && line.has(PRICE) && !fits(line)) return true;
  if (!isRow && saysMoreInExtra(line)) return true;
  return line.spans.urlHasQuery && line.text(URL)!.includes(CAMPAIGN_MARK);
}

/** Whether a sale has something in `extra` that matters for it. */
function saysMoreInExtra(line: LineChecker): boolean {
  const { extraText, eventType } = line.spans;
  if (extraText === null || (eventType !== null && !ORDER_EVENT_TYPES.includes(eventType))) return false;
  return Object.keys(JSON.parse(extraText) as object).some(saysMore);
}

/**
 * How the money of the sale just checked is written, whose line stays as it is: with decimals, where its amount or its price has some. Null
 * where it says nothing of its unit.
 */
export function amountNote(line: LineChecker, type: string): Note | null {
  if (!ORDER_EVENT_TYPES.includes(type)) return null;
  const currency = line.text(CURRENCY);
  if (currency !== null && minorDigits(currency) === 0) return null;
  let note: Note | null = null;
  for (const index of [PRICE, AMOUNT]) {
    const value = line.spans.rawText(index);
    const form = formOfAmount(value);
    if (form === null || (form === 'plain_whole' && note?.code === 'plain_decimal')) continue;
    note = { code: form, field: currency ?? '', value };
  }
  return note;
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
