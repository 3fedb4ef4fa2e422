/** Files as shops have them, read without a mapping: through `load` and over HTTP, each figure compared. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { ReadingOptions } from '../../src/load/settings.ts';
import { casePath, type LoadedCase, loadCase } from '../support/load-case.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';

/** Revenue rows by currency: orders, revenue, units. */
type Money = Readonly<Record<string, readonly [orders: number, revenue: string, units?: number]>>;

interface Right {
  readonly file: string;
  readonly options?: ReadingOptions;
  readonly events: number;
  readonly bad?: Readonly<Record<string, number>>;
  readonly duplicates?: number;
  readonly types?: Readonly<Record<string, number>>;
  readonly money?: Money;
  readonly users?: number;
  readonly sessions?: number;
  readonly invalid?: Readonly<Record<string, number>>;
  /** Rows of findings by code, the most of each code. */
  readonly findings?: Readonly<Record<string, number>>;
  readonly description?: RegExp;
  /** Files that are read from the file only, or with options: not over HTTP. */
  readonly isFileOnly?: true;
}

const TEN_SALES: Pick<Right, 'events' | 'types' | 'money'> = {
  events: 10,
  types: { purchase: 10 },
  money: { EUR: [10, '398.0000', 10] },
};

const CASES: readonly Right[] = [
  ...['csv-semicolon-decimal.csv', 'csv-sep.csv', 'csv-tab.tsv', 'csv-header-words.csv'].map((file) => ({
    file,
    ...TEN_SALES,
    users: 10,
  })),
  { file: 'csv-upperevt.csv', ...TEN_SALES, users: 10 },
  { file: 'csv-thousands-eu.csv', ...TEN_SALES, money: { EUR: [10, '10398.0000'] }, users: 10 },
  {
    file: 'csv-utf16le.ndjson',
    events: 3,
    types: { purchase: 3 },
    money: { unknown: [3, '0.0000'] },
    findings: { purchase_without_value: 3 },
  },
  { file: 'csv-badquote-late.csv', events: 99, bad: { bad_quote: 1 }, money: { EUR: [99, '3940.2000'] } },
  { file: 'csv-swallow.csv', events: 98, bad: { bad_quote: 2 }, money: { EUR: [98, '3900.4000'] } },
  { file: 'csv-shift.csv', events: 5, bad: { wrong_cell_count: 5 }, money: { EUR: [5, '199.0000'] } },
  { file: 'csv-missing.csv', events: 0, bad: { wrong_cell_count: 10 } },
  { file: 'csv-latin1-user.csv', events: 8, bad: { not_utf8: 2 }, money: { EUR: [8, '318.4000'] }, users: 8 },
  { file: 'csv-latin1-user.csv', options: { encoding: 'latin1' }, ...TEN_SALES, users: 10, isFileOnly: true },
  { file: 'csv-null.csv', ...TEN_SALES, users: 7 },
  {
    file: 'guests.ndjson',
    events: 10,
    money: { unknown: [10, '10.0000'] },
    users: 0,
    findings: { currency_unknown: 10 },
  },
  {
    file: 'json-names.ndjson',
    events: 17,
    types: { view_product: 2, view_page: 1, add_to_cart: 3, checkout: 2, purchase: 8, refund: 1 },
    money: { EUR: [8, '318.4000'] },
  },
  {
    file: 'json-camel-half.ndjson',
    events: 10,
    duplicates: 5,
    types: { purchase: 5 },
    money: { EUR: [5, '199.0000'] },
    users: 1,
  },
  ...['json-wrap-events.json', 'json-pretty-concat.json', 'json-array-trailcomma.json'].map((file) => ({
    file,
    ...TEN_SALES,
  })),
  {
    file: 'json-types.ndjson',
    events: 23,
    bad: { wrong_type: 1 },
    money: { EUR: [23, '875.6000'] },
    invalid: { user_id: 3, product_id: 1, category: 1 },
    findings: { invalid_field: 3, purchase_without_value: 1 },
  },
  {
    file: 'json-unicode.ndjson',
    events: 9,
    types: { purchase: 9 },
    invalid: { user_id: 3 },
    findings: { purchase_without_value: 9, invalid_field: 3, replaced_character: 1 },
  },
  {
    file: 'limits.ndjson',
    events: 14,
    money: { EUR: [14, '557.2000'] },
    users: 14,
    invalid: { status_code: 2, response_time: 1, price: 1, quantity: 1 },
    findings: { invalid_field: 2, cut_text: 1 },
  },
  { file: 'b-lineitems.ndjson', events: 10, money: { EUR: [10, '398.0000', 30] } },
  {
    file: 'b-lineitems-exploded.ndjson',
    events: 20,
    money: { EUR: [10, '398.0000', 30] },
    findings: { total_of_order: 20 },
  },
  { file: 'b-sameorder.ndjson', events: 10, duplicates: 5, money: { EUR: [5, '199.0000'] } },
  { file: 'b-sameevent-late.ndjson', events: 5, duplicates: 4, money: { EUR: [1, '10.0000'] } },
  {
    file: 'ids-reused.ndjson',
    events: 40,
    types: { view_product: 10, add_to_cart: 10, checkout: 10, purchase: 10 },
    money: { EUR: [10, '125.0000'] },
    users: 10,
    findings: { id_reused: 27 },
  },
  {
    file: 'b-negative.ndjson',
    events: 5,
    types: { purchase: 3, refund: 2 },
    findings: { negative_purchase: 1 },
  },
  {
    file: 'b-currencies.ndjson',
    events: 14,
    money: {
      EUR: [5, '199.0000'],
      KWD: [2, '2.4691'],
      JPY: [1, '5000.0000'],
      USD: [1, '39.8000'],
      GBP: [1, '0.3000'],
      unknown: [4, '79.6001'],
    },
    invalid: { currency: 3 },
    findings: { currency_unknown: 4, many_currencies: 10, invalid_field: 3 },
  },
  { file: 'python-time.ndjson', events: 200, money: { EUR: [200, '200.0000'] } },
  {
    file: 'ts.ndjson',
    events: 52,
    bad: { timestamp_out_of_range: 6, missing_field: 2, date_order: 1 },
    sessions: 52,
    findings: { unknown_event_type: 52, zone_assumed: 15, day_month: 7 },
  },
];

