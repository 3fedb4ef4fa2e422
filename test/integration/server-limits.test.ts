/** Clients that send too much, too slowly, too often, or no proper HTTP. */
import assert from 'node:assert/strict';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertError, assertHealthy, assertNothingLeaks } from '../support/answers.ts';
import { type Answer, type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { rawRequest } from '../support/raw-http.ts';

const MIB = 1024 * 1024;
const CONNECTIONS_MAX = 40;
const CONFIG = {
  sources: [
    {
      kind: 'http',
      body_bytes_max: MIB,
      in_flight_bytes_max: 8 * MIB,
      connections_max: CONNECTIONS_MAX,
      header_timeout_seconds: 2,
      request_timeout_seconds: 3,
    },
  ],
  batch: { archive_every_ms: 100, metrics_every_ms: 50 },
};

let product: Product;
let host: string;
before(async () => {
  product = await startProduct({ dataDir: temporaryDir(), config: CONFIG });
  host = `Host: 127.0.0.1:${product.port}`;
});
after(() => product?.stop());

const LINE = '{"timestamp":1790000000000,"event_type":"view_product"}';

/** Sends a body without end, as fast as it is taken, until an answer comes. */
async function sendEndless(headers: Record<string, string>): Promise<{ answer: Answer; sentBytes: number }> {
  let sentBytes = 0;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const answer = await new Promise<Answer>((resolve, reject) => {
    const request: ClientRequest = httpRequest(
      { host: '127.0.0.1', port: product.port, method: 'POST', path: '/v1/events', headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          const status = response.statusCode!;
          resolve({ status, headers: new Headers(), text, json: JSON.parse(text) });
          request.destroy();
        });
      },
    );
    request.on('error', reject);
    const write = () => {
      while (!request.destroyed && sentBytes < 1024 * MIB) {
        sentBytes += chunk.length;
        if (!request.write(chunk)) return;
      }
    };
    request.on('drain', write);
    write();
  });
  return { answer, sentBytes };
}

test('a body of 1 GB is refused at once, and the client gets to read why', async () => {
  const before = product.memory();
  for (const headers of [{ 'content-length': String(1024 * MIB) }, { 'transfer-encoding': 'chunked' }]) {
    for (let round = 0; round < 5; round++) {
      const { answer, sentBytes } = await sendEndless(headers);
      assertError(answer, 413, 'too_large');
      assert.ok(sentBytes < 64 * MIB, `${sentBytes} bytes were taken`);
    }
  }
  assert.ok(product.memory() - before < 60 * MIB);
  await assertHealthy(product);
});

