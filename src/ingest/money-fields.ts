import {
  AMOUNT,
  COUPON,
  CURRENCY,
  DISCOUNT,
  ITEMS,
  ORDER_ID,
  PRICE,
  PRODUCT_ID,
  QUANTITY,
  SHIPPING,
  TAX,
} from '../event/field-index.ts';
import { FIELDS } from '../event/fields.ts';
import type { Reason } from '../event/reasons.ts';
import {
  createItemsReader,
  type Item,
  type ItemsValue,
  isQuantity,
  itemsJson,
  saysNothing,
  totalPrice,
  totalQuantity,
} from './items.ts';
import type { LinePrice } from './line-prices.ts';
import { isPartOfLines } from './mapping/part-of-lines.ts';
import { AssumedDecimal } from './mapping/unscaled.ts';
import { besideLines, feesOf } from './money-columns.ts';
import type { NormalizeSettings } from './normalize-settings.ts';
import { codeOf, type NoteCode } from './notes.ts';
import { isOtherType } from './record-slots.ts';
import type { RecordState } from './record-state.ts';
import { type EventMoney, fitsLines, fromMinor } from './sale.ts';
import { isExtraLine } from './total-words.ts';
import {
  isSameCurrency,
  isSharedSign,
  looksLikeCurrency,
  minorDigits,
  readCurrency,
} from './values/read-currency.ts';
import {
  type AmountForm,
  formOfAmount,
  type MoneySettings,
  moneyText,
  readMoney,
  readQuantity,
} from './values/read-money.ts';

/** Fields that are decimals: money, and the quantity. */
const DECIMALS = FIELDS.flatMap(({ kind }, index) => (kind === 'money' || kind === 'decimal' ? [index] : []));

/** Doubts about columns that other fields may settle. */
const COLUMN_CODES: readonly NoteCode[] = [
  'adjusted_total',
  'base_currency',
  'pieces_column',
  'numbered_lines',
];

/** What counts as money, and could not be read. */
interface Unread {
  readonly index: number;
  readonly reason: Reason;
}

/** Reads what is paid: amounts, prices, quantity, currency and the lines of an order. */
export class MoneyFields {
  readonly #state: RecordState;
  readonly #settings: NormalizeSettings;
  readonly #money: MoneySettings;
  readonly #readItems: ReturnType<typeof createItemsReader>;

  constructor(state: RecordState, settings: NormalizeSettings, isNull: (text: string) => boolean) {
    this.#state = state;
    this.#settings = settings;
    this.#money = { decimal: settings.decimal, dollar: settings.dollar };
    this.#readItems = createItemsReader(isNull, this.#money);
  }

  get #isAnyMinor(): boolean {
    return (this.#settings.minor_units ?? false) !== false;
  }