function moneyOf(rows: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown[]> {
  return Object.fromEntries(
    rows.map(({ currency, orders, revenue, units }) => [currency, [orders, revenue, units]]),
  );
}

function assertMoney(found: Record<string, unknown[]>, money: Money): void {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(money).sort());
  for (const [currency, values] of Object.entries(money))
    assert.deepEqual(found[currency]!.slice(0, values.length), [...values], currency);
}

async function assertRight(loaded: LoadedCase, right: Right): Promise<void> {
  const { bad = {}, duplicates = 0, invalid = {}, findings = {} } = right;
  assert.equal(loaded.events, right.events);
  assert.deepEqual(loaded.badByReason, bad);
  assert.equal(loaded.received, loaded.events + loaded.badRows);
  assert.equal(loaded.duplicates, duplicates);
  if (right.types) assert.deepEqual(loaded.types, right.types);
  assert.deepEqual(loaded.invalidFields, invalid);
  const [audience] = await loaded.total('audience');
  if (right.users !== undefined) assert.equal(audience?.users ?? 0, right.users);
  if (right.sessions !== undefined) assert.equal(audience?.sessions ?? 0, right.sessions);
  if (right.money) assertMoney(moneyOf(await loaded.total('revenue')), right.money);
  const rows: Record<string, number> = {};
  for (const { code, rows: n } of loaded.findings) rows[code] = Math.max(rows[code] ?? 0, n);
  assert.deepEqual(rows, findings);
  for (const line of loaded.report.split('\n').filter((each) => each.startsWith('  ')))
    assert.ok(line.length <= 80, `wider than 80 columns: ${line}`);
}