test('a client that declares much and sends little takes no capacity from others', async () => {
  const idle: Socket[] = [];
  for (let n = 0; n < 20; n++) {
    const socket = connect(product.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /v1/events HTTP/1.1\r\n${host}\r\ncontent-length: ${MIB}\r\n\r\n{`);
    idle.push(socket);
  }
  await sleep(100);
  for (let n = 0; n < 10; n++) assert.equal((await product.send(LINE)).status, 200);
  for (const socket of idle) socket.destroy();
  await assertHealthy(product);
});

test('headers and bodies of one byte at a time end at the time limit; others are served meanwhile', async () => {
  const drip = (start: string, rest: string) => (socket: Socket) => {
    socket.write(start);
    let at = 0;
    const timer = setInterval(() => socket.write(rest[at++ % rest.length]!), 100);
    socket.on('close', () => clearInterval(timer));
  };
  const slow = [
    rawRequest(product.port, drip('GET /healthz HTTP/1.1\r\n', 'x-y: z\r\n'), { msMax: 15_000 }),
    rawRequest(
      product.port,
      drip(`POST /v1/events HTTP/1.1\r\n${host}\r\ncontent-length: 1000\r\n\r\n`, LINE),
      { msMax: 15_000 },
    ),
    rawRequest(
      product.port,
      drip(`POST /v1/events HTTP/1.1\r\n${host}\r\ntransfer-encoding: chunked\r\n\r\n`, '1\r\nx\r\n'),
      {
        msMax: 15_000,
      },
    ),
    rawRequest(product.port, '', { msMax: 15_000 }),
  ];
  const worst: number[] = [];
  let done = false;
  const watch = (async () => {
    while (!done) {
      const at = performance.now();
      assert.equal((await product.send(LINE)).status, 200);
      worst.push(performance.now() - at);
      await sleep(50);
    }
  })();
  const answers = await Promise.all(slow);
  done = true;
  await watch;
  for (const [index, { closed, text, statuses, ms }] of answers.entries()) {
    assert.ok(closed && ms < 12_000, `${index}: ${ms} ms, ${text}`);
    if (index < 3) assert.deepEqual(statuses, [408], text);
    assertNothingLeaks(text);
  }
  assert.ok(Math.max(...worst) < 1000, `an honest client waited ${Math.max(...worst)} ms`);
  await assertHealthy(product);
});

test('connections beyond the limit are closed, and room is free again when others go', async () => {
  const open: Socket[] = [];
  let closed = 0;
  for (let n = 0; n < CONNECTIONS_MAX + 30; n++) {
    const socket = connect(product.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => {
      closed++;
    });
    open.push(socket);
  }
  await until(() => closed >= 30, 'connections over the limit are closed', 3000);
  for (const socket of open) socket.destroy();
  await until(
    async () => (await product.request('GET', '/healthz').catch(() => null))?.status === 200,
    'room again',
  );
  await assertHealthy(product);
});

test('requests that two readers could understand differently are refused, with one answer and a closed connection', async () => {
  const post = `POST /v1/events HTTP/1.1\r\n${host}\r\n`;
  const smuggled = `GET /v1/status HTTP/1.1\r\n${host}\r\n\r\n`;
  const corpus: Record<string, string> = {
    'length and chunked': `${post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked and length': `${post}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
    'two lengths': `${post}content-length: 0\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`,
    'two equal lengths': `${post}content-length: 3\r\ncontent-length: 3\r\n\r\nabc${smuggled}`,
    'list of lengths': `${post}content-length: 0, ${smuggled.length}\r\n\r\n${smuggled}`,
    'signed length': `${post}content-length: +3\r\n\r\nabc`,
    'negative length': `${post}content-length: -3\r\n\r\nabc`,
    'length with junk': `${post}content-length: 3x\r\n\r\nabc`,
    'bare line feed': `POST /v1/events HTTP/1.1\n${host}\ncontent-length: 0\n\n${smuggled}`,
    'bare line feed in headers': `${post}x: y\ncontent-length: 0\r\n\r\n${smuggled}`,
    'bare return': `${post}x: y\rcontent-length: 0\r\n\r\n${smuggled}`,
    'space before colon': `${post}content-length : 0\r\n\r\n${smuggled}`,
    'folded header': `${post}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked twice': `${post}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
    'unknown coding': `${post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked first': `${post}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    'bad chunk size': `${post}transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n${smuggled}`,
    'huge chunk size': `${post}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc`,
    'chunk ends wrong': `${post}transfer-encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n${smuggled}`,
    'chunk ended by a line feed': `${post}transfer-encoding: chunked\r\n\r\n3\nabc\n0\n\n${smuggled}`,
    'no host': 'GET /healthz HTTP/1.1\r\n\r\n',
    'two hosts': `GET /v1/status HTTP/1.1\r\n${host}\r\nHost: evil.example\r\n\r\n`,
    'zero byte in a header': `GET /healthz HTTP/1.1\r\n${host}\r\nx: a\0b\r\n\r\n`,
    'unknown version': `GET /healthz HTTP/9.9\r\n${host}\r\n\r\n`,
    'not HTTP': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  };
  const before = (await product.ledger()).received;
  for (const [name, bytes] of Object.entries(corpus)) {
    // These two are whole requests: the connection is as good as before.
    const mayStay = name === 'no host' || name === 'two hosts';
    const { statuses, text, closed } = await rawRequest(product.port, bytes, { msMax: mayStay ? 300 : 6000 });
    assert.equal(statuses.length, 1, `${name}: ${statuses.length} answers\n${text}`);
    assert.equal(statuses[0], 400, `${name}\n${text}`);
    assert.ok(closed || mayStay, `${name}: the connection stays open`);
    assert.match(text, /"error":\{"code":"bad_request"/, name);
    assertNothingLeaks(text);
  }
  assert.equal((await product.ledger()).received, before, 'nothing of it was stored');
  await assertHealthy(product);
});

test('oversized addresses and headers are refused', async () => {
  const long = 'x'.repeat(64 * 1024);
  const cases = [
    `GET /${long} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET /v1/metrics/traffic?from=${long} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}\r\nx-long: ${long}\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}\r\n${'x: y\r\n'.repeat(9000)}\r\n`,
  ];
  for (const bytes of cases) {
    const { statuses, text } = await rawRequest(product.port, bytes);
    assert.deepEqual(statuses, [413], text.slice(0, 300));
    assert.match(text, /"code":"too_large"/);
  }
  await assertHealthy(product);
});

test('a client that disconnects in the middle leaves nothing behind', async () => {
  const before = (await product.ledger()).received;
  for (const body of [
    `content-length: 1000\r\n\r\n${LINE}`,
    `transfer-encoding: chunked\r\n\r\n${LINE.length.toString(16)}\r\n${LINE}\r\n`,
  ]) {
    for (let n = 0; n < 20; n++) {
      const socket = connect(product.port, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => socket.write(`POST /v1/events HTTP/1.1\r\n${host}\r\n${body}`, resolve));
      socket.destroy();
    }
  }
  await assertHealthy(product);
  assert.equal((await product.ledger()).received, before + 1, 'half a request was stored');
});

test('many requests on one connection, one after the other without waiting, are answered in order', async () => {
  const one = `POST /v1/events HTTP/1.1\r\n${host}\r\ncontent-length: ${LINE.length}\r\n\r\n${LINE}`;
  const last = `GET /nothing-here HTTP/1.1\r\n${host}\r\nconnection: close\r\n\r\n`;
  const { statuses } = await rawRequest(product.port, one.repeat(50) + last, { msMax: 10_000 });
  assert.deepEqual(statuses, [...Array.from({ length: 50 }, () => 200), 404]);
});
