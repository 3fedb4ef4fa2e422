/** rsyslog and syslog-ng of Debian send events as the view of the sources says it: all arrive and count once, also those of an outage. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Snippet } from '../../src/api/sources/snippet-text.ts';
import { testNow } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { type Shipper, startRsyslog, startSyslogNg } from '../support/shippers.ts';

const KEYS = { shop: 'shop-key-0123456789', owner: 'owner-key-0123456789' };
const dataDir = temporaryDir();
/** The file that rsyslog writes and Tillstream follows. */
const file = join(temporaryDir(), 'shop.ndjson');
let product: Product;
let port = 0;
const start = () =>
  startProduct({
    dataDir,
    env: { TILLSTREAM_PORT: String(port) },
    config: {
      batch: { archive_every_ms: 200 },
      sources: [
        {
          kind: 'http',
          api_keys: [
            { name: 'shop', key: KEYS.shop, scopes: ['write'] },
            { name: 'owner', key: KEYS.owner, scopes: ['read', 'admin'] },
          ],
        },
        { kind: 'tail', name: 'rsyslog', path: file },
      ],
    },
  });
before(async () => {
  product = await start();
  port = product.port;
});
after(() => product?.stop());

/** The texts to copy for a way, with the key in place of its name. */
async function snippetsOf(name: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${KEYS.owner}` };
  const { json } = await product.request<{ ways: { name: string; snippets: Snippet[] }[] }>(
    'GET',
    `/v1/ways?address=${product.url}`,
    { headers },
  );
  const { snippets } = json.ways.find((way) => way.name === name)!;
  return snippets.map(({ text }) => text.replace('SHOP_KEY', KEYS.shop));
}

const events = (name: string, from: number, count: number) =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      timestamp: new Date(testNow()).toISOString(),
      event_type: 'purchase',
      order_id: `${name}-${from + n}`,
      amount: '39.80',
      currency: 'EUR',
      product_name: 'Schuh "für" Läufer \\ 🏃',
    }),
  );
const orders = async () => {
  await product.settled();
  const { json } = await product.request<{ total: { orders: number; revenue: string }[] }>(
    'GET',
    '/v1/metrics/revenue?window=1d&from=2020-01-01&to=2030-01-01&total=true',
    { headers: { authorization: `Bearer ${KEYS.owner}` } },
  );
  return json.total[0]?.orders ?? 0;
};

/** Sends, waits for all, and sends more while Tillstream is away for a moment. */
async function outlive(shipper: Shipper, name: string): Promise<void> {
  try {
    const before = await orders();
    await shipper.log(events(name, 0, 250));
    await until(async () => (await orders()) >= before + 250, `${name}: ${shipper.output()}`, 30_000);
    await product.stop();
    await shipper.log(events(name, 250, 50));
    product = await start();
    await until(async () => (await orders()) >= before + 300, `${name}: ${shipper.output()}`, 90_000);
    const ledger = await product.settled();
    assert.equal(await orders(), before + 300);
    assert.equal(ledger.archive.bad_rows, 0);
    assert.ok(ledger.balanced);
  } finally {
    await shipper.stop();
  }
}

test('syslog-ng, by http()', async () => {
  const [config] = await snippetsOf('syslog-ng');
  await outlive(await startSyslogNg(await freePort(), config!), 'syslog-ng');
});

test('rsyslog, with a file that Tillstream follows', async () => {
  const [, config] = await snippetsOf('rsyslog');
  assert.match(config!, /omfile/);
  const lines = config!.replace('/var/log/shop.ndjson', file);
  await outlive(await startRsyslog(await freePort(), lines), 'rsyslog');
});
