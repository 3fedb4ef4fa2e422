import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { AppendError } from '../../log/event-log.ts';
import { until } from '../fake-context.ts';
import { pollOptionsSchema } from './config.ts';
import { json, pollBench } from './fake-servers.ts';
import { SeenEntries } from './seen-entries.ts';

const EVENT = (n: number) => `{"event_type":"view_page","timestamp":"2026-11-01T10:00:00Z","n":${n}}`;
const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => EVENT(from + i));
const array = (entries: readonly string[]) => `[${entries.join(',')}]`;
const queryOf = ({ url }: IncomingMessage) => new URL(url!, 'http://x').searchParams;
/** No log API: only the list itself. */
const LIST = { cursor_parameter: 'after' };

test('a plain list counts each entry once, also after a restart, and equal ones as often as they are there', async (t) => {
  const { context, serve, start, stateDir } = pollBench(t);
  let list = [EVENT(0), EVENT(1), EVENT(1)];
  const url = await serve((_, response) => json(response, array(list)));
  const first = start(url, LIST);
  await until(() => first.status().counters.polls! >= 3, 'some polls');
  assert.deepEqual(context.lines, list);
  assert.ok(first.status().counters.repeated! >= 3);
  await first.stop();
  list = [EVENT(1), EVENT(1), EVENT(1), EVENT(2)];
  const second = start(url, LIST);
  await until(() => second.status().counters.polls! >= 3, 'more polls');
  // While it runs its state may be in the middle of being written.
  await second.stop();
  assert.deepEqual(context.lines, [EVENT(0), EVENT(1), EVENT(1), EVENT(1), EVENT(2)]);
  // Entries without an id get one from their content; equal ones get different ones.
  const ids = context.inputs.flatMap(({ ids: given }) => given as string[]);
  assert.equal(new Set(ids).size, 5);
  assert.equal(readdirSync(stateDir).length, 1);
});

test('stopped between the log and the state: the entries come again with the same ids', async (t) => {
  const { context, serve, start } = pollBench(t);
  const url = await serve((_, response) => json(response, array(events(0, 4))));
  const { ingest } = context;
  const stuck = Promise.withResolvers<void>();
  context.ingest = async (input) => {
    await ingest(input);
    await stuck.promise;
    throw new AppendError('log_closed', 'closed', 60);
  };
  const killed = start(url, LIST);
  await until(() => context.lines.length === 4, 'the entries');
  context.ingest = ingest;
  start(url, LIST);
  await until(() => context.lines.length === 8, 'them again');
  const [before, after] = context.inputs.map(({ ids }) => ids);
  assert.deepEqual(after, before);
  const stopped = killed.stop();
  stuck.resolve();
  await stopped;
});

test('pages by Link, by an address or a cursor in a member, relative and absolute, to the end and once each', async (t) => {
  const ways: Record<string, (origin: string, page: number) => { headers?: object; next?: unknown }> = {
    'link header': (origin, page) => ({
      headers: { link: `<${origin}?page=1>; rel="prev first", <${origin}?page=${page}>; rel=next` },
    }),
    'absolute address': (origin, page) => ({ next: `${origin}?page=${page}` }),
    'absolute address of a server behind a proxy': (origin, page) => ({
      next: `${origin.replace('http:', 'https:')}?page=${page}`,
    }),
    'relative address': (_, page) => ({ next: `/?page=${page}` }),
    'only the query': (_, page) => ({ next: `?page=${page}` }),
    cursor: (_, page) => ({ next: String(page) }),
    'a number': (_, page) => ({ next: page }),
  };
  for (const [way, next] of Object.entries(ways)) {
    const { context, serve, start } = pollBench(t);
    const url = await serve((request, response) => {
      const page = Number(queryOf(request).get('page') ?? 1);
      const isLast = page === 4;
      const { headers = {}, next: member = null } = isLast ? {} : next(url, page + 1);
      const data = events((page - 1) * 10, page * 10);
      const body = `{"data":{"orders":${array(data)}},"paging":{"next":${JSON.stringify(member)}}}`;
      json(response, body, headers as Record<string, string>);
    });
    const source = start(url, {
      entries: 'data.orders',
      cursor_parameter: 'page',
      next: way === 'link header' ? 'link' : 'paging.next',
    });
    await until(() => source.status().counters.polls! >= 9, `two rounds: ${way}`);
    await source.stop();
    assert.deepEqual(context.lines, events(0, 40), way);
    assert.equal(source.status().counters.faults, 0, way);
  }
});

