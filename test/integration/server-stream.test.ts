/** The live stream: what a client gets, gets again after a break, and what a slow one may cost. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { assertError, assertHealthy } from '../support/answers.ts';
import { testNow } from '../support/clock.ts';
import { EventStream } from '../support/event-stream.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { rawRequest } from '../support/raw-http.ts';

const CLIENTS_MAX = 12;
const CONFIG = {
  sources: [{ kind: 'http', stream_clients_max: CLIENTS_MAX }],
  batch: { archive_every_ms: 100, metrics_every_ms: 50 },
};

let product: Product;
before(async () => {
  product = await startProduct({ dataDir: temporaryDir(), config: CONFIG });
});
after(() => product?.stop());

let sent = 0;
async function send(count: number, type = 'view_product', timeMs = testNow()): Promise<void> {
  const lines = Array.from(
    { length: count },
    () =>
      `{"timestamp":${timeMs},"event_type":"${type}","event_id":"s${sent++}","user_id":"u${sent}","device_type":"mobile"}`,
  );
  assert.equal((await product.send(lines.join('\n'))).json.accepted, count);
}

/** The highest number of events that the points tell for a type in windows of a day. */
function dayEvents(stream: EventStream, type: string): number {
  const own = stream.points('traffic').filter((point) => point.window === '1d' && point.event_type === type);
  return Math.max(0, ...own.map((point) => Number(point.events)));
}

test('a client gets the changes that it requested, and nothing else', async () => {
  const all = await EventStream.open(`${product.url}/v1/stream`);
  const some = await EventStream.open(`${product.url}/v1/stream?metrics=traffic&windows=1d`);
  await send(5, 'checkout');
  await until(() => dayEvents(all, 'checkout') === 5 && dayEvents(some, 'checkout') === 5, 'points');
  assert.equal(all.events[0]!.event, 'hello');
  for (const { event, data } of some.events) {
    if (event !== 'points') continue;
    for (const point of data.points as { metric: string; window: string }[]) {
      assert.deepEqual([point.metric, point.window], ['traffic', '1d']);
    }
  }
  assert.ok(all.points('latency').length > 0 || all.points('audience').length > 0);
  await until(() => all.events.some(({ event }) => event === 'ledger'), 'the ledger');
  all.close();
  some.close();
});

test('after a break it gets what it missed, even if many changes happen at that moment', async () => {
  const first = await EventStream.open(`${product.url}/v1/stream?metrics=traffic`);
  await send(3, 'purchase');
  await until(() => dayEvents(first, 'purchase') === 3, 'points before the break');
  const { lastId } = first;
  first.close();
  await send(4, 'purchase');
  await product.settled();
  // Without pause: whatever changes between its question and its place among the clients must not fall through.
  for (let round = 0; round < 10; round++) {
    const sending = send(2, 'purchase');
    const again = await EventStream.open(`${product.url}/v1/stream?metrics=traffic`, {
      'last-event-id': lastId,
    });
    await sending;
    const total = 7 + (round + 1) * 2;
    await until(() => dayEvents(again, 'purchase') === total, `round ${round}: ${total} events`);
    assert.equal(again.events.filter(({ event }) => event === 'reset').length, 0);
    again.close();
  }
});

test('after an id that is unknown or too old, it must load again', async () => {
  const ahead = await EventStream.open(`${product.url}/v1/stream`, { 'last-event-id': '999999999999999' });
  await until(() => ahead.events.length > 0, 'an event');
  assert.equal(ahead.events[0]!.event, 'reset');
  ahead.close();
  for (const id of ['nonsense', '-1', '1e3', '']) {
    const odd = await EventStream.open(`${product.url}/v1/stream`, { 'last-event-id': id });
    await until(() => odd.events.length > 0, 'an event');
    assert.equal(odd.events[0]!.event, 'hello');
    odd.close();
  }
});

test('a client that was away for very long loads again, and holds up no other', async () => {
  const live = await EventStream.open(`${product.url}/v1/stream?metrics=traffic`);
  const products = Array.from(
    { length: 25_000 },
    (_, n) => `{"timestamp":${testNow()},"event_type":"view_product","product_id":"far${n}"}`,
  );
  assert.equal((await product.send(products.join('\n'))).json.accepted, products.length);
  await product.settled();
  const far = await EventStream.open(`${product.url}/v1/stream?metrics=products`, { 'last-event-id': '0' });
  await until(() => far.events.some(({ event }) => event === 'reset'), 'it is told to load again');
  assert.equal(far.points('products').length, 0, 'and gets none of the points that it missed');
  const before = dayEvents(live, 'refund');
  await send(2, 'refund');
  await until(() => dayEvents(live, 'refund') === before + 2, 'the other goes on');
  far.close();
  live.close();
});

test('parameters are checked, HEAD opens nothing, and there is a limit', async () => {
  assertError(await product.request('GET', '/v1/stream?metrics=nope'), 404, 'unknown_metric');
  assertError(await product.request('GET', '/v1/stream?windows=2m'), 400, 'bad_window');
  assertError(await product.request('GET', '/v1/stream?metrics=traffic&metrics=latency'), 400, 'bad_request');
  assertError(await product.request('GET', '/v1/tap?x=1'), 400, 'bad_request');
  for (const path of ['/v1/stream', '/v1/tap']) {
    const { statuses } = await rawRequest(
      product.port,
      `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nconnection: close\r\n\r\n`,
    );
    assert.deepEqual(statuses, [405]);
  }
  const open: EventStream[] = [];
  for (let n = 0; n < CLIENTS_MAX; n++)
    open.push(await EventStream.open(`${product.url}/v1/${n % 2 ? 'stream' : 'tap'}`));
  const more = await product.request('GET', '/v1/stream');
  assertError(more, 429, 'too_many_requests');
  assert.ok(Number(more.headers.get('retry-after')) > 0);
  for (const stream of open) stream.close();
  await until(async () => {
    const stream = await EventStream.open(`${product.url}/v1/stream`);
    stream.close();
    return stream.response.statusCode === 200;
  }, 'room again');
});

test('a client that does not read is cut off; others continue', async () => {
  const socket = connect(product.port, '127.0.0.1');
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => {});
  socket.write('GET /v1/tap HTTP/1.1\r\nHost: localhost\r\n\r\n');
  socket.pause();
  const honest = await EventStream.open(`${product.url}/v1/stream?metrics=traffic&windows=1d`);
  const note = 'x'.repeat(2000);
  const body = Array.from(
    { length: 500 },
    () => `{"timestamp":${testNow()},"event_type":"search","note":"${note}"}`,
  ).join('\n');
  let rounds = 0;
  await until(
    async () => {
      assert.equal((await product.send(body)).status, 200);
      rounds++;
      // A paused socket does not see its end; a write to a connection that is gone does.
      socket.write('\r\n');
      return closed;
    },
    'the slow client is cut off',
    15_000,
  );
  await until(() => dayEvents(honest, 'search') === rounds * 500, 'the honest client hears all');
  honest.close();
  assert.ok(rounds < 60, `${rounds} MB were kept for a client that does not read`);
  await assertHealthy(product);
});
