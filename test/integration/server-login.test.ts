/** The login of the page, wrong keys, and how answers are sent. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { assertError } from '../support/answers.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';

const READ_KEY = 'read-key-0123456789';
const WRITE_KEY = 'write-key-0123456789';
let open: Product;
let locked: Product;
before(async () => {
  open = await startProduct({ dataDir: temporaryDir() });
  locked = await startProduct({
    dataDir: temporaryDir(),
    config: {
      sources: [
        {
          kind: 'http',
          host: '0.0.0.0',
          api_keys: [
            { name: 'page', key: READ_KEY, scopes: ['read'] },
            { name: 'shop', key: WRITE_KEY, scopes: ['write'] },
          ],
        },
      ],
    },
  });
});
after(() => Promise.all([open?.stop(), locked?.stop()]));

const login = (product: Product, key: unknown, headers = {}) =>
  product.request('POST', '/v1/login', { body: JSON.stringify({ key }), headers });
const session = (product: Product, headers = {}) => product.request('GET', '/v1/session', { headers });
const cookieOf = (answer: { headers: Headers }) => answer.headers.get('set-cookie')!.split(';')[0]!;

test('the page opens without a key, and no answer makes a browser ask for one by itself', async () => {
  const page = await locked.request('GET', '/', { headers: { accept: 'text/html' } });
  assert.equal(page.status, 200);
  assert.match(page.text, /<html/i);
  for (const path of ['/v1/status', '/v1/stream', '/metrics', '/v1/login']) {
    const answer = await locked.request(path === '/v1/login' ? 'POST' : 'GET', path, {
      headers: {},
      ...(path === '/v1/login' ? { body: '{"key":"no"}' } : {}),
    });
    assertError(answer, 401, 'unauthorized');
    assert.doesNotMatch(answer.headers.get('www-authenticate') ?? '', /basic/i);
  }
});

test('a login holds in all tabs until the logout, for the scopes of its key', async () => {
  assert.deepEqual((await session(locked)).json, { login_required: true, scope: null });
  const answer = await login(locked, READ_KEY);
  assert.equal(answer.status, 204, answer.text);
  const set = answer.headers.get('set-cookie')!;
  assert.match(set, /^tillstream_session=[^;]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
  assert.ok(!set.includes(READ_KEY));
  assert.match(
    (await login(locked, READ_KEY, { 'x-forwarded-proto': 'https' })).headers.get('set-cookie')!,
    /; Secure$/,
  );
  const headers = { cookie: `other=1; ${cookieOf(answer)}` };
  assert.deepEqual((await session(locked, headers)).json, { login_required: true, scope: 'read' });
  assert.equal((await locked.request('GET', '/v1/status', { headers })).status, 200);
  assertError(await locked.request('POST', '/v1/admin/compact', { headers }), 403, 'forbidden');
  assertError(await locked.send('{}', headers), 403, 'forbidden');
  const out = await locked.request('POST', '/v1/logout', { headers });
  assert.equal(out.status, 204);
  assert.match(out.headers.get('set-cookie')!, /^tillstream_session=; Path=\/; Max-Age=0;/);
});

test('a session that was made up, changed or is of another key is refused', async () => {
  const real = cookieOf(await login(locked, READ_KEY));
  const [name, value = ''] = real.split('=');
  const [until, nonce, signature] = value.split('.');
  const bad = [
    '',
    'x',
    '..',
    `${until}.${nonce}.`,
    `${Number(until) + 1}.${nonce}.${signature}`,
    `${until}.${nonce}.${signature}A`,
    `9999999999.x.${signature}`,
  ];
  for (const each of bad) {
    const headers = { cookie: `${name}=${each}` };
    assertError(await locked.request('GET', '/v1/status', { headers }), 401, 'unauthorized');
    assert.deepEqual((await session(locked, headers)).json, { login_required: true, scope: null });
  }
  const headers = { cookie: real, origin: 'https://evil.example' };
  assertError(await locked.request('GET', '/v1/status', { headers }), 403, 'forbidden');
  assertError(await login(locked, READ_KEY, { origin: 'https://evil.example' }), 403, 'forbidden');
});

test('logins that can’t work are distinguished in words', async () => {
  assertError(await login(locked, WRITE_KEY), 403, 'forbidden');
  for (const key of [undefined, 7, null]) assertError(await login(locked, key), 400, 'bad_json');
  assertError(await login(locked, 'x'.repeat(10_000)), 413, 'too_large');
  const wrong = await login(locked, 'wrong-key-0123456789');
  assertError(wrong, 401, 'unauthorized');
  assert.match(wrong.text, /not in the config/);
  assert.deepEqual((await session(open)).json, { login_required: false, scope: null });
  const free = await login(open, 'anything');
  assert.deepEqual([free.status, free.headers.get('set-cookie')], [204, null]);
});

test('many wrong keys are answered 429 and logged once; the right one still works', async () => {
  let limited = 0;
  for (let n = 0; n < 60; n++) {
    const headers = { authorization: `Bearer wrong-key-${n}-0123456789` };
    const answer =
      n % 2 ? await locked.request('GET', '/v1/status', { headers }) : await login(locked, `wrong-${n}`);
    if (answer.status === 429) {
      limited++;
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    } else assertError(answer, 401, 'unauthorized');
  }
  assert.ok(limited >= 30, `${limited}`);
  const headers = { authorization: `Bearer ${READ_KEY}` };
  assert.equal((await locked.request('GET', '/v1/status', { headers })).status, 200);
  assert.equal((await login(locked, READ_KEY)).status, 204);
  assert.ok(locked.output().split('a wrong API key was sent').length - 1 <= 2);
});

/** An answer as it is sent. */
function raw(path: string, encoding: string): Promise<{ headers: Record<string, unknown>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    get(`${open.url}${path}`, { headers: { 'accept-encoding': encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    }).on('error', reject);
  });
}

test('larger answers are compressed; the API is not cached, hashed files of the page are for good', async () => {
  const asset = /assets\/[\w.-]+\.js/.exec((await raw('/', 'identity')).body.toString())![0];
  for (const path of [`/${asset}`, '/openapi.json', '/v1/status']) {
    const plain = await raw(path, 'identity');
    assert.equal(plain.headers['content-encoding'], undefined);
    const [br, gzip] = [await raw(path, 'gzip, br'), await raw(path, 'gzip')];
    assert.deepEqual(
      [br.headers['content-encoding'], gzip.headers['content-encoding']],
      ['br', 'gzip'],
      path,
    );
    assert.ok(br.body.length < plain.body.length * 0.6, path);
    if (path === '/v1/status') continue;
    assert.ok(brotliDecompressSync(br.body).equals(plain.body) && gunzipSync(gzip.body).equals(plain.body));
  }
  assert.equal((await raw('/healthz', 'br')).headers['content-encoding'], undefined);
  assert.match(String((await raw(`/${asset}`, 'br')).headers['cache-control']), /immutable/);
  assert.equal((await raw('/', 'br')).headers['cache-control'], 'no-cache');
  for (const path of [
    '/v1/status',
    '/v1/ledger',
    '/v1/metrics/traffic',
    '/nothing',
    '/openapi.json',
    '/readyz',
  ])
    assert.equal((await raw(path, 'br')).headers['cache-control'], 'no-store', path);
});

test('the address of a server that listens everywhere is one that opens', async () => {
  const { json } = await locked.request<{ servers: { url: string }[] }>('GET', '/openapi.json');
  assert.deepEqual(json.servers, [{ url: `http://127.0.0.1:${locked.port}` }]);
});
