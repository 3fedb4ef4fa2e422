/** Shopify's own library finds the signature of our tests right, and so does Tillstream: both check the same. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import '@shopify/shopify-api/adapters/node';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { testNow } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';

const SECRET = 'hook-secret-0123456789';
const shopify = shopifyApi({
  apiKey: 'app',
  apiSecretKey: SECRET,
  apiVersion: ApiVersion.October25,
  hostName: 'shop.example',
  isEmbeddedApp: false,
  logger: { log: () => {} },
});
let product: Product;
before(async () => {
  product = await startProduct({
    dataDir: temporaryDir(),
    config: {
      batch: { archive_every_ms: 200 },
      sources: [{ kind: 'http', hooks: [{ name: 'shopify', map: 'shopify', secret: SECRET }] }],
    },
  });
});
after(() => product?.stop());

const order = (id: number) =>
  JSON.stringify({
    id,
    admin_graphql_api_id: `gid://shopify/Order/${id}`,
    created_at: new Date(testNow()).toISOString(),
    processed_at: new Date(testNow()).toISOString(),
    currency: 'EUR',
    total_price: '39.80',
    line_items: [{ id: 1, product_id: 17, title: 'Schuh für Läufer', quantity: 2, price: '19.90' }],
  });

/** What Shopify sends with a webhook. */
const headersOf = (body: string, secret: string) => ({
  'content-type': 'application/json',
  'x-shopify-topic': 'orders/create',
  'x-shopify-api-version': '2025-10',
  'x-shopify-shop-domain': 'shop.myshopify.com',
  'x-shopify-webhook-id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
  'x-shopify-hmac-sha256': createHmac('sha256', secret).update(body).digest('base64'),
});

/** Whether Shopify's library takes the request for one of Shopify. */
async function isValid(body: string, headers: Record<string, string>): Promise<boolean> {
  const rawRequest = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', headers });
  const rawResponse = {} as never;
  return (await shopify.webhooks.validate({ rawBody: body, rawRequest, rawResponse })).valid;
}

test("requests are accepted and refused exactly as Shopify's own library does", async () => {
  const body = order(1001);
  for (const [sent, headers] of [
    [body, headersOf(body, SECRET)],
    [body, headersOf(body, 'another-secret-012345')],
    [order(1002), headersOf(body, SECRET)],
    [body, { ...headersOf(body, SECRET), 'x-shopify-hmac-sha256': 'AAAA' }],
  ] as const) {
    const valid = await isValid(sent, headers);
    const answer = await product.request('POST', '/v1/hooks/shopify', { body: sent, headers });
    assert.equal(answer.status, valid ? 200 : 401, answer.text);
  }
  const { metrics } = await product.settled();
  assert.equal(metrics.counted, 1);
  const { json } = await product.request<{ total: Record<string, unknown>[] }>(
    'GET',
    '/v1/metrics/revenue?window=1d&from=2020-01-01&to=2030-01-01&total=true',
  );
  assert.deepEqual([json.total[0]!.orders, json.total[0]!.revenue, json.total[0]!.units], [1, '39.8000', 2]);
});
