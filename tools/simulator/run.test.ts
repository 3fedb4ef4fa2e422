import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../src/sources/fake-context.ts';
import { toNdjson } from './batches.ts';
import { runSimulator, type SimulatorOptions } from './run.ts';
import { stream } from './stream.ts';
import type { TruthReport } from './truth.ts';

const START_MS = Date.UTC(2026, 4, 1, 10);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'simulator-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function context(
  extra: { signal?: AbortSignal; env?: Record<string, string>; onReady?: (url: string) => void } = {},
) {
  const messages: string[] = [];
  const note = (fields: object, message: string) => messages.push(JSON.stringify(fields) + message);
  return {
    messages,
    signal: new AbortController().signal,
    log: { info: note, warn: note, error: note },
    ...extra,
  };
}

test('file: the stream byte for byte, with its truth, rotated on demand', async (t) => {
  const path = join(folder(t), 'shop.ndjson');
  const options: SimulatorOptions = { mode: 'file', path, seed: 5, rate: 50, count: 5000, startMs: START_MS };
  const report = await runSimulator({ ...options, truthFile: `${path}.truth` }, context());
  const expected = toNdjson([...stream({ seed: 5, eventsPerSecond: 50, count: 5000, startMs: START_MS })]);
  assert.ok(readFileSync(path).equals(expected));
  assert.equal(report.bytes, expected.length);
  const truth = JSON.parse(readFileSync(`${path}.truth`, 'utf8')) as TruthReport;
  assert.equal(truth.lines, 5000);
  assert.equal(report.truth?.events, truth.events);
  rmSync(path);
  await runSimulator({ ...options, rotateBytes: 500_000, rotateKeep: 9 }, context());
  const rotated = [2, 1].map((n) => readFileSync(`${path}.${n}`));
  assert.ok(statSync(`${path}.1`).size >= 500_000);
  assert.ok(Buffer.concat([...rotated, readFileSync(path)]).equals(expected));
});

test('post: waits as Retry-After says, sends the key, and the collector gets every byte once', async (t) => {
  const got: Buffer[] = [];
  const keys = new Set<string | undefined>();
  let requests = 0;
  const body = async (request: IncomingMessage) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  const server = createServer(async (request, response) => {
    const bytes = await body(request);
    keys.add(request.headers.authorization);
    if (++requests % 3 === 1)
      return response.writeHead(requests === 1 ? 503 : 429, { 'retry-after': '0' }).end();
    got.push(bytes);
    response.end(JSON.stringify({ accepted: bytes.toString().split('\n').length - 1, rejected: 0 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`;
  const options: SimulatorOptions = {
    mode: 'post',
    url,
    seed: 5,
    rate: 50,
    count: 3000,
    startMs: START_MS,
    live: false,
  };
  const waited = context({ env: { SHOP_KEY: 'hush' } });
  const report = await runSimulator({ ...options, apiKeyEnv: 'SHOP_KEY', batchLines: 500 }, waited);
  const expected = toNdjson([...stream({ seed: 5, eventsPerSecond: 50, count: 3000, startMs: START_MS })]);
  assert.ok(Buffer.concat(got).equals(expected));
  assert.equal(report.accepted, 3000);
  assert.deepEqual([...keys], ['Bearer hush']);
  assert.ok(waited.messages.length > 0 && !waited.messages.join().includes('hush'));
  await assert.rejects(
    runSimulator({ ...options, apiKeyEnv: 'NO_KEY' }, context({ env: {} })),
    /NO_KEY is not set/,
  );
});

test('post: an answer that sending again cannot change is an error', async (t) => {
  const server = createServer((_, response) => response.writeHead(401).end('{"error":"no key"}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await assert.rejects(
    runSimulator({ mode: 'post', url, count: 10, live: false }, context()),
    /refused.*401.*no key/,
  );
});

test('post: a batch of malformed lines alone is refused, and the next ones are sent', async (t) => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(422).end('{"error":{"code":"nothing_accepted"}}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const report = await runSimulator({ mode: 'post', url, count: 10, batchLines: 2, live: false }, context());
  assert.deepEqual([report.accepted, report.rejected], [0, 10]);
});

test('serve: live lines in wall-clock time over GET /logs and GET /, clear errors, an end at the signal', async () => {
  const stop = new AbortController();
  let url = '';
  const onReady = (ready: string) => {
    url = ready;
  };
  const options: SimulatorOptions = {
    mode: 'serve',
    port: 0,
    rate: 2000,
    retainEntries: 200,
    rates: { malformed: 0 },
  };
  const done = runSimulator(options, context({ signal: stop.signal, onReady }));
  await until(() => url !== '', 'the log API');
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  let entries = '';
  let next = '';
  while (entries.split('\n').length < 300) {
    const page = await get(`logs?limit=50${next === '' ? '' : `&after=${next}`}`);
    assert.equal(page.headers.get('content-type'), 'application/x-ndjson');
    next = page.headers.get('x-next-cursor')!;
    entries += page.text;
  }
  const events = entries
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event_type: string });
  assert.ok(events.every((event) => typeof event.event_type === 'string'));
  assert.ok('event_type' in (JSON.parse((await get('')).text) as object));
  for (const query of ['limit=0', 'limit=x', 'limit=10001', 'after=abc', 'after=-1', 'before=1']) {
    const { status, text } = await get(`logs?${query}`);
    assert.equal(status, 400, query);
    assert.equal((JSON.parse(text) as { error: { code: string } }).error.code, 'bad_parameter');
  }
  assert.equal((await get('logs?after=9999999999999999')).status, 410);
  assert.equal((await get('other')).status, 404);
  assert.equal((await fetch(url, { method: 'POST' })).status, 405);
  const oldest = (await get('logs?after=1&limit=1')).headers.get('x-oldest-cursor')!;
  assert.match(oldest, /^\d{16}$/);
  stop.abort();
  const report = await done;
  assert.ok(report.lines >= 300);
  await assert.rejects(fetch(url), 'closed');
});

test('dataset: written in the old shape, and served entry by entry', async (t) => {
  const path = join(folder(t), 'old.json');
  await runSimulator({ mode: 'dataset', path, seed: 1 }, context());
  const events = JSON.parse(readFileSync(path, 'utf8')) as object[];
  assert.equal(events.length, 4000);
  const stop = new AbortController();
  const entry = new Promise<object>((resolve) => {
    const onReady = async (url: string) => {
      let response = await fetch(url);
      while (response.status === 503) response = await fetch(url);
      resolve((await response.json()) as object);
      stop.abort();
    };
    const options: SimulatorOptions = { mode: 'serve', port: 0, dataset: path, cursorApi: false };
    t.after(() => stop.abort());
    void runSimulator(options, context({ signal: stop.signal, onReady }));
  });
  assert.deepEqual(Object.keys(await entry), Object.keys(events[0]!));
});

test('wrong options are named', async (t) => {
  const path = join(folder(t), 'x');
  await assert.rejects(runSimulator({ mode: 'file', count: 1 }, context()), /option path is missing/);
  await assert.rejects(runSimulator({ mode: 'file', path }, context()), /count is needed/);
  await assert.rejects(runSimulator({ mode: 'file', path, count: 1, rate: 0 }, context()), /rate must be/);
  writeFileSync(path, '{}');
  await assert.rejects(runSimulator({ mode: 'serve', dataset: path }, context()), /must be a JSON array/);
  await assert.rejects(
    runSimulator({ mode: 'serve', dataset: `${path}y` }, context()),
    /can't be read as JSON/,
  );
});