  /** Whether a field is in the smaller unit. */
  #isMinor(name: string): boolean {
    const { minor_units: minor = false } = this.#settings;
    return typeof minor === 'boolean' ? minor : minor.includes(name);
  }

  /** Reads them for an event of `type`; why it is not an event, or null. */
  read(type: string): Reason | null {
    const isRefund = type === 'refund';
    const isSale = isRefund || type === 'purchase';
    const currencies = new Set<string>();
    const forms = new Map<AmountForm, unknown>();
    let unread: Unread | null = null;
    for (const index of DECIMALS) {
      let value = this.#state.slots.values[index];
      if (this.#state.isEmpty(value)) continue;
      if (value instanceof AssumedDecimal) {
        value = value.text;
        this.#state.slots.values[index] = value;
        this.#state.note('scale_assumed', index);
      }
      const read = index === QUANTITY ? this.#readQuantity(value, isRefund) : readMoney(value, this.#money);
      if (typeof read === 'bigint') this.#state.units[index] = read;
      else if (typeof read === 'string') {
        this.#state.addInvalid(index, value, codeOf(read));
        // The price counts where there is no amount, and that of one piece says nothing of how many there were.
        const isWorse = index === QUANTITY ? unread === null : unread?.index !== AMOUNT;
        if (index === AMOUNT || ((index === PRICE || index === QUANTITY) && isWorse))
          unread = { index, reason: isOtherType(value) ? 'wrong_type' : read };
      } else {
        this.#state.units[index] = read.units;
        if (read.currency !== null) currencies.add(read.currency);
        const form = formOfAmount(value);
        const counts = isSale && (index === AMOUNT || index === PRICE);
        if (form !== null && (counts || typeof value === 'object')) forms.set(form, value);
      }
    }
    const lines = this.#readItemsField(isRefund);
    for (const each of lines?.currencies ?? []) currencies.add(each);
    const currency = this.#readCurrencyField(isSale, [...currencies]);
    if (currency === 'bad_currency') return this.#state.fail(currency, CURRENCY);
    for (const [form, value] of lines?.forms ?? []) forms.set(form, value);
    this.#noteForms(forms, isSale, currency);
    const minor = this.#isAnyMinor ? this.#convertMinor(isSale, currency) : null;
    return minor ?? this.#takeLines(type, lines, currency, unread);
  }

  /** Notes how amounts are written, by which they may be in the smaller unit, unless that is said. */
  #noteForms(forms: ReadonlyMap<AmountForm, unknown>, isSale: boolean, currency: string | null): void {
    if (this.#settings.minor_units !== undefined || (currency !== null && minorDigits(currency) === 0))
      return;
    for (const [whole, decimal] of [
      ['whole', 'decimal'],
      ['plain_whole', 'plain_decimal'],
    ] as const) {
      const form = forms.has(decimal) ? decimal : whole;
      const isPlain = whole === 'plain_whole';
      if (forms.has(form) && (isSale || !isPlain))
        this.#state.notes.push({ code: form, field: currency ?? '', value: forms.get(form) });
    }
  }

  #readQuantity(value: unknown, isRefund: boolean): bigint | Reason {
    const units = readQuantity(value, this.#money);
    return typeof units === 'bigint' && !isQuantity(units, isRefund) ? 'number_out_of_range' : units;
  }

  /**
   * The currency of the event; `bad_currency` where that of a sale can't be told. `beside`: those that stand beside amounts and prices,
   * of which a sign of several currencies chooses none, and denies others.
   */
  #readCurrencyField(isSale: boolean, beside: readonly string[]): string | 'bad_currency' | null {
    const value = this.#state.slots.values[CURRENCY];
    const isMissing = this.#state.isEmpty(value);
    const isSign = typeof value === 'string' && isSharedSign(value.trim());
    const signs = isSign ? [value.trim(), ...beside] : beside;
    const read = isMissing ? null : readCurrency(value, this.#settings.dollar);
    const other = signs.find((each) => !isSharedSign(each)) ?? this.#settings.currency ?? null;
    if (!isMissing && read === null && (!isSign || other === null)) {
      // An amount in place of the currency is a sign of shifted columns.
      if (isSale && !looksLikeCurrency(value)) return 'bad_currency';
      this.#state.putInvalid('currency', value);
      this.#state.note('invalid_field', CURRENCY);
      return null;
    }
    const currency = read ?? other;
    if (isSale && currency !== null && signs.some((each) => !isSameCurrency(each, currency)))
      return 'bad_currency';
    if (currency !== null) this.#state.json[CURRENCY] = `"${currency}"`;
    return currency;
  }

  /** Makes currency units of the smaller ones. */
  #convertMinor(isSale: boolean, currency: string | null): Reason | null {
    for (const index of DECIMALS) {
      const units = this.#state.units[index]!;
      if (index === QUANTITY || units === null || !this.#isMinor(FIELDS[index]!.name)) continue;
      const converted = fromMinor(units, currency);
      this.#state.units[index] = converted;
      if (converted !== null) continue;
      if (isSale && (index === AMOUNT || index === PRICE)) {
        return currency === null
          ? this.#state.fail('bad_currency', CURRENCY)
          : this.#state.fail('bad_number', index);
      }
      this.#state.addInvalid(index, this.#state.slots.values[index]);
    }
    return null;
  }

  /** Takes from the lines of an order what the event does not have itself. */
  #takeLines(
    type: string,
    lines: ItemsValue | null,
    currency: string | null,
    unread: Unread | null,
  ): Reason | null {
    const isRefund = type === 'refund';
    const isSale = isRefund || type === 'purchase';
    const read = this.#items(lines, currency);
    const { items } = read;
    if (isSale && !read.isPriced && this.#state.units[AMOUNT] === null) {
      return this.#state.fail('bad_number', ITEMS);
    }
    if (items !== null) {
      this.#state.json[ITEMS] = itemsJson(items);
      if (type === 'purchase') this.#noteExtraLine(items);
      const pieces = totalQuantity(items);
      const own = this.#state.units[QUANTITY];
      if (own !== null && own !== pieces) this.#state.note('total_and_lines', QUANTITY);
      this.#state.units[QUANTITY] = isQuantity(pieces, isRefund) ? pieces : null;
      if (isSale && unread?.index !== AMOUNT && this.#state.units[AMOUNT] === null) this.#addUp(items);
    }
    const { [AMOUNT]: amount, [PRICE]: price, [QUANTITY]: quantity } = this.#state.units;
    const isCounted = unread?.index !== QUANTITY || (price !== null && quantity === null);
    if (isSale && unread !== null && amount === null && isCounted)
      return this.#state.fail(unread.reason, unread.index);
    if (type === 'purchase' && quantity === null && !this.#settings.has_quantity)
      this.#state.notes.push({ code: 'units_assumed', field: 'quantity', value: this.#orderText() });
    this.#compareWithLines(items);
    this.#settleColumns(type);
    for (let index = 0; index < FIELDS.length; index++) {
      const units = this.#state.units[index];
      if (units === null || units === undefined) continue;
      if (FIELDS[index]!.kind === 'money' || index === QUANTITY)
        this.#state.json[index] = `"${moneyText(units)}"`;
    }
    return null;
  }

  /** Columns beside the fields raise a doubt where they say something else than these. */
  #settleColumns(type: string): void {
    const { notes, units } = this.#state;
    if (!notes.some(({ code }) => COLUMN_CODES.includes(code))) return;
    const firstNumbered = notes.find(({ code }) => code === 'numbered_lines');
    this.#state.notes = notes.filter((note) => {
      const { code, value } = note;
      if (code === 'numbered_lines')
        return note === firstNumbered && type === 'purchase' && this.#state.json[ITEMS] === undefined;
      if (code === 'base_currency') return type === 'purchase' || type === 'refund';
      if (code === 'pieces_column') return type === 'purchase' && units[QUANTITY] === null;
      if (code !== 'adjusted_total') return true;
      const read = readMoney(value, this.#money);
      const amount = units[AMOUNT]!;
      if (type !== 'purchase' || typeof read === 'string' || amount === null) return false;
      // The mapping may have read the amount in the smaller unit.
      return read.units !== amount && fromMinor(read.units, this.#currency()) !== amount;
    });
  }

  /** Notes a line that is shipping or a discount by its name. */
  #noteExtraLine(items: readonly Item[]): void {
    for (const { texts, price } of items) {
      const word = [texts.name, texts.product_id].find(
        (text) => text != null && isExtraLine(text, Number(price ?? 0n)),
      );
      if (word == null) continue;
      this.#state.notes.push({ code: 'extra_line', field: word, value: this.#orderText(), nearest: 'items' });
      return;
    }
  }

  /** Takes the amount of an event from its lines. */
  #addUp(items: readonly Item[]): void {
    const { units } = this.#state;
    units[AMOUNT] = totalPrice(items);
    if (units[AMOUNT] === null) return;
    for (const { texts, quantity, price } of items) {
      const product = texts.product_id ?? texts.name;
      if (product == null || quantity === null || price === null) continue;
      const value: LinePrice = {
        product,
        quantity: Number(moneyText(quantity)),
        price: Number(moneyText(price)),
        example: this.#orderText(),
      };
      this.#state.notes.push({ code: 'line_price', field: 'items.price', value });
    }
    for (const index of [SHIPPING, DISCOUNT])
      if (units[index]! !== null && units[index] !== 0n) this.#state.note('lines_without_total', index);
    if (items.some(({ price, quantity }) => price !== null && price !== 0n && quantity === 0n))
      this.#state.notes.push({
        code: 'zero_quantity',
        field: 'quantity',
        value: this.#state.slots.values[ITEMS],
      });
  }

  #orderText(): string {
    return `order_id ${String(this.#state.slots.values[ORDER_ID] ?? '-')}`;
  }

  /** What the field with the lines of an order says; null where there is none, or it can't be read. */
  #readItemsField(isRefund: boolean): ItemsValue | null {
    const value = this.#state.slots.values[ITEMS];
    return this.#state.isEmpty(value) ? null : this.#readItems(value, isRefund);
  }

  /** The lines of the event; null where it has none. `isPriced`: no price or quantity of them was unreadable. */
  #items(
    read: ItemsValue | null,
    currency: string | null,
  ): { items: readonly Item[] | null; isPriced: boolean } {
    const value = this.#state.slots.values[ITEMS];
    if (this.#state.isEmpty(value)) return { items: null, isPriced: true };
    const items = this.#inCurrency(read?.items ?? [], currency);
    if (read === null || items.some(saysNothing)) {
      this.#state.addInvalid(ITEMS, value);
      return { items: null, isPriced: false };
    }
    if (read.isCut) this.#state.note('cut_text', ITEMS);
    for (const [name, list] of read.chosen)
      this.#state.notes.push({ code: 'alias_chosen', field: `items.${name}`, value: list, nearest: list });
    for (const name of read.unused) this.#state.notes.push({ code: 'unused', field: `items.${name}` });
    const lost = read.items.filter(({ price }, n) => price !== null && items[n]!.price === null);
    const unreadable = lost.map(({ price }) => ({
      name: 'price',
      value: moneyText(price!),
      reason: 'bad_number' as const,
    }));
    let isPriced = true;
    for (const { name, value: member, reason } of [...read.invalid, ...unreadable]) {
      this.#state.putInvalid(`items.${name}`, member);
      this.#state.notes.push({ code: codeOf(reason), field: `items.${name}`, value: member });
      isPriced &&= name !== 'price' && name !== 'quantity';
    }
    return { items: items.length === 0 ? null : items, isPriced };
  }

  /** Lines with prices in units of the currency; null as the price where it has no such unit. */
  #inCurrency(items: readonly Item[], currency: string | null): readonly Item[] {
    if (!this.#isMinor('items.price')) return items;
    return items.map((item) => ({
      ...item,
      price: item.price === null ? null : fromMinor(item.price, currency),
    }));
  }

  /** The currency that was read; null for none. */
  #currency(): string | null {
    const json = this.#state.json[CURRENCY];
    return json === undefined ? null : (JSON.parse(json) as string);
  }

  /** What is paid beside the lines, by columns that are not fields. */
  #besideLines(money: EventMoney): EventMoney {
    const { otherNames, otherValues, extra } = this.#state.slots;
    const others = otherNames.map((name, at) => [name, otherValues[at]] as const);
    const found = { ...money };
    const unitsOf = (value: unknown) => {
      const read = readMoney(value, this.#money);
      if (typeof read === 'string') return null;
      return this.#isAnyMinor ? (fromMinor(read.units, this.#currency()) ?? read.units) : read.units;
    };
    for (const [name, value] of [...others, ...Object.entries(extra ?? {})]) {
      for (const each of feesOf(name, value) ?? []) found.fees = (found.fees ?? 0n) + (unitsOf(each) ?? 0n);
      const field = besideLines(name);
      if (field !== null && found[field] === null) found[field] = unitsOf(value);
    }
    return found;
  }

  /** Notes amounts that do not fit their lines. A total beside the price of a product is that of the whole order, not of this line. */
  #compareWithLines(items: readonly Item[] | null): void {
    const isPart = isPartOfLines(this.#state.slots.values[ITEMS]);
    const money = {
      amount: this.#state.units[AMOUNT]!,
      price: this.#state.units[PRICE]!,
      quantity: this.#state.units[QUANTITY]!,
      tax: this.#state.units[TAX]!,
      shipping: this.#state.units[SHIPPING]!,
      discount: this.#state.units[DISCOUNT]!,
      fees: null,
      hasCoupon: isPart || !this.#state.isEmpty(this.#state.slots.values[COUPON]),
    };
    if (money.amount === null || (items === null && money.price === null) || fitsLines(money, items)) return;
    if (fitsLines(this.#besideLines(money), items)) return;
    const isLine = items === null && !this.#state.isEmpty(this.#state.slots.values[PRODUCT_ID]);
    const { slots, notes } = this.#state;
    if (!isLine || slots.ranks[AMOUNT]! <= 1) {
      this.#state.note('total_and_lines', AMOUNT);
      return;
    }
    notes.push({ code: 'total_of_order', field: slots.names[AMOUNT]!, value: slots.values[AMOUNT] });
    slots.drop(AMOUNT, notes);
    this.#state.units[AMOUNT] = null;
  }
}
