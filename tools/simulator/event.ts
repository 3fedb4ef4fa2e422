export const DEVICE_TYPES = ['mobile', 'desktop', 'tablet'] as const;
export type DeviceType = (typeof DEVICE_TYPES)[number];

/** What happened in the shop, before it becomes a line. Null: the line does not carry the field. */
export interface ShopEvent {
  timeMs: number;
  eventType: string;
  eventId: string | null;
  userId: string | null;
  sessionId: string | null;
  productId: string | null;
  category: string | null;
  orderId: string | null;
  quantity: number | null;
  priceCents: number | null;
  amountCents: number | null;
  currency: string | null;
  coupon: string | null;
  deviceType: DeviceType | null;
  country: string | null;
  referrer: string | null;
  campaign: string | null;
  responseTimeMs: number | null;
  statusCode: number | null;
  ip: string | null;
  userAgent: string | null;
  /** The visitor is a bot, by its user agent: archived, and left out of the metrics. */
  isBot: boolean;
}
