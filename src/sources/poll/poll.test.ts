import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogApi, type LogApi } from '../../../tools/simulator/log-api.ts';
import { AppendError } from '../../log/event-log.ts';
import { until } from '../fake-context.ts';
import { pollOptionsSchema } from './config.ts';
import { type Handler, json, pollBench } from './fake-servers.ts';
import { createPollSource } from './poll-source.ts';

const LINE = (n: number) => `{"n":${n}}`;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => LINE(from + i));
const fill = (api: LogApi, from: number, to: number) => {
  for (const line of range(from, to)) api.append(line);
};
test('follows the cursor through full pages without a wait, malformed lines included', async (t) => {
  const { context, api, start } = pollBench(t);
  const log = await api();
  fill(log, 0, 250);
  log.append('{broken', false);
  log.append(Buffer.from([0x7b, 0xff, 0x7d]), false);
  const source = start(log.url, { limit: 100, every_seconds: 1 });
  await until(() => context.lines.length === 252, 'all pages');
  assert.ok(source.status().counters.polls! <= 3);
  assert.deepEqual(context.lines, [...range(0, 250), '{broken', '{\xff}']);
  fill(log, 250, 260);
  await until(() => context.lines.length === 262, 'the next poll');
});

test('a new instance resumes where the last one was; another url begins again', async (t) => {
  const { context, api, start, stateDir } = pollBench(t);
  const log = await api();
  fill(log, 0, 10);
  const first = start(log.url);
  await until(() => context.lines.length === 10, 'the first lines');
  await first.stop();
  fill(log, 10, 20);
  start(log.url);
  await until(() => context.lines.length === 20, 'the later lines');
  const [file] = readdirSync(stateDir);
  const state = () => JSON.parse(readFileSync(join(stateDir, file!), 'utf8'));
  await until(() => state().cursor === '1020', 'the cursor');
  assert.deepEqual(context.lines, range(0, 20));
  assert.deepEqual(state(), { url: log.url, cursor: '1020' });
  const other = await api();
  fill(other, 100, 103);
  start(other.url);
  await until(() => context.lines.length === 23, 'the other log');
});

test('killed between ingest and cursor: lines come again, none is missing', async (t) => {
  const { context, api, start } = pollBench(t);
  const log = await api();
  fill(log, 0, 10);
  // The log took the lines, but the answer never came: as if the process had died there.
  let release = () => {};
  const hang = new Promise<void>((resolve) => {
    release = resolve;
  });
  const ingest = context.ingest;
  context.ingest = async (input) => {
    await ingest(input);
    await hang;
    throw new AppendError('log_closed', 'closed', 60);
  };
  const first = start(log.url);
  await until(() => context.lines.length === 10, 'the lines');
  context.ingest = ingest;
  start(log.url);
  await until(() => context.lines.length === 20, 'the lines again');
  release();
  await first.stop();
  assert.deepEqual(context.lines, [...range(0, 10), ...range(0, 10)]);
});

test('a refused page is sent again, byte for byte, and the cursor waits', async (t) => {
  const { context, api, start, stateDir } = pollBench(t);
  const log = await api();
  fill(log, 0, 5);
  const offered: string[] = [];
  const states: number[] = [];
  context.beforeIngest = ({ body }) => {
    offered.push(body.toString());
    states.push(readdirSync(stateDir).length);
    if (offered.length < 4) throw new AppendError('log_busy', 'the log is busy', 0.001);
  };
  const source = start(log.url);
  await until(() => context.lines.length === 5, 'the lines');
  assert.equal(new Set(offered).size, 1);
  assert.deepEqual(states, [0, 0, 0, 0], 'no cursor before ingest');
  assert.equal(source.status().counters.refused, 3);
  await until(() => source.status().state === 'ready', 'ready again');
  assert.ok(context.warnings.some((warning) => warning.includes('the log is busy')));
});

test('entries that the API has forgotten are a gap that is counted and reported', async (t) => {
  const { context, api, start } = pollBench(t);
  const log = await api({ retainEntries: 100 });
  fill(log, 0, 50);
  const first = start(log.url);
  await until(() => context.lines.length === 50, 'the first lines');
  await first.stop();
  fill(log, 50, 1000);
  const source = start(log.url);
  await until(() => context.lines.at(-1) === LINE(999), 'the newest line');
  assert.equal(source.status().counters.gaps, 1);
  assert.match(source.status().message, /gap: entries between cursor 1050 and \d+ are no longer available/);
  assert.ok(context.warnings.some((warning) => warning.startsWith('gap')));
});

