import {
  AMOUNT,
  CURRENCY,
  DISCOUNT,
  EVENT_ID,
  ITEMS,
  LINE_ID,
  ORDER_ID,
  PRICE,
  PRODUCT_ID,
  PRODUCT_NAME,
  QUANTITY,
  RESPONSE_TIME,
  SESSION_ID,
  SHIPPING,
  TEST,
  USER_AGENT,
  USER_ID,
} from '../event/field-index.ts';
import { FIELDS } from '../event/fields.ts';
import { formatInstant } from '../event/timestamp.ts';
import { EmptyStatuses, type OrderStatus } from './empty-statuses.ts';
import { EqualRows } from './equal-rows.ts';
import type { FindingCode } from './finding-catalogue.ts';
import type { FindingTally } from './finding-tally.ts';
import { isKnownBot } from './known-bot.ts';
import { type LinePrice, LinePrices } from './line-prices.ts';
import { WholeAmounts } from './minor-units.ts';
import type { Note } from './notes.ts';
import type { ObservedEvent } from './observed-event.ts';
import { type Odds, OrderReports } from './order-reports.ts';
import { type Fate, isFate } from './order-status.ts';
import { RecentMap } from './recent-map.ts';
import { ResponseTimes } from './response-times.ts';
import { Returns } from './returns.ts';
import { SwappedDates } from './swapped-dates.ts';
import { TotalRows } from './total-rows.ts';
import { isExtraLine } from './total-words.ts';
import { isAmountForm } from './values/read-money.ts';
import { Withdrawals } from './withdrawals.ts';

/** Fields of which one value may not stand for many events. */
const CROWDED = [USER_ID, SESSION_ID].map((index) => ({ name: FIELDS[index]!.name, index }));

/** All of the first events are looked at closely, then one of `SAMPLE_EVERY`. */
const CLOSELY = 20_000;
const SAMPLE_EVERY = 16;
/** Values that are remembered of each kind; who is seen often stays. */
const REMEMBERED_MAX = 20_000;
const OLD_MS = 20 * 365.25 * 86_400_000;
/** "Many events" of which one user should not have a fifth, and how large a fifth is. */
const MANY_EVENTS = 200;
const CROWDED_SHARE = 0.2;
/** Shops have bots, but not as most of what comes. */
const BOTS_SHARE = 0.5;
const BOTS_MIN = 10;
/** Of what comes one by one, so many sales say that all are tests. */
const TESTS_MIN = 10;
const CURRENCIES_MAX = 3;
/** What lowers or raises the amount of an order, beside its lines. */
const BESIDE_LINES = [SHIPPING, DISCOUNT].map((index) => ({ name: FIELDS[index]!.name, index }));
const OF_PRODUCT = [PRODUCT_NAME, PRODUCT_ID].map((index) => ({ name: FIELDS[index]!.name, index }));
const FINDING_OF_ODDS = {
  other_currency: 'order_currencies',
  repeated: 'order_repeated',
  told_again: 'order_told_again',
  days_apart: 'order_id_reused',
} as const satisfies Record<Exclude<Odds, 'equal'>, FindingCode>;
const COLUMNS_MAX = 100;

export interface ObserverOptions {
  /** In which times without a zone are read. */
  readonly zone: string;
  /** Currencies that the shop sells in; undefined where nobody has declared them. */
  readonly currencies?: readonly string[] | undefined;
  /** All that there will be: a file. Else more comes, which may settle a doubt. */
  readonly isWhole?: boolean;
  /** All records are rows of one table: what one of them lacks is an empty cell. */
  readonly isTable?: boolean;
  /** What all sources say of orders; its own where left out. */
  readonly orders?: OrderReports | undefined;
}

/** A bot buys nothing: its user agent may be that of a program which sends the orders of customers. A line may say so itself. */
function observeBotSale(event: ObservedEvent, tally: FindingTally): void {
  const agent = event.text(USER_AGENT);
  if (agent !== null && isKnownBot(agent)) tally.add('bot_sales', exampleOf(event), agent);
}

const productOf = (event: ObservedEvent) => event.text(PRODUCT_ID) ?? event.text(PRODUCT_NAME);

/** How a sale is named in a finding. */
function exampleOf(event: ObservedEvent): string {
  const order = event.text(ORDER_ID);
  return order === null ? formatInstant(event.micros) : `order_id ${order}`;
}