describe('cases', () => {
  for (const right of CASES) {
    it(`${right.file}${right.options ? ` ${JSON.stringify(right.options)}` : ''} by load`, () =>
      loadCase(casePath(right.file), right.options ?? {}, (loaded) => assertRight(loaded, right)));
  }

  it('csv-duphdr.csv is refused, with its columns', () =>
    assert.rejects(
      loadCase(casePath('csv-duphdr.csv'), {}, async () => {}),
      /names the column "amount" twice; columns: timestamp, .* Nothing was stored\.$/,
    ));

  it('csv-nohdr.csv is refused: nothing says what its columns are', () =>
    assert.rejects(
      loadCase(casePath('csv-nohdr.csv'), {}, async () => {}),
      /has no line with the names of its 7 columns; .* Nothing was stored\.$/,
    ));

  it('b-negative.ndjson: refunds of both signs are given back', () =>
    loadCase(casePath('b-negative.ndjson'), {}, async (loaded) => {
      const [row] = await loaded.total('revenue');
      assert.deepEqual([row!.refunds, row!.refunded, row!.revenue], [2, '79.6000', '0.0000']);
    }));

  it('f-cut and f-junk: the complete part is loaded, and the report states why there is no more', async () => {
    for (const file of ['f-cut.ndjson.gz', 'f-junk.ndjson.gz'])
      await loadCase(casePath(file), {}, async (loaded) => {
        assert.ok(loaded.events > 0 && loaded.cutWhy !== null, `${loaded.events} ${loaded.cutWhy}`);
        assert.ok(loaded.report.includes("It can't be read to the end"), loaded.report);
      });
  });

  it('the log of the old pipeline: 4,000 events', async () => {
    const file = join(temporaryDir(), 'old.json');
    writeFileSync(
      file,
      gunzipSync(readFileSync(join(import.meta.dirname, '../golden/old-pipeline-logs.json.gz'))),
    );
    await loadCase(file, {}, async (loaded) => {
      assert.deepEqual([loaded.events, loaded.badRows], [4000, 0]);
      assert.deepEqual(loaded.types, { view_product: 3854, checkout: 58, add_to_cart: 44, purchase: 44 });
      const statuses: Record<string, number> = {};
      for (const { status_class, events } of (await loaded.total('responses')) as {
        status_class: string;
        events: number;
      }[])
        statuses[status_class] = (statuses[status_class] ?? 0) + events;
      assert.deepEqual(statuses, { '2xx': 2647, '4xx': 1030, '5xx': 323 });
      const devices: Record<string, number> = {};
      for (const { device_type, events } of (await loaded.total('traffic')) as {
        device_type: string;
        events: number;
      }[])
        devices[device_type] = (devices[device_type] ?? 0) + events;
      assert.deepEqual(devices, { mobile: 2983, desktop: 1017 });
      assert.deepEqual(
        loaded.findings.map(({ code, rows }) => [code, rows]),
        [
          ['zone_assumed', 4000],
          ['purchase_without_value', 44],
        ],
      );
    });
  });
});

describe('cases over HTTP', () => {
  let product: Product;
  before(async () => {
    product = await startProduct({ dataDir: mkdtempSync(join(temporaryDir(), 'http-')) });
  });
  after(() => product?.stop());

  for (const right of CASES.filter(({ isFileOnly }) => !isFileOnly)) {
    it(`${right.file}: the same counts`, async () => {
      const answer = await product.send(readFileSync(casePath(right.file)), {});
      const { accepted, rejected, reasons, invalid_fields } = answer.json as unknown as {
        accepted: number;
        rejected: number;
        reasons: object;
        invalid_fields: object;
      };
      const bad = Object.values(right.bad ?? {}).reduce((sum, rows) => sum + rows, 0);
      assert.equal(answer.status, right.events === 0 ? 422 : 200, answer.text);
      assert.deepEqual([accepted, rejected], [right.events, bad]);
      assert.deepEqual([reasons, invalid_fields], [right.bad ?? {}, right.invalid ?? {}]);
    });
  }

  it('csv-duphdr.csv is refused, and the ledger balances', async () => {
    const answer = await product.send(readFileSync(casePath('csv-duphdr.csv')), {});
    assert.deepEqual([answer.status, answer.json.error?.code], [415, 'unsupported_format']);
    const stored = CASES.filter(({ isFileOnly, events }) => !isFileOnly && events > 0).reduce(
      (sum, { events, bad = {} }) => sum + events + Object.values(bad).reduce((a, b) => a + b, 0),
      0,
    );
    const ledger = await product.settled();
    assert.deepEqual([ledger.received, ledger.balanced], [stored, true]);
  });
});
