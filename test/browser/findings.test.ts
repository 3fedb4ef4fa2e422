/** The panel of findings: absent without one, and readable at any width. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FINDINGS, type FindingCode } from '../../src/ingest/finding-catalogue.ts';
import { loaded, noSidewaysScroll, open, startBrowser, stopBrowser, until } from './opened-page.ts';

const finding = (code: FindingCode, rows: number, example: string, subject = '', detail = '') => {
  const { message, setting } = FINDINGS[code];
  return { code, rows, message: message(subject, detail), example, setting };
};
const SOME = [
  {
    source: 'http',
    findings: [
      finding('purchase_without_value', 17, 'order_id o55012'),
      finding('near_name', 4210, 'coupn', 'coupn', 'coupon'),
      finding('invalid_field', 3, `<b>${'x'.repeat(180)}`, 'product_id'),
    ],
  },
  { source: 'load', findings: [finding('zone_assumed', 120_000, '2026-11-23 10:15:30', 'Europe/Berlin')] },
];
const MANY = [
  {
    source: 'load',
    findings: Array.from({ length: 20 }, (_, n) => finding('cut_text', 20 - n, 'a long text', `field_${n}`)),
  },
];

describe('the findings', () => {
  before(startBrowser);
  after(stopBrowser);

  const panel = (page: Awaited<ReturnType<typeof open>>['page']) =>
    page.getByRole('region', { name: 'Findings' });

  it('are absent where there are none, and come and go with the status', async () => {
    await using opened = await open();
    const { page, api } = opened;
    await loaded(page);
    assert.equal(await panel(page).count(), 0);
    api.statusOf = (status) => ({ ...status, findings: SOME });
    api.tick();
    await panel(page).waitFor();
    api.statusOf = (status) => status;
    api.tick();
    await until(async () => (await panel(page).count()) === 0);
    assert.deepEqual(opened.problems, []);
  });

  it('show rows, message, example and what to do, most rows first', async () => {
    await using opened = await open({
      prepare: (api) => {
        api.statusOf = (status) => ({ ...status, findings: SOME });
      },
    });
    const items = panel(opened.page).getByRole('listitem');
    await items.first().waitFor();
    const texts = await items.allInnerTexts();
    assert.deepEqual(
      texts.map((text) => text.split('\n')[0]),
      ['120,000', '4,210', '17', '3'],
    );
    for (const part of [
      /Times without a time zone were read as times in Europe\/Berlin\./,
      /zone_assumed from load/,
    ])
      assert.match(texts[0]!, part);
    for (const part of [/Example\s+coupn/, /What to do\s+Rename the field\./, /is kept in extra\./])
      assert.match(texts[1]!, part);
    assert.match(texts[3]!, /<b>xxx/);
    assert.deepEqual(opened.problems, []);
  });

  it('fit on a phone and in the dark, and say how many more there are', async () => {
    for (const context of [
      { viewport: { width: 360, height: 740 } },
      { viewport: { width: 820, height: 900 }, colorScheme: 'dark' as const },
    ]) {
      await using opened = await open({
        context,
        prepare: (api) => {
          api.statusOf = (status) => ({ ...status, findings: [...SOME, ...MANY] });
        },
      });
      await loaded(opened.page);
      await panel(opened.page).getByText('And 12 more').waitFor();
      assert.equal(await panel(opened.page).getByRole('listitem').count(), 12);
      await noSidewaysScroll(opened.page);
    }
  });
});
