import { ITEM_FIELDS } from '../event/fields.ts';
import { jsonText } from './json-text.ts';
import { foldName, ITEM_NAMES } from './names.ts';
import { INVALID, readText, type TextRule } from './read-text.ts';
import { readCurrency } from './values/read-currency.ts';
import {
  type AmountForm,
  formOfAmount,
  type MoneySettings,
  moneyText,
  type NumberReason,
  readMoney,
  readQuantity,
} from './values/read-money.ts';

/** A line of an order. */
export interface Item {
  readonly texts: Readonly<Record<'product_id' | 'name' | 'category', string | null>>;
  readonly quantity: bigint | null;
  readonly price: bigint | null;
}

export interface ItemsValue {
  readonly items: readonly Item[];
  /** Members that could not be read, with their value. */
  readonly invalid: readonly { name: string; value: unknown; reason: NumberReason | 'not_text' }[];
  /** Currencies that stand beside prices, as `MoneyValue` has them. */
  readonly currencies: ReadonlySet<string>;
  /** How prices are written, as `formOfAmount` has it: one of each form. */
  readonly forms: ReadonlyMap<AmountForm, unknown>;
  /** Members of one meaning of which the likeliest was read, and differ: our name, and theirs. */
  readonly chosen: ReadonlyMap<string, string>;
  /** Names of members that are not kept. */
  readonly unused: ReadonlySet<string>;
  readonly isCut: boolean;
}

/** Longer orders are not read. */
const ITEMS_MAX = 1000;
/** Longer JSON texts are not tried. */
const JSON_LENGTH_MAX = 1_000_000;

/** Our name and how likely it is, 0 the likeliest, by the folded name. */
const NAMES = new Map(
  Object.entries(ITEM_NAMES).flatMap(([name, names]) =>
    names.map((alias, rank) => [foldName(alias), { name, rank }] as const),
  ),
);
/** The currency of a line; it is that of the event. */
const CURRENCY_NAMES = new Set(['currency', 'currencycode']);
const UNITS_PER_ONE = 10_000n;

const TEXT_NAMES = ['product_id', 'name', 'category'] as const;
const ruleOf = (name: string) => ITEM_FIELDS.find((field) => field.name === name)!;
type ItemText = (typeof TEXT_NAMES)[number];

export type ItemsReader = (value: unknown, isRefund: boolean) => ItemsValue | null;

/** A reader of an order's lines: an array of objects, one object, or either as JSON text. Null: something else. */
export function createItemsReader(isNull: (text: string) => boolean, money: MoneySettings): ItemsReader {
  const rules = Object.fromEntries(
    TEXT_NAMES.map((name) => [
      name,
      { isId: name === 'product_id', bytesMax: ruleOf(name).bytesMax!, isNull },
    ]),
  ) as unknown as Record<ItemText, TextRule>;

  return (value, isRefund) => {
    const list = listOf(value);
    if (list === null || list.length > ITEMS_MAX) return null;
    const items: Item[] = [];
    const invalid: { name: string; value: unknown; reason: NumberReason | 'not_text' }[] = [];
    const unused = new Set<string>();
    const currencies = new Set<string>();
    const forms = new Map<AmountForm, unknown>();
    const chosen = new Map<string, string>();
    let isCut = false;

    const readNumber = (name: string, input: unknown): bigint | null => {
      if (input === undefined || (typeof input === 'string' && isNull(input.trim()))) return null;
      let units: bigint | NumberReason;
      if (name === 'price') {
        const price = readMoney(input, money);
        const form = formOfAmount(input);
        if (form !== null) forms.set(form, input);
        if (typeof price !== 'string' && price.currency !== null) currencies.add(price.currency);
        units = typeof price === 'string' ? price : price.units;
      } else {
        units = readQuantity(input, money);
        if (typeof units === 'bigint' && !isQuantity(units, isRefund)) units = 'number_out_of_range';
      }
      if (typeof units === 'bigint') return units;
      invalid.push({ name, value: input, reason: units });
      return null;
    };

    for (const element of list) {
      if (typeof element !== 'object' || element === null || Array.isArray(element)) return null;
      const members = membersOf(element as Record<string, unknown>, unused, chosen);
      const currency = readCurrency(members.currency, money.dollar);
      if (currency !== null) currencies.add(currency);
      const texts: Record<ItemText, string | null> = { product_id: null, name: null, category: null };
      for (const name of TEXT_NAMES) {
        if (members[name] === undefined) continue;
        const text = readText(members[name], rules[name]);
        if (text === INVALID) invalid.push({ name, value: members[name], reason: 'not_text' });
        else if (typeof text === 'string') texts[name] = text;
        else if (text !== null) {
          texts[name] = text.text;
          isCut = true;
        }
      }
      const item = {
        texts,
        quantity: readNumber('quantity', members.quantity),
        price: readNumber('price', members.price),
      };
      if (saysNothing(item)) return null;
      items.push(item);
    }
    return { items, invalid, currencies, forms, chosen, unused, isCut };
  };
}