test('a cursor that the API does not know (410) is a gap, and reading begins at the oldest', async (t) => {
  const { context, api, start } = pollBench(t);
  const log = await api({ firstPosition: 5000 });
  fill(log, 0, 5);
  const first = start(log.url);
  await until(() => context.lines.length === 5, 'the first lines');
  await first.stop();
  const port = log.port;
  await log.close();
  const again = await createLogApi({ port, firstPosition: 1, random: Math.random });
  t.after(() => again.close());
  fill(again, 100, 103);
  const source = start(log.url);
  await until(() => context.lines.length === 8, 'the new lines');
  assert.equal(source.status().counters.gaps, 1);
});

test('without GET /logs each poll takes the one entry of GET /, but not the same one twice in a row', async (t) => {
  const { context, api, serve, start } = pollBench(t);
  const log = await api({ cursorApi: false });
  const entry = (n: number) => `{"timestamp":"04/01/2023","user_id":"user_${n}"}`;
  for (let n = 0; n < 50; n++) log.append(entry(n));
  const source = start(log.url);
  await until(() => context.lines.length >= 20, 'some polls');
  assert.match(await source.check(), /no GET \/logs, one entry per poll; .*counts again/);
  await source.stop();
  for (const [i, line] of context.lines.entries()) assert.notEqual(line, context.lines[i - 1]);
  assert.ok(new Set(context.lines).size > 5);
  const { counters } = source.status();
  assert.equal(counters.lines, context.lines.length);

  const before = context.lines.length;
  const same = await serve((request, response) =>
    request.url!.startsWith('/logs') ? response.writeHead(404).end() : json(response, entry(1)),
  );
  const still = start(same);
  await until(() => still.status().counters.polls! >= 5, 'some polls');
  await still.stop();
  const again = start(same);
  await until(() => again.status().counters.polls! >= 5, 'more polls');
  assert.equal(context.lines.length, before + 1, 'a restart does not count it again');
  await assert.rejects(
    again.check(),
    /the same entry each time, without an event_id.*give entries an event_id/,
  );
});

test('a JSON array and {"entries": ...} give their entries, with the exact text of numbers', async (t) => {
  const { context, serve, start } = pollBench(t);
  const url = await serve((request, response) => {
    const query = new URL(request.url!, 'http://x').searchParams;
    if (query.has('after')) return json(response, '{"entries":[],"next":"9007199254740993123","oldest":"1"}');
    json(response, '{"next":9007199254740993123,"entries":[ {"a":19.90,\n "b":"x,]}\\""} , {"c":[1,{}]} ]}');
  });
  start(url);
  await until(() => context.lines.length === 2, 'the entries');
  assert.deepEqual(
    context.lines.map((line) => line.trim()),
    ['{"a":19.90,  "b":"x,]}\\""}', '{"c":[1,{}]}'],
  );
  const bare = await serve((request, response) => {
    if (request.url!.startsWith('/logs')) response.writeHead(404).end();
    else json(response, '[{"d":12345678901234567890},{"d":2}]');
  });
  start(bare);
  await until(() => context.lines.some((line) => line.includes('{"d":12345678901234567890}')), 'the array');
});

