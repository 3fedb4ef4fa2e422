import {
  CAMPAIGNS,
  type Catalogue,
  COUPONS,
  type Country,
  type Product,
  REFERRERS,
  USER_AGENTS,
} from './catalogue.ts';
import type { DeviceType, ShopEvent } from './event.ts';
import type { Random } from './random.ts';

/** What a session needs of the shop that it is in. */
interface Surroundings {
  readonly random: Random;
  readonly catalogue: Catalogue;
  readonly timeMs: number;
  nextId(kind: 'order' | 'event'): string;
  /** Non-null while answers are slow and fail. */
  presentIncident(): { errorShare: number; slowdown: number } | null;
}

/** What of an order is needed to refund it. */
export interface Purchase {
  orderId: string;
  userId: string | null;
  productId: string;
  amountCents: number;
  currency: string;
}

type Step = 'browse' | 'cart' | 'checkout' | 'bought';

/** Milliseconds that the shop's pages take on an ordinary day. */
const MEDIAN_MS: Readonly<Record<string, number>> = { search: 160, checkout: 240, purchase: 420 };

/** One visit: looks around, may fill a cart, may check out, may buy; leaves at any step. */
export class Session {
  readonly id: string;
  readonly userId: string | null;
  private readonly country: Country;
  private readonly bot: boolean;
  private readonly deviceType: DeviceType;
  private readonly ip: string;
  private readonly userAgent: string;
  private readonly campaign: string | null;
  private referrer: string | null;
  private stepName: Step = 'browse';
  private product: Product | null = null;
  private quantity = 1;
  private viewsLeft: number;

  constructor(id: string, userId: string | null, country: Country, bot: boolean, random: Random) {
    this.id = id;
    this.userId = userId;
    this.country = country;
    this.bot = bot;
    const draw = random.next();
    this.deviceType = bot || draw < 0.36 ? 'desktop' : draw < 0.93 ? 'mobile' : 'tablet';
    this.userAgent = random.pick(USER_AGENTS[bot ? 'bot' : this.deviceType]);
    this.ip = `203.0.113.${random.integer(1, 254)}`;
    this.referrer = random.chance(0.5) ? random.pick(REFERRERS) : null;
    this.campaign = random.chance(0.15) ? random.pick(CAMPAIGNS) : null;
    this.viewsLeft = bot ? random.integer(20, 120) : 1 + Math.floor(random.exponential(4));
  }

  /** The next event of this visit, or null when the visitor has left. */
  step(shop: Surroundings): ShopEvent | null {
    const { random } = shop;
    if (this.stepName === 'bought') return null;
    if (this.stepName === 'browse') {
      if (this.viewsLeft-- > 0) return this.browse(shop);
      if (this.bot || this.product === null || !random.chance(0.32)) return null;
      this.stepName = 'cart';
      this.quantity = random.chance(0.8) ? 1 : random.integer(2, 5);
      return this.event(shop, 'add_to_cart', this.product);
    }
    if (this.stepName === 'cart') {
      const draw = random.next();
      if (draw < 0.1) {
        this.stepName = 'browse';
        this.viewsLeft = random.integer(0, 3);
        return this.event(shop, 'remove_from_cart', this.product);
      }
      if (draw < 0.2) return this.event(shop, 'view_cart', null);
      if (draw < 0.5) return null;
      const checkout = this.event(shop, 'checkout', this.product);
      // A failed checkout is tried again or given up: an incident shows as fewer purchases.
      if (checkout.statusCode === 200) this.stepName = 'checkout';
      else if (random.chance(0.6)) this.viewsLeft = 0;
      return checkout;
    }
    this.stepName = 'bought';
    return random.chance(0.62) ? this.buy(shop) : null;
  }

  private browse(shop: Surroundings): ShopEvent {
    const { random } = shop;
    const draw = random.next();
    if (draw < 0.16) return this.event(shop, 'view_list', null);
    if (draw < 0.26 && !this.bot) return this.event(shop, 'search', null);
    this.product = shop.catalogue.draw(random);
    return this.event(shop, 'view_product', this.product);
  }

  private buy(shop: Surroundings): ShopEvent {
    const { random } = shop;
    const event = this.event(shop, 'purchase', this.product);
    const coupon = random.chance(0.12) ? random.pick(COUPONS) : null;
    const full = (event.priceCents as number) * this.quantity;
    event.orderId = shop.nextId('order');
    event.coupon = coupon?.code ?? null;
    event.amountCents = full - this.payable(Math.floor((full * (coupon?.percent ?? 0)) / 100), Math.floor);
    // An order exists only when the shop said so.
    event.statusCode = 200;
    return event;
  }

  /** An amount that coins of the country can pay. */
  private payable(cents: number, rounded: (steps: number) => number): number {
    const { smallestCents } = this.country;
    return rounded(cents / smallestCents) * smallestCents;
  }

  private event(shop: Surroundings, eventType: string, product: Product | null): ShopEvent {
    const { random } = shop;
    const incident = shop.presentIncident();
    const failed = random.chance(incident?.errorShare ?? 0.002);
    const missing = !failed && eventType === 'view_product' && random.chance(0.012);
    const median = (MEDIAN_MS[eventType] ?? 85) * (incident?.slowdown ?? 1);
    const withCart = eventType !== 'view_product' && product !== null;
    const event: ShopEvent = {
      timeMs: shop.timeMs,
      eventType,
      eventId: shop.nextId('event'),
      userId: this.userId,
      sessionId: this.id,
      productId: product?.id ?? null,
      category: product?.category ?? null,
      orderId: null,
      quantity: withCart ? this.quantity : null,
      priceCents:
        product === null ? null : this.payable(product.priceCents * this.country.factor, Math.round),
      amountCents: null,
      currency: product === null ? null : this.country.currency,
      coupon: null,
      deviceType: this.deviceType,
      country: this.country.code,
      referrer: this.referrer,
      campaign: this.campaign,
      responseTimeMs: Math.min(60_000, Math.round(random.logNormal(median, 0.45)) + (failed ? 900 : 2)),
      statusCode: failed ? 500 : missing ? 404 : 200,
      ip: this.ip,
      userAgent: this.userAgent,
      isBot: this.bot,
    };
    this.referrer = null;
    return event;
  }
}