/** Looks at events that were accepted, one after the other, for what only shows in several of them. */
export class Observer {
  #events = 0;
  #bots = 0;
  #botExample = '';
  #sales = 0;
  /** Sales that are marked as tests. */
  #tests = 0;
  #testExample = '';
  #sampled = 0;
  readonly #crowds = CROWDED.map(() => new Map<string, number>());
  readonly #contentOfId = new RecentMap<string>(REMEMBERED_MAX);
  readonly #orders: OrderReports;
  readonly #paidForLine = new RecentMap<string>(REMEMBERED_MAX);
  readonly #idOfLine = new RecentMap<string>(REMEMBERED_MAX);
  readonly #currencies = new Map<string, number>();
  readonly #options: ObserverOptions;
  readonly #dates = new SwappedDates();
  readonly #amounts = new WholeAmounts();
  /** What the record at work says of its order, such as "state: cancelled". */
  #fates: Partial<Record<Fate['fate'], string>> = {};
  /** What the record at work says by which it may be a test. */
  #testLikely: string | null = null;
  /** The column by which the record at work says how much was given back. */
  #refundColumn: string | null = null;
  /** The type of the record at work, where it is a refund for goods that came back. */
  #goodsReturned: string | null = null;
  readonly #equalRows = new EqualRows();
  readonly #returns = new Returns();
  readonly #linePrices = new LinePrices();
  /** Of the record at work, whether its order has a status, where a column says it. */
  #status: OrderStatus | null = null;
  readonly #statuses = new EmptyStatuses();
  readonly #totals = new TotalRows();
  readonly #responses = new ResponseTimes();
  readonly withdrawals: Withdrawals;
  /** Columns of tables that are not fields. */
  readonly unusedColumns = new Set<string>();

  /** In which times without a zone are read now. */
  zone: string;
  /** Whether a column need not be noted as unused: it is known, or there are too many. */
  readonly isUnusedKnown = (column: string): boolean =>
    this.unusedColumns.has(column) || this.unusedColumns.size >= COLUMNS_MAX;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.zone = options.zone;
    this.#orders = options.orders ?? new OrderReports();
    this.withdrawals = new Withdrawals(this.#orders);
  }

