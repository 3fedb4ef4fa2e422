/** Import on the page, on the real product: choose a file, look at it, change its mapping, import it, see it on the dashboard. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { exportCsv } from '../support/imports.ts';
import { casePath } from '../support/load-case.ts';
import { PROJECT_DIR, type Product, startProduct, temporaryDir } from '../support/product.ts';
import { violations } from './axe.ts';
import { noSidewaysScroll, until } from './opened-page.ts';

const ADMIN = 'admin-key-0123456789';
const READER = 'read-key-0123456789';

const GOLDEN = join(PROJECT_DIR, 'test', 'golden', 'mappings');
const dir = temporaryDir();
function fileOf(name: string, content: string | Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** As a German shop system writes it: decimal commas, days first, its own names, and a total of the order in each line. */
const GERMAN = [
  'Bestelldatum;Bestellnr;Artikelnr;Menge;Einzelpreis;Status;Kundennr',
  '13.11.2024 10:00;B-1;T-7;2;1.012,50;Kauf;K1',
  '14.11.2024 11:30;B-2;T-8;1;8,90;Kauf;K2',
  '15.11.2024 09:12;B-3;T-7;1;12,50;Umtausch;K3',
  '99.11.2024 09:12;B-4;T-7;1;12,50;Kauf;K3',
  ...Array.from({ length: 16 }, (_, n) => `16.11.2024 09:${n + 10};C-${n};T-9;1;1,00;Kauf;K${n}`),
].join('\n');

let browser: Browser;
let product: Product;
let problems: string[] = [];

async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(url);
  return page;
}

const choose = (page: Page, path: string) => page.getByLabel('File to import').setInputFiles(path);
const figure = (page: Page, name: string) =>
  page.locator(`data[data-import="${name}"]`).getAttribute('value');
/** What the first element says. */
const textOf = async (page: Page, selector: string) =>
  (await page.locator(selector).first().textContent()) ?? '';
/** The form is filled, and nothing is being tried. */
async function tried(page: Page): Promise<void> {
  await page.locator('.import-grid[aria-busy="false"]').waitFor();
}

async function change(page: Page, work: () => Promise<unknown>): Promise<void> {
  const answer = page.waitForResponse((response) => response.url().includes('/preview'));
  await work();
  await answer;
  await tried(page);
}

