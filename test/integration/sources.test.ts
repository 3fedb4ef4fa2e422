/** The API of the view "Sources": what each source has brought, and texts to copy that work as they are. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import type { SourceReport } from '../../src/api/sources/report.ts';
import type { Snippet } from '../../src/api/sources/snippet-text.ts';
import { CONFIG_SCHEMA } from '../../src/app/config/schema.ts';
import { assertError } from '../support/answers.ts';
import { testNow, useRealClock } from '../support/clock.ts';
import { PROJECT_DIR, type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const run = promisify(execFile);
const KEYS = { owner: 'owner-key-0123456789', pages: 'pages-key-0123456789' };
const SECRET = 'hook-secret-0123456789';
// The commands say what time it is.
useRealClock();

interface Ways {
  address: string;
  keys: string[] | null;
  ways: {
    name: string;
    addresses: string[];
    key: { where: string; name: string | null; variable: string } | null;
    docs: string;
    snippets: Snippet[];
    steps: string;
  }[];
}

const http = {
  kind: 'http',
  api_keys: [
    { name: 'owner', key: KEYS.owner, scopes: ['write', 'read', 'admin'] },
    { name: 'shop pages', key: KEYS.pages, scopes: ['write'] },
  ],
  hooks: [
    { name: 'shop', secret: SECRET },
    { name: 'shopify', map: 'shopify', secret: SECRET },
  ],
};
let product: Product;
let open: Product;
before(async () => {
  product = await startProduct({
    dataDir: temporaryDir(),
    config: {
      batch: { archive_every_ms: 200 },
      sources: [
        http,
        { kind: 'tail', name: 'nginx', path: join(temporaryDir(), 'access.log'), map: 'access-log' },
        { kind: 'poll', name: 'orders', url: 'http://user:geheim@127.0.0.1:9/orders?token=hidden-token' },
      ],
    },
  });
  open = await startProduct({ dataDir: temporaryDir(), config: { batch: { archive_every_ms: 200 } } });
});
after(async () => {
  await product?.stop();
  await open?.stop();
});

const reader = { authorization: `Bearer ${KEYS.owner}` };
const waysOf = async (of: Product, address = of.url) =>
  (
    await of.request<Ways>('GET', `/v1/ways?address=${encodeURIComponent(address)}`, {
      headers: reader,
    })
  ).json;
const sourcesOf = async (of: Product) => {
  const { json } = await of.request<{ started_at: string; sources: SourceReport[] }>('GET', '/v1/sources', {
    headers: reader,
  });
  return new Map(json.sources.map((source) => [source.name, source]));
};

/** Runs each of the texts, which send one event; then all of them have counted. */
async function runEach(
  of: Product,
  texts: readonly { name: string; text: string }[],
  program: (text: string) => [string, string[]],
): Promise<void> {
  const before = (await of.settled()).metrics;
  for (const { name, text } of texts) {
    const { received } = await of.ledger();
    const { stdout, stderr } = await run(...program(text), {
      cwd: PROJECT_DIR,
      env: { ...process.env, SHOP_PAGES_KEY: KEYS.pages, SHOP_SECRET: SECRET },
      timeout: 60_000,
    });
    assert.equal((await of.ledger()).received - received, 1, `${name}: ${stdout}${stderr}\n${text}`);
  }
  const now = (await of.settled()).metrics;
  assert.equal(now.counted - before.counted, texts.length);
  assert.deepEqual([now.bad, now.duplicate, now.excluded], [0, 0, 0]);
}

async function textsOf(of: Product, kind: string): Promise<{ name: string; text: string }[]> {
  const { ways } = await waysOf(of);
  return ways.flatMap(({ name, snippets }) =>
    snippets
      // That of browsers has a test of its own.
      .filter((snippet) => snippet.kind === kind && snippet.title !== 'Browser tracker')
      .map(({ title, text }) => ({ name: `${name}, ${title}`, text })),
  );
}

test('each command of curl sends one event as it is, which counts once', async () => {
  for (const each of [product, open]) {
    const texts = await textsOf(each, 'curl');
    assert.equal(texts.length, 9);
    // Without a config nobody has set up the webhook.
    const usable = each === open ? texts.filter(({ name }) => !name.startsWith('hook-own')) : texts;
    await runEach(each, usable, (text) => ['sh', ['-c', text]]);
  }
  const { ways } = (await sourcesOf(product)).get('http')!.activity!;
  assert.deepEqual(
    Object.entries(ways).map(([name, { accepted }]) => [name, accepted]),
    ['events', 'cloudevents', 'segment', 'ga4', 'posthog', 'snowplow', 'otlp', 'firehose'].map((name) => [
      name,
      1,
    ]),
  );
});