  /** Looks at an event that was accepted. What shows at once goes into `tally`. */
  observe(event: ObservedEvent, type: string, nowMs: number, tally: FindingTally): void {
    this.#events++;
    if (event.isBot && this.#bots++ === 0) this.#botExample = event.text(USER_AGENT) ?? '';
    if (event.micros < (nowMs - OLD_MS) * 1000) tally.add('old_time', formatInstant(event.micros));
    const isSale = type === 'purchase' || type === 'refund';
    const isTest = event.text(TEST) === 'true';
    if (isSale) this.#sales++;
    if (isSale && isTest && this.#tests++ === 0) this.#testExample = exampleOf(event);
    // What is wrong with an order of a test or a bot counts nowhere.
    const counts = isSale && !isTest && !event.isBot;
    if (counts) this.#observeSale(event, type, tally);
    else if (isSale && !isTest) observeBotSale(event, tally);
    else if (type === 'cancel' && !isTest) this.#observeCancel(event);
    if (this.#testLikely !== null && counts) tally.add('test_likely', this.#testLikely, this.#testLikely);
    this.#testLikely = null;
    this.#fates = {};
    this.#refundColumn = null;
    this.#goodsReturned = null;
    this.#status = null;
    if (this.#events > CLOSELY && this.#events % SAMPLE_EVERY !== 0) return;
    this.#sampled++;
    this.#responses.sample(event.text(RESPONSE_TIME));
    for (const [at, { index }] of CROWDED.entries()) {
      const value = event.text(index);
      if (value !== null) countIn(this.#crowds[at]!, value);
    }
    // Purchases and refunds of an order are known by the order, not by their event_id.
    if (isSale && event.text(ORDER_ID) !== null) return;
    // By the id, so that of an id all its events are looked at or none.
    const id = event.text(EVENT_ID);
    if (id !== null && (this.#events <= CLOSELY || id.charCodeAt(id.length - 1) % SAMPLE_EVERY === 0))
      this.#observeId(id, type, event, tally);
  }

  /** Takes a doubt of the normalizer. `isTable`: the record is of a table, whose columns are few. */
  note({ code, field, value, nearest: near }: Note, isTable: boolean, tally: FindingTally): void {
    if (code === 'day_month_both_small') this.#dates.takeSmall(textOf(value));
    else if (code === 'day_month_certain') this.#dates.takeCertain();
    else if (isAmountForm(code)) this.#amounts.take(code, textOf(value), field === '' ? null : field);
    else if (isFate(code)) this.#fates[code] ??= field;
    else if (code === 'test_likely') this.#testLikely = field;
    else if (code === 'response_seconds') this.#responses.noteFast(textOf(value));
    else if (code === 'zone_assumed') tally.add(code, textOf(value), this.zone);
    else if (code === 'unused') {
      if (isTable && this.unusedColumns.size < COLUMNS_MAX) this.unusedColumns.add(field);
    } else if (code === 'unknown_event_type') tally.add(code, textOf(value), textOf(value), near ?? '');
    else if (code === 'numbered_lines') tally.add(code, `${field}: ${textOf(value)}`);
    else if (code === 'status_missing' || code === 'status_given')
      this.#status ??= { field, isGiven: code === 'status_given' };
    else if (code === 'line_price') this.#linePrices.take(value as LinePrice);
    else if (code === 'goods_returned') this.#goodsReturned = field;
    else if (code === 'refund_column') this.#refundColumn ??= field;
    else tally.add(code, value === undefined ? field : textOf(value), field, near ?? '');
  }

  /** What shows over all events that were observed, but for `withdrawals`. */
  summarize(tally: FindingTally): void {
    this.#dates.summarize(tally, this.#options.isWhole === true);
    this.#amounts.summarize(tally);
    this.#totals.summarize(tally);
    this.#equalRows.summarize(tally);
    this.#responses.summarize(tally);
    this.#linePrices.summarize(tally);
    this.#statuses.summarize(tally, this.#options.isTable === true);
    if (this.#bots >= BOTS_MIN && this.#bots > this.#events * BOTS_SHARE)
      tally.add('mostly_bots', this.#botExample, '', '', this.#bots);
    const testsMin = this.#options.isWhole === true ? 1 : TESTS_MIN;
    if (this.#tests >= testsMin && this.#tests === this.#sales)
      tally.add('only_tests', this.#testExample, '', '', this.#tests);
    for (const [at, { name }] of CROWDED.entries()) {
      if (this.#sampled < MANY_EVENTS) continue;
      for (const [value, count] of this.#crowds[at]!) {
        const share = count / this.#sampled;
        const rows = Math.round(share * this.#events);
        if (share > CROWDED_SHARE) tally.add('one_user', value, name, `${Math.round(share * 100)} %`, rows);
      }
    }
    if (this.#currencies.size > CURRENCIES_MAX) {
      const list = [...this.#currencies].sort((a, b) => b[1] - a[1]).map(([currency]) => currency);
      const sales = [...this.#currencies.values()].reduce((a, b) => a + b, 0);
      tally.add('many_currencies', list.at(-1)!, '', list.slice(0, 10).join(', '), sales);
    }
  }

  #observeSale(event: ObservedEvent, type: string, tally: FindingTally): void {
    const order = event.text(ORDER_ID);
    const example = () => exampleOf(event);
    if (type === 'purchase') {
      const wasCounted = order !== null && this.#orders.has(order);
      this.#totals.take(event, tally);
      if (order !== null && !wasCounted && this.#orders.hasOtherSpelling(order))
        tally.add('order_spelled', example());
      this.#observeLine(event, example, tally);
      this.#observePrice(event, example);
      // Of an order with several rows only the first may have its status.
      if (!wasCounted) this.#statuses.take(this.#status, example);
      const { withdrawn, unsold, partly_refunded: partly, refund_document: document } = this.#fates;
      if (document !== undefined) tally.add('refund_document', example(), document);
      const text = withdrawn ?? unsold;
      const status = text === undefined ? null : { text, isUnsold: withdrawn === undefined };
      this.withdrawals.takePurchase(order, event.micros, status, wasCounted);
      // A column with the amount says more than a status.
      if (this.#refundColumn !== null)
        this.withdrawals.takePartly(order, this.#refundColumn, 'refund_column');
      else if (partly !== undefined) this.withdrawals.takePartly(order, partly, 'partly_refunded');
    } else {
      if (order !== null && this.#orders.refund({ order, currency: event.text(CURRENCY) }))
        tally.add('order_currencies', example());
      this.#returns.take(event, this.#goodsReturned, example, tally);
    }
    this.#equalRows.take(event, type);
    // What is wrong with a duplicate counts nowhere.
    if (
      order !== null ? this.#isEqualReport(event, type, order, example, tally) : this.#isKnownId(event, type)
    )
      return;
    this.#observeMoney(event, type, example, tally);
  }

  /** Looks at the price of a purchase whose money is its price times its quantity. */
  #observePrice(event: ObservedEvent, example: () => string): void {
    const [product, price] = [productOf(event), event.text(PRICE)];
    if (product === null || price === null || event.text(AMOUNT) !== null) return;
    this.#linePrices.take({
      product,
      quantity: Number(event.text(QUANTITY) ?? 1),
      price: Number(price),
      example: example(),
    });
  }

  /** Reports a line whose product has the name of shipping or a discount. */
  #observeLine(event: ObservedEvent, example: () => string, tally: FindingTally): void {
    for (const { name, index } of OF_PRODUCT) {
      const text = event.text(index);
      if (text === null || !isExtraLine(text, Number(event.text(AMOUNT) ?? event.text(PRICE) ?? 0))) continue;
      tally.add('extra_line', example(), text, name);
      return;
    }
  }

  #observeMoney(event: ObservedEvent, type: string, example: () => string, tally: FindingTally): void {
    const isPurchase = type === 'purchase';
    const [amount, price] = [event.text(AMOUNT), event.text(PRICE)];
    if (amount === null && price === null) {
      tally.add('purchase_without_value', example());
      return;
    }
    if (isPurchase && Number(amount ?? price) < 0) tally.add('negative_purchase', example());
    const quantity = event.text(QUANTITY);
    const isPriced = price !== null && Number(price) !== 0;
    if (isPurchase && quantity !== null && Number(quantity) === 0 && isPriced && Number(amount ?? 0) === 0)
      tally.add('zero_quantity', example(), 'quantity');
    if (amount === null) {
      for (const { name, index } of BESIDE_LINES)
        if (Number(event.text(index) ?? 0) !== 0) tally.add('lines_without_total', example(), name);
    }
    const currency = event.text(CURRENCY);
    if (currency === null) tally.add('currency_unknown', example());
    else if (this.#options.currencies === undefined) countIn(this.#currencies, currency);
    else if (!this.#options.currencies.includes(currency))
      tally.add('unexpected_currency', example(), currency);
  }

  /** Looks at what a purchase or refund says of its order; whether it says the same as one before it, and so is a duplicate. */
  #isEqualReport(
    event: ObservedEvent,
    type: string,
    order: string,
    example: () => string,
    tally: FindingTally,
  ): boolean {
    const isPurchase = type === 'purchase';
    const [amount, price, currency] = [event.text(AMOUNT), event.text(PRICE), event.text(CURRENCY)];
    const hasItems = event.text(ITEMS) !== null;
    const product = hasItems ? null : productOf(event);
    const id = event.text(EVENT_ID);
    let isEqual = false;
    // An order as a whole is told by several systems; a line or a refund has one system that knows it.
    if (id !== null && (product !== null || !isPurchase)) {
      const paid = [amount, price, event.text(QUANTITY)].map((text) => Number(text ?? Number.NaN)).join(' ');
      if (isPurchase && product !== null && this.#isOtherLine(`${id} ${order} ${product}`, paid))
        tally.add('line_changed', example());
      const line = [type, order, product, paid, event.text(LINE_ID)].join(' ');
      const idBefore = this.#idOfLine.get(line);
      isEqual = idBefore !== undefined;
      if (idBefore === undefined) this.#idOfLine.set(line, id);
      else if (idBefore !== id && isPurchase)
        tally.add('equal_lines', `order_id ${order}, product_id ${product}`);
      else if (idBefore !== id) tally.add('equal_refunds', example());
    }
    if (!isPurchase) return isEqual;
    const odds = this.#orders.take({ order, product, amount, price, currency, micros: event.micros });
    if (odds === 'equal') return true;
    if (odds !== null) tally.add(FINDING_OF_ODDS[odds], example());
    return isEqual;
  }

  /** Whether a line that an id names has come with other money or pieces. */
  #isOtherLine(line: string, paid: string): boolean {
    const before = this.#paidForLine.get(line);
    if (before === undefined) this.#paidForLine.set(line, paid);
    return before !== undefined && before !== paid;
  }

  #observeCancel(event: ObservedEvent): void {
    const order = event.text(ORDER_ID);
    if (order !== null) this.withdrawals.takeOrder(order, event.micros);
  }

  /** Whether an event without an order has come before: it is a duplicate. */
  #isKnownId(event: ObservedEvent, type: string): boolean {
    const id = event.text(EVENT_ID);
    return id !== null && this.#contentOfId.get(id) === contentOf(event, type);
  }

  #observeId(id: string, type: string, event: ObservedEvent, tally: FindingTally): void {
    const content = contentOf(event, type);
    const known = this.#contentOfId.get(id);
    if (known === undefined) this.#contentOfId.set(id, content);
    else if (known !== content) tally.add('id_reused', `event_id ${id}`);
  }
}

const contentOf = (event: ObservedEvent, type: string) => `${type} ${event.micros}`;

/** Counts values; of too many those that were seen least make room (Misra and Gries, 1982). */
function countIn(counts: Map<string, number>, value: string): void {
  const count = counts.get(value);
  if (count !== undefined || counts.size < REMEMBERED_MAX) {
    counts.set(value, (count ?? 0) + 1);
    return;
  }
  for (const [each, n] of counts) {
    if (n === 1) counts.delete(each);
    else counts.set(each, n - 1);
  }
}

/** A value as it came, for people. */
function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
}
