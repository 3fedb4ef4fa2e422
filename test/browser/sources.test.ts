/** The view "Sources" on the real product: what came in, how to connect more, and texts that can be copied without HTTPS. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { testNow, useRealClock } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';
import { violations } from './axe.ts';
import { noSidewaysScroll, until } from './opened-page.ts';

const run = promisify(execFile);
/** Not localhost: browsers offer the clipboard to localhost and https only. */
const HOST = 'shop.test';
const KEYS = { owner: 'owner-key-0123456789', pages: 'pages-key-0123456789' };
// The browser and the commands say what time it is.
useRealClock();

describe('the view of the sources', () => {
  let browser: Browser;
  let product: Product;
  let address: string;
  before(async () => {
    browser = await launchChromium([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
    product = await startProduct({
      dataDir: temporaryDir(),
      config: {
        batch: { archive_every_ms: 200 },
        sources: [
          {
            kind: 'http',
            allowed_hosts: [HOST],
            api_keys: [
              { name: 'owner', key: KEYS.owner, scopes: ['write', 'read', 'admin'] },
              { name: 'shop pages', key: KEYS.pages, scopes: ['write'] },
            ],
            hooks: [{ name: 'shopify', map: 'shopify', secret: 'hook-secret-0123456789' }],
          },
        ],
      },
    });
    address = `http://${HOST}:${product.port}`;
  });
  after(async () => {
    await browser?.close();
    await product?.stop();
  });

  async function open(options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...options });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`${address}/#/sources`);
    await page.getByLabel('API key').fill(KEYS.owner);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Connect a source' }).waitFor();
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    return { page, problems, [Symbol.asyncDispose]: () => context.close() };
  }
  const textOf = async (shown: Locator) => (await shown.allInnerTexts()).join(' ');
  const source = (page: Page, name: string) => page.locator(`[data-source="${name}"]`);
  const figure = async (page: Page, name: string, key: string) => {
    const found = source(page, name).locator(`[data-figure="${key}"]`);
    return (await found.count()) === 0 ? null : Number(await textOf(found));
  };
  const send = (body: string) =>
    product.request('POST', '/v1/events', { headers: { authorization: `Bearer ${KEYS.owner}` }, body });

  it('copies a command without HTTPS; run as it is, its event is soon in the view', async () => {
    await using opened = await open();
    const { page } = opened;
    assert.equal(await page.evaluate('isSecureContext'), false);
    assert.match(await textOf(source(page, 'http')), /has never sent anything/);
    assert.match(await textOf(source(page, 'shopify')), /has never sent anything/);
    await page.getByRole('button', { name: 'Segment, RudderStack' }).click();
    await page.getByRole('button', { name: 'Copy: Segment, RudderStack, Try it with curl' }).click();
    await page.getByRole('button', { name: /^Copied: / }).waitFor();
    // What was copied is what is pasted.
    await page.evaluate("document.body.append(document.createElement('textarea'))");
    await page.locator('body > textarea').focus();
    await page.keyboard.press('Control+V');
    const command = await page.locator('body > textarea').inputValue();
    assert.match(command, new RegExp(`^curl "${address}/v1/track"`));
    assert.match(command, /\$SHOP_PAGES_KEY/);
    const resolve = ['--resolve', `${HOST}:${product.port}:127.0.0.1`].join(' ');
    await run('sh', ['-c', command.replace('curl ', `curl ${resolve} `)], {
      env: { ...process.env, SHOP_PAGES_KEY: KEYS.pages },
    });
    await until(async () => (await figure(page, 'http', 'counted')) === 1);
    assert.match(await textOf(page.locator('#way')), /Came this way since the start: 1 event/);
    assert.deepEqual(opened.problems, []);
  });

  it('shows the last events, what was rejected and why, and findings, as text', async () => {
    await using opened = await open();
    const { page } = opened;
    const event = {
      timestamp: new Date(testNow()).toISOString(),
      event_id: 'e<b>1</b>',
      event_type: 'purchse',
    };
    await send(`${JSON.stringify(event)}\n{"timestamp":"31/12/2026","event_type":"view_page"}`);
    await until(async () => (await figure(page, 'http', 'bad_rows')) === 1);
    await source(page, 'http').locator('summary').click();
    const text = (await textOf(source(page, 'http'))).replaceAll(/\s+/g, ' ');
    for (const part of [
      /Own events 1 1 0/,
      /event_id e<b>1<\/b>/,
      /date_order in timestamp 31\/12\/2026/,
      /Did you mean purchase\?/,
    ])
      assert.match(text, part);
    assert.deepEqual(opened.problems, []);
  });

  it('goes between the views by link and back button, and finds a system by its name', async () => {
    await using opened = await open();
    const { page } = opened;
    const views = page.getByRole('navigation', { name: 'Views' });
    await views.getByRole('link', { name: 'Dashboard' }).click();
    await page.locator('.tile').first().waitFor();
    await page.getByRole('radio', { name: '7 d' }).check();
    await views.getByRole('link', { name: 'Sources' }).click();
    await page.getByRole('heading', { name: 'What comes in' }).waitFor();
    assert.equal(await textOf(views.locator('[aria-current=page]')), 'Sources');
    await views.getByRole('link', { name: 'Dashboard' }).click();
    await page.locator('.tile').first().waitFor();
    assert.match(page.url(), /range=7d/, 'the dashboard is as it was left');
    await page.goBack();
    await page.getByLabel('Search a system').fill('matomo');
    await page.getByRole('button', { name: /^Matomo/ }).click();
    const text = await textOf(page.locator('#way'));
    assert.ok(text.includes(`POST ${address}/v1/events?map=matomo`), text);
    assert.deepEqual(opened.problems, []);
  });

  it('shows since when it has received nothing new, and continues when it does', async () => {
    await using opened = await open();
    const { page } = opened;
    await page.route('**/v1/sources', (route) => route.abort());
    await page
      .getByRole('alert')
      .getByText(/What is shown is from \d\d:\d\d:\d\d/)
      .waitFor();
    await page.unroute('**/v1/sources');
    await until(async () => (await page.getByRole('alert').count()) === 0);
  });

  it('passes axe, in both colours, wide and on a phone, and fits', async () => {
    for (const options of [
      { colorScheme: 'light' as const },
      { colorScheme: 'dark' as const, viewport: { width: 390, height: 844 } },
    ]) {
      await using opened = await open(options);
      const { page } = opened;
      await source(page, 'http').locator('summary').click();
      for (const way of ['Script for the pages of the shop', 'Shopify webhooks']) {
        await page.getByRole('button', { name: way }).click();
        assert.deepEqual(await violations(page), [], JSON.stringify(options));
        await noSidewaysScroll(page);
      }
    }
  });
});
