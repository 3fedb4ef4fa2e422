/** What the page opens on, what it says where there is nothing, and how much of it a link and the back button bring back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import {
  loaded,
  noSidewaysScroll,
  open,
  startBrowser,
  stopBrowser,
  tileValue,
  until,
} from './opened-page.ts';

const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const emptyNote = async (page: Page, name: string) =>
  (await panel(page, name).locator('.empty-note').textContent()) ?? '';
const EVENING = Date.UTC(2024, 10, 19, 20, 30);

describe('the page opens on something', () => {
  before(startBrowser);
  after(stopBrowser);

  it('on the newest day if the last 24 hours are empty, with a note and a link back', async () => {
    await using opened = await open({ api: { endedAt: EVENING } });
    const { page } = opened;
    await loaded(page);
    await page.getByText('No events in the last 24 hours; showing 19 Nov 2024.').waitFor();
    assert.ok((await tileValue(page, 'Users')) > 0);
    assert.equal(new URL(page.url()).hash, '', 'nobody has chosen a range yet');
    await page.getByRole('button', { name: 'Back to the last 24 hours' }).click();
    await page.getByText(/^No events from /).waitFor();
    assert.match(page.url(), /range=24h/);
    for (const name of ['Traffic', 'Funnel', 'Revenue', 'Latency', 'Products', 'Devices', 'Status codes'])
      assert.equal(await emptyNote(page, name), 'No events in this range.', name);
    await page.getByRole('button', { name: 'Show the newest events, 19 Nov 2024' }).click();
    await page.locator('.range-label', { hasText: '19 Nov 2024' }).waitFor();
    assert.deepEqual(opened.problems, []);
  });

  it('on the week where the newest day has a few hours only', async () => {
    await using opened = await open({ api: { endedAt: Date.UTC(2024, 10, 18, 23, 30) } });
    // In Berlin it is half past midnight on the 19th: one hour of events.
    await opened.page.getByText('No events in the last 24 hours; showing 13 – 19 Nov 2024.').waitFor();
  });

  it('on the last 24 hours where there are events, and on what a link names in any case', async () => {
    await using opened = await open();
    await loaded(opened.page);
    assert.equal(await opened.page.getByText('No events').count(), 0);
    await using linked = await open({ api: { endedAt: EVENING }, hash: '#range=7d' });
    await linked.page.getByText(/^No events from /).waitFor();
  });

  it('follows events that come in while it shows older ones', async () => {
    await using opened = await open({ api: { endedAt: EVENING } });
    const { page, api } = opened;
    await page.getByText(/showing 19 Nov 2024/).waitFor();
    delete api.options.endedAt;
    api.tick();
    await until(async () => (await page.getByText(/showing 19 Nov 2024/).count()) === 0);
    await loaded(page);
  });

  it('says in each panel what is missing', async () => {
    await using opened = await open({
      prepare: (api) => {
        api.rewrite = (metric, values) => {
          if (metric === 'traffic') return values.map((row) => ({ ...row, device_type: 'unknown' }));
          if (metric === 'responses') return values.map((row) => ({ ...row, status_class: 'unknown' }));
          return ['audience', 'quality'].includes(metric) ? values : [];
        };
      },
    });
    const { page } = opened;
    await loaded(page);
    await panel(page, 'Products').getByText('No products in the events of this range').waitFor();
    assert.match(await emptyNote(page, 'Revenue'), /^No purchases in this range/);
    assert.match(await emptyNote(page, 'Latency'), /^No response times in the events/);
    assert.match(await emptyNote(page, 'Status codes'), /^No status codes in the events/);
    assert.match(await emptyNote(page, 'Devices'), /^No devices in the events/);
    assert.match(await emptyNote(page, 'Funnel'), /^No views, carts, checkouts or purchases/);
  });

  it('says that the metrics are not complete: being filled, or waiting for a part', async () => {
    await using opened = await open({
      prepare: (api) => {
        api.statusOf = (status) => ({
          ...status,
          parts: { metrics: { state: 'waiting', message: 'Spark is starting.' } },
        });
      },
    });
    const { page, api } = opened;
    await page.getByText('The metrics wait: Spark is starting. The page is not complete.').waitFor();
    api.statusOf = (status) => status;
    api.inFlight = 120_000;
    api.tick();
    await page.getByText(/The metrics are still being filled: 120,000 lines and 2 windows to go/).waitFor();
    api.inFlight = 0;
    api.tick();
    await until(async () => (await page.getByText('still being filled').count()) === 0);
  });

  it('shows that a demo is one, and how to connect a real shop', async () => {
    await using opened = await open({ api: { demo: true } });
    const { page } = opened;
    await page.getByText('All numbers are of a simulated shop.').click();
    await page.getByText('./start-pipeline.sh --no-demo').waitFor();
    await using real = await open();
    await loaded(real.page);
    assert.equal(await real.page.getByText('simulated shop').count(), 0);
  });

  it('asks again for all numbers where the stream says that more has changed than it sends', async () => {
    await using opened = await open({ api: { frozen: true } });
    const { page, api } = opened;
    await loaded(page);
    const users = await tileValue(page, 'Users');
    api.rewrite = (metric, values) =>
      metric === 'audience' ? values.map((row) => ({ ...row, users: Number(row.users) * 3 })) : values;
    api.reset();
    await until(async () => (await tileValue(page, 'Users')) > 2 * users);
  });
});

describe('a link and the back button', () => {
  before(startBrowser);
  after(stopBrowser);

  it('bring back range, currency, sorting and open tables', async () => {
    await using opened = await open();
    const { page } = opened;
    await loaded(page);
    await page.getByRole('radio', { name: '7 d' }).check();
    await page.getByLabel('Currency of the products').selectOption('JPY');
    await panel(page, 'Products').getByRole('button', { name: 'Views' }).click();
    await page.getByRole('button', { name: 'Traffic as a table' }).click();
    const link = page.url();
    for (const part of ['range=7d', 'currency=JPY', 'sort=-views', 'open=traffic'])
      assert.ok(link.includes(part), link);

    await page.goBack();
    assert.equal(
      await page.getByRole('button', { name: 'Traffic as a table' }).getAttribute('aria-pressed'),
      'false',
    );
    await page.goBack();
    await page
      .getByRole('columnheader', { name: 'Revenue', exact: true })
      .and(page.locator('[aria-sort]'))
      .waitFor();
    await page.goBack();
    assert.equal(await page.getByLabel('Currency of the products').inputValue(), 'EUR');
    await page.goBack();
    assert.equal(await page.getByRole('radio', { name: '24 h' }).isChecked(), true);
    assert.ok(page.url().startsWith(opened.api.url), 'still on the page');

    const other = await page.context().newPage();
    await other.goto(link);
    await loaded(other);
    assert.equal(await other.getByLabel('Currency of revenue').inputValue(), 'JPY');
    assert.equal(
      await other.getByRole('columnheader', { name: 'Views' }).getAttribute('aria-sort'),
      'descending',
    );
    await panel(other, 'Traffic').locator('tbody tr').first().waitFor();
  });
});

describe('currencies', () => {
  before(startBrowser);
  after(stopBrowser);

  it('can all be reached, each with its own decimals, and products are ranked within one', async () => {
    await using opened = await open();
    const { page } = opened;
    await loaded(page);
    const select = page.getByLabel('Currency of revenue');
    assert.deepEqual(await select.locator('option').allInnerTexts(), ['EUR', 'CHF', 'GBP', 'JPY', 'USD']);
    const more = (await page.locator('.tile-more').first().textContent()) ?? '';
    for (const sign of ['CHF', '£', 'JP¥', 'US$']) assert.ok(more.includes(sign), `${sign} in ${more}`);
    await select.selectOption('JPY');
    const revenue = page.locator('.sortable tbody td:nth-child(2)');
    await revenue.filter({ hasText: 'JP¥' }).first().waitFor();
    for (const text of await revenue.allInnerTexts()) assert.match(text, /^(JP¥[\d,]+|–)$/);
    const values = (await revenue.allInnerTexts()).map((text) => Number(text.replaceAll(/\D/g, '')));
    assert.deepEqual(
      values,
      [...values].sort((a, b) => b - a),
    );
  });

  it('are not made up for purchases without prices', async () => {
    await using opened = await open({
      prepare: (api) => {
        api.rewrite = (metric, values) =>
          metric === 'revenue'
            ? values
                .slice(0, 1)
                .map((row) => ({ ...row, currency: 'unknown', revenue: '0.0000', refunded: '0.0000' }))
            : values;
      },
    });
    await loaded(opened.page);
    assert.match(await emptyNote(opened.page, 'Revenue'), /^No prices in the purchases/);
    assert.equal(await opened.page.getByText('unknown').count(), 0);
  });

  it('start with the one of the config, whatever the range has most of', async () => {
    await using opened = await open({ api: { currency: 'GBP' } });
    const { page } = opened;
    await loaded(page);
    assert.match((await page.locator('data[data-tile="Revenue"]').textContent()) ?? '', /^£/);
    await page.getByRole('radio', { name: '1 h', exact: true }).check();
    await until(async () => /^£/.test((await page.locator('data[data-tile="Revenue"]').textContent()) ?? ''));
  });
});

describe('what comes from events', () => {
  before(startBrowser);
  after(stopBrowser);

  const LONG = `${'Very long garden chair '.repeat(8)}\u202Eriahc`;
  const named = (metric: string, values: Record<string, string | number | null>[]) =>
    ['products', 'sales'].includes(metric)
      ? values.map((row) => (String(row.product_id).endsWith('-0') ? { ...row, product_id: LONG } : row))
      : values;

  it('cannot push the numbers away: names are cut, whole in their title, and isolated', async () => {
    await using opened = await open({
      context: { viewport: { width: 390, height: 844 } },
      prepare: (api) => {
        api.rewrite = named;
      },
    });
    const { page } = opened;
    await loaded(page);
    const name = page.locator(`bdi[title^="Very long garden chair"]`);
    await name.waitFor();
    assert.equal(await name.getAttribute('title'), LONG);
    const revenue = page.locator('.sortable tbody tr', { has: name }).locator('td').first();
    const box = (await revenue.boundingBox())!;
    assert.ok(box.x + box.width <= 390, `the revenue ends at ${box.x + box.width} px`);
    await noSidewaysScroll(page);
    const ledger = page
      .locator('.ledger.narrow tbody tr')
      .filter({ hasText: 'Metrics: counted' })
      .locator('td')
      .first();
    const counted = (await ledger.boundingBox())!;
    assert.ok(counted.x + counted.width <= 390, 'both halves of the ledger are in view');
  });

  it('never shows more than all of the users of the step before', async () => {
    await using opened = await open({
      prepare: (api) => {
        api.rewrite = (metric, values) =>
          metric === 'funnel'
            ? values.map((row) => (row.step === 'checkout' ? { ...row, users: 1, conversion: 0.01 } : row))
            : values;
      },
    });
    const { page } = opened;
    await loaded(page);
    const funnel = (await panel(page, 'Funnel').textContent()) ?? '';
    assert.match(funnel, /events of “Checkout” are missing/);
    for (const [, share] of funnel.matchAll(/([\d,.]+)%/g))
      assert.ok(Number(share!.replace(',', '')) <= 100, funnel);
  });

  it('draws a lone point', async () => {
    await using opened = await open({
      api: { frozen: true },
      prepare: (api) => {
        const hour = Math.floor(api.now() / 3_600_000) * 3_600_000;
        api.onlyStart = new Date(hour).toISOString();
      },
    });
    const { page } = opened;
    await loaded(page);
    const circles = panel(page, 'Latency').locator('.chart svg path[d*="A1 1"]');
    await circles.first().waitFor();
    assert.equal(await circles.count(), 3, 'p50, p95 and p99');
  });
});