/** Whether a line says nothing about a product: then it is not one. */
export function saysNothing({ texts, price, quantity }: Item): boolean {
  return texts.product_id === null && texts.name === null && price === null && quantity === null;
}

function listOf(value: unknown): unknown[] | null {
  if (Array.isArray(value)) return value;
  if (typeof value === 'object' && value !== null) return [value];
  if (typeof value !== 'string' || value.length > JSON_LENGTH_MAX || !/^\s*[[{]/.test(value)) return null;
  try {
    return listOf(JSON.parse(value));
  } catch {
    // Not JSON, so not a list.
    return null;
  }
}

/** Members that are money, so that which of them is read matters. */
const MONEY_MEMBERS = ['price', 'quantity'];

/** The known members of a line by our names, the likeliest of each that is not empty. */
function membersOf(
  element: Record<string, unknown>,
  unused: Set<string>,
  chosen: Map<string, string>,
): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  const ranks: Record<string, number> = {};
  const names: Record<string, string> = {};
  for (const [name, value] of Object.entries(element)) {
    if (value === null || value === '') continue;
    const folded = foldName(name);
    const known = NAMES.get(folded);
    if (CURRENCY_NAMES.has(folded)) members.currency = value;
    else if (known === undefined) unused.add(name);
    else {
      const [ours, held] = [known.name, members[known.name]];
      const isSurer = held === undefined || known.rank < ranks[ours]!;
      if (held !== undefined && MONEY_MEMBERS.includes(ours) && Math.min(known.rank, ranks[ours]!) > 0)
        if (Number(held) !== Number(value))
          chosen.set(ours, isSurer ? `${name}, ${names[ours]}` : `${names[ours]}, ${name}`);
      if (!isSurer) continue;
      members[ours] = value;
      ranks[ours] = known.rank;
      names[ours] = name;
    }
  }
  return members;
}

/** Whether a quantity is within its limits; only what comes back is negative. */
export function isQuantity(units: bigint, isRefund: boolean): boolean {
  const { min, max } = ruleOf('quantity');
  return units <= BigInt(max!) * UNITS_PER_ONE && units >= (isRefund ? BigInt(min!) * UNITS_PER_ONE : 0n);
}

/** The lines as JSON, in the canonical form. */
export function itemsJson(items: readonly Item[]): string {
  const lines = items.map(({ texts, quantity, price }) => {
    const members = Object.entries(texts).flatMap(([name, text]) =>
      text === null ? [] : [`"${name}":${jsonText(text)}`],
    );
    if (quantity !== null) members.push(`"quantity":"${moneyText(quantity)}"`);
    if (price !== null) members.push(`"price":"${moneyText(price)}"`);
    return `{${members.join(',')}}`;
  });
  return `[${lines.join(',')}]`;
}

/** Pieces of all lines; a line without a quantity is one piece. */
export function totalQuantity(items: readonly Item[]): bigint {
  return items.reduce((sum, { quantity }) => sum + (quantity ?? UNITS_PER_ONE), 0n);
}

/** What all lines cost, rounded half away from zero; null where a line has no price. */
export function totalPrice(items: readonly Item[]): bigint | null {
  let sum = 0n;
  for (const { quantity, price } of items) {
    if (price === null) return null;
    sum += price * (quantity ?? UNITS_PER_ONE);
  }
  return timesOne(sum);
}

/** Price times quantity in money units. */
export function linePrice(price: bigint, quantity: bigint | null): bigint {
  return timesOne(price * (quantity ?? UNITS_PER_ONE));
}

function timesOne(product: bigint): bigint {
  const half = product < 0n ? -UNITS_PER_ONE / 2n : UNITS_PER_ONE / 2n;
  return (product + half) / UNITS_PER_ONE;
}