test('each program in JavaScript does what it says, with its real library', async () => {
  for (const each of [product, open]) {
    const texts = await textsOf(each, 'javascript');
    assert.equal(texts.length, 4);
    await runEach(each, texts, (text) => [process.execPath, ['--input-type=module', '--eval', text]]);
  }
});

test('a key in a body is kept neither in an event nor in a bad row', async () => {
  const body = (event: object) =>
    JSON.stringify({ api_key: KEYS.pages, properties: { token: KEYS.pages }, ...event });
  for (const event of [
    { event: 'Product Viewed', distinct_id: 'u1' },
    { event: 'x', timestamp: '31/12/2026' },
  ])
    await product.request('POST', '/i/v0/e/', { headers: {}, body: body(event) });
  await product.settled();
  const bad = await product.request('GET', '/v1/bad', { headers: reader });
  const sources = await product.request('GET', '/v1/sources', { headers: reader });
  assert.match(bad.text, /31.12.2026/);
  assert.doesNotMatch(bad.text + sources.text, new RegExp(KEYS.pages));
});

test('keys go by their names, and where none is needed, none is shown', async () => {
  const { ways, keys } = await waysOf(product, 'https://shop.example/till/');
  assert.deepEqual(keys, ['shop pages', 'owner']);
  const text = JSON.stringify([ways, [...(await sourcesOf(product)).values()]]);
  for (const secret of [...Object.values(KEYS), SECRET, 'geheim', 'hidden-token'])
    assert.ok(!text.includes(secret), secret);
  assert.ok(!text.includes('YOUR-HOST') && !text.includes('YOUR-KEY'));
  const script = ways.find(({ name }) => name === 'browser')!;
  assert.equal(script.key!.name, 'shop pages', 'the key that may only send');
  assert.equal(
    script.snippets[0]!.text,
    '<script src="https://shop.example/till/t.js" data-key="SHOP_PAGES_KEY" data-currency="EUR" async></script>',
  );
  const fluent = ways.find(({ name }) => name === 'fluent-bit')!.snippets[0]!.text;
  for (const part of [
    /host +shop\.example/,
    /port +443/,
    /tls +on/,
    /uri +\/till\/v1\/events\?map=fluent-bit/,
  ])
    assert.match(fluent, part);

  const without = await waysOf(open);
  assert.equal(without.keys, null);
  assert.ok(without.ways.every(({ key }) => key === null));
  const told = without.ways.filter(({ name }) => name !== 'poll').map(({ snippets }) => snippets);
  assert.ok(!/_KEY|Bearer/.test(JSON.stringify(told)));
});

