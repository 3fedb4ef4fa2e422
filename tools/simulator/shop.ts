import { Catalogue, COUNTRIES, type Country } from './catalogue.ts';
import type { ShopEvent } from './event.ts';
import { Random, Weighted } from './random.ts';
import { type Purchase, Session } from './session.ts';

export interface ShopOptions {
  seed: number;
  startMs: number;
  /** Mean over a day. */
  eventsPerSecond: number;
  products?: number;
  users?: number;
  /** Share of sessions that are bots. */
  bots?: number;
  /** Mean hours between two incidents; 0: none. */
  incidentEveryHours?: number;
  /** Products are named after their category. */
  namedProducts?: boolean;
  /** How much more the best products are seen than the others: exponent of Zipf's law. */
  productSkew?: number;
  /** How busy the shop is at a time, as a factor of its mean; default: quiet nights, a peak in the evening. */
  busy?: (timeMs: number) => number;
  /** Events come at nearly even distances in place of chance ones: a quiet shop that always moves. */
  steady?: boolean;
}

/** Events per hour of the day (UTC) as a factor of the mean: quiet nights, a peak in the evening. */
const DAY: readonly number[] = [
  0.42, 0.31, 0.25, 0.24, 0.28, 0.42, 0.66, 0.9, 1.06, 1.14, 1.2, 1.25, 1.28, 1.22, 1.17, 1.2, 1.29, 1.42,
  1.58, 1.68, 1.62, 1.4, 1.02, 0.65,
];
const DAY_MEAN = DAY.reduce((sum, value) => sum + value, 0) / DAY.length;
/** Seconds that a visitor takes from one event to the next, on average; it sets how many sessions are open at once. */
const THINK_SECONDS = 20;

/** How busy the shop is at this time, as a factor of its mean. */
export function dailyFactor(timeMs: number): number {
  const hour = (timeMs / 3_600_000) % 24;
  const from = DAY[Math.floor(hour)] as number;
  const to = DAY[(Math.floor(hour) + 1) % 24] as number;
  return (from + (to - from) * (hour % 1)) / DAY_MEAN;
}

/** When to open the shop so that it has had `count` events shortly before `endMs`, at so many per second on average. */
export function startBefore(endMs: number, count: number, eventsPerSecond: number): number {
  // Chance makes a shop a little slower than its mean: the last event should still be in the past.
  const events = count * 1.05 + 60 * eventsPerSecond;
  let startMs = endMs;
  for (let had = 0; had < events; startMs -= 60_000) had += 60 * eventsPerSecond * dailyFactor(startMs);
  return startMs;
}

/** Something is slow and fails now and then, for some minutes. */
export interface Incident {
  startMs: number;
  endMs: number;
  slowdown: number;
  errorShare: number;
}

/** The shop: visitors with sessions, one event after the other, with times that only grow. */
export class Shop {
  readonly random: Random;
  readonly catalogue: Catalogue;
  timeMs: number;
  private readonly options: Required<ShopOptions>;
  private readonly prefix: string;
  private readonly sessions: Session[] = [];
  private readonly userRanks: Weighted;
  private readonly countryRanks = new Weighted(COUNTRIES.map((country) => country.weight));
  private readonly counts = { session: 0, order: 0, event: 0 };
  private meanGapMs = 0;
  private gapMinute = -1;
  private incident: Incident = { startMs: -2, endMs: -1, slowdown: 1, errorShare: 0 };

  constructor(options: ShopOptions) {
    this.options = {
      products: 2000,
      users: 20_000,
      bots: 0.02,
      incidentEveryHours: 6,
      busy: dailyFactor,
      steady: false,
      namedProducts: false,
      productSkew: 1.05,
      ...options,
    };
    this.random = new Random(options.seed, 2);
    const { products, namedProducts, productSkew } = this.options;
    this.catalogue = new Catalogue(options.seed, products, namedProducts, productSkew);
    this.userRanks = Weighted.zipf(this.options.users, 0.6);
    this.timeMs = options.startMs;
    // Ids differ between runs that start at another time: a restarted shop must not look like a re-send.
    this.prefix = (new Random(options.seed, options.startMs % 2 ** 32).uint32() >>> 0).toString(36);
    this.planIncident(options.startMs);
  }

  /** Moves the clock to the time of the next event and returns it. */
  advance(): number {
    const minute = Math.floor(this.timeMs / 60_000);
    if (minute !== this.gapMinute) {
      this.gapMinute = minute;
      this.meanGapMs = 1000 / (this.options.eventsPerSecond * this.options.busy(this.timeMs));
    }
    this.timeMs += this.options.steady
      ? this.meanGapMs * (0.9 + 0.2 * this.random.next())
      : this.random.exponential(this.meanGapMs);
    if (this.timeMs > this.incident.endMs) this.planIncident(this.timeMs);
    return this.timeMs;
  }

  /** The next event of one of the open sessions, at the present time. */
  nextEvent(): ShopEvent {
    const wanted = Math.min(5000, Math.max(8, this.options.eventsPerSecond * THINK_SECONDS));
    for (;;) {
      const index = Math.floor(this.random.next() * wanted);
      const session = this.sessions[index] ?? this.open();
      const event = session.step(this);
      if (event !== null) return event;
      const at = this.sessions.indexOf(session);
      const last = this.sessions.pop() as Session;
      if (last !== session) this.sessions[at] = last;
    }
  }

  /** A refund of an order, as the back office sends it: no visitor, no device, no answer time. */
  refund(order: Purchase): ShopEvent {
    return {
      ...EMPTY,
      timeMs: this.timeMs,
      eventType: 'refund',
      eventId: this.nextId('event'),
      orderId: order.orderId,
      userId: order.userId,
      productId: order.productId,
      amountCents: order.amountCents,
      currency: order.currency,
    };
  }

  nextId(kind: 'session' | 'order' | 'event'): string {
    return `${kind[0]}${this.prefix}-${(this.counts[kind]++).toString(36)}`;
  }

  /** The incident that holds at the present time, if any. */
  presentIncident(): Incident | null {
    return this.timeMs >= this.incident.startMs ? this.incident : null;
  }

  private open(): Session {
    const { random } = this;
    const bot = random.chance(this.options.bots);
    const userId = bot || random.chance(0.05) ? null : `u${this.userRanks.draw(random) + 1}`;
    const country = COUNTRIES[this.countryRanks.draw(random)] as Country;
    const session = new Session(this.nextId('session'), userId, country, bot, random);
    this.sessions.push(session);
    return session;
  }

  private planIncident(fromMs: number): void {
    const { random } = this;
    const everyMs = this.options.incidentEveryHours * 3_600_000;
    const startMs = everyMs > 0 ? fromMs + random.exponential(everyMs) : Number.POSITIVE_INFINITY;
    this.incident = {
      startMs,
      endMs: startMs + random.integer(3, 12) * 60_000,
      slowdown: 3 + random.next() * 7,
      errorShare: 0.15 + random.next() * 0.35,
    };
  }
}

const EMPTY: Readonly<ShopEvent> = {
  timeMs: 0,
  eventType: '',
  eventId: null,
  userId: null,
  sessionId: null,
  productId: null,
  category: null,
  orderId: null,
  quantity: null,
  priceCents: null,
  amountCents: null,
  currency: null,
  coupon: null,
  deviceType: null,
  country: null,
  referrer: null,
  campaign: null,
  responseTimeMs: null,
  statusCode: null,
  ip: null,
  userAgent: null,
  isBot: false,
};
