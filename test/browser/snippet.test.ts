/** The script in a shop's pages: what a visitor does there is told, from another origin, in real Chromium. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { useRealClock } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const KEY = 'page-key-0123456789';
const BYTES_MAX = 3000;
// The browser says what time it is.
useRealClock();

describe('the script of a shop', () => {
  let browser: Browser;
  let shop: Server;
  let origin: string;
  let product: Product;
  const dataDir = temporaryDir();
  let port = 0;
  const start = () =>
    startProduct({
      dataDir,
      env: { TILLSTREAM_PORT: String(port) },
      config: {
        batch: { archive_every_ms: 200 },
        sources: [
          {
            kind: 'http',
            cors_origins: [origin],
            api_keys: [
              { name: 'page', key: KEY, scopes: ['write'] },
              { name: 'owner', key: 'owner-key-0123456789', scopes: ['read', 'admin'] },
            ],
          },
        ],
      },
    });

  before(async () => {
    browser = await launchChromium();
    shop = createServer((request, response) => {
      const key = request.url?.includes('wrong') ? 'wrong-key-0123456789' : KEY;
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>Shop</title>
        <script>window.tillstream = function () { (tillstream.q = tillstream.q || []).push(arguments) };
          tillstream('search', {search_term: 'shoes'})</script>
        <script src="${product.url}/t.js" data-key="${key}" data-currency="EUR" async></script>
        <main data-tillstream="view_product" data-product-id="p1" data-price="19.90">Shoe</main>
        <button data-tillstream="add_to_cart" data-product-id="p1" data-quantity="2"><b id="cart">Add</b></button>
        <a id="next" href="/next">Next</a>`);
    });
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
    product = await start();
    port = product.port;
  });
  after(async () => {
    await browser?.close();
    shop?.close();
    await product?.stop();
  });

  /** Events by type that count. */
  async function events(): Promise<Record<string, number>> {
    await product.settled();
    const { json } = await product.request<{ total: { event_type: string; events: number }[] }>(
      'GET',
      '/v1/metrics/traffic?window=1d&from=2020-01-01&to=2030-01-01&total=true',
    );
    const sums: Record<string, number> = {};
    for (const { event_type: type, events: count } of json.total) sums[type] = (sums[type] ?? 0) + count;
    return sums;
  }
  const counted = (type: string, count: number) =>
    until(async () => ((await events())[type] ?? 0) >= count, `${count} of ${type}`, 20_000);

  async function visit(use: (context: BrowserContext) => Promise<void>, options: object = {}): Promise<void> {
    const context = await browser.newContext({ userAgent: USER_AGENT, ...options });
    try {
      await use(context);
    } finally {
      await context.close();
    }
  }
  const USER_AGENT =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36';

  it('is small', async () => {
    const { text, headers } = await product.request('GET', '/t.js', { headers: {} });
    assert.match(headers.get('content-type')!, /javascript/);
    assert.ok(gzipSync(text).length < BYTES_MAX, `${gzipSync(text).length} bytes`);
  });

  it('sends page and product views, carts and purchases of one visitor and session, without a cookie', async () => {
    await visit(async (context) => {
      const page = await context.newPage();
      await page.goto(`${origin}/?utm_source=mail`);
      await counted('view_product', 1);
      await page.click('#cart');
      await page.evaluate("history.pushState({}, '', '/second')");
      await page.evaluate(() =>
        (globalThis as unknown as { tillstream: (...args: unknown[]) => void }).tillstream('purchase', {
          order_id: 'o1',
          items: [{ product_id: 'p1', quantity: 2, price: '19.90' }],
        }),
      );
      await counted('purchase', 1);
      await counted('add_to_cart', 1);
      await counted('view_page', 2);
      assert.deepEqual(await context.cookies(), []);
    });
    assert.deepEqual(await events(), {
      add_to_cart: 1,
      purchase: 1,
      search: 1,
      view_page: 2,
      view_product: 1,
    });
    const { json } = await product.request<{ total: Record<string, unknown>[] }>(
      'GET',
      '/v1/metrics/revenue?window=1d&from=2020-01-01&to=2030-01-01&total=true',
    );
    assert.deepEqual(
      [json.total[0]!.currency, json.total[0]!.revenue, json.total[0]!.units],
      ['EUR', '39.8000', 2],
    );
    const audience = await product.request<{ total: { sessions: number }[] }>(
      'GET',
      '/v1/metrics/audience?window=1d&from=2020-01-01&to=2030-01-01&total=true',
    );
    assert.equal(audience.json.total[0]!.sessions, 1);
  });

  it('sends what a closed page still had, and what it could not send while the collector was away', async () => {
    const before = (await events()).add_to_cart ?? 0;
    await visit(async (context) => {
      const page = await context.newPage();
      await page.goto(origin);
      await page.click('#cart');
      await page.close({ runBeforeUnload: true });
    });
    await counted('add_to_cart', before + 1);
    await visit(async (context) => {
      const page = await context.newPage();
      await page.goto(origin);
      await counted('view_page', 4);
      await product.stop();
      await page.click('#cart');
      await page.waitForTimeout(1500);
      product = await start();
      await counted('add_to_cart', before + 2);
    });
    assert.equal((await events()).add_to_cart, before + 2, 'once each');
  });

  it('sends more than a browser takes at once, when the collector was away for long', async () => {
    const before = (await events()).search ?? 0;
    await visit(async (context) => {
      const page = await context.newPage();
      await page.goto(origin);
      await counted('search', before + 1);
      await product.stop();
      await page.evaluate(
        "for (let n = 0; n < 150; n++) tillstream('search', {search_term: 'x'.repeat(500) + n})",
      );
      await page.waitForTimeout(500);
      product = await start();
      await until(async () => ((await events()).search ?? 0) >= before + 151, 'all of them', 60_000);
    });
  });

  it('sends nothing for visitors who ask not to be tracked, and nothing with a wrong key', async () => {
    const before = await events();
    await visit(async (context) => {
      await context.addInitScript(() =>
        Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }),
      );
      const page = await context.newPage();
      await page.goto(origin);
      await page.click('#cart');
      await page.waitForTimeout(1000);
      assert.equal(await page.evaluate(() => localStorage.length), 0);
    });
    await visit(async (context) => {
      const page = await context.newPage();
      const refused = page.waitForResponse((response) => response.url().includes('/v1/events'));
      await page.goto(`${origin}/wrong`);
      const response = await refused;
      assert.equal(response.status(), 401);
      assert.equal(response.headers()['access-control-allow-origin'], origin, 'the page may read why');
    });
    assert.deepEqual(await events(), before);
  });

  it('an image sends an event where no script runs', async () => {
    const before = (await events()).view_page ?? 0;
    const pixel = (key: string) =>
      fetch(`${product.url}/v1/pixel.gif?event_type=view_page&user_id=u1&key=${key}`, {
        headers: { 'user-agent': USER_AGENT },
      });
    assert.equal((await pixel(KEY)).headers.get('content-type'), 'image/gif');
    assert.equal((await pixel('wrong-key-0123456789')).status, 401);
    const looked = `${product.url}/v1/pixel.gif?event_type=view_page&key=${KEY}`;
    assert.equal((await fetch(looked, { method: 'HEAD' })).status, 405);
    assert.equal((await events()).view_page, before + 1);
  });
});
