/** A day of a shop that four systems report at once: each order counts once, and nothing is missing. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Random } from '../../tools/simulator/random.ts';
import { testNow } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';

const KEY = 'shop-key-0123456789';
const SECRET = 'hook-secret-0123456789';
const ORDERS = 40;
const VIEWS = 200;

let product: Product;
const dir = temporaryDir();
const log = join(dir, 'access.log');
before(async () => {
  product = await startProduct({
    dataDir: join(dir, 'data'),
    config: {
      batch: { archive_every_ms: 200 },
      sources: [
        {
          kind: 'http',
          api_keys: [{ name: 'shop', key: KEY, scopes: ['write', 'read'] }],
          hooks: [{ name: 'shopify', map: 'shopify', secret: SECRET }],
        },
        { kind: 'tail', path: log, map: 'access-log', every_seconds: 0.05 },
      ],
    },
  });
});
after(() => product?.stop());

test('the page, the server, the webhook and the log of one shop: orders once, revenue right, ledger balanced', async (t) => {
  const random = new Random(testSeed(t));
  const start = testNow() - 3_600_000;
  const orders = Array.from({ length: ORDERS }, (_, n) => {
    const items = Array.from({ length: random.integer(1, 3) }, (__, i) => ({
      id: `p${i + 1}`,
      cents: random.integer(100, 9999),
      quantity: random.integer(1, 3),
    }));
    const cents = items.reduce((sum, item) => sum + item.cents * item.quantity, 0);
    return { id: 5_000_000 + n, atMs: start + n * 60_000, items, cents, user: `u${n % 7}` };
  });
  const euros = (cents: number) => (cents / 100).toFixed(2);
  const iso = (ms: number) => new Date(ms).toISOString();

  const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${product.url}${path}`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  };
  /** As t.js sends it. */
  const page = async () => {
    for (const { id, atMs, items, cents, user } of orders) {
      const lines = items.map((item) => ({
        product_id: item.id,
        price: euros(item.cents),
        quantity: item.quantity,
      }));
      const event = {
        event_id: `page-${id}`,
        timestamp: iso(atMs),
        event_type: 'purchase',
        visitor_id: user,
      };
      const money = { order_id: String(id), amount: euros(cents), currency: 'EUR', items: lines };
      await post(`/v1/events?key=${KEY}`, JSON.stringify({ ...event, ...money }), {
        'content-type': 'text/plain',
      });
    }
  };
  const segment = async () => {
    const calls = orders.map(({ id, atMs, items, cents, user }) => ({
      ...{
        type: 'track',
        event: 'Order Completed',
        messageId: `m-${id}`,
        userId: user,
        timestamp: iso(atMs + 900),
      },
      properties: {
        ...{ order_id: String(id), total: cents / 100, currency: 'EUR' },
        products: items.map((item) => ({
          product_id: item.id,
          price: item.cents / 100,
          quantity: item.quantity,
        })),
      },
    }));
    const authorization = `Basic ${Buffer.from(`${KEY}:`).toString('base64')}`;
    // The client tries again after an answer that it did not get.
    for (let i = 0; i < 2; i++) await post('/v1/batch', JSON.stringify({ batch: calls }), { authorization });
  };
  const shopify = async () => {
    for (const { id, atMs, items, cents } of orders) {
      const body = JSON.stringify({
        ...{ id, admin_graphql_api_id: `gid://shopify/Order/${id}`, name: `#${id}`, test: false },
        ...{
          created_at: iso(atMs + 2000),
          processed_at: iso(atMs + 2000),
          currency: 'EUR',
          total_price: euros(cents),
        },
        ...{ financial_status: 'paid', customer: { id: 77 } },
        line_items: items.map((item) => ({
          product_id: item.id,
          price: euros(item.cents),
          quantity: item.quantity,
        })),
      });
      for (const topic of ['orders/create', 'orders/paid'])
        await post('/v1/hooks/shopify', body, {
          'x-shopify-topic': topic,
          'x-shopify-webhook-id': `${topic}-${id}`,
          'x-shopify-hmac-sha256': createHmac('sha256', SECRET).update(body).digest('base64'),
        });
    }
  };
  const agent =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36';
  const clf = (ms: number) => {
    const [, day, month, year, time] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString())!;
    return `${day}/${month}/${year}:${time} +0000`;
  };
  const lines = Array.from({ length: VIEWS }, (_, n) =>
    [`/product/p${(n % 3) + 1}`, '/app.css'].map(
      (path) =>
        `203.0.113.${n % 50} - - [${clf(start + n * 1000)}] "GET ${path} HTTP/1.1" 200 512 "-" "${agent}"\n`,
    ),
  );
  writeFileSync(log, lines.flat().join(''));
  await Promise.all([page(), segment(), shopify()]);
  await until(
    async () => (await product.ledger()).by_source.tail?.received === VIEWS,
    'the log is read',
    30_000,
  );

  const ledger = await product.settled();
  assert.ok(ledger.balanced);
  assert.equal(
    ledger.received,
    ORDERS * 5 + VIEWS,
    'three systems, two of them twice; style sheets are left out',
  );
  assert.equal(ledger.metrics.duplicate, ORDERS * 4);
  const total = async (metric: string) =>
    (
      await product.request<{ total: Record<string, unknown>[] }>(
        'GET',
        `/v1/metrics/${metric}?window=1d&from=2020-01-01&to=2030-01-01&total=true`,
      )
    ).json.total;
  const [revenue] = await total('revenue');
  const cents = orders.reduce((sum, order) => sum + order.cents, 0);
  const units = orders.flatMap(({ items }) => items).reduce((sum, { quantity }) => sum + quantity, 0);
  assert.deepEqual(
    [revenue!.currency, revenue!.orders, revenue!.revenue, revenue!.units],
    ['EUR', ORDERS, `${euros(cents)}00`, units],
  );
  const traffic = await total('traffic');
  const counted = Object.fromEntries(traffic.map(({ event_type: type, events }) => [type, events]));
  assert.deepEqual(counted, { purchase: ORDERS, view_product: VIEWS });
});
