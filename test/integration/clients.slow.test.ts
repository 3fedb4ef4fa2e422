/** Real clients of other systems send to their addresses: what they tell is counted once and right, and a wrong key stores nothing. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics } from '@segment/analytics-node';
import { buildEcommerceTransaction, buildPageView, newTracker } from '@snowplow/node-tracker';
import { CloudEvent, HTTP } from 'cloudevents';
import { PostHog } from 'posthog-node';
import Stripe from 'stripe';
import { testNow, useRealClock } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';

const KEY = 'shop-key-0123456789';
const SECRET = 'hook-secret-0123456789';
let product: Product;
let url: string;
// Clients say what time it is.
useRealClock();
before(async () => {
  product = await startProduct({
    dataDir: temporaryDir(),
    config: {
      batch: { archive_every_ms: 200 },
      sources: [
        {
          kind: 'http',
          api_keys: [{ name: 'shop', key: KEY, scopes: ['write', 'read', 'admin'] }],
          hooks: [
            { name: 'shopify', map: 'shopify', secret: SECRET },
            { name: 'woo', map: 'woocommerce', secret: SECRET },
            { name: 'stripe', map: 'stripe', secret: SECRET },
            { name: 'own', secret: SECRET },
          ],
        },
      ],
    },
  });
  url = product.url;
});
after(() => product?.stop());

interface Told {
  events: number;
  bad: number;
  orders: number;
  revenue: number;
  refunded: number;
}

async function told(): Promise<Told> {
  const { archive } = await product.settled();
  const { json } = await product.request<{ total: Record<string, string | number>[] }>(
    'GET',
    '/v1/metrics/revenue?window=1d&from=2020-01-01&to=2030-01-01&total=true',
  );
  const eur = json.total.find(({ currency }) => currency === 'EUR') ?? {};
  const number = (name: string) => Number(eur[name] ?? 0);
  return {
    events: archive.events,
    bad: archive.bad_rows,
    orders: number('orders'),
    revenue: number('revenue'),
    refunded: number('refunded'),
  };
}

/** What came to be known by what `send` did. */
async function newlyTold(send: () => Promise<unknown>): Promise<Told> {
  const before = await told();
  await send();
  const now = await told();
  return Object.fromEntries(
    Object.entries(now).map(([name, value]) => [
      name,
      Math.round((value - before[name as keyof Told]) * 100) / 100,
    ]),
  ) as unknown as Told;
}

const ORDER = {
  order_id: 'o-1',
  total: 39.8,
  currency: 'EUR',
  products: [{ product_id: 'p1', price: 19.9, quantity: 2 }],
};

