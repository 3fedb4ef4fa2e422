/**
 * What `map guess` makes of exports that no preset was made for: public formats of shops and payment services, and tables of shops that
 * nobody knows, in English, German, French and Spanish. Values are invented; names are as those systems write them.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { readParquet } from '../../src/app/app.ts';
import type { DetectOptions } from '../../src/ingest/format.ts';
import { FORMATS } from '../../src/ingest/formats/all.ts';
import { LineValidator } from '../../src/ingest/line-validator.ts';
import { compileMapping } from '../../src/ingest/mapping/compile.ts';
import { mapperOf } from '../../src/ingest/mapping/map-records.ts';
import { mappingSchema } from '../../src/ingest/mapping/schema.ts';
import { guessMapping } from '../../src/ingest/mappings/guess.ts';
import { Normalizer } from '../../src/ingest/normalize.ts';
import { Observer } from '../../src/ingest/observer.ts';
import { firstPieces } from '../../src/load/beginning.ts';
import { openInput } from '../../src/load/inputs.ts';
import { testNow } from '../support/clock.ts';
import { PROJECT_DIR } from '../support/product.ts';

const SHOPS = join(PROJECT_DIR, 'test', 'fixtures', 'shops');

/** Orders, revenue, refunds and pieces that are right; cancelled and unpaid orders are none. */
const RIGHT: Readonly<Record<string, string>> = {
  'bigcommerce.csv': '2 orders, 75.30, 4 pieces',
  'bigcommerce.json': '2 orders, 75.30, 4 pieces',
  'ebay.csv': '2 orders, 65.30, 3 pieces',
  'ecwid.json': '2 orders, 75.30, 4 pieces',
  'english-lines.csv': '2 orders, 65.50, 4 pieces',
  'etsy-items.csv': '2 orders, 65.50, 4 pieces',
  'etsy-orders.csv': '2 orders, 75.30, 4 pieces',
  'french-lines.csv': '1 orders, 20.00, 2 pieces',
  'french-orders.csv': '2 orders, 75.30, 4 pieces',
  'german-lines.csv': '2 orders, 30.00, 3 pieces',
  'german-order-lines.csv': '2 orders, 75.30, 4 pieces',
  'german-orders.csv': '2 orders, 1075.30, 4 pieces',
  'german-payment-status.csv': '1 orders, 55.50, 3 pieces',
  'items-count.csv': '2 orders, 75.30, 4 pieces',
  'klarna.json': '1 orders, 60.40, 3 pieces',
  'lightspeed.csv': '2 orders, 75.30, 4 pieces',
  'magento.csv': '2 orders, 75.30, 2 pieces',
  'mollie.json': '1 orders, 60.40, 1 pieces',
  'nested.json': '2 orders, 75.30, 4 pieces',
  'opencart.csv': '2 orders, 75.30, 2 pieces',
  'opencart-table.csv': '2 orders, 75.30, 2 pieces',
  'paypal-orders.json': '2 orders, 75.30, 2 pieces',
  'paypal-beschreibung.csv': '2 orders, 75.30, 2 pieces, 10.00 refunded',
  'paypal.csv': '2 orders, 75.30, 3 pieces, 10.00 refunded',
  'plentymarkets.csv': '2 orders, 75.30, 2 pieces, 20.40 refunded',
  'prestashop.csv': '2 orders, 75.30, 2 pieces',
  'shopify-graphql.json': '2 orders, 75.30, 4 pieces',
  'shopware5.csv': '2 orders, 75.30, 4 pieces',
  'spanish-lines.csv': '1 orders, 55.50, 3 pieces',
  'spanish-orders.csv': '1 orders, 60.40, 1 pieces',
  'square-items.csv': '1 orders, 50.00, 3 pieces, 35.50 refunded',
  'square-orders.json': '2 orders, 56.50, 3 pieces',
  'square-payments.json': '2 orders, 35.55, 2 pieces',
  'square-transactions.csv': '2 orders, 75.60, 2 pieces',
  'squarespace.csv': '2 orders, 75.30, 4 pieces',
  'squarespace.json': '2 orders, 75.30, 4 pieces',
  'stripe-payments.csv': '2 orders, 75.30, 2 pieces',
  'sumup.csv': '2 orders, 10.00, 4 pieces',
  'walmart.csv': '1 orders, 20.00, 2 pieces',
  'wix.csv': '2 orders, 75.30, 4 pieces',
  'woocommerce-analytics.csv': '2 orders, 65.50, 4 pieces',
  'woocommerce-list.csv': '2 orders, 75.30, 4 pieces',
  'woocommerce.csv': '2 orders, 75.30, 4 pieces',
};

interface Sale {
  readonly event_type: string;
  readonly order_id?: string;
  readonly amount?: string;
  readonly price?: string;
  readonly quantity?: string;
}

/** What the proposal for a file makes of it, in short. */
async function figuresOf(file: string): Promise<string> {
  const path = join(SHOPS, file);
  const decode = async (detecting: DetectOptions) =>
    firstPieces(await openInput(path, file, detecting, { readParquet, formats: FORMATS }), 1000);
  const guess = await guessMapping({ decode, timeZone: 'UTC', now: testNow });
  assert.equal(guess?.preset, null, `${file}: no preset was made for it`);
  assert.ok(guess.proposal, `${file}: a mapping is needed`);
  assert.deepEqual(guess.doubts, [], file);
  const mapper = mapperOf(compileMapping('proposal', mappingSchema.parse(parse(guess.proposal))));
  const { decoded } = await mapper.map(await decode(mapper.detecting));
  const validator = new LineValidator({
    normalizer: new Normalizer({ time_zone: 'UTC', ...mapper.settings }),
    timeZone: 'UTC',
    lineBytesMax: 1 << 20,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now: testNow,
  });
  const { bytes, rejected, tally } = validator.validate(decoded, new Observer({ zone: 'UTC' }));
  const codes = tally.list().map(({ code }) => code);
  assert.ok(!codes.includes('total_and_lines'), `${file}: the amounts are those of the lines`);
  assert.equal(rejected, 0, file);
  const lines = Buffer.concat(bytes).toString().trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as Sale);
  const money = ({ amount, price, quantity = '1' }: Sale) =>
    Math.abs(Number(amount ?? Number(price) * Number(quantity)));
  const of = (type: string) => events.filter(({ event_type }) => event_type === type);
  const sum = (type: string) => of(type).reduce((total, sale) => total + money(sale), 0);
  const pieces = of('purchase').reduce((total, { quantity = '1' }) => total + Number(quantity), 0);
  const orders = new Set(of('purchase').map((sale) => sale.order_id));
  assert.ok(!orders.has(undefined), `${file}: each sale has its order`);
  const refunded = sum('refund');
  return `${orders.size} orders, ${sum('purchase').toFixed(2)}, ${pieces} pieces${refunded === 0 ? '' : `, ${refunded.toFixed(2)} refunded`}`;
}

test('of exports of other systems a mapping is proposed that gives the right figures', async () => {
  const found: Record<string, string> = {};
  for (const file of readdirSync(SHOPS)) found[file] = await figuresOf(file);
  assert.deepEqual(found, RIGHT);
});
