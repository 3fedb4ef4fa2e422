/** What a collector must answer to bad bodies: clearly, line by line, and go on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { assertError, assertHealthy, assertNothingLeaks } from '../support/answers.ts';
import { testNow } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CONFIG = {
  sources: [{ kind: 'http', body_bytes_max: MIB, decoded_bytes_max: 2 * MIB, in_flight_bytes_max: 8 * MIB }],
  batch: { archive_every_ms: 100, metrics_every_ms: 50 },
};

let product: Product;
before(async () => {
  product = await startProduct({ dataDir: temporaryDir(), config: CONFIG });
});
after(() => product?.stop());

const event = (id: string, more = '') =>
  `{"timestamp":${testNow()},"event_type":"view_product","event_id":"${id}"${more}}`;
const ndjson = { 'content-type': 'application/x-ndjson' };
const json = { 'content-type': 'application/json' };

async function assertSent(
  body: string | Uint8Array,
  headers: Record<string, string>,
  accepted: number,
  errors: [record: number, code: string][],
): Promise<void> {
  const answer = await product.send(body, headers);
  if (accepted === 0) assertError(answer, 422, 'nothing_accepted');
  else assert.equal(answer.status, 200, answer.text);
  const found = {
    accepted: answer.json.accepted,
    errors: answer.json.errors.map(({ record, code }) => [record, code]),
  };
  assert.deepEqual(found, { accepted, errors }, answer.text);
  assert.equal(answer.json.rejected, errors.length);
  assertNothingLeaks(answer.text);
}

test('garbage bytes are bad rows beside an event, and refused alone', async () => {
  const garbage = Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x0a, 0xc3, 0x28]);
  await assertSent(Buffer.concat([Buffer.from(`${event('beside')}\n`), garbage]), ndjson, 1, [
    [2, 'bad_record'],
    [3, 'not_utf8'],
  ]);
  await assertSent(`${event('one')}\nhello\nworld\n${event('two')}`, ndjson, 2, [
    [2, 'not_json'],
    [3, 'not_json'],
  ]);
  const { received } = await product.ledger();
  for (const body of [garbage, 'hello\nworld', Buffer.from('PK\u0003\u0004 a workbook')])
    assertError(await product.send(body, ndjson), 415, 'unsupported_format');
  await assertSent('{"hello":1}\n{"timestamp":"soon","event_type":"x"}', ndjson, 0, [
    [1, 'missing_field'],
    [2, 'bad_timestamp'],
  ]);
  assert.equal((await product.ledger()).received, received, 'nothing of them was stored');
  await assertSent('', ndjson, 0, []);
  await assertSent('\n\n\r\n', ndjson, 0, []);
  await assertHealthy(product);
});

test('a refused body says which field of which record, and with which value', async () => {
  const { text, json: answer } = await product.send(
    `[{"event_type":"x","timestamp":"31/12/2026"},{"event_type":"x","timestamp":""}]`,
    json,
  );
  const { error, errors } = answer as unknown as {
    error: { code: string; message: string };
    errors: object[];
  };
  assert.equal(error.code, 'nothing_accepted');
  assert.equal(
    error.message,
    '2 of 2 records are not events; nothing was stored. Record 1 (line 1): date_order (timestamp: 31/12/2026).',
  );
  assert.deepEqual(errors[0], {
    line: 1,
    record: 1,
    code: 'date_order',
    field: 'timestamp',
    example: '31/12/2026',
  });
  assert.match(text, /"record":2,"code":"missing_field","field":"timestamp","example":"\{/);
});

test('nesting, reserved names and long lines are checked line by line', async () => {
  const deep = `{"timestamp":1,"event_type":"x","a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  const long = event('long', `,"note":"${'x'.repeat(64 * KIB)}"`);
  const lines = [
    event('a'),
    deep,
    event('b', ',"__proto__":{"polluted":1}'),
    event('c', ',"\\u005f_proto__":{"polluted":1}'),
    event('d', ',"constructor":{"prototype":{"polluted":1}}'),
    long,
    event('e'),
  ];
  const answer = await product.send(lines.join('\n'), ndjson);
  assert.equal(answer.status, 200, answer.text);
  const codes = new Map(answer.json.errors.map(({ line, code }) => [line, code]));
  assert.equal(codes.get(2), 'too_deep');
  assert.equal(codes.get(6), 'line_too_long');
  // Names that would reach into JavaScript's own objects are unknown fields like any other: text that is kept.
  assert.deepEqual([...codes.keys()], [2, 6], answer.text);
  // One value that is all of the body, nested without end.
  const answerToDeep = await product.send('['.repeat(900 * KIB), json);
  assert.ok([415, 422].includes(answerToDeep.status), answerToDeep.text);
  assert.equal(answerToDeep.json.accepted ?? 0, 0);
  await assertHealthy(product);
});

test('arrays, single and pretty-printed objects, byte order marks and line ends', async () => {
  await assertSent(`[${event('f')},\n ${event('g')}]`, json, 2, []);
  await assertSent(`[${event('f')},3,"x",${event('g')},[]]`, json, 2, [
    [2, 'not_an_object'],
    [3, 'not_an_object'],
    [5, 'not_an_object'],
  ]);
  await assertSent(event('h'), json, 1, []);
  await assertSent(JSON.stringify(JSON.parse(event('i')), null, 2), json, 1, []);
  await assertSent(`\ufeff${event('j')}\r\n${event('k')}\r\n`, ndjson, 2, []);
  await assertSent(`\ufeff[${event('l')}]`, json, 1, []);
  await assertSent(`${event('m')}\n${event('n')}`, json, 2, []);
  await assertHealthy(product);
});

test('a body without any record is refused, unless it is an empty batch of CloudEvents', async () => {
  for (const body of ['[]', ' [ ]\n', '', '\n\n', '{"events":[]}']) {
    const answer = await product.send(body, json);
    assertError(answer, 422, 'nothing_accepted');
    assert.match(answer.text, /The body has no record/, JSON.stringify(body));
  }
  const one = await product.send('{}', json);
  assertError(one, 422, 'nothing_accepted');
  const batch = await product.send('[]', { 'content-type': 'application/cloudevents-batch+json' });
  assert.deepEqual([batch.status, batch.json.accepted], [200, 0], batch.text);
  const left = await product.request('POST', '/v1/events?map=segment', {
    body: '[{"type":"identify","messageId":"m1"}]',
    headers: json,
  });
  assert.equal(left.status, 200, 'the mapping left it out');
});

test('what does not belong to the array, and a torn line, is reported and kept', async () => {
  const second = await product.send(`[${event('o')}]\n[${event('p')}]`, json);
  assert.equal(second.status, 200, second.text);
  assert.equal(second.json.accepted + second.json.rejected, 2, second.text);
  assert.ok(second.json.rejected > 0 || second.json.accepted === 2, second.text);
  const torn = await product.send(`[${event('q')},${event('r').slice(0, -4)}`, json);
  assert.equal(torn.status, 200);
  assert.ok(torn.json.rejected > 0, torn.text);
  await assertSent(`${event('s')}\n${event('t').slice(0, 40)}`, ndjson, 1, [[2, 'not_json']]);
  await assertHealthy(product);
});

test('strict mode stores all or nothing', async () => {
  const before = (await product.ledger()).received;
  const path = '/v1/events?strict=true';
  const mixed = await product.request('POST', path, { body: `${event('u')}\nnope`, headers: ndjson });
  assertError(mixed, 422, 'lines_rejected');
  assert.deepEqual((mixed.json as { errors: unknown }).errors, [
    { line: 2, record: 2, code: 'not_json', example: 'nope' },
  ]);
  assert.equal((mixed.json as { accepted: number }).accepted, 0);
  assert.equal((await product.ledger()).received, before);
  assert.equal((await product.request('POST', path, { body: event('v'), headers: ndjson })).status, 200);
  for (const query of ['strict=1', 'strict', 'strict=true&strict=false', 'stict=true']) {
    assertError(
      await product.request('POST', `/v1/events?${query}`, { body: 'nope', headers: ndjson }),
      400,
      'bad_request',
    );
  }
  assert.equal((await product.ledger()).received, before + 1);
});

test('compressed bodies: several frames, broken, cut, unknown, nested', async () => {
  const send = (encoding: string, body: Uint8Array) =>
    product.send(body, { ...ndjson, 'content-encoding': encoding });
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const [first, second] = [compress(`${event('w')}\n`), compress(`${event('x')}\n`)];
    assert.equal((await send(encoding, first)).json.accepted, 1);
    assert.equal(
      (await send(encoding, Buffer.concat([first, second, first]))).json.accepted,
      3,
      `${encoding} in parts`,
    );
    assertError(await send(encoding, first.subarray(0, -3)), 400, 'bad_encoding');
    assertError(await send(encoding, Buffer.concat([first, Buffer.from('garbage')])), 400, 'bad_encoding');
    assertError(await send(encoding, Buffer.from('not compressed')), 400, 'bad_encoding');
    assertError(await send(encoding, Buffer.alloc(0)), 400, 'bad_encoding');
    const nested = await send(encoding, compress(compress(event('y'))));
    assert.equal(nested.status, 200);
    assert.equal(nested.json.accepted, 1, 'a compressed file that was sent compressed');
  }
  assertError(await send('compress', Buffer.from('x')), 415, 'unsupported_encoding');
  assertError(await send('gzip, gzip', Buffer.from('x')), 415, 'unsupported_encoding');
  assertError(await send('toString', Buffer.from('x')), 415, 'unsupported_encoding');
  await assertHealthy(product);
});

test('bombs end at the limit, with flat memory', async () => {
  const before = product.memory();
  const send = (encoding: string, body: Uint8Array) =>
    product.send(body, { ...ndjson, 'content-encoding': encoding });
  const bombs = { gzip: gzipSync(Buffer.alloc(500 * MIB)), zstd: zstdCompressSync(Buffer.alloc(500 * MIB)) };
  for (const [encoding, bomb] of Object.entries(bombs)) {
    const all = Array.from({ length: 20 }, () => send(encoding, bomb));
    for (const answer of await Promise.all(all)) {
      if (answer.status === 429) assertError(answer, 429, 'too_many_requests');
      else assertError(answer, 413, 'too_large');
    }
  }
  const frames = Buffer.concat(Array.from({ length: 5000 }, () => zstdCompressSync('')));
  assertError(await send('zstd', frames), 400, 'bad_encoding');
  const grown = product.memory() - before;
  assert.ok(grown < 150 * MIB, `memory grew by ${Math.round(grown / MIB)} MiB`);
  await assertHealthy(product);
});

test('each limit lets through what is just within it', async () => {
  const fill = (bytes: number) => {
    const lines = Array.from({ length: 10 }, (_, index) => event(`fill-${index}-${Math.random()}`));
    return `${lines.join('\n')}\n`.padEnd(bytes, ' ');
  };
  assert.equal((await product.send(fill(MIB), ndjson)).json.accepted, 10);
  assertError(await product.send(fill(MIB + 1), ndjson), 413, 'too_large');
  const zipped = (bytes: number) =>
    product.send(gzipSync(fill(bytes)), { ...ndjson, 'content-encoding': 'gzip' });
  assert.equal((await zipped(2 * MIB)).json.accepted, 10);
  assertError(await zipped(2 * MIB + 1), 413, 'too_large');
  const line = event('edge');
  const padded = (bytes: number) => `${line.slice(0, -1)}${' '.repeat(bytes - line.length)}}`;
  assert.equal((await product.send(padded(64 * KIB), ndjson)).json.accepted, 1);
  await assertSent(padded(64 * KIB + 1), ndjson, 0, [[1, 'line_too_long']]);
});

test('content types do not matter, and none is needed', async () => {
  for (const type of [
    'text/plain',
    'application/octet-stream',
    'application/json; charset=utf-8',
    'multipart/form-data',
  ]) {
    await assertSent(event('z'), { 'content-type': type }, 1, []);
  }
  await assertSent(Buffer.from(event('z')), {}, 1, []);
});

test('afterwards the ledger balances', async () => {
  const ledger = await product.settled();
  assert.ok(ledger.balanced, JSON.stringify(ledger));
  assert.ok(ledger.metrics.bad >= 5, JSON.stringify(ledger.metrics));
});
