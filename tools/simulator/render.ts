import { EVENT_TYPE_ALIASES } from '../../src/event/fields.ts';
import type { ShopEvent } from './event.ts';
import type { Random } from './random.ts';

/** How the lines look: shares of lines that use another accepted spelling. */
export interface RenderShares {
  extraFields: number;
  segmentNames: number;
  epochMs: number;
  epochSeconds: number;
  zoneOffset: number;
}

const SEGMENT_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(EVENT_TYPE_ALIASES).map(([theirs, ours]) => [ours, theirs]),
);

const EXTRAS: readonly string[] = [
  ',"app_version":"5.2.1"',
  ',"ab_test":{"name":"checkout-colour","group":"B"}',
  ',"loyalty_points":120,"newsletter":true',
  ',"tags":["new","sale \\u0026 more","größer"],"note":null',
  ',"context":{"page":{"title":"Jacke \\"Nord\\"","depth":0.75},"library":{"name":"shop.js"}}',
];

/** Quoting is the slow part of a line, and most texts come again and again. */
const quoted = new Map<string, string>();
function quote(text: string): string {
  let json = quoted.get(text);
  if (json === undefined) {
    json = JSON.stringify(text);
    if (quoted.size < 50_000) quoted.set(text, json);
  }
  return json;
}

/** 1990 as "19.90". */
function centsText(cents: number): string {
  const digits = String(cents).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/**
 * The JSON line of an event. Written by hand, because money must appear as exact text: as a string or as a number
 * with two decimals, mixed on purpose. May round `event.timeMs` to what the line's timestamp can hold.
 */
export function renderEvent(event: ShopEvent, random: Random, shares: RenderShares): string {
  let line = `{"timestamp":${timestamp(event, random, shares)}`;
  const alias = random.chance(shares.segmentNames) ? SEGMENT_NAMES.get(event.eventType) : undefined;
  line += `,"event_type":"${alias ?? event.eventType}"`;
  if (event.eventId !== null) line += `,"event_id":"${event.eventId}"`;
  if (event.userId !== null) line += `,"user_id":"${event.userId}"`;
  if (event.sessionId !== null) line += `,"session_id":"${event.sessionId}"`;
  if (event.productId !== null) line += `,"product_id":"${event.productId}"`;
  if (event.orderId !== null) line += `,"order_id":"${event.orderId}"`;
  if (event.category !== null) line += `,"category":${quote(event.category)}`;
  if (event.quantity !== null) line += `,"quantity":${event.quantity}`;
  const mark = random.chance(0.5) ? '"' : '';
  if (event.priceCents !== null) line += `,"price":${mark}${centsText(event.priceCents)}${mark}`;
  if (event.amountCents !== null) line += `,"amount":${mark}${centsText(event.amountCents)}${mark}`;
  if (event.currency !== null) line += `,"currency":"${event.currency}"`;
  if (event.coupon !== null) line += `,"coupon":"${event.coupon}"`;
  if (event.deviceType !== null) line += `,"device_type":"${event.deviceType}"`;
  if (event.country !== null) line += `,"country":"${event.country}"`;
  if (event.productId !== null) line += `,"url":"https://shop.example/p/${event.productId}"`;
  if (event.referrer !== null) line += `,"referrer":${quote(event.referrer)}`;
  if (event.campaign !== null) line += `,"campaign":"${event.campaign}"`;
  if (event.responseTimeMs !== null) line += `,"response_time":${event.responseTimeMs}`;
  if (event.statusCode !== null) line += `,"status_code":${event.statusCode}`;
  if (event.ip !== null) line += `,"ip":"${event.ip}"`;
  if (event.userAgent !== null) line += `,"user_agent":${quote(event.userAgent)}`;
  if (random.chance(shares.extraFields)) line += random.pick(EXTRAS);
  return `${line}}`;
}

function timestamp(event: ShopEvent, random: Random, shares: RenderShares): string {
  let draw = random.next();
  if (draw < shares.epochMs) return String(event.timeMs);
  draw -= shares.epochMs;
  if (draw < shares.epochSeconds) {
    event.timeMs = Math.floor(event.timeMs / 1000) * 1000;
    return String(event.timeMs / 1000);
  }
  draw -= shares.epochSeconds;
  if (draw < shares.zoneOffset) {
    const local = new Date(event.timeMs + 2 * 3_600_000).toISOString();
    return `"${local.slice(0, -1)}+02:00"`;
  }
  return `"${new Date(event.timeMs).toISOString()}"`;
}
