import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import type { RawEvent } from '../../decode/batch.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { SinkError } from '../sink.ts';
import { influxConfigSchema } from './config.ts';
import { InfluxSink } from './sink.ts';

type Respond = (lines: string[]) => { status: number; error?: string };

const servers = new Set<ReturnType<typeof createServer>>();
after(() => {
  for (const server of servers) server.close();
});

/** A sink whose server answers each request as `respond` has it, and keeps the lines of those that it takes. */
async function sinkOf(respond: Respond) {
  const taken: string[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString('utf8');
    const lines = body.split('\n').filter((line) => line !== '');
    const { status, error } = respond(lines);
    if (status === 204) taken.push(...lines);
    response
      .writeHead(status, { connection: 'close' })
      .end(error === undefined ? '' : JSON.stringify({ error }));
  });
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const warnings: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn: (_fields, text) => warnings.push(text), error() {} };
  const sink = new InfluxSink({
    config: influxConfigSchema.parse({ url: `http://127.0.0.1:${port}`, database: 'shop' }),
    schemas: [],
    tagsFile: { read: async () => null, write: async () => {} },
    logger,
    now: () => 1_790_000_000_000,
  });
  return { sink, taken, warnings };
}

const event = (offset: number, userId = `u${offset}`): RawEvent => ({
  timeMs: 1_790_000_000_000,
  partition: 0,
  offset,
  line: 0,
  eventType: 'search',
  deviceType: null,
  statusCode: null,
  userId,
  productId: null,
  responseTime: null,
});

const write = (sink: InfluxSink, events: RawEvent[]) =>
  sink.writeEvents(
    (async function* () {
      yield events;
    })(),
    new AbortController().signal,
  );

test('points that the server can never take are left out and counted, wherever they are, and the rest is written', async () => {
  for (const error of [
    `unable to parse 'ecommerce_event ...': invalid field format`,
    'partial write: max key length exceeded: 70000 > 65535 dropped=1',
  ]) {
    for (const poisoned of [[0], [699], [0, 1, 350, 699], [12, 13, 14]]) {
      const { sink, taken, warnings } = await sinkOf((lines) =>
        lines.some((line) => line.includes('poison')) ? { status: 400, error } : { status: 204 },
      );
      const events = Array.from({ length: 700 }, (_, i) =>
        event(i, poisoned.includes(i) ? `poison${i}` : `u${i}`),
      );
      await write(sink, events);
      assert.equal(new Set(taken).size, 700 - poisoned.length);
      const { points, rejected_points: rejected } = sink.counters();
      assert.deepEqual([points, rejected], [700 - poisoned.length, poisoned.length]);
      assert.equal(warnings.length, 1, 'one message');
      assert.match(warnings[0]!, /can never accept this point/);
    }
  }
});

test('a request that is too large for the server is sent in smaller ones', async () => {
  const { sink, taken, warnings } = await sinkOf((lines) =>
    lines.length > 100 ? { status: 413, error: 'Request Entity Too Large' } : { status: 204 },
  );
  await write(
    sink,
    Array.from({ length: 4999 }, (_, i) => event(i)),
  );
  assert.equal(new Set(taken).size, 4999);
  assert.equal(sink.counters().rejected_points, 0);
  assert.deepEqual(warnings, []);
});

test('events that share a point do not hold up the others, and are reported once', async () => {
  const { sink, taken, warnings } = await sinkOf(() => ({ status: 204 }));
  // A million offsets later the places of a millisecond are used up.
  await write(sink, [event(5), event(6), event(1_000_005, 'later'), event(1_000_006, 'later'), event(7)]);
  assert.equal(taken.length, 3);
  assert.equal(taken.filter((line) => line.includes('user_id="later"')).length, 2, 'the later one stays');
  assert.equal(sink.counters().overwritten_points, 2);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /more than 1,000,000 events of one millisecond/);
});

test('points whose error a person can fix are not left out: the request fails and is retried', async () => {
  for (const [status, error] of [
    [
      400,
      'partial write: field type conflict: input field "a" is type float, already exists as type integer dropped=1',
    ],
    [400, 'partial write: max-series-per-database limit exceeded: (1000000) dropped=2'],
    [404, 'database not found: "shop"'],
    [401, 'authorization failed'],
    [500, 'timeout'],
  ] as const) {
    const { sink } = await sinkOf(() => ({ status, error }));
    await assert.rejects(write(sink, [event(1), event(2)]), SinkError);
    assert.equal(sink.counters().rejected_points, 0, error);
  }
});