test('a restart in the middle of the pages resumes at that page', async (t) => {
  const { context, serve, start } = pollBench(t);
  const asked: string[] = [];
  const url = await serve((request, response) => {
    const page = Number(queryOf(request).get('after') ?? 0);
    asked.push(String(page));
    json(response, `{"data":${array(events(page * 5, page * 5 + 5))},"next":${page < 3 ? page + 1 : null}}`);
  });
  context.beforeIngest = () => {
    if (context.lines.length === 10) throw new AppendError('log_busy', 'busy', 60);
  };
  const first = start(url, LIST);
  await until(() => first.status().state === 'waiting', 'the refusal');
  await first.stop();
  context.beforeIngest = () => {};
  asked.length = 0;
  start(url, LIST);
  await until(() => context.lines.length === 20, 'the rest');
  assert.equal(asked[0], '2');
  assert.deepEqual(context.lines, events(0, 20));
});

test('next pages on another server, or in a circle, are errors; keys are sent only to the server of url', async (t) => {
  const { context, serve, start } = pollBench(t);
  let asked = 0;
  const elsewhere = await serve((_, response) => {
    asked++;
    json(response, '[]');
  });
  const away = await serve((_, response) =>
    json(response, array(events(0, 1)), { link: `<${elsewhere}>; rel=next` }),
  );
  const leaving = start(away, { next: 'link', headers: { 'x-api-key': 'KEY-123456' } });
  await until(() => leaving.status().message.includes('not the server of url'), 'the fault');
  assert.equal(asked, 0);
  await leaving.stop();
  assert.equal(context.lines.length, 0);
  const circle = await serve((request, response) => {
    const page = Number(queryOf(request).get('after') ?? 1);
    json(response, `{"data":${array([EVENT(page)])},"next":${(page % 3) + 1}}`);
  });
  const turning = start(circle, LIST);
  await until(() => turning.status().counters.faults! >= 3, 'the fault');
  assert.match(turning.status().message, /already read/);
  assert.ok(context.lines.length <= 4, 'a circle is not counted round after round');
});

test('since: the latest time seen is sent as it was written, from the next round on', async (t) => {
  const { context, serve, start } = pollBench(t);
  const asked: (string | null)[] = [];
  const orders = [
    '{"id":1,"event_type":"purchase","meta":{"updated":"2026-11-02T10:00:00+01:00"}}',
    '{"id":2,"event_type":"purchase","meta":{"updated":"2026-11-02T09:30:00Z"}}',
  ];
  const url = await serve((request, response) => {
    asked.push(queryOf(request).get('updated_at_min'));
    json(response, `{"orders":${array(orders)}}`);
  });
  const since = { parameter: 'updated_at_min', field: 'meta.updated', start: '2026-01-01' };
  const source = start(url, { entries: 'orders', since });
  await until(() => asked.length >= 2, 'two polls');
  orders.push('{"id":3,"event_type":"purchase","meta":{"updated":"2026-11-03 00:00:00"}}');
  await until(() => context.lines.length === 3, 'the new order');
  await source.stop();
  asked.length = 0;
  start(url, { entries: 'orders', since });
  await until(() => asked.length >= 1, 'a poll after the restart');
  assert.equal(asked[0], '2026-11-03 00:00:00');
  assert.deepEqual(context.lines, orders);
});

test('headers are sent, but neither they nor the query appear in messages or logs', async (t) => {
  const { context, serve, source, start } = pollBench(t);
  const seen: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    seen.push(request.headers.authorization, request.headers['x-key'] as string);
    response
      .writeHead(403)
      .end(`no access for ${request.headers['x-key']} (${request.headers.authorization}), ${request.url}`);
  });
  const options = { ...LIST, headers: { Authorization: 'Bearer tok-SECRET-1', 'X-Key': 'key-SECRET-2' } };
  const polling = start(`${url}?api_key=query-SECRET-3`, options);
  await until(() => polling.status().counters.faults! >= 1, 'a fault');
  assert.deepEqual(seen.slice(0, 2), ['Bearer tok-SECRET-1', 'key-SECRET-2']);
  const checked = await source(`${url}?api_key=query-SECRET-3`, options)
    .check()
    .catch((error: Error) => error.message);
  assert.match(checked, /status 403/);
  assert.doesNotMatch(JSON.stringify([polling.status(), context.warnings, checked]), /SECRET/);
  for (const headers of [{ Host: 'x' }, { 'content-length': '1' }, { 'a b': 'c' }, { a: 'b\r\nc: d' }])
    assert.throws(() => pollOptionsSchema.parse({ url, headers }), JSON.stringify(headers));
});

