import { unaccented } from './unaccented.ts';

const TOTAL =
  /^(?:(?:grand|sub|zwischen|gesamt|net|overall)[ -]?)?(?:totals?|totale|totaux|totaal|sum|summe|gesamt|insgesamt|suma|somme)(?: general)?\s*:?$/i;
const LENGTH_MAX = 24;

/** Whether a text in place of an id or a name says that the row is the sum of others. */
export function isTotalWord(text: string): boolean {
  return text.length <= LENGTH_MAX && TOTAL.test(text.trim());
}

/** Lines of an order that are no products: in English, German, French and Spanish. */
const SHIPPING =
  /^(?:(?:standard|express|free|flat rate|kostenloser?|frais de|gastos de|coste de)[ -]*)?(?:shipping(?: (?:(?:and|&) handling|costs?|fees?|charges?))?|postage|delivery(?: (?:costs?|fees?|charges?))?|handling fee|versand(?:kosten|gebuhr|pauschale)?|porto|lieferkosten|liefergebuhr|port|livraison|expedition|envio)$/;
const DISCOUNT =
  /^(?:discounts?|coupon|voucher|promotion|rabatt(?:code)?|nachlass|preisnachlass|gutschein|remise|reduction|bon de reduction|descuento|cupon)(?:[ :(-]+.*)?$/;
const LINE_LENGTH_MAX = 40;

/** Whether the name or number of a product says that the line takes something off. A voucher that costs something is a product. */
export const isDiscountLine = (text: string, paid: number) =>
  paid <= 0 && text.length <= LINE_LENGTH_MAX && DISCOUNT.test(unaccented(text));

/** Whether it says that the line is one of a discount or of shipping. */
export const isExtraLine = (text: string, paid: number) =>
  isDiscountLine(text, paid) || (text.length <= LINE_LENGTH_MAX && SHIPPING.test(unaccented(text)));
