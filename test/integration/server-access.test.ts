/** Who may do what, and what the read side answers to questions that make no sense. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertError, assertHealthy, assertNothingLeaks } from '../support/answers.ts';
import { type Answer, type Product, startProduct, temporaryDir } from '../support/product.ts';
import { rawRequest } from '../support/raw-http.ts';

const WRITE_KEY = 'write-key-0123456789';
const READ_KEY = 'read-key-0123456789';
const ADMIN_KEY = 'admin-key-0123456789';
const SHOP = 'https://shop.example';
const KEYS = [
  { name: 'shop', key: '${WRITE_KEY}', scopes: ['write'] },
  { name: 'page', key: READ_KEY, scopes: ['read'] },
  { name: 'boss', key: ADMIN_KEY, scopes: ['read', 'write', 'admin'] },
];

let open: Product;
let locked: Product;
before(async () => {
  const http = { kind: 'http', cors_origins: [SHOP] };
  open = await startProduct({ dataDir: temporaryDir(), config: { sources: [http] } });
  locked = await startProduct({
    dataDir: temporaryDir(),
    config: { sources: [{ ...http, host: '0.0.0.0', api_keys: KEYS }] },
    env: { WRITE_KEY },
  });
});
after(() => Promise.all([open?.stop(), locked?.stop()]));

const LINE = '{"timestamp":1790000000000,"event_type":"view_product"}';
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`me:${key}`).toString('base64')}` });
const write = (headers: Record<string, string>): Promise<Answer> => locked.send(LINE, headers);
const read = (headers: Record<string, string>) => locked.request('GET', '/v1/ledger', { headers });
const admin = (headers: Record<string, string>) => locked.request('POST', '/v1/admin/compact', { headers });

test('without a key, with a wrong, empty or cut one: 401 and how to send one', async () => {
  const bad = [
    {},
    bearer('wrong-key-0123456789'),
    { authorization: 'Bearer ' },
    { authorization: '' },
    bearer(WRITE_KEY.slice(0, -1)),
    bearer(`${WRITE_KEY}x`),
    { authorization: WRITE_KEY },
    { authorization: `Digest ${WRITE_KEY}` },
    { authorization: 'Basic ????' },
    basic('wrong-key-0123456789'),
    bearer('x'.repeat(10_000)),
  ] as Record<string, string>[];
  for (const headers of bad) {
    // Many wrong keys in a row are answered 429.
    const isEmpty = Object.keys(headers).length === 0;
    for (const answer of [
      await write(headers),
      ...(isEmpty ? [await read(headers), await admin(headers)] : []),
    ]) {
      assertError(answer, 401, 'unauthorized');
      assert.ok(answer.headers.get('www-authenticate'));
      assert.doesNotMatch(answer.text, /key-0123456789/);
    }
  }
  for (const path of ['/v1/status', '/v1/bad', '/v1/metrics/traffic', '/v1/stream', '/v1/tap', '/metrics']) {
    assert.equal((await locked.request('GET', path, { headers: {} })).status, 401, path);
  }
});

test('a key is good for its scopes only', async () => {
  assert.equal((await write(bearer(WRITE_KEY))).status, 200);
  assert.equal((await read(bearer(READ_KEY))).status, 200);
  assert.equal((await read(basic(READ_KEY))).status, 200);
  assert.equal((await admin(bearer(ADMIN_KEY))).status, 200);
  for (const answer of [
    await write(bearer(READ_KEY)),
    await read(bearer(WRITE_KEY)),
    await admin(bearer(READ_KEY)),
  ]) {
    assertError(answer, 403, 'forbidden');
  }
  assertError(await write({ ...bearer(WRITE_KEY), 'x-tillstream-source': 'load' }), 403, 'forbidden');
});

test('a body is not read before the key is known to be good', async () => {
  const { statuses } = await rawRequest(
    locked.port,
    'POST /v1/events HTTP/1.1\r\nHost: x\r\ncontent-length: 1000000\r\n\r\n',
    { untilText: /\r\n\r\n\{/, msMax: 3000 },
  );
  assert.deepEqual(statuses, [401]);
});

test('a header that comes twice is refused, whatever it says', async () => {
  const auth = `authorization: Bearer ${READ_KEY}\r\n`;
  const { statuses, text } = await rawRequest(
    locked.port,
    `GET /v1/ledger HTTP/1.1\r\nHost: x\r\n${auth}authorization: Bearer nope\r\nconnection: close\r\n\r\n`,
  );
  assert.deepEqual(statuses, [400], text);
});

test('web pages of others: neither by their origin nor by a name for this machine', async () => {
  const post = (headers: Record<string, string>) => open.send(LINE, headers);
  assertError(await post({ origin: 'https://evil.example' }), 403, 'forbidden');
  assertError(await post({ origin: 'null' }), 403, 'forbidden');
  const allowed = await post({ origin: SHOP });
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers.get('access-control-allow-origin'), SHOP);
  assert.equal((await post({ origin: open.url })).status, 200);
  assertError(await open.request('GET', '/v1/ledger', { headers: { origin: SHOP } }), 403, 'forbidden');
  const preflight = (origin: string) => open.request('OPTIONS', '/v1/events', { headers: { origin } });
  assert.equal((await preflight(SHOP)).headers.get('access-control-allow-origin'), SHOP);
  assert.equal((await preflight('https://evil.example')).headers.get('access-control-allow-origin'), null);
  for (const host of ['evil.example', `evil.example:${open.port}`, '127.0.0.1.evil.example', '']) {
    const { statuses, text } = await rawRequest(
      open.port,
      `GET /v1/status HTTP/1.1\r\nHost: ${host}\r\nconnection: close\r\n\r\n`,
    );
    assert.deepEqual(statuses, [403], `${host}: ${text}`);
    assertNothingLeaks(text);
  }
  for (const host of ['LOCALHOST', `localhost:${open.port}`, '[::1]:80']) {
    const { statuses } = await rawRequest(
      open.port,
      `GET /v1/status HTTP/1.1\r\nHost: ${host}\r\nconnection: close\r\n\r\n`,
    );
    assert.deepEqual(statuses, [200], host);
  }
});

test('questions that make no sense get a clear answer', async () => {
  const metric = '/v1/metrics/traffic';
  const cases: [path: string, status: number, code: string][] = [
    ['/v1/metrics/nope', 404, 'unknown_metric'],
    ['/v1/metrics/__proto__', 404, 'unknown_metric'],
    [`/v1/metrics/${encodeURIComponent("traffic'; DROP TABLE engine; --")}`, 404, 'unknown_metric'],
    [`${metric}?window=2m`, 400, 'bad_window'],
    [`${metric}?window=`, 400, 'bad_window'],
    [`${metric}?window=1m&window=1h`, 400, 'bad_request'],
    ['/v1/metrics/funnel?window=1m', 400, 'bad_window'],
    [`${metric}?from=yesterday`, 400, 'bad_range'],
    [`${metric}?from=`, 400, 'bad_range'],
    [`${metric}?from=2026-02-01&to=2026-01-01`, 400, 'bad_range'],
    [`${metric}?from=2026-13-77`, 400, 'bad_range'],
    [`${metric}?from=1970-01-01&to=2026-01-01&window=1m`, 400, 'bad_range'],
    [`${metric}?from=1&from=2`, 400, 'bad_request'],
    [`${metric}?top=0&total=true`, 400, 'bad_request'],
    [`${metric}?top=-1`, 400, 'bad_request'],
    [`${metric}?top=1e9`, 400, 'bad_request'],
    [`${metric}?top=1.5`, 400, 'bad_request'],
    [`${metric}?total=maybe`, 400, 'bad_request'],
    [`${metric}?windows=1m`, 400, 'bad_request'],
    ['/v1/bad?limit=0', 400, 'bad_request'],
    ['/v1/bad?limit=1001', 400, 'bad_request'],
    ['/v1/bad?limit=ten', 400, 'bad_request'],
    ['/v1/bad?reason=a&reason=b', 400, 'bad_request'],
    ['/v1/nothing', 404, 'not_found'],
    ['/nothing.html', 404, 'not_found'],
    ['/..%2f..%2fpackage.json', 404, 'not_found'],
    ['/%2e%2e/%2e%2e/etc/passwd', 404, 'not_found'],
    ['/%zz', 400, 'bad_request'],
    [`/v1/metrics/${'x'.repeat(300)}`, 404, 'not_found'],
  ];
  for (const [path, status, code] of cases) {
    const answer = await open.request('GET', path);
    assert.equal(answer.status, status, `${path}: ${answer.text}`);
    assertError(answer, status, code);
  }
  for (const [method, path, allow] of [
    ['DELETE', '/v1/events', 'OPTIONS, POST'],
    ['GET', '/v1/events?key=x', 'OPTIONS, POST'],
    ['PUT', '/v1/ledger', 'GET, HEAD'],
    ['POST', '/v1/metrics/traffic', 'GET, HEAD'],
    ['GET', '/v1/admin/compact', 'POST'],
    ['PATCH', '/v1/imports/some-id', 'DELETE, GET, HEAD'],
    ['HEAD', '/v1/pixel.gif', 'GET'],
    ['PATCH', '/', 'GET, HEAD'],
  ] as const) {
    const answer = await open.request(method, path);
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`);
    if (method !== 'HEAD') assertError(answer, 405, 'method_not_allowed');
  }
  for (const [method, path] of [
    ['POST', '/v1/nothing'],
    ['PUT', '/assets/index.js'],
    ['DELETE', '/v1/events/1'],
  ] as const)
    assertError(await open.request(method, path), 404, 'not_found');
  for (const query of ['retention_hours=', 'retention_hours=-1', 'retention_hours=x', 'hours=0']) {
    assertError(await open.request('POST', `/v1/admin/vacuum?${query}`), 400, 'bad_request');
  }
  assertError(await open.request('POST', '/v1/admin/rebuild?from=x'), 400, 'bad_range');
  const injected = await open.request('GET', `/v1/bad?reason=${encodeURIComponent("' OR 1=1 --")}`);
  assert.deepEqual(injected.json, { bad_rows: [] });
  await assertHealthy(open);
});

test('HEAD answers like GET, without a body', async () => {
  for (const path of ['/healthz', '/readyz', '/v1/ledger', '/metrics', '/openapi.json']) {
    const answer = await open.request('HEAD', path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.text, '');
  }
});

test('every answer carries the headers that keep a browser safe', async () => {
  for (const path of ['/', '/v1/ledger', '/nothing']) {
    const { headers } = await open.request('GET', path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('x-frame-options'), 'DENY', path);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'/, path);
  }
});

test('secrets are in no answer, no log line and no command line', async () => {
  const { readFileSync, readdirSync } = await import('node:fs');
  const secrets = [WRITE_KEY, READ_KEY, ADMIN_KEY, locked.token];
  const answers = [];
  for (const path of ['/v1/status', '/metrics', '/openapi.json', '/readyz', '/healthz', '/v1/ledger']) {
    answers.push((await locked.request('GET', path)).text);
  }
  const commandLines = readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1')] : [];
    } catch {
      return [];
    }
  });
  assert.ok(
    commandLines.some((line) => line.includes(locked.dataDir)),
    'the command line is seen at all',
  );
  for (const secret of secrets) {
    for (const text of [...answers, locked.output(), ...commandLines])
      assert.ok(!text.includes(secret), text.slice(0, 300));
  }
  await assertHealthy(locked);
});