test('texts of the config are valid, and pages of the documents are there', async () => {
  const { ways } = await waysOf(product);
  const names = new Set(ways.map(({ name }) => name));
  assert.equal(names.size, ways.length);
  for (const { name, docs, snippets } of ways) {
    const [file, anchor] = docs.split('#');
    assert.ok(existsSync(join(PROJECT_DIR, file!)), docs);
    const headings = [...readFileSync(join(PROJECT_DIR, file!), 'utf8').matchAll(/^#+ (.*)$/gm)].map(
      ([, title]) => title!.toLowerCase().replaceAll(' ', '-'),
    );
    if (anchor !== undefined) assert.ok(headings.includes(anchor), docs);
    for (const { kind, text } of snippets) {
      if (kind !== 'yaml') continue;
      const config = parse(text.replaceAll(/\$\{[A-Z_]+\}/g, SECRET)) as object;
      if ('sources' in config && name !== 'vector') CONFIG_SCHEMA.parse(config);
    }
  }
});

test('the latest events, rejected records with their reason, and refused requests are remembered', async () => {
  const before = (await sourcesOf(product)).get('http')!;
  const at = new Date(testNow()).toISOString();
  const body = [
    { timestamp: at, event_type: 'view_page', event_id: 'last-1' },
    { timestamp: '31/12/2026', event_type: 'view_page' },
    { timestamp: at, event_type: 'purchse', event_id: 'last-2' },
  ].map((line) => JSON.stringify(line));
  const headers = reader;
  await product.request('POST', '/v1/events', { headers, body: body.join('\n') });
  const refused = await product.request('POST', '/v1/events', {
    headers,
    body: '{"event_type":"view_page"}',
  });
  assert.equal(refused.status, 422);
  await product.settled();
  const isKnown = async () =>
    (await sourcesOf(product)).get('http')!.findings.some(({ code }) => code === 'unknown_event_type');
  // Findings are put together at most once a second.
  await until(isKnown, 'the finding about the event type');
  const now = (await sourcesOf(product)).get('http')!;
  assert.deepEqual(
    [now.received - before.received, now.counted - before.counted, now.bad_rows - before.bad_rows],
    [3, 2, 1],
  );
  const { latest_rejected: rejected, refused: count, reasons } = now.activity!;
  const { latest_events: events } = now;
  assert.deepEqual(
    events.slice(0, 2).map(({ event }) => (JSON.parse(event) as { event_id: string }).event_id),
    ['last-2', 'last-1'],
  );
  assert.deepEqual(
    rejected.slice(0, 2).map(({ reason, field }) => [reason, field]),
    [
      ['missing_field', 'timestamp'],
      ['date_order', 'timestamp'],
    ],
  );
  assert.equal(rejected[1]!.example, '31/12/2026');
  const { date_order = 0 } = before.activity!.reasons;
  assert.deepEqual([count, reasons], [1, { date_order: date_order + 1, missing_field: 1 }]);
  assert.ok(now.activity!.last_minute >= 3);
  // However much comes, little is kept.
  const many = Array.from({ length: 200 }, (_, n) =>
    JSON.stringify({ timestamp: at, event_type: 'view_page', event_id: `many-${n}`, url: 'x'.repeat(3000) }),
  );
  await product.request('POST', '/v1/events', { headers, body: many.join('\n') });
  const { latest_events: kept } = (await sourcesOf(product)).get('http')!;
  assert.deepEqual(
    kept.map(({ event }) => /many-\d+/.exec(event)![0]),
    ['many-199', 'many-198', 'many-197', 'many-196', 'many-195'],
  );
  assert.ok(kept.every(({ event }) => event.length <= 2001));
});

test('after a start the latest events come from the archive, and the answer shows that none came since', async () => {
  const dataDir = temporaryDir();
  const config = { batch: { archive_every_ms: 200 } };
  const first = await startProduct({ dataDir, config });
  const at = new Date(testNow()).toISOString();
  const events = Array.from({ length: 8 }, (_, n) => ({
    timestamp: at,
    event_type: 'view_page',
    event_id: `a-${n}`,
  }));
  await first.send(events.map((event) => JSON.stringify(event)).join('\n'));
  await first.settled();
  await first.stop();
  const second = await startProduct({ dataDir, config });
  try {
    const {
      latest_events: latest,
      last_received_at: last,
      activity,
      received,
    } = (await sourcesOf(second)).get('http')!;
    assert.deepEqual([received, activity], [8, null]);
    assert.deepEqual(
      latest.map(({ event }) => JSON.parse(event) as object),
      // The archive has times in microseconds.
      [7, 6, 5, 4, 3].map((n) => ({ ...events[n], timestamp: at.replace('Z', '000Z') })),
    );
    assert.equal(last, latest[0]!.received_at);
    assert.ok(Math.abs(Date.parse(last!) - testNow()) < 60_000);
  } finally {
    await second.stop();
  }
});

test('sources of the config are listed before they send, with what they read and their state', async () => {
  const sources = await sourcesOf(product);
  assert.deepEqual([...sources.keys()], ['http', 'shop', 'shopify', 'nginx', 'orders']);
  const never = sources.get('shopify')!;
  assert.deepEqual(
    [never.received, never.activity, never.of],
    [0, null, 'POST /v1/hooks/shopify, with signatures of shopify'],
  );
  assert.equal(sources.get('orders')!.of, 'http://127.0.0.1:9/orders');
  assert.equal(sources.get('nginx')!.state, 'waiting');
  assert.match(sources.get('nginx')!.message, /no file matches/);
});

test('requests without a valid key or signature are counted where they would have counted', async () => {
  const before = (await sourcesOf(product)).get('http')!.refused?.requests ?? 0;
  const wrong = { authorization: 'Bearer wrong-key-0123456789' };
  assert.equal((await product.request('POST', '/v1/track', { headers: wrong, body: '{}' })).status, 401);
  assert.equal((await product.request('POST', '/v1/events', { headers: {}, body: '{}' })).status, 401);
  const forged = await product.request('POST', '/v1/hooks/shop?secret=wrong', { body: '{}' });
  assertError(forged, 401, 'not_signed');
  const now = await sourcesOf(product);
  assert.deepEqual([now.get('http')!.refused!.requests, now.get('shop')!.refused!.requests], [before + 2, 1]);
  assert.equal(now.get('shopify')!.refused, null);
});

test('a request without the right to read gets nothing, and an invalid address is refused', async () => {
  for (const path of ['/v1/sources', '/v1/ways']) {
    assertError(await product.request('GET', path, { headers: {} }), 401, 'unauthorized');
    const pages = { authorization: `Bearer ${KEYS.pages}` };
    assertError(await product.request('GET', path, { headers: pages }), 403, 'forbidden');
  }
  for (const address of [
    'shop.example',
    'ftp://x',
    'https://x/$(id)',
    "https://x/'",
    'https://x y',
    `https://${'x'.repeat(600)}`,
  ])
    assertError(
      await product.request('GET', `/v1/ways?address=${encodeURIComponent(address)}`, { headers: reader }),
      400,
      'bad_request',
    );
});
