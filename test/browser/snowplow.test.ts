/** Snowplow's own tracker in the pages of a shop, from another origin, by POST and by GET; and the pings of older ones. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { testNow, useRealClock } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const KEYS = { page: 'page-key-0123456789', owner: 'owner-key-0123456789' };
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36';
const TRACKER = readFileSync(
  fileURLToPath(import.meta.resolve('@snowplow/browser-tracker/dist/index.umd.min.js')),
);
// The browser says what time it is.
useRealClock();

describe('Snowplow', () => {
  let browser: Browser;
  let shop: Server;
  let origin: string;
  let product: Product;
  /** What the page runs. */
  let script = '';

  before(async () => {
    browser = await launchChromium();
    shop = createServer((request, response) => {
      const isScript = request.url === '/tracker.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(
        isScript
          ? TRACKER
          : `<!doctype html><title>Shop</title><script src="/tracker.js"></script><script>${script}</script>`,
      );
    });
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
    product = await startProduct({
      dataDir: temporaryDir(),
      config: {
        batch: { archive_every_ms: 200 },
        sources: [
          {
            kind: 'http',
            cors_origins: [origin],
            api_keys: [
              { name: 'page', key: KEYS.page, scopes: ['write'] },
              { name: 'owner', key: KEYS.owner, scopes: ['read', 'admin'] },
            ],
          },
        ],
      },
    });
  });
  after(async () => {
    await browser?.close();
    shop?.close();
    await product?.stop();
  });

  const counted = async () => (await product.settled()).metrics.counted;
  /** Opens a page of the shop that runs `code`; gives the answers of Tillstream. */
  async function visit(code: string, done: () => Promise<boolean>): Promise<string[]> {
    script = code;
    const context = await browser.newContext({ userAgent: USER_AGENT });
    try {
      const page = await context.newPage();
      const answers: string[] = [];
      page.on('response', (response) => {
        if (response.url().startsWith(product.url))
          answers.push(`${response.request().method()} ${response.status()}`);
      });
      page.on('console', (message) => message.type() === 'error' && answers.push(message.text()));
      await page.goto(`${origin}/?utm_source=mail`);
      await until(done, code, 20_000);
      // A tracker that could not read the answer would send again.
      await page.waitForTimeout(500);
      return answers;
    } finally {
      await context.close();
    }
  }

  it('the text that the view of the sources gives to copy works as it is', async () => {
    const { json } = await product.request<{
      ways: { name: string; snippets: { title: string; text: string }[] }[];
    }>('GET', `/v1/ways?address=${product.url}`, { headers: { authorization: `Bearer ${KEYS.owner}` } });
    const { text } = json.ways
      .find(({ name }) => name === 'snowplow')!
      .snippets.find(({ title }) => title === 'Browser tracker')!;
    const code = text
      .replace(/import (\{.*\}) from '@snowplow\/browser-tracker';/, 'const $1 = snowplowBrowserTracking;')
      .replace('PAGE_KEY', KEYS.page);
    assert.deepEqual(await visit(code, async () => (await counted()) === 1), ['POST 200']);
  });

  it('by GET, where the tracker is set so', async () => {
    const code = `snowplowBrowserTracking.newTracker('get', '${product.url}', {
        eventMethod: 'get', customHeaders: { Authorization: 'Bearer ${KEYS.page}' } });
      snowplowBrowserTracking.trackPageView();`;
    assert.deepEqual(await visit(code, async () => (await counted()) === 2), ['GET 200']);
  });

  it('stores nothing with a wrong key, and the tracker may read why', async () => {
    const before = await counted();
    const code = `snowplowBrowserTracking.newTracker('wrong', '${product.url}', {
        customHeaders: { Authorization: 'Bearer wrong-key-0123456789' } });
      snowplowBrowserTracking.trackPageView();`;
    let refused = 0;
    const answers = await visit(code, async () => ++refused > 20);
    assert.ok(answers.includes('POST 401') && !answers.some((each) => /CORS/.test(each)), answers.join());
    assert.equal(await counted(), before);
  });

  it('pings of GET /i are answered with an image, and count once', async () => {
    const before = await counted();
    const ping = (key: string, id: string) => {
      const event = { e: 'pv', p: 'web', eid: id, dtm: String(testNow()), url: 'https://shop.example/', key };
      const headers = { 'user-agent': USER_AGENT };
      return fetch(`${product.url}/i?${new URLSearchParams(event)}`, { headers });
    };
    const answer = await ping(KEYS.page, 'p-1');
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/gif']);
    assert.equal((await ping('wrong-key-0123456789', 'p-2')).status, 401);
    assert.equal(await counted(), before + 1);
    // Looking whether the address is there is not an event.
    assert.equal((await fetch(`${product.url}/i?e=pv&key=${KEYS.page}`, { method: 'HEAD' })).status, 405);
    assert.equal((await product.settled()).received, before + 1);
  });
});
