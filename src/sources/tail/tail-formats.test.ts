import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type FakeContext, until } from '../fake-context.ts';
import { append, tailBench } from './fake-folder.ts';

/** The records that came, as values of their columns. */
const fieldsOf = ({ inputs }: FakeContext): Record<string, unknown>[] =>
  inputs.flatMap(({ body }) =>
    Buffer.isBuffer(body)
      ? []
      : body.flatMap((piece) =>
          piece.kind === 'records' ? piece.records.map(({ fields }) => ({ ...fields })) : [],
        ),
  );

test('CSV: the header is that of the file, also after a restart, in a rotated file and in a packed one', async (t) => {
  const { folder, context, start } = tailBench(t);
  const log = join(folder, 'shop.csv');
  append(log, 'timestamp;event_type;city', '2026-11-01;view_page;"Bad\nEms"');
  const first = start('shop.csv');
  await until(() => context.lines.length === 1, 'the first record');
  await first.stop();
  append(log, '2026-11-02;view_page;Bonn');
  fs.writeFileSync(`${log}.1.gz`, gzipSync(fs.readFileSync(log)));
  fs.rmSync(log);
  await sleep(5);
  append(log, 'event_type;timestamp', 'view_cart;2026-11-03');
  const second = start('shop.csv');
  await until(() => context.lines.length === 3, 'the rest');
  await second.stop();
  append(log, 'view_cart;2026-11-04');
  start('shop.csv');
  await until(() => context.lines.length === 4, 'the last record');
  assert.deepEqual(fieldsOf(context), [
    { timestamp: '2026-11-01', event_type: 'view_page', city: 'Bad\nEms' },
    { timestamp: '2026-11-02', event_type: 'view_page', city: 'Bonn' },
    { event_type: 'view_cart', timestamp: '2026-11-03' },
    { event_type: 'view_cart', timestamp: '2026-11-04' },
  ]);
});

test('CSV: a record over several lines that is not complete waits, and counts once', async (t) => {
  const { folder, context, start } = tailBench(t);
  const log = join(folder, 'shop.csv');
  append(log, 'timestamp,event_type,note', '2026-11-01,view_page,a', '2026-11-02,view_page,"b');
  const first = start('shop.csv');
  await until(() => context.lines.length === 1, 'the first record');
  await until(() => first.status().message.includes('the last record has no end yet'), 'the message');
  await first.stop();
  append(log, 'c"', '2026-11-03,view_page,d');
  start('shop.csv');
  await until(() => context.lines.length === 3, 'the rest');
  assert.deepEqual(
    fieldsOf(context).map(({ note }) => note),
    ['a', 'b\nc', 'd'],
  );
});

test('W3C: the columns of the lines before the position hold after a restart', async (t) => {
  const { folder, context, start } = tailBench(t);
  const log = join(folder, 'iis.log');
  append(
    log,
    '#Fields: date time cs-uri-stem',
    '2026-11-01 10:00:00 /a',
    '#Fields: date time sc-status',
    '2026-11-01 10:00:01 200',
  );
  const first = start('iis.log');
  await until(() => context.lines.length === 2, 'the first records');
  await first.stop();
  append(log, '2026-11-01 10:00:02 404');
  start('iis.log');
  await until(() => context.lines.length === 3, 'the record');
  assert.deepEqual(fieldsOf(context).at(-1), { date: '2026-11-01', time: '10:00:02', 'sc-status': '404' });
});

test('an encoding: records and positions are right, line by line and after a restart', async (t) => {
  const { folder, context, start } = tailBench(t);
  const log = join(folder, 'shop.csv');
  const add = (text: string) => fs.appendFileSync(log, Buffer.from(text, 'latin1'));
  add('timestamp,event_type,city\n2026-11-01,view_page,Köln\n2026-11-02,view_page,Mü');
  const options = { encoding: 'latin1' };
  const first = start('shop.csv', options);
  await until(() => context.lines.length === 1, 'the first record');
  await first.stop();
  add('nchen\n2026-11-03,view_page,Görlitz\n');
  start('shop.csv', options);
  await until(() => context.lines.length === 3, 'the rest');
  assert.deepEqual(
    fieldsOf(context).map(({ city }) => city),
    ['Köln', 'München', 'Görlitz'],
  );
});

test('a file that cannot be followed is named; others are read', async (t) => {
  const { folder, context, source, start } = tailBench(t);
  const path = (name: string) => join(folder, name);
  const EVENT = '{"event_type":"search","timestamp":"2026-11-01T10:00:00Z"}';
  const filler = `${EVENT},\n`.repeat(2000);
  fs.writeFileSync(path('array.log'), `[\n${filler}${EVENT}\n]\n`);
  fs.writeFileSync(path('wide.log'), Buffer.from(`${EVENT}\n`.repeat(2000), 'utf16le'));
  append(path('good.log'), EVENT);
  const running = start('*.log');
  await until(() => running.status().counters.refused_files === 2, 'two files');
  await until(() => running.status().state === 'failed', 'the state');
  const { state, message } = running.status();
  assert.equal(state, 'failed');
  assert.match(
    message,
    /array\.log is read as json-array, which does not have one record per line\. Load it/,
  );
  assert.match(message, /wide\.log is in UTF-16LE, which can't be followed line by line/);
  await until(() => context.lines.length === 1, 'the good file');
  await assert.rejects(source('array.log').check(), /not have one record per line.*Check path and format/);
  assert.match(await source('good.log').check(), /1 file, \d+ bytes; read as NDJSON/);
  await running.stop();
  // Written from scratch, in a form that can be followed. With the same text as good.log it would pass for that file, renamed.
  fs.rmSync(path('array.log'));
  append(path('array.log'), EVENT.replace('10:00', '11:00'));
  const again = start('array.log');
  await until(() => context.lines.length === 2, 'the file');
  assert.equal(again.status().state, 'ready');
});

test('a container that begins with plain text: events count, also those of the first lines', async (t) => {
  const { folder, context, start } = tailBench(t);
  const log = join(folder, 'c-json.log');
  const docker = (text: string) =>
    JSON.stringify({ log: `${text}\n`, stream: 'stdout', time: '2026-11-01T10:00:00Z' });
  append(log, docker('starting'));
  const running = start('c-json.log');
  await until(() => /log shipper so far/.test(running.status().message), 'the message');
  assert.equal(context.lines.length, 0);
  append(log, docker('{"event_type":"search","timestamp":"2026-11-01T10:00:00Z"}'));
  await until(() => context.lines.length === 2, 'the lines');
  assert.deepEqual(context.lines, ['starting', '{"event_type":"search","timestamp":"2026-11-01T10:00:00Z"}']);
});

test('records get the same ids after a crash between the log and the position', async (t) => {
  const { log, context, start } = tailBench(t);
  append(
    log,
    '{"event_type":"search","timestamp":"2026-11-01T10:00:00Z"}',
    '{"event_type":"search","timestamp":"2026-11-01T10:00:00Z"}',
  );
  const { ingest } = context;
  const killed = Promise.withResolvers<void>();
  context.ingest = async (input) => {
    await ingest(input);
    await killed.promise;
    throw new Error('killed');
  };
  const first = start();
  await until(() => context.lines.length === 2, 'the lines');
  context.ingest = ingest;
  start();
  await until(() => context.lines.length === 4, 'them again');
  const [before, after] = context.inputs.map(({ ids }) => ids);
  assert.ok(before && 'prefix' in before && before.prefix.length === 16);
  assert.deepEqual(after, before);
  const stopped = first.stop();
  killed.resolve();
  await stopped;
});