describe('import on the page', () => {
  before(async () => {
    browser = await launchChromium();
    product = await startProduct({ dataDir: temporaryDir() });
  });
  after(async () => {
    await browser?.close();
    await product?.stop();
  });

  it('leads from an empty dashboard over a known export to its numbers', async () => {
    problems = [];
    const page = await openPage(product.url);
    await page.getByRole('link', { name: 'Import a file' }).click();
    await choose(page, casePath('rees46.csv'));
    await tried(page);
    assert.match(await textOf(page, '.file-bar'), /rees46\.csv\s*16 kB · CSV, comma, 9 columns/);
    assert.equal(await page.getByLabel('Read as').inputValue(), 'rees46');
    assert.deepEqual(
      [await figure(page, 'Events'), await figure(page, 'Orders'), await figure(page, 'Units')],
      ['120', '14', '14'],
    );
    assert.equal(Number(await figure(page, 'Revenue')), 6478.35);
    assert.match(await textOf(page, '.before-after'), /UTC,view,1000017[\s\S]*view_product/);
    // A finding leads to the setting that settles it.
    await page.getByRole('button', { name: 'Set it here' }).click();
    await change(page, async () => {
      await page.keyboard.type('eur');
      await page.keyboard.press('Enter');
    });
    assert.match(await textOf(page, '.figures'), /€6,478\.35/);
    assert.equal(await page.getByRole('heading', { name: 'Findings' }).count(), 0);
    assert.equal((await product.ledger()).received, 0);

    await page.getByRole('button', { name: 'Import 120 events' }).click();
    await page.getByRole('heading', { name: 'Imported 120 events' }).waitFor();
    assert.match(
      await textOf(page, '.running'),
      /120 records in .* s: 120 events \(0 duplicates\), 0 bad rows/,
    );
    await page.getByRole('button', { name: 'Show on the dashboard' }).click();
    const orders = page.locator('data[data-tile="Orders"]');
    await until(async () => (await orders.getAttribute('value')) === '14');
    assert.match(page.url(), /range=custom&window=\w+&from=2019-11-01T00%3A00&to=2019-11-02T00%3A00/);
    // The way back leads to what was shown.
    const shown = page.url();
    await page.getByRole('link', { name: 'Import', exact: true }).click();
    await page.getByText('Drop a file here').waitFor();
    await page.getByRole('link', { name: 'Dashboard' }).click();
    await until(async () => (await orders.getAttribute('value')) === '14');
    assert.equal(page.url(), shown);
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('proposes a mapping for the table of an unknown shop; what is changed in the form is tried at once', async () => {
    problems = [];
    const page = await openPage(`${product.url}/#/import`, { colorScheme: 'dark' });
    await choose(page, fileOf('bestellungen.csv', GERMAN));
    await tried(page);
    assert.match(await textOf(page, '.mapping-choice'), /Proposed from the names and values/);
    assert.equal(await page.getByLabel('order_id', { exact: true }).inputValue(), 'Bestellnr');
    assert.match(await textOf(page, '.doubts'), /line 5: timestamp 99\.11\.2024/);
    // What happened is in a column that no rule knows: a person says so, and what its names mean.
    await change(page, () => page.getByLabel('event_type', { exact: true }).selectOption('Status'));
    await change(page, () => page.getByLabel('Kauf').selectOption('purchase'));
    await change(page, () => page.getByLabel('Umtausch').selectOption('refund'));
    await change(page, () =>
      page
        .getByRole('textbox', { name: 'Currency' })
        .fill('EUR')
        .then(() => page.keyboard.press('Tab')),
    );
    assert.equal(Number(await figure(page, 'Revenue')), 2049.9);
    assert.equal(await figure(page, 'Orders'), '18');
    assert.match(await textOf(page, '.rankings'), /Refund\s*1/);
    // The text says the same, and is taken when it is changed.
    await page.getByText('As text, and on the command line').click();
    const text = page.getByRole('textbox', { name: /YAML/ });
    const yaml = await text.inputValue();
    assert.doesNotMatch(yaml, /#/, 'what was said of another column is gone');
    assert.match(yaml, /event_type: \{from: Status, values: \{Kauf: purchase, Umtausch: refund\}\}/);
    assert.match(
      await textOf(page, '.mapping-text .command'),
      /load bestellungen\.csv --map \.\/shop\.yaml --currency EUR/,
    );
    await text.fill(`${yaml}  quantty: Menge\n`);
    await page.getByRole('button', { name: 'Try this' }).click();
    await page
      .getByRole('alert')
      .getByText(/did you mean|quantity/i)
      .waitFor();
    await text.fill(`${yaml}\n`);
    await change(page, () => page.getByRole('button', { name: 'Try this' }).click());
    assert.deepEqual(await violations(page), []);
    await page.getByRole('button', { name: 'Import 19 events' }).click();
    await page.getByRole('heading', { name: 'Imported 19 events' }).waitFor();
    assert.match(await textOf(page, '.doubts'), /line 5/);

    // The same file once more has nothing new.
    await page.getByRole('button', { name: 'Import another file' }).click();
    await choose(page, join(dir, 'bestellungen.csv'));
    await tried(page);
    await page
      .locator('.import-actions')
      .getByText(/was loaded on .* with other options/)
      .waitFor();
    assert.equal(await page.locator('.import-actions button').isDisabled(), true);
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('shows the lines of an order, and takes them from where a person says', async () => {
    problems = [];
    const page = await openPage(`${product.url}/#/import`);
    const order = (nr: string, pos: object[]) =>
      JSON.stringify({ created: '2024-11-01T10:00:00Z', nr, total: 30, currency: 'EUR', pos });
    const rows = [
      order('L1', [
        { art: 'p1', anz: 2 },
        { art: 'p2', anz: 1 },
      ]),
      order('L2', [{ art: 'p1', anz: 4 }]),
    ];
    await choose(page, fileOf('lines.ndjson', `${rows.join('\n')}\n`));
    await tried(page);
    if ((await page.getByLabel('order_id', { exact: true }).inputValue()) === '')
      await change(page, () => page.getByLabel('order_id', { exact: true }).selectOption('nr'));
    await change(page, () => page.getByLabel('event_type', { exact: true }).selectOption('=purchase'));
    await change(page, () => page.getByLabel('list', { exact: true }).selectOption('pos'));
    await change(page, () => page.getByLabel('line product_id').selectOption('art'));
    await change(page, () => page.getByLabel('line quantity').selectOption('anz'));
    assert.equal(await figure(page, 'Units'), '7');
    assert.match(await textOf(page, '.rankings'), /p1\s*6/);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(problems, []);
    await page.getByRole('button', { name: 'Another file' }).click();
    await page.close();
  });

  it('reads exports of other systems in their own forms', async () => {
    problems = [];
    const page = await openPage(`${product.url}/#/import`);
    const files: [string, string, events: string, orders: string][] = [
      ['ga4-export.ndjson', 'ga4-export', '9', '2'],
      ['segment.json', 'segment', '8', '1'],
      ['woocommerce.json', 'woocommerce', '3', '3'],
      ['shopify-orders.csv', 'shopify-orders', '3', '2'],
      ['online-retail.csv', 'online-retail', '6', '3'],
    ];
    for (const [name, map, events, orders] of files) {
      await choose(page, join(GOLDEN, name));
      await tried(page);
      assert.equal(await page.getByLabel('Read as').inputValue(), map, name);
      assert.deepEqual([await figure(page, 'Events'), await figure(page, 'Orders')], [events, orders], name);
      await page.getByRole('button', { name: 'Another file' }).click();
      await page.getByText('Drop a file here').waitFor();
    }
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('shows the progress of a long file, which can be cancelled; a closed tab leaves nothing behind', async () => {
    problems = [];
    const page = await openPage(`${product.url}/#/import`);
    await choose(page, fileOf('long.csv', exportCsv(150_000)));
    await tried(page);
    assert.match(await textOf(page, '.figures .note'), /of the beginning of the file/);
    const before = (await product.ledger()).received;
    await page.getByRole('button', { name: 'Import the file' }).click();
    const records = page.locator('data[data-progress="Records"]');
    await until(async () => Number(await records.getAttribute('value')) > 0);
    assert.match(await textOf(page, '.progress'), /Read: .* of 7\.8 MB, \d+ %/);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
    assert.match(await textOf(page, '.running'), /Stored before that: \d+ records/);
    const stored = (await product.settled()).received - before;
    assert.ok(stored > 0 && stored < 150_000, `${stored} are stored`);
    await page.getByRole('button', { name: 'Import another file' }).click();
    await choose(page, join(dir, 'long.csv'));
    await tried(page);
    await page
      .locator('.import-actions')
      .getByText(/were loaded before.*continues after them/)
      .waitFor();
    await page.close({ runBeforeUnload: true });
    await until(async () => {
      const { json } = await product.request<{ imports: { name: string }[] }>('GET', '/v1/imports');
      return json.imports.every(({ name }) => name !== 'long.csv');
    });
    assert.deepEqual(problems, []);
  });

  it('reports problems of a file in words, and is accessible, also on a phone', async () => {
    problems = [];
    const page = await openPage(`${product.url}/#/import`, { viewport: { width: 390, height: 844 } });
    await page.getByText('Recognized by their content').waitFor();
    assert.deepEqual(await violations(page), []);
    await noSidewaysScroll(page);
    await choose(page, fileOf('orders.xlsx', Buffer.from('PK\u0003\u0004 xl/workbook.xml')));
    await page
      .getByRole('alert')
      .getByText(/orders\.xlsx looks like .*export it as CSV/)
      .waitFor();
    await page.getByRole('button', { name: 'Another file' }).click();
    await choose(page, fileOf('noise.bin', Buffer.from([1, 2, 3, 0, 255, 254, 7])));
    await page
      .getByRole('alert')
      .getByText(/has an unknown format/)
      .waitFor();
    await page.getByRole('button', { name: 'Another file' }).click();
    await choose(page, fileOf('empty.csv', ''));
    await page
      .getByRole('alert')
      .getByText(/is empty/)
      .waitFor();
    await page.getByRole('button', { name: 'Another file' }).click();
    // No name is known: the columns can still be chosen.
    await choose(page, fileOf('abc.csv', 'a;b;c\n2024-11-01;x;1,50\n2024-11-02;y;2,50\n'));
    await page.getByRole('heading', { name: 'Not readable yet' }).waitFor();
    await change(page, () => page.getByLabel('timestamp', { exact: true }).selectOption('a'));
    await change(page, () => page.getByLabel('event_type', { exact: true }).selectOption('=view_product'));
    assert.equal(await figure(page, 'Events'), '2');
    assert.deepEqual(await violations(page), []);
    await noSidewaysScroll(page);
    assert.deepEqual(problems, []);
    await page.close();
  });

  it('works with the keyboard alone', async () => {
    const page = await openPage(`${product.url}/#/import`);
    // What is drawn last, once the answers are there.
    await page.getByRole('heading', { name: 'Recognized by their content' }).waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent');
    const tabTo = async (text: string) => {
      for (let n = 0; n < 60 && (await focused()) !== text; n++) await page.keyboard.press('Tab');
      assert.equal(await focused(), text);
    };
    // First, as the browser is asked to hand over its dialogs while the button is found.
    const chooser = page.waitForEvent('filechooser');
    await tabTo('Choose a file');
    await page.keyboard.press('Enter');
    await (await chooser).setFiles(casePath('csv-semicolon-decimal.csv'));
    await tried(page);
    await tabTo('Import 10 events');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Imported 10 events' }).waitFor();
    await page.close();
  });

  it('needs a key with the scope admin where there are keys', async () => {
    const api_keys = [
      { name: 'boss', key: ADMIN, scopes: ['read', 'admin'] },
      { name: 'eyes', key: READER, scopes: ['read'] },
    ];
    const guarded = await startProduct({
      dataDir: temporaryDir(),
      config: { sources: [{ kind: 'http', api_keys }] },
    });
    for (const [key, works] of [
      [READER, false],
      [ADMIN, true],
    ] as const) {
      const page = await openPage(`${guarded.url}/#/import`);
      await page.getByLabel('API key').fill(key);
      await page.getByRole('button', { name: 'Log in' }).click();
      if (works) {
        await choose(page, fileOf('rees46.csv', readFileSync(casePath('rees46.csv'))));
        await tried(page);
        assert.equal(await figure(page, 'Events'), '120');
      } else {
        await page
          .getByRole('alert')
          .getByText(/does not have the scope "admin"/)
          .waitFor();
        assert.equal(await page.getByRole('button', { name: 'Choose a file' }).isDisabled(), true);
      }
      await page.context().close();
    }
    await guarded.stop();
  });
});
