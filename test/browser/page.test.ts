/** The page against a fake API: what it shows, how it moves, and what it says in trouble. Needs `vite build web`. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  loaded,
  noSidewaysScroll,
  open,
  sameTotals,
  startBrowser,
  stopBrowser,
  tileValue,
  until,
} from './opened-page.ts';

describe('the page', () => {
  before(startBrowser);
  after(stopBrowser);

  it('shows the numbers of the API, without errors and without asking anyone else', async () => {
    await using opened = await open({ api: { timeZone: 'Asia/Tokyo', frozen: true } });
    const { page, api } = opened;
    await loaded(page);
    const audience = (await sameTotals(api, 'audience')).overall as { users: number };
    assert.equal(await tileValue(page, 'Users'), audience.users);
    const revenue = (await sameTotals(api, 'revenue')).total as {
      currency: string;
      revenue: string;
      orders: number;
    }[];
    assert.equal(
      await tileValue(page, 'Revenue'),
      Number(revenue.find((row) => row.currency === 'EUR')!.revenue),
      'in the currency with most orders',
    );
    assert.equal(
      await tileValue(page, 'Orders'),
      revenue.reduce((sum, row) => sum + row.orders, 0),
    );
    const responses = (await sameTotals(api, 'responses')).overall as { error_share: number };
    assert.equal(await tileValue(page, 'Error share'), responses.error_share);
    const latency = (await sameTotals(api, 'latency')).overall as { p95: number };
    assert.equal(await tileValue(page, 'Latency p95'), latency.p95);
    const funnel = (await sameTotals(api, 'funnel')).total as { step: string; users: number }[];
    const users = (step: string) => funnel.find((row) => row.step === step)!.users;
    assert.equal(await tileValue(page, 'Conversion'), users('purchase') / users('view_product'));
    await page.locator('.chart svg').nth(3).waitFor();
    const hour = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Tokyo', hour: '2-digit' }).format(
      api.now(),
    );
    assert.match((await page.locator('.clock').textContent()) ?? '', new RegExp(`^${hour}:.*Asia/Tokyo`));
    assert.deepEqual(opened.problems, []);
    assert.deepEqual(opened.outside, []);
  });

  it('follows the stream, and holds still when paused', async () => {
    await using opened = await open();
    const { page, api } = opened;
    await loaded(page);
    const first = await tileValue(page, 'Users');
    api.aheadMs += 60_000;
    api.tick();
    await until(async () => (await tileValue(page, 'Users')) > first);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/Paused at/).waitFor();
    const held = await page.locator('main').textContent();
    api.aheadMs += 60_000;
    api.tick();
    await page.waitForTimeout(3000);
    assert.equal(await page.locator('main').textContent(), held);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    await until(async () => (await tileValue(page, 'Users')) > first);
    assert.deepEqual(opened.problems, []);
  });

  it('changes the range, offers fitting windows, and keeps both in the address', async () => {
    await using opened = await open({ hash: '#range=7d&window=1m' });
    const { page } = opened;
    await loaded(page);
    assert.deepEqual(
      await page.getByRole('group', { name: 'Length of a window' }).locator('label').allInnerTexts(),
      ['hours', 'days'],
    );
    const week = await tileValue(page, 'Users');
    await page.getByRole('radio', { name: '1 h', exact: true }).check();
    await until(async () => (await tileValue(page, 'Users')) < week / 20);
    assert.match(page.url(), /#range=1h&window=1m$/);
    await page.getByRole('radio', { name: 'Custom' }).check();
    await page.getByRole('textbox', { name: 'From' }).fill('2026-10-24T00:00');
    await page.getByRole('textbox', { name: 'To' }).fill('2026-10-27T00:00');
    await page.getByRole('radio', { name: 'hours' }).check();
    assert.match(page.url(), /range=custom&window=1h&from=2026-10-24T00%3A00/);
    await page.getByRole('button', { name: 'Traffic as a table' }).click();
    // Berlin put its clocks back on the 25th: 73 hours, and 02:00 twice.
    await until(async () => (await page.locator('[style*="traffic"] tbody tr').count()) === 73);
    const hours = await page.locator('[style*="traffic"] tbody th').allInnerTexts();
    assert.equal(hours.filter((text) => /25.*02:00|02:00.*25/.test(text)).length, 2);
    await page.reload();
    await loaded(page);
    assert.equal(await page.getByRole('textbox', { name: 'From' }).inputValue(), '2026-10-24T00:00');
    assert.deepEqual(opened.problems, []);
  });

  it('can be used with the keyboard alone', async () => {
    await using opened = await open();
    const { page } = opened;
    await loaded(page);
    const expected = (await page.evaluate(
      `[...document.querySelectorAll('button, select, input, [tabindex="0"]')].filter((e) => !e.disabled && (e.type !== 'radio' || e.checked)).length`,
    )) as number;
    const invisible: string[] = [];
    let reached = 0;
    for (; reached < expected; reached++) {
      await page.keyboard.press('Tab');
      const [name, outline] = (await page.evaluate(`(() => {
        const e = document.activeElement;
        const drawn = e.type === 'radio' ? e.nextElementSibling : e;
        return [e === document.body ? '' : (e.ariaLabel || e.innerText || e.value), getComputedStyle(drawn).outlineStyle];
      })()`)) as [string, string];
      if (name === '') break;
      if (outline === 'none') invisible.push(name);
    }
    assert.equal(reached, expected);
    assert.deepEqual(invisible, []);
    await page.getByRole('radio', { name: '24 h' }).focus();
    await page.keyboard.press('ArrowRight');
    assert.match(page.url(), /range=7d/);
  });

  it('sorts the products by any column, and says in which direction', async () => {
    await using opened = await open();
    const { page } = opened;
    await loaded(page);
    const sort = (name: string) => page.getByRole('columnheader', { name }).getAttribute('aria-sort');
    const column = (n: number) =>
      page.locator(`.sortable tbody tr:not(.rest) > :nth-child(${n})`).allInnerTexts();
    const products = page.getByRole('region', { name: 'Products', exact: true });
    await products.getByRole('button', { name: 'Show all' }).click();
    await products.getByRole('button', { name: 'Views' }).click();
    assert.equal(await sort('Views'), 'descending');
    await products.getByRole('button', { name: 'Views' }).click();
    assert.equal(await sort('Views'), 'ascending');
    const views = (await column(4)).map((text) => Number(text.replaceAll(',', '')));
    assert.deepEqual(
      views,
      [...views].sort((a, b) => a - b),
    );
    await products.getByRole('button', { name: 'Product' }).click();
    assert.equal(await sort('Product'), 'ascending');
    const names = await column(1);
    assert.deepEqual(
      names,
      [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    );
    assert.match((await page.locator('.sortable tbody tr').last().textContent()) ?? '', /All others/);
  });

  it('says how to send the first event', async () => {
    await using opened = await open({ api: { empty: true } });
    const { page, api } = opened;
    await page.getByRole('heading', { name: 'No events yet' }).waitFor();
    await page.getByText(`curl ${api.url}/v1/events`).waitFor();
    await page.getByText('TILLSTREAM_DATA=demo TILLSTREAM_PORT=8081 ./start-pipeline.sh').waitFor();
    assert.deepEqual(opened.problems, []);
    api.options.empty = false;
    api.tick();
    await loaded(page);
  });

  it('shows since when it is disconnected, and reconnects by itself', async () => {
    await using opened = await open();
    const { page, api } = opened;
    await loaded(page);
    await api.stop();
    await page.getByRole('region', { name: 'Connection problem' }).waitFor();
    assert.match((await page.locator('.banner').textContent()) ?? '', /Since \d.*ago.*tillstream status/s);
    assert.ok((await tileValue(page, 'Users')) > 0, 'the last numbers stay');
    await api.start();
    // It may come back by itself in the very moment of the click.
    await page
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 5000 })
      .catch(() => {});
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    assert.equal(await page.locator('.banner').count(), 0);
  });

  it('asks for the API key once for all tabs, in words, and logs out of all of them', async () => {
    await using opened = await open({ api: { key: 'right' } });
    const { page, api } = opened;
    const input = page.getByLabel('API key');
    await input.fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('This key is not valid.').waitFor();
    assert.doesNotMatch((await page.locator('body').textContent()) ?? '', /[{}]/, 'no raw JSON');
    const other = await page.context().newPage();
    await other.goto(api.url);
    await other.getByLabel('API key').waitFor();
    await input.fill('right');
    await page.keyboard.press('Enter');
    await loaded(page);
    await loaded(other);
    await page.reload();
    await loaded(page);
    assert.ok(
      api.requests.every((path) => !path.includes('right')),
      'the key is never part of an address',
    );
    assert.equal(await page.evaluate('document.cookie'), '', 'no script can read the session');
    assert.doesNotMatch(
      (await page.evaluate('JSON.stringify({...localStorage, ...sessionStorage})')) as string,
      /right/,
    );
    await page.getByRole('button', { name: 'Log out' }).click();
    await input.waitFor();
    await other.getByLabel('API key').waitFor();
    assert.equal(await page.locator('.tile').count(), 0, 'the numbers do not stay on the screen');
  });

  it('shows one metric that fails in its place, and a ledger that is off', async () => {
    await using opened = await open({
      prepare: (api) => {
        api.failing.add('latency');
        api.unbalanced = true;
      },
    });
    const { page } = opened;
    await loaded(page);
    await page.getByRole('region', { name: 'Latency' }).getByText('Not loaded: The query failed.').waitFor();
    assert.match((await page.locator('.ledger-state').textContent()) ?? '', /off: metrics 7/);
  });

  it('fits a phone', async () => {
    await using opened = await open({ context: { viewport: { width: 360, height: 740 } } });
    const { page } = opened;
    await loaded(page);
    await page.locator('.chart svg').first().waitFor();
    await noSidewaysScroll(page);
    await page.getByRole('radio', { name: 'Custom' }).check();
    await page.getByRole('button', { name: 'Traffic as a table' }).click();
    await noSidewaysScroll(page);
  });

  it('follows the system into the dark, and the button out of it', async () => {
    await using opened = await open({ context: { colorScheme: 'dark' } });
    const { page } = opened;
    await loaded(page);
    const brightness = async () =>
      Number(
        /\d+/.exec(
          (await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')) as string,
        )?.[0],
      );
    assert.ok((await brightness()) < 60);
    await page.getByRole('button', { name: 'Auto colours, change to dark' }).click();
    await page.getByRole('button', { name: 'Dark colours, change to light' }).click();
    assert.ok((await brightness()) > 200);
    await page.reload();
    await loaded(page);
    assert.ok((await brightness()) > 200, 'the choice is remembered');
  });
});
