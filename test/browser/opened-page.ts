/** Opens the built page on a fake API, and what the tests of the page ask it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { until as untilIt } from '../support/product.ts';
import { FakeApi, type FakeOptions } from './fake-api.ts';

let browser: Browser;

/** Before the tests of a file; they need `vite build web`. */
export async function startBrowser(): Promise<void> {
  assert.ok(
    existsSync(new URL('../../web/dist/index.html', import.meta.url)),
    'build the page first: npx vite build web',
  );
  browser = await launchChromium();
}

export const stopBrowser = (): Promise<void> => browser?.close();

export interface Opened {
  page: Page;
  api: FakeApi;
  problems: string[];
  outside: string[];
}

export async function open(
  options: {
    api?: FakeOptions;
    hash?: string;
    context?: BrowserContextOptions;
    prepare?: (api: FakeApi) => void;
  } = {},
) {
  // Slow ticks: a test sends its own with tick(), and nothing moves in between.
  const api = await new FakeApi({ tickMs: 3_600_000, ...options.api }).start();
  options.prepare?.(api);
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    // Not the shop's: every time on the page has to come from the shop's zone.
    timezoneId: 'America/Los_Angeles',
    ...options.context,
  });
  const page = await context.newPage();
  const opened: Opened = { page, api, problems: [], outside: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') opened.problems.push(message.text());
  });
  page.on('pageerror', (error) => opened.problems.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(api.url)) opened.outside.push(request.url());
  });
  await page.goto(`${api.url}/${options.hash ?? ''}`);
  return {
    ...opened,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await api.stop();
    },
  };
}

const tile = (page: Page, name: string) => page.locator(`data[data-tile="${name}"]`);
export const tileValue = async (page: Page, name: string) =>
  Number(await tile(page, name).getAttribute('value'));
export const loaded = (page: Page) =>
  page.locator('data[data-tile="Users"][value]:not([value=""])').waitFor();

/** page.waitForFunction() is no way: it evaluates text inside of the page, which the page's policy forbids. */
export const until = (check: () => Promise<boolean>) => untilIt(check, String(check));

/** The query that the page asked for a metric's totals with, asked again. */
export async function sameTotals(api: FakeApi, metric: string): Promise<Record<string, unknown>> {
  // Days are asked for to find out which currency is the usual one.
  const asked = api.requests.find(
    (path) =>
      path.startsWith(`/v1/metrics/${metric}?`) && path.includes('total=true') && !path.includes('window=1d'),
  );
  assert.ok(asked, `the page asked for the totals of ${metric}`);
  return (await (await fetch(api.url + asked)).json()) as Record<string, unknown>;
}

export async function noSidewaysScroll(page: Page): Promise<void> {
  const [content, visible] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as [number, number];
  assert.ok(content <= visible, `content is ${content} px wide, the window ${visible}`);
}