test('any format that is known: CSV, NDJSON without its type, packed, in an encoding; limits hold for what is unpacked', async (t) => {
  const { context, serve, start } = pollBench(t);
  const csv = Buffer.from(
    'timestamp;event_type;city\n2026-11-01;view_page;Köln\n2026-11-02;view_page;Bonn\n',
    'latin1',
  );
  const answers = [
    { body: csv, options: { encoding: 'latin1' }, count: 2 },
    { body: Buffer.from(`${events(0, 3).join('\n')}\n`), options: {}, count: 3 },
    { body: gzipSync(array(events(3, 5))), options: {}, count: 2 },
  ];
  for (const { body, options, count } of answers) {
    const before = context.lines.length;
    const source = start(await serve((_, response) => response.writeHead(200).end(body)), {
      ...LIST,
      ...options,
    });
    await until(() => source.status().counters.polls! >= 2, 'two polls');
    await source.stop();
    assert.equal(context.lines.length - before, count);
  }
  assert.ok(context.lines.some((line) => Buffer.from(line, 'latin1').toString().includes('Köln')));
  const bomb = gzipSync(array(events(0, 100_000)));
  const url = await serve((_, response) => response.writeHead(200).end(bomb));
  const source = start(url, { ...LIST, body_bytes_max: 1024 * 1024 });
  await until(() => source.status().message.includes('unpacked'), 'the limit');
});

test('lists that cannot be read or distinguished are named', async (t) => {
  const { context, serve, source, start } = pollBench(t);
  const named = start(await serve((_, response) => json(response, '{"shop":"x","orders":[]}')), {
    name: 'empty',
  });
  await until(() => /orders.*setting entries/.test(named.status().message), 'the empty list');
  assert.equal(context.lines.length, 0);
  const orders = await serve((_, response) => json(response, '{"orders":[{"no":1},{"no":2}]}'));
  await assert.rejects(
    source(orders).check(),
    /a list in it \(orders\): name the list with the setting entries/,
  );
  await assert.rejects(
    source(orders, { entries: 'data' }).check(),
    /no array of objects at data; arrays found: orders/,
  );
  assert.match(
    await source(orders, { entries: 'orders' }).check(),
    /a list \(JSON object, records in orders\); 2 entries now/,
  );
  const two = await serve((_, response) => json(response, `{"a":[${EVENT(1)}],"b":[${EVENT(2)}]}`));
  await assert.rejects(
    source(two).check(),
    /several arrays of records: a, b; name one with the setting entries/,
  );
  const alike = await serve((_, response) => json(response, array([EVENT(1), EVENT(2), EVENT(1)])));
  await assert.rejects(
    source(alike, LIST).check(),
    /1 of 3 entries of the answer are identical to others.*event_id/,
  );
  const known = await serve((_, response) =>
    json(response, array([EVENT(1), EVENT(1)].map((e) => e.replace('{', '{"eventId":"e1",')))),
  );
  assert.match(await source(known, LIST).check(), /a list .*2 entries now/);
  assert.equal(context.lines.length, 0);
});

test('the state is bounded, and of this source only', async (t) => {
  const { context, serve, start, stateDir } = pollBench(t);
  const url = await serve((_, response) => json(response, array(events(0, 3000))));
  const source = start(url, LIST);
  await until(() => source.status().counters.polls! >= 2, 'two polls');
  await source.stop();
  assert.equal(context.lines.length, 3000);
  const [file] = readdirSync(stateDir);
  const text = readFileSync(join(stateDir, file!), 'utf8');
  assert.ok(text.length < 3000 * 30, `${text.length} bytes`);
  assert.equal(JSON.parse(text).list.seen.length, 3000);
});

test('whatever lists come one after the other: an entry is new as often as it is more often there than before', () => {
  const contents = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(contents, { maxLength: 8 }), (lists) => {
      let seen = new SeenEntries();
      const last: Record<string, number> = {};
      for (const list of lists) {
        const fresh: Record<string, number> = {};
        const now: Record<string, number> = {};
        for (const content of list) {
          now[content] = (now[content] ?? 0) + 1;
          if (seen.count(content).isNew) fresh[content] = (fresh[content] ?? 0) + 1;
        }
        seen.endRound();
        for (const [content, count] of Object.entries(now)) {
          assert.equal(fresh[content] ?? 0, Math.max(0, count - (last[content] ?? 0)));
          last[content] = count;
        }
        const { seen: before, round } = seen.toState();
        seen = new SeenEntries(before, round);
      }
    }),
  );
});
