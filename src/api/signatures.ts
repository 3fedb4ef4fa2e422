import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A signature of Stripe is good for so long, so that a request that was listened to can't be sent again much later. */
const STRIPE_TOLERANCE_SECONDS = 300;

interface Signed {
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly secret: string;
  readonly nowMs: number;
}

/** Ways in which systems sign their webhooks, by name: whether the signature of a request is right. */
export const SIGNATURES: Readonly<Record<SignatureName, (signed: Signed) => boolean>> = {
  // https://shopify.dev/docs/apps/build/webhooks/subscribe/https
  shopify: ({ body, headers, secret }) =>
    isEqual(headerOf(headers, 'x-shopify-hmac-sha256'), hmac(secret, body).toString('base64')),
  // https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
  woocommerce: ({ body, headers, secret }) =>
    isEqual(headerOf(headers, 'x-wc-webhook-signature'), hmac(secret, body).toString('base64')),
  // https://docs.stripe.com/webhooks#verify-manually
  stripe: ({ body, headers, secret, nowMs }) => {
    const parts = headerOf(headers, 'stripe-signature')
      .split(',')
      .map((part) => part.trim());
    const seconds = parts.find((part) => part.startsWith('t='))?.slice(2) ?? '';
    if (!/^\d{1,12}$/.test(seconds)) return false;
    if (Math.abs(nowMs / 1000 - Number(seconds)) > STRIPE_TOLERANCE_SECONDS) return false;
    const expected = hmac(secret, Buffer.concat([Buffer.from(`${seconds}.`), body])).toString('hex');
    return parts.some((part) => part.startsWith('v1=') && isEqual(part.slice(3), expected));
  },
  // The header of GitHub, which many others took over: sha256=HEX.
  hub: ({ body, headers, secret }) =>
    isEqual(headerOf(headers, 'x-hub-signature-256'), `sha256=${hmac(secret, body).toString('hex')}`),
};

export const SIGNATURE_NAMES = ['shopify', 'woocommerce', 'stripe', 'hub'] as const;
export type SignatureName = (typeof SIGNATURE_NAMES)[number];

const hmac = (secret: string, body: Buffer) => createHmac('sha256', secret).update(body).digest();

function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

/** Compares in constant time. */
export function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