test('an entry that is not JSON is ingested, so that nothing is lost; a page of HTML or bytes is an error', async (t) => {
  const { context, serve, start } = pollBench(t);
  const answers: Handler[] = [
    (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>login</html>'),
    (_, response) => response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('\x00\x01'),
    (_, response) => response.writeHead(200).end('nonsense'),
    (_, response) => response.writeHead(500, { 'content-type': 'application/json' }).end('{"n":1}'),
    (_, response) => response.writeHead(403).end('no'),
    (_, response) => json(response, '{"cut":\n"of'),
  ];
  const url = await serve((request, response) => {
    if (request.url!.startsWith('/logs')) response.writeHead(404).end();
    else (answers.shift() ?? ((_, r) => json(r, '{"n":2}')))(request, response);
  });
  const source = start(url);
  await until(() => context.lines.length >= 2, 'the entries');
  assert.deepEqual(context.lines.slice(0, 2), ['{"cut":\n"of', '{"n":2}']);
  assert.equal(source.status().counters.faults, 5);
  for (const part of ['text/html', 'octet-stream', 'status 500', 'status 403']) {
    assert.ok(
      context.warnings.some((warning) => warning.includes(part)),
      part,
    );
  }
});

test('an API that answers 503 with Retry-After and then drops connections is retried until it works', async (t) => {
  const { context, api, serve, start } = pollBench(t);
  const log = await api();
  fill(log, 0, 3);
  let requests = 0;
  let waitedMs = 0;
  let refusedAtMs = 0;
  const url = await serve(async (request, response) => {
    requests++;
    if (requests === 1) {
      refusedAtMs = performance.now();
      return response.writeHead(503, { 'retry-after': '1' }).end();
    }
    waitedMs ||= performance.now() - refusedAtMs;
    if (requests < 4) return request.socket.destroy();
    const answer = await fetch(log.url + request.url!.slice(1));
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });
  const source = start(url);
  await until(() => context.lines.length === 3, 'the lines');
  assert.ok(waitedMs >= 950, `Retry-After was honoured: ${waitedMs} ms`);
  assert.deepEqual(context.lines, range(0, 3));
  await until(() => source.status().state === 'ready' && source.status().message === '', 'ready');
});

test('redirects: followed to allowed hosts only, at most three, and never with the password', async (t) => {
  const { context, api, serve, start } = pollBench(t);
  const secret = await api();
  fill(secret, 0, 3);
  let authorization: string | undefined = 'none yet';
  const elsewhere = await serve((request, response) => {
    authorization = request.headers.authorization;
    json(response, '{"entries":[{"n":7}],"next":"1"}');
  });
  const toSecret = await serve((request, response) =>
    response.writeHead(302, { location: secret.url + request.url!.slice(1) }).end(),
  );
  const refused = start(toSecret);
  await until(() => refused.status().counters.faults! >= 2, 'the faults');
  assert.match(refused.status().message, /which is not in allow_hosts/);
  assert.equal(secret.requests(), 0);
  await refused.stop();
  const circle: string = await serve((_, response) => response.writeHead(301, { location: '/again' }).end());
  const circling = start(circle);
  await until(() => circling.status().message.includes('more than 3 redirects'), 'the circle');
  await circling.stop();
  const scheme = await serve((_, response) =>
    response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  );
  const other = start(scheme);
  await until(() => other.status().message.includes('not in allow_hosts'), 'the scheme');
  await other.stop();
  assert.equal(context.lines.length, 0);
  const toElsewhere = await serve((_, response) => response.writeHead(307, { location: elsewhere }).end());
  const withPassword = toElsewhere.replace('http://', 'http://user:hush@');
  const allowed = start(withPassword, { allow_hosts: ['127.0.0.1'] });
  await until(() => context.lines.length > 0, 'the line from the allowed host');
  assert.equal(authorization, undefined);
  assert.ok(!JSON.stringify([allowed.status(), context.warnings, await allowed.check()]).includes('hush'));
});

test('a huge body is cut off early, and fewer entries are asked for until they fit', async (t) => {
  const { context, api, serve, start } = pollBench(t);
  let sent = 0;
  const endless = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'x-next-cursor': '1' });
    const write = () => {
      while (!response.destroyed && sent < 1e8) {
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536, 'x'))) return response.once('drain', write);
      }
      return response;
    };
    write();
  });
  const source = start(endless, { body_bytes_max: 200_000 });
  await until(() => source.status().message.includes('body_bytes_max'), 'the fault');
  await source.stop();
  assert.ok(sent < 5e7, `stopped reading after ${sent} bytes`);
  assert.equal(context.lines.length, 0);
  const log = await api();
  for (let n = 0; n < 100; n++) log.append(`{"n":${n},"padding":"${'x'.repeat(200)}"}`);
  const adapting = start(log.url, { body_bytes_max: 2000 });
  await until(() => context.lines.length === 100, 'all entries in small pages');
  assert.ok(adapting.status().counters.faults! >= 1);
});

test('a slow body ends at the time limit, and stop does not wait for it', async (t) => {
  const { context, serve, start } = pollBench(t);
  const slow = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'x-next-cursor': '1' });
    response.write('{"n":');
  });
  const source = start(slow, { timeout_seconds: 0.05 });
  await until(() => source.status().message.includes('no complete answer within 0.05 s'), 'the time limit');
  const patient = start(slow, { timeout_seconds: 100 });
  await sleep(20);
  const startedMs = performance.now();
  await patient.stop();
  assert.ok(performance.now() - startedMs < 1000);
  assert.equal(context.lines.length, 0);
});

test('a cursor that does not move while entries come is an error, not an endless loop', async (t) => {
  const { context, serve, start } = pollBench(t);
  const url = await serve((_, response) => json(response, '{"entries":[{"n":1}],"next":"5"}'));
  const source = start(url);
  await until(() => source.status().message.includes('the cursor stays at 5'), 'the fault');
  assert.equal(context.lines.length, 1);
});

test('check names the address and what to do; unknown options are refused', async (t) => {
  const { context, api } = pollBench(t);
  const log = await api();
  fill(log, 0, 4);
  const check = (url: string) => createPollSource(pollOptionsSchema.parse({ url }), context).check();
  assert.match(await check(log.url), /answers: GET \/logs, followed by its cursor; 4 lines now/);
  assert.equal(context.lines.length, 0);
  await log.close();
  await assert.rejects(
    check(log.url),
    /127\.0\.0\.1:\d+\/: .*Check the address, and that the server behind it is running/,
  );
  assert.throws(() => pollOptionsSchema.parse({ url: log.url, every: 1 }), /every/);
  assert.throws(() => pollOptionsSchema.parse({ url: 'ftp://x/' }));
});