test('Segment: calls in batches, with the key as user name; sent again they count once', async () => {
  const send = async (writeKey: string) => {
    const analytics = new Analytics({ writeKey, host: url, flushAt: 10, maxRetries: 0 });
    const errors: unknown[] = [];
    analytics.on('error', (error) => errors.push(error));
    analytics.identify({ userId: 'u1', traits: { plan: 'gold' } });
    analytics.page({ userId: 'u1', name: 'Home', properties: { url: 'https://shop.example/' } });
    analytics.track({ anonymousId: 'a1', event: 'Product Viewed', properties: { product_id: 'p1' } });
    analytics.track({ userId: 'u1', event: 'Order Completed', properties: ORDER });
    await analytics.closeAndFlush();
    return errors;
  };
  assert.deepEqual(await newlyTold(async () => assert.deepEqual(await send(KEY), [])), {
    events: 3,
    bad: 0,
    orders: 1,
    revenue: 39.8,
    refunded: 0,
  });
  const nothing = { events: 0, bad: 0, orders: 0, revenue: 0, refunded: 0 };
  assert.deepEqual(
    await newlyTold(async () =>
      assert.ok((await send('wrong-key-0123456789')).length > 0, 'the client is told'),
    ),
    nothing,
  );
  // The body of a batch that a client sends once more has the same message ids.
  const batch = JSON.stringify({
    batch: [
      {
        type: 'track',
        messageId: 'm-1',
        userId: 'u2',
        event: 'Product Added',
        properties: { product_id: 'p2' },
        timestamp: new Date(testNow()).toISOString(),
      },
    ],
  });
  const again = await newlyTold(async () => {
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${url}/v1/batch`, { method: 'POST', body: batch, headers: basic(KEY) });
      assert.deepEqual([answer.status, await answer.json()], [200, { success: true }]);
    }
  });
  assert.equal(again.events, 3, 'each is archived');
  assert.equal(await counted('add_to_cart'), 1, 'and one counts');
});

test('single calls have their type in the address', async () => {
  const answers = await newlyTold(async () => {
    for (const [call, body] of [
      [
        'track',
        {
          messageId: 's-1',
          userId: 'u3',
          event: 'Order Completed',
          properties: { ...ORDER, order_id: 'o-2' },
        },
      ],
      ['page', { messageId: 's-2', userId: 'u3' }],
      ['identify', { messageId: 's-3', userId: 'u3' }],
    ] as const) {
      const text = JSON.stringify({ ...body, timestamp: new Date(testNow()).toISOString() });
      const answer = await fetch(`${url}/v1/${call}`, { method: 'POST', body: text, headers: basic(KEY) });
      assert.equal(answer.status, 200, await answer.text());
    }
  });
  assert.deepEqual(answers, { events: 2, bad: 0, orders: 1, revenue: 39.8, refunded: 0 });
});

test('RudderStack: its own client', async () => {
  const send = async (key: string) => {
    const client = new RudderAnalytics(key, {
      dataPlaneUrl: url,
      flushAt: 10,
      gzip: true,
      logLevel: 'none',
      errorHandler: () => {},
    });
    client.identify({ userId: 'u8', traits: { plan: 'gold' } });
    client.track({ userId: 'u8', event: 'Order Completed', properties: { ...ORDER, order_id: 'o-11' } });
    await client.flush().catch(() => {});
  };
  assert.deepEqual(await newlyTold(() => send(KEY)), {
    events: 1,
    bad: 0,
    orders: 1,
    revenue: 39.8,
    refunded: 0,
  });
  assert.equal((await newlyTold(() => send('wrong-key-0123456789'))).events, 0);
});

test('Snowplow: its own client, by POST', async () => {
  const faults: unknown[] = [];
  const sent = await newlyTold(async () => {
    const tracker = newTracker(
      { namespace: 'shop', appId: 'shop', encodeBase64: true },
      {
        endpoint: url,
        eventMethod: 'post',
        bufferSize: 10,
        customHeaders: { authorization: `Bearer ${KEY}` },
        onRequestFailure: (failure) => faults.push(failure),
      },
    );
    tracker.setUserId('u9');
    tracker.track(buildPageView({ pageUrl: 'https://shop.example/p/1' }));
    tracker.track(
      buildEcommerceTransaction({ orderId: 'o-12', total: 39.8, currency: 'EUR', affiliation: 'web' }),
    );
    await tracker.flush();
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(sent, { events: 2, bad: 0, orders: 1, revenue: 39.8, refunded: 0 });
});

test('PostHog: captured events, with the key in the body', async () => {
  const send = async (key: string) => {
    const client = new PostHog(key, { host: url, flushAt: 10, fetchRetryCount: 0, disableGeoip: true });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.capture({ distinctId: 'u4', event: 'Order Completed', properties: { ...ORDER, order_id: 'o-3' } });
    client.capture({ distinctId: 'u4', event: 'Product Viewed', properties: { product_id: 'p1' } });
    await client.shutdown().catch((error) => errors.push(error));
    return errors;
  };
  const right = await newlyTold(async () => assert.deepEqual(await send(KEY), []));
  assert.deepEqual(right, { events: 2, bad: 0, orders: 1, revenue: 39.8, refunded: 0 });
  assert.equal((await newlyTold(() => send('wrong-key-0123456789'))).events, 0);
});

test('OTLP logs: JSON and protobuf', async () => {
  for (const [Exporter, order] of [
    [JsonExporter, 'o-4'],
    [ProtobufExporter, 'o-5'],
  ] as const) {
    const exporter = new Exporter({ url: `${url}/v1/logs`, headers: { authorization: `Bearer ${KEY}` } });
    const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
    const sent = await newlyTold(async () => {
      provider.getLogger('shop').emit({
        eventName: 'purchase',
        timestamp: testNow(),
        attributes: { user_id: 'u5', order_id: order, amount: 39.8, currency: 'EUR' },
      });
      await provider.forceFlush();
      await provider.shutdown();
    });
    assert.deepEqual(sent, { events: 1, bad: 0, orders: 1, revenue: 39.8, refunded: 0 }, order);
  }
});

test('CloudEvents: in the body, in the headers, and several', async () => {
  const event = (id: string) =>
    new CloudEvent({
      id,
      type: 'purchase',
      source: '/shop',
      time: new Date(testNow()).toISOString(),
      data: { order_id: id, amount: '39.80', currency: 'EUR', user_id: 'u6' },
    });
  const post = async ({ headers, body }: { headers: object; body: unknown }) => {
    const answer = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { ...(headers as Record<string, string>), ...basic(KEY) },
      body: body as string,
    });
    assert.equal(answer.status, 200, await answer.text());
  };
  const sent = await newlyTold(async () => {
    await post(HTTP.structured(event('o-6')));
    await post(HTTP.binary(event('o-7')));
    const batch = JSON.stringify([event('o-8'), event('o-9')]);
    await post({ headers: { 'content-type': 'application/cloudevents-batch+json' }, body: batch });
    // Sent again.
    await post(HTTP.binary(event('o-7')));
  });
  assert.deepEqual(sent, { events: 5, bad: 0, orders: 4, revenue: 159.2, refunded: 0 });
});

test('GA4: the Measurement Protocol, with its secret in the address', async () => {
  const body = JSON.stringify({
    client_id: '1.2',
    events: [
      {
        name: 'purchase',
        params: {
          transaction_id: 'o-10',
          value: 39.8,
          currency: 'EUR',
          items: [{ item_id: 'p1', price: 19.9, quantity: 2 }],
        },
      },
    ],
    timestamp_micros: testNow() * 1000,
  });
  const post = (secret: string) =>
    fetch(`${url}/mp/collect?measurement_id=G-1&api_secret=${secret}`, { method: 'POST', body });
  const sent = await newlyTold(async () => {
    assert.equal((await post(KEY)).status, 204);
    assert.equal((await post('wrong-key-0123456789')).status, 401);
    // Without a time it is that of the request.
    const page = JSON.stringify({ client_id: '1.2', events: [{ name: 'page_view', params: {} }] });
    const timeless = await fetch(`${url}/mp/collect?api_secret=${KEY}`, { method: 'POST', body: page });
    assert.equal(timeless.status, 204);
  });
  assert.deepEqual(sent, { events: 2, bad: 0, orders: 1, revenue: 39.8, refunded: 0 });
});

test('Firehose: with its access key, and the answer that it wants', async () => {
  const order = { timestamp: new Date(testNow()).toISOString(), event_type: 'purchase', order_id: 'o-13' };
  const data = Buffer.from(JSON.stringify({ ...order, amount: '39.80', currency: 'EUR' })).toString('base64');
  const body = JSON.stringify({ requestId: 'r-1', timestamp: testNow(), records: [{ data }] });
  const post = (key: string) =>
    fetch(`${url}/v1/firehose`, {
      method: 'POST',
      body,
      headers: { 'x-amz-firehose-access-key': key, 'x-amz-firehose-request-id': 'r-1' },
    });
  const sent = await newlyTold(async () => {
    const answer = await post(KEY);
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { requestId: string }).requestId, 'r-1');
    assert.equal((await post('wrong-key-0123456789')).status, 401);
  });
  assert.deepEqual(sent, { events: 1, bad: 0, orders: 1, revenue: 39.8, refunded: 0 });
});

test('webhooks count where they are signed, and a wrong or an old signature stores nothing', async () => {
  const post = (path: string, body: string, headers: Record<string, string>) =>
    fetch(`${url}/v1/hooks/${path}`, { method: 'POST', body, headers });
  const base64 = (body: string, secret = SECRET) =>
    createHmac('sha256', secret).update(body).digest('base64');

  const payment = JSON.stringify({
    id: 'evt_1',
    object: 'event',
    type: 'payment_intent.succeeded',
    created: Math.floor(testNow() / 1000),
    livemode: true,
    data: {
      object: {
        id: 'pi_1',
        object: 'payment_intent',
        amount: 3980,
        amount_received: 3980,
        currency: 'eur',
        status: 'succeeded',
        metadata: {},
      },
    },
  });
  const signed = (secret: string, timestamp = Math.floor(testNow() / 1000)) =>
    Stripe.webhooks.generateTestHeaderString({ payload: payment, secret, timestamp });
  const stripe = await newlyTold(async () => {
    assert.equal((await post('stripe', payment, { 'stripe-signature': signed(SECRET) })).status, 200);
    assert.equal(
      (await post('stripe', payment, { 'stripe-signature': signed(SECRET) })).status,
      200,
      'sent again',
    );
    const old = signed(SECRET, Math.floor(testNow() / 1000) - 600);
    for (const header of [signed('another-secret'), old, 'v1=abc', ''])
      assert.equal((await post('stripe', payment, { 'stripe-signature': header })).status, 401, header);
  });
  assert.deepEqual(stripe, { events: 2, bad: 0, orders: 1, revenue: 39.8, refunded: 0 });

  const own = JSON.stringify({
    timestamp: new Date(testNow()).toISOString(),
    event_type: 'view_page',
    user_id: 'u7',
  });
  const inAddress = await newlyTold(async () => {
    assert.equal((await post(`own?secret=${SECRET}`, own, {})).status, 200);
    assert.equal((await post('own?secret=wrong', own, {})).status, 401);
    assert.equal((await post('own', own, {})).status, 401);
    assert.equal((await post('nobody', own, {})).status, 404);
    // The sender can't mend it, so it is kept.
    assert.equal((await post(`own?secret=${SECRET}`, '{"event_type":"view_page"}', {})).status, 200);
  });
  assert.deepEqual([inAddress.events, inAddress.bad], [1, 1]);
  assert.equal((await product.ledger()).by_source.own?.received, 2);

  const ping = 'webhook_id=7';
  const woo = await newlyTold(async () => {
    assert.equal((await post('woo', ping, { 'x-wc-webhook-signature': base64(ping) })).status, 200);
    assert.equal((await post('woo', ping, { 'x-wc-webhook-signature': base64(ping, 'x') })).status, 401);
    assert.equal((await post('shopify', ping, { 'x-shopify-hmac-sha256': base64(ping, 'x') })).status, 401);
  });
  assert.deepEqual([woo.events, woo.bad], [0, 0]);
});

const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });

async function counted(type: string): Promise<number> {
  await product.settled();
  const { json } = await product.request<{ total: { event_type: string; events: number }[] }>(
    'GET',
    '/v1/metrics/traffic?window=1d&from=2020-01-01&to=2030-01-01&total=true',
  );
  return json.total
    .filter(({ event_type: each }) => each === type)
    .reduce((sum, { events }) => sum + events, 0);
}
