import { fieldsFor } from './mappings/words.ts';
import { foldName } from './names.ts';
import { unaccented } from './unaccented.ts';

/** Names of columns with what was given back of a sale. */
const GIVEN_BACK =
  /^(?:order|total|line|item|partial|montant|importe|betrag|summe)*(?:amount)?(?:refund(?:s|ed)?|(?:zu)?(?:ruck)?erstatt(?:et|ung|ungen)|ruckzahlung(?:en)?|retouren?|gutschrift(?:en)?|rembours(?:e|ee|es|ement|ements)|reembolsos?|reembolsad[oa]|devoluciones?|devuelto)s?(?:amount|total|sum|value|betrag|wert|summe)?$/;
/** Names of columns with what an order cost after something was taken off again. */
const ADJUSTED =
  /^(?:adjusted|corrected|revised|korrigiert\w*|angepasst\w*|ajust[eé]\w*|corrig[eé]\w*|ajustad\w*|corregid\w*)(?:order|bestell|commande)?(?:total|amount|sum|value|gesamt\w*|betrag|summe|montant|importe)/;
/** The same of Shopify, and of payment services which take a part of what was authorized. */
const TAKEN = /^(?:current(?:order)?total(?:price)?|amountcaptured|(?:total)?capturedamount|totalcaptured)$/;
/** Names that count something, but not surely pieces. */
const ANY_COUNT = /^(?:count|nombre|products|articles|articulos|productos)$/;

/** The number behind a name of which a table has several: `qty_1`, `Artikel 2`. */
const NUMBERED = /[ _.-]*\d{1,2}$/;
const OF_LINES = ['quantity', 'product_id', 'product_name'];

/** Names of what is paid beside lines, tax and shipping, or takes something off the total: a number, or a list of it. */
const FEES =
  /^(?:total)?(?:order)?(?:fees?|feelines|feetotal|surcharges?|handlingfee|codfee|paymentfee|giftwrap(?:ping)?|tips?|tipamount|totaltip|giftcards?|giftcardamount|storecredit|zuschlag|zuschlage|aufschlag|zahlungsgebuhr|nachnahmegebuhr|trinkgeld|frais|pourboire|recargos?|propina)(?:amount)?$/;
const FEE_MEMBERS = ['total', 'amount', 'price', 'value'];

/** What a column that is not a field says of what is paid beside the lines of an order; null: nothing. */
export function feesOf(name: string, value: unknown): unknown[] | null {
  if (!FEES.test(foldName(unaccented(name)))) return null;
  const list = Array.isArray(value) ? value : [value];
  return list.map((each) =>
    typeof each === 'object' && each !== null
      ? FEE_MEMBERS.map((member) => (each as Record<string, unknown>)[member]).find(isGiven)
      : each,
  );
}
/** Fields of what is paid beside the lines, or less than they cost. */
const BESIDE_LINES = ['shipping', 'discount', 'tax'] as const;
type BesideLines = (typeof BESIDE_LINES)[number];
const besideByName = new Map<string, BesideLines | null>();

/** What a column that is not a field says beside the lines of an order, by the words that shops have for it; null: nothing. */
export function besideLines(name: string): BesideLines | null {
  let field = besideByName.get(name);
  if (field === undefined) {
    const known = fieldsFor(name);
    field = BESIDE_LINES.find((each) => known.has(each)) ?? null;
    if (besideByName.size < REMEMBERED_MAX) besideByName.set(name, field);
  }
  return field;
}

const isGiven = (value: unknown) => value !== undefined && value !== null;

/** osCommerce, OpenCart, Zen Cart and Gambio keep amounts in the currency of the shop, and the rate to that of the order. */
const RATE = /^(?:order)?currency(?:value|rate)$/;

/** When it was given back, in place of how much. */
const DATE = /^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}/;

/** What a column that is not a field says of the money or the pieces of a sale. */
export type MoneyColumn =
  | 'base_currency'
  | 'refund_column'
  | 'adjusted_total'
  | 'pieces_column'
  | 'numbered_lines';

/** Names that are remembered; of more than so many it is found out each time. */
const REMEMBERED_MAX = 5000;
const kinds = new Map<string, MoneyColumn | null>();

/** What a column of this name says of a sale; null: nothing that is known. */
export function moneyColumn(name: string): MoneyColumn | null {
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = kindOf(name);
    if (kinds.size < REMEMBERED_MAX) kinds.set(name, kind);
  }
  return kind;
}

function kindOf(name: string): MoneyColumn | null {
  const folded = foldName(name);
  if (GIVEN_BACK.test(foldName(unaccented(name)))) return 'refund_column';
  if (RATE.test(folded)) return 'base_currency';
  if (ADJUSTED.test(folded) || TAKEN.test(folded)) return 'adjusted_total';
  const one = name.replace(NUMBERED, '');
  if (one !== name && one !== '' && OF_LINES.some((field) => fieldsFor(one).has(field)))
    return 'numbered_lines';
  return fieldsFor(name).has('quantity') && !ANY_COUNT.test(folded) ? 'pieces_column' : null;
}

/** The same where the value bears it out. */
export function moneyColumnWith(name: string, value: unknown): MoneyColumn | null {
  const kind = moneyColumn(name);
  if (kind === null) return null;
  const text = typeof value === 'object' ? '' : String(value);
  if (kind === 'numbered_lines') return text.trim() === '' || text.trim() === '0' ? null : kind;
  if (kind === 'base_currency')
    return /\d/.test(text) && ![0, 1].includes(Number(text.replace(',', '.'))) ? kind : null;
  const isSo =
    kind === 'pieces_column' ? Number(text.replace(',', '.')) > 1 : /[1-9]/.test(text) && !DATE.test(text);
  return isSo ? kind : null;
}
