/** Everyone can use the page: axe finds nothing in any state and colours, targets are large enough, one language. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { violations } from './axe.ts';
import type { FakeOptions } from './fake-api.ts';
import { loaded, open, startBrowser, stopBrowser } from './opened-page.ts';

const STATES: Record<string, { api?: FakeOptions; ready(page: Page): Promise<unknown> }> = {
  'with numbers': {
    async ready(page) {
      await loaded(page);
      await page.locator('.chart svg').nth(3).waitFor();
    },
  },
  'with all open': {
    api: { demo: true },
    async ready(page) {
      await loaded(page);
      await page.getByText('All numbers are of a simulated shop.').click();
      for (const name of ['Traffic', 'Latency', 'Revenue', 'Status codes'])
        await page.getByRole('button', { name: `${name} as a table` }).click();
      await page.getByRole('button', { name: 'Show all' }).click();
    },
  },
  'on old events': {
    api: { endedAt: Date.UTC(2024, 10, 19, 20, 30) },
    ready: (page) => page.getByText(/showing 19 Nov 2024/).waitFor(),
  },
  'before the first event': {
    api: { empty: true },
    ready: (page) => page.getByRole('heading', { name: 'No events yet' }).waitFor(),
  },
  'before the login': { api: { key: 'right' }, ready: (page) => page.getByLabel('API key').waitFor() },
};

/** The colours that the system wants, and the themes chosen one after the other: the last one differs from the system's. */
const SCREENS = [
  { width: 1440, colorScheme: 'light', themes: ['Dark'] },
  { width: 390, colorScheme: 'dark', themes: ['Dark', 'Light'] },
] as const;

describe('the page for everyone', () => {
  before(startBrowser);
  after(stopBrowser);

  for (const [state, { api, ready }] of Object.entries(STATES)) {
    it(`passes axe, ${state}, in every theme, wide and on a phone`, async () => {
      for (const { width, colorScheme, themes } of SCREENS) {
        await using opened = await open({
          context: { viewport: { width, height: 900 }, colorScheme },
          ...(api ? { api } : {}),
        });
        const { page } = opened;
        await ready(page);
        assert.deepEqual(await violations(page), [], `Auto, which is ${colorScheme}, ${width} px`);
        for (const theme of themes) {
          await page.locator('#theme').click();
          await page.getByRole('button', { name: new RegExp(`^${theme} colours`) }).waitFor();
        }
        assert.deepEqual(await violations(page, 'of colours'), [], `${themes.at(-1)}, ${width} px`);
      }
    });
  }

  it('has targets of at least 24 by 24 pixels', async () => {
    await using opened = await open();
    const { page } = opened;
    await loaded(page);
    const small = await page.evaluate(`[...document.querySelectorAll('button, select, input, summary')]
      .filter((e) => !e.classList.contains('skip'))
      .map((e) => [e.getBoundingClientRect(), e.ariaLabel || e.textContent || e.value])
      .filter(([box]) => box.width > 0 && (box.width < 24 || box.height < 24))
      .map(([box, name]) => name + ' ' + box.width + 'x' + box.height)`);
    assert.deepEqual(small, []);
  });

  it('is in one language, whatever that of the browser', async () => {
    await using opened = await open({ context: { locale: 'de-DE' }, hash: '#range=30d' });
    const { page } = opened;
    await loaded(page);
    const text = (await page.locator('main').textContent()) ?? '';
    assert.match(text, /\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)/);
    assert.doesNotMatch(text, /\d\.\d{3}\b.*\d\.\d{3}\b.*€$|\b(Okt|Dez|Mai|Mär)\b|Mio\./);
    assert.match((await page.locator('data[data-tile="Revenue"]').textContent()) ?? '', /^€[\d,.]+[km]?$/);
  });
});
