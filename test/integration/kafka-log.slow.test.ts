import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { EventLog } from '../../src/log/event-log.ts';
import { UsageError } from '../../src/telemetry/errors.ts';
import { openDecoder } from '../support/decode-lines.ts';
import {
  createTopic,
  type ForeignRecord,
  linesOf,
  newAdmin,
  openLog,
  produce,
  readAllBatches,
  transactions,
  withForeignTopic,
} from '../support/kafka.ts';
import { temporaryDir, until } from '../support/product.ts';
import { ownName, sharedService } from '../support/services.ts';

let brokers: string[];
let topics = 0;
const newTopic = () => ownName(`kafka-log-${topics++}`);
before(async () => {
  brokers = (await sharedService('kafka')).brokers;
});

const bad = (reason: string, raw: string) =>
  `{"tillstream_bad":"${reason}","tillstream_bad_raw":${JSON.stringify(raw)}}`;

describe('records of other programs', () => {
  const invalid = Buffer.from([0x7b, 0xff, 0x0a, 0x22]);
  const long = `{"a":"${'x'.repeat(70_000)}"}`;
  const deep = '['.repeat(40) + ']'.repeat(40);
  const cases: [
    string,
    Buffer | string | null,
    string[],
    { shared?: boolean; headers?: Record<string, string>; source?: string }?,
  ][] = [
    ['one event', '{"a":1}', ['{"a":1}']],
    ['one event with a line end', '{"a":1}\n', ['{"a":1}']],
    ['one event with a byte order mark', '\ufeff{"a":1}', ['{"a":1}']],
    ['no value', null, [bad('not_json', '')]],
    ['an empty value', '', [bad('not_json', '')]],
    ['only space', ' \n ', [bad('not_json', ' \n ')]],
    ['a pretty-printed object', '{\n  "a": 1,\r\n  "b": 2\n}', ['{   "a": 1,\t   "b": 2 }']],
    ['an array', '[{"a":1},\n {"a":2}]', ['{"a":1}', '{"a":2}'], { shared: true }],
    ['an array of one', '[{"a":1}]', ['{"a":1}']],
    ['an empty array', '[]', [bad('not_an_object', '[]')]],
    ['several lines with blank ones', '{"a":1}\r\n\n  \n{"a":2}\n', ['{"a":1}', '{"a":2}'], { shared: true }],
    ['lines of which one is no JSON', '{"a":1}\nnonsense', ['{"a":1}', 'nonsense'], { shared: true }],
    ['text', 'hello', ['hello']],
    ['a return inside of a line', '{"a":1,\r"b":2}', ['{"a":1,\t"b":2}']],
    ['a control character', 'a\u0001b', ['a\u0001b']],
    ['bytes that are no text', Buffer.from([0, 0xff, 0x0a, 1]), [bad('not_utf8', 'AP8KAQ==')]],
    [
      'an object with bytes that are no text',
      invalid,
      [bad('not_utf8', Buffer.from([0x7b, 0xff]).toString('base64')), '"'],
      { shared: true },
    ],
    ['a line over the limit', long, [bad('line_too_long', long.slice(0, 65_536))]],
    ['a line that is nested too deep', `{"a":${deep}}`, [`{"a":${deep}}`]],
    ['a source of its own', '{"a":1}', ['{"a":1}'], { headers: { source: 'app-1' }, source: 'app-1' }],
    ['a source that is no name', '{"a":1}', ['{"a":1}'], { headers: { source: 'Nö' } }],
  ];
  for (const [name, value, expected, { shared = false, headers, source = 'kafka' } = {}] of cases) {
    it(name, () =>
      withForeignTopic(
        brokers,
        [{ value, ...(headers && { headers }) }, { value: '{"last":1}' }],
        async (log) => {
          const batches = await readAllBatches(log);
          assert.deepEqual(linesOf(batches), [...expected, '{"last":1}']);
          assert.equal(batches[0]!.sharesOffset, shared);
          assert.equal(batches[0]!.source, source);
          assert.equal(batches.at(-1)!.nextOffset, 2);
          for (const batch of batches) assert.equal(batch.canonical, false);
          const counts: Record<string, number> = {};
          for (const batch of batches) counts[batch.source] = (counts[batch.source] ?? 0) + batch.lines;
          assert.deepEqual(log.received(), counts);
          const before = await log.receivedBefore({ 0: 1 });
          assert.deepEqual(before, { [source]: expected.length });
        },
      ),
    );
  }

  it('a record that claims to be canonical, and is no line', () =>
    withForeignTopic(
      brokers,
      [
        { value: Buffer.from([0x22, 0xff]), headers: { 'tillstream-canonical': '1', source: 'x' } },
        { value: '{"a":1}', headers: { 'tillstream-canonical': '1', source: 'x' } },
        { value: 'a\n\nb\n', headers: { 'tillstream-canonical': '1', source: 'x' } },
        { value: 'a\rb', headers: { 'tillstream-canonical': '1', source: 'y' } },
      ],
      async (log) => {
        const batches = await readAllBatches(log);
        assert.deepEqual(linesOf(batches), [bad('not_utf8', 'Iv8='), '{"a":1}', 'a', 'b', 'a\tb']);
        assert.ok(batches.every(({ canonical }) => !canonical));
      },
    ));

  it('a record that claims to be canonical, and would overflow the stack of a parser', async () => {
    const headers = { 'tillstream-canonical': '1', source: 'x' };
    const event = (name: string, more = '') =>
      `{"timestamp":"2026-11-23T10:15:30Z","event_type":"purchase","event_id":"${name}"${more}}`;
    const decoder = await openDecoder('UTC');
    const records: ForeignRecord[] = [{ value: event('first'), headers }];
    for (const depth of [10_000, 500_000]) {
      const nested = [
        '['.repeat(depth) + ']'.repeat(depth),
        `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
        '['.repeat(depth),
      ];
      for (const value of nested) {
        records.push({ value, headers });
        records.push({ value: event('deep', `,"x":${value}`), headers });
        records.push({ value: `${event('block')}\n${event('deep', `,"x":${value}`)}\n`, headers });
      }
    }
    // Long, with many brackets, and yet as ingest accepts it.
    const flat = `,"x":"${'[{'.repeat(2000)}","y":[${'{"z":[1]},'.repeat(500)}0]`;
    records.push({ value: event('flat', flat), headers });
    const topic = newTopic();
    await createTopic(brokers, topic);
    await produce(brokers, topic, records, { compression: 'zstd' });
    const log = await openLog(brokers, temporaryDir(), { topic });
    const batches = await readAllBatches(log);
    const decoded = await decoder.decoder.decode(() => [batches]);
    const rows = await decoder.connection.rows<{ name: string; rows: number }>(
      `SELECT coalesce(reason, event_id) AS name, count(*) AS rows FROM ${decoded.rowsSql} GROUP BY ALL ORDER BY ALL`,
    );
    // What is longer than a line may be is cut before anybody looks into it.
    assert.deepEqual(
      rows.map(({ name, rows }) => [name, Number(rows)]),
      [
        ['block', 6],
        ['first', 1],
        ['flat', 1],
        ['line_too_long', 9],
        ['too_deep', 9],
      ],
    );
    assert.equal(batches.at(-1)!.canonical, true);
    await log.close();
    await decoder.close();
  });

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`records that are compressed with ${compression}`, async () => {
      const topic = newTopic();
      await createTopic(brokers, topic);
      const records = Array.from({ length: 500 }, (_, n) => ({ value: `{"n":${n}}` }));
      await produce(brokers, topic, records, { compression });
      const log = await openLog(brokers, temporaryDir(), { topic, compression });
      await log.append({ source: 'http', bytes: [Buffer.from('{"n":500}\n')], lines: 1 });
      const lines = linesOf(await readAllBatches(log));
      assert.deepEqual(lines, [...records.map(({ value }) => value), '{"n":500}']);
      await log.close();
    });
  }

  it('lines with keys go to the partition where other programs expect them', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic, { partitions: 4 });
    const log = await openLog(brokers, temporaryDir(), { topic });
    const sessions = Array.from({ length: 40 }, (_, n) => `session-${n}`);
    await produce(
      brokers,
      topic,
      sessions.map((key) => ({ key, value: `{"session_id":"${key}"}` })),
    );
    const lines = sessions.map((session) => `{"user_id":"u","session_id":"${session}"}\n`);
    await log.append({ source: 'http', bytes: [Buffer.from(lines.join(''))], lines: lines.length });
    await until(async () => (log.received().kafka ?? 0) === sessions.length, 'all records counted');
    const found = new Map<string, Set<number>>();
    for (const batch of await readAllBatches(log)) {
      for (const line of linesOf([batch])) {
        const { session_id } = JSON.parse(line);
        found.set(session_id, (found.get(session_id) ?? new Set()).add(batch.partition));
      }
    }
    assert.deepEqual(
      [...found.values()].map(({ size }) => size),
      sessions.map(() => 1),
    );
    assert.ok(new Set([...found.values()].flatMap((each) => [...each])).size > 1);
    await log.close();
  });
});

describe('transactions', () => {
  const one = (n: number): ForeignRecord => ({ value: `{"n":${n}}` });
  const big = (n: number): ForeignRecord => ({ value: `{"n":${n},"x":"${'x'.repeat(60_000)}"}` });
  const numbers = async (log: EventLog) =>
    linesOf(await readAllBatches(log)).map((line) => JSON.parse(line).n as number);

  it('leaves out two that one writer rolled back, in one answer', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic);
    const writer = await transactions(brokers, topic);
    await writer.run([[one(1)]], 'commit');
    await writer.run([[one(-1), one(-1)]], 'abort');
    await writer.run([[one(2)]], 'commit');
    await writer.run([[one(-1)]], 'abort');
    await writer.run([[one(3)]], 'commit');
    await writer.close();
    const log = await openLog(brokers, temporaryDir(), { topic });
    assert.deepEqual(await numbers(log), [1, 2, 3]);
    assert.deepEqual(log.received(), { kafka: 3 });
    await log.close();
  });

  it('leaves out what is rolled back by a marker of a later answer', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic);
    const writer = await transactions(brokers, topic);
    const other = await transactions(brokers, topic);
    await writer.run([[one(1)]], 'commit');
    const lists = Array.from({ length: 40 }, () => Array.from({ length: 4 }, () => big(-1)));
    const dir = temporaryDir();
    const live = await openLog(brokers, dir, { topic });
    await writer.run(lists, 'abort');
    await other.run([[one(2)], [one(3)]], 'commit');
    await writer.run([[one(4)]], 'commit');
    await writer.close();
    await other.close();
    await until(async () => live.received().kafka === 4, 'the lines of the committed transactions');
    assert.deepEqual(await numbers(live), [1, 2, 3, 4]);
    await live.close();
    // The same with an empty memory, from each place, and with new counters.
    for (const folder of [dir, temporaryDir()]) {
      const log = await openLog(brokers, folder, { topic });
      assert.deepEqual(await numbers(log), [1, 2, 3, 4]);
      const { end } = log.partitions()[0]!;
      for (let from = 0; from <= end; from += 10) {
        const [first] = await log.read(0, from, { bytesMax: 1, linesMax: 1 });
        const before = (await log.receivedBefore({ 0: from })).kafka ?? 0;
        assert.equal(first && JSON.parse(linesOf([first])[0]!).n, before < 4 ? before + 1 : undefined);
      }
      await log.close();
    }
  });

  it('waits for the end of an open transaction, and takes then what it holds', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic);
    const writer = await transactions(brokers, topic);
    const log = await openLog(brokers, temporaryDir(), { topic });
    const commit = await writer.run([[one(1)]], 'open');
    await produce(brokers, topic, [one(2)]);
    assert.equal(await log.waitPast({ 0: 0 }, 500), false);
    assert.deepEqual(log.received(), {});
    await commit();
    assert.equal(await log.waitPast({ 0: 0 }, 10_000), true);
    await until(async () => log.received().kafka === 2, 'both lines');
    assert.deepEqual(await numbers(log), [1, 2]);
    await writer.close();
    await log.close();
  });
});

describe('an append', () => {
  it('does not wait for an open transaction of another program', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic, { partitions: 2 });
    const writer = await transactions(brokers, topic);
    const log = await openLog(brokers, temporaryDir(), { topic });
    const commit = await writer.run([[{ value: '{"n":1}', partition: 0 }]], 'open');
    let appended = 0;
    for (; appended < 12; appended++) {
      const startedMs = performance.now();
      await log.append({ source: 'http', bytes: [Buffer.from(`{"n":${appended + 2}}\n`)], lines: 1 });
      // An append that waited for the transaction took 5 seconds.
      const msMax = 4500;
      assert.ok(
        performance.now() - startedMs < msMax,
        `append ${appended} took ${performance.now() - startedMs} ms`,
      );
    }
    await commit();
    await until(async () => log.received().http === appended, 'all lines, once the transaction is over');
    const numbers = linesOf(await readAllBatches(log)).map((line) => JSON.parse(line).n as number);
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: appended + 1 }, (_, n) => n + 1),
    );
    await writer.close();
    await log.close();
  });
});

describe('the topic', () => {
  it('is created with the settings of a log', async () => {
    const topic = newTopic();
    const log = await openLog(brokers, temporaryDir(), { topic, partitions: 3, retention_hours: 48 });
    assert.equal(log.partitions().length, 3);
    const admin = newAdmin(brokers);
    const [described] = await admin.describeConfigs({
      resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }] as never,
    });
    const settings = new Map(described!.configs.map(({ name, value }) => [name, value]));
    assert.equal(settings.get('message.timestamp.type'), 'LogAppendTime');
    assert.equal(settings.get('cleanup.policy'), 'delete');
    assert.equal(settings.get('retention.ms'), String(48 * 3_600_000));
    await admin.close();
    await log.close();
  });

  it('is refused when it is compacted', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic, { configs: { 'cleanup.policy': 'compact' } });
    await assert.rejects(openLog(brokers, temporaryDir(), { topic }), (error: Error) => {
      return error instanceof UsageError && /is compacted .*cleanup\.policy=delete/.test(error.message);
    });
  });

  it('reports why it can’t be created', async () => {
    const replicas = { topic: newTopic(), replication_factor: 3 };
    await assert.rejects(openLog(brokers, temporaryDir(), replicas), (error: Error) => {
      return (
        error instanceof UsageError && /can't be created with 4 partitions and 3 replicas/.test(error.message)
      );
    });
  });

  it('says which brokers can’t be reached', async () => {
    const startedMs = performance.now();
    await assert.rejects(openLog(['127.0.0.1:1'], temporaryDir(), {}), (error: Error) => {
      return (
        error instanceof UsageError &&
        /127\.0\.0\.1:1 can't be reached .*refused.*log\.brokers/.test(error.message)
      );
    });
    assert.ok(performance.now() - startedMs < 10_000);
  });

  it('is another log when it was deleted and created again', async () => {
    const topic = newTopic();
    const dir = temporaryDir();
    let log = await openLog(brokers, dir, { topic });
    const { id } = log;
    await log.append({ source: 'http', bytes: [Buffer.from('{"a":1}\n')], lines: 1 });
    await log.close();
    const admin = newAdmin(brokers);
    await admin.deleteTopics({ topics: [topic] });
    await admin.close();
    log = await openLog(brokers, dir, { topic });
    assert.notEqual(log.id, id);
    assert.deepEqual(log.received(), {});
    await log.close();
  });
});
