import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { createKafkaClient } from '../../src/kafka-client/client.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { kafkaSourceOptionsSchema } from '../../src/sources/kafka/config.ts';
import { createKafkaSource } from '../../src/sources/kafka/kafka-source.ts';
import type { IngestRequest, Source } from '../../src/sources/source.ts';
import { bodyLines } from '../support/body-lines.ts';
import { testNow } from '../support/clock.ts';
import {
  createTopic,
  type ForeignRecord,
  linesOf,
  newAdmin,
  produce,
  readAllBatches,
  transactions,
} from '../support/kafka.ts';
import { addKafkaPartitions } from '../support/kafka-request.ts';
import { temporaryDir, until } from '../support/product.ts';
import { startService, type TestService } from '../support/services.ts';

let service: TestService<'kafka'>;
let brokers: string[];
let topics = 0;
before(async () => {
  service = await startService('kafka');
  brokers = service.info.brokers;
});

const opened: Source[] = [];
// One that a failed test left would keep the file from its end.
after(() => Promise.all(opened.map((source) => source.stop())));

async function newTopic(partitions = 1): Promise<string> {
  const topic = `kafka-source-${topics++}`;
  await createTopic(brokers, topic, { partitions });
  return topic;
}

const event = (id: number): string =>
  JSON.stringify({ event_id: `e${id}`, event_type: 'search', timestamp: '2026-01-01T00:00:00Z' });
const events = (from: number, count: number): ForeignRecord[] =>
  Array.from({ length: count }, (_, n) => ({ value: event(from + n), key: `k${(from + n) % 50}` }));

/** A source behind the real ingestor, with a log in memory. */
interface Rig {
  log: EventLog;
  warnings: string[];
  stateDir: string;
  open(options?: object, beforeStored?: (input: IngestRequest) => Promise<void> | void): Source;
  lines(): Promise<string[]>;
  ids(): Promise<string[]>;
}

function newRig(topic: string): Rig {
  const log = openMemoryLog({ now: testNow });
  const ingestor = new Ingestor({ log, settings: { time_zone: 'UTC' }, lineBytesMax: 65_536, now: testNow });
  const stateDir = temporaryDir();
  const warnings: string[] = [];
  const warn = (fields: object, message: string) =>
    void warnings.push(`${message} ${JSON.stringify(fields)}`);
  return {
    log,
    warnings,
    stateDir,
    open(options = {}, hook = () => {}) {
      const source = createKafkaSource(
        kafkaSourceOptionsSchema.parse({ brokers, topic, ...options }),
        {
          ingest: async (input) => {
            await hook(input);
            return await ingestor.ingest(input.source, input.body);
          },
          stateDir,
          log: { info: () => {}, warn, error: warn },
          now: testNow,
          random: Math.random,
        },
        { backoffBaseMs: 50, backoffCapMs: 500 },
      );
      opened.push(source);
      return source;
    },
    lines: async () => linesOf(await readAllBatches(log)),
    ids: async () => linesOf(await readAllBatches(log)).map((line) => JSON.parse(line).event_id),
  };
}

const received = (log: EventLog) => Object.values(log.received()).reduce((sum, count) => sum + count, 0);

describe('a topic as a source', () => {
  it('brings every record once, over restarts while others write', async () => {
    const topic = await newTopic(4);
    const rig = newRig(topic);
    let sent = 0;
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await produce(brokers, topic, events(sent, 200));
        sent += 200;
      }
    })();
    for (let round = 0; round < 5; round++) {
      const source = rig.open();
      source.start();
      const before = received(rig.log);
      await until(() => received(rig.log) > before + 300, 'some lines');
      await source.stop();
    }
    writing = false;
    await writer;
    // However fast the ones before were: there is something left for the last.
    await produce(brokers, topic, events(sent, 200));
    sent += 200;
    const source = rig.open();
    source.start();
    await until(() => received(rig.log) >= sent, 'the rest');
    const { state, message, counters } = source.status();
    assert.deepEqual([state, message], ['ready', '']);
    assert.ok(counters.records! > 0 && counters.faults === 0);
    await source.stop();
    const ids = await rig.ids();
    assert.equal(ids.length, sent);
    assert.equal(new Set(ids).size, sent);
    assert.deepEqual(rig.log.received(), { kafka: sent });
  });

  it('brings the last records again after a crash between the log and the cursor, and no others', async () => {
    const topic = await newTopic();
    const rig = newRig(topic);
    await produce(brokers, topic, events(0, 100));
    const stuck = Promise.withResolvers<void>();
    let calls = 0;
    // The lines are stored, but the source never hears of it: as if it were killed there.
    const killed = rig.open({}, async (input) => {
      if (++calls < 2) return;
      await rig.log.append({
        source: input.source,
        bytes: [Buffer.from(`${bodyLines(input.body).join('\n')}\n`)],
        lines: 50,
      });
      await stuck.promise;
    });
    killed.start();
    await until(() => received(rig.log) === 100, 'the first records');
    await produce(brokers, topic, events(100, 50));
    await until(() => received(rig.log) === 150, 'the records that are stored only');
    const next = rig.open();
    next.start();
    await until(() => received(rig.log) === 200, 'them again');
    await produce(brokers, topic, events(150, 10));
    await until(() => received(rig.log) === 210, 'what comes then');
    await next.stop();
    const stopping = killed.stop();
    stuck.reject(new Error('killed'));
    await stopping;
    const ids = await rig.ids();
    const counts = new Map<string, number>();
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    const twice = [...counts].filter(([, count]) => count > 1).map(([id]) => Number(id.slice(1)));
    assert.equal(counts.size, 160);
    assert.deepEqual(
      twice,
      Array.from({ length: 50 }, (_, n) => 100 + n),
    );
  });

  it('keeps a record that is not an event as a bad row with its bytes', async () => {
    const topic = await newTopic();
    const rig = newRig(topic);
    const long = `{"a":"${'x'.repeat(70_000)}"}`;
    await produce(brokers, topic, [
      { value: event(1) },
      { value: `{\n "event_id": "e2",\n "event_type": "search", "timestamp": 1767225600 }` },
      { value: `[${event(3)},\n${event(4)}]` },
      { value: `${event(5)}\r\n\n${event(6)}\n` },
      { value: 'nonsense' },
      { value: Buffer.from([0xff, 0x00, 0x01]) },
      { value: null },
      { value: 'null' },
      { value: '' },
      { value: '{"event_type":"search"}' },
      { value: long },
      { value: `\ufeff${event(7)}` },
    ]);
    const source = rig.open({ name: 'shop' });
    source.start();
    await until(() => received(rig.log) === 11, 'all lines');
    await source.stop();
    const lines = (await rig.lines()).map((line) => JSON.parse(line));
    const good = lines.filter((line) => !line.tillstream_bad).map((line) => line.event_id);
    assert.deepEqual(good, ['e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7']);
    const bad = lines.filter((line) => line.tillstream_bad);
    assert.deepEqual(
      bad.map((line) => [line.tillstream_bad, line.tillstream_bad_raw]),
      [
        ['not_json', 'nonsense'],
        ['not_utf8', '/wAB'],
        ['missing_field', '{"event_type":"search"}'],
        ['line_too_long', long.slice(0, 65_536)],
      ],
    );
    assert.deepEqual(rig.log.received(), { shop: 11 });
    assert.equal(source.status().counters.empty_records, 1);
    assert.equal(source.status().counters.tombstones, 2);
  });

  it('leaves out what was rolled back', async () => {
    const topic = await newTopic();
    const rig = newRig(topic);
    const writer = await transactions(brokers, topic);
    await writer.run([events(0, 2)], 'commit');
    await writer.run([events(900, 2)], 'abort');
    await writer.run([events(910, 2)], 'abort');
    await writer.run([events(2, 2)], 'commit');
    await writer.close();
    const source = rig.open();
    source.start();
    await until(() => received(rig.log) === 4, 'the committed records');
    await source.stop();
    assert.deepEqual(await rig.ids(), ['e0', 'e1', 'e2', 'e3']);
  });

  it('begins after the last record if the config says so', async () => {
    const topic = await newTopic();
    const rig = newRig(topic);
    await produce(brokers, topic, events(0, 10));
    const source = rig.open({ start: 'latest' });
    assert.match(await source.check(), /1 partition, 10 offsets/);
    source.start();
    await until(() => readdirSync(rig.stateDir).length > 0, 'its place in the topic to be kept');
    await produce(brokers, topic, events(10, 3));
    await until(() => received(rig.log) === 3, 'the new records');
    await source.stop();
    assert.deepEqual(await rig.ids(), ['e10', 'e11', 'e12']);
  });

  it('names a topic that does not exist, and reads it from its beginning once it is there', async () => {
    const topic = `late-${testNow()}`;
    const rig = newRig(topic);
    const source = rig.open({ start: 'latest' });
    await assert.rejects(source.check(), new RegExp(`The topic ${topic} does not exist at`));
    source.start();
    await until(() => source.status().state === 'waiting', 'the missing topic to be shown');
    assert.match(source.status().message, new RegExp(`The topic ${topic} does not exist at .*Create it`));
    await createTopic(brokers, topic);
    await produce(brokers, topic, events(0, 5));
    await until(() => received(rig.log) === 5, 'what came before it was found', 60_000);
    assert.equal(source.status().message, '');
    await source.stop();
  });

  it('reads partitions that are added later from their beginning, though it begins behind the last record', async () => {
    const topic = await newTopic();
    const rig = newRig(topic);
    await produce(brokers, topic, events(0, 10));
    const addTo = async (count: number) => {
      await addKafkaPartitions(brokers[0]!, topic, count);
      const client = await createKafkaClient({ brokers, topic, request_timeout_seconds: 10 });
      const isThere = async () =>
        (await client.refresh())?.partitions.filter(({ leader }) => leader >= 0).length === count;
      await until(() => isThere().catch(() => false), 'the new partitions');
      for (const { partition } of client.known!.partitions) await client.range(partition);
      await client.close();
    };
    const into = (partition: number, from: number, count: number) =>
      produce(
        brokers,
        topic,
        events(from, count).map(({ value }) => ({ value, partition })),
      );
    let source = rig.open({ start: 'latest' });
    source.start();
    let first = 1000;
    const hasBegun = async () => {
      await into(0, first++, 1);
      return received(rig.log) > 0;
    };
    await until(hasBegun, 'its start');
    const taken = async () => (await rig.ids()).filter((id) => Number(id.slice(1)) < 1000).sort();
    // While it runs: there before it looks again.
    await addTo(3);
    await into(1, 11, 3);
    await into(2, 14, 2);
    await until(async () => (await taken()).length >= 5, 'the records of the new partitions', 90_000);
    await source.stop();
    // While it is stopped.
    await addTo(4);
    await into(3, 16, 4);
    source = rig.open({ start: 'latest' });
    source.start();
    await until(async () => (await taken()).length >= 9, 'the records of the partition that came meanwhile');
    assert.equal(source.status().message, '');
    await source.stop();
    assert.deepEqual(
      await taken(),
      Array.from({ length: 9 }, (_, n) => `e${n + 11}`),
    );
  });

  it('reports what retention deleted before it was read', async () => {
    const topic = await newTopic();
    const rig = newRig(topic);
    await produce(brokers, topic, events(0, 10));
    let source = rig.open();
    source.start();
    await until(() => received(rig.log) === 10, 'the first records');
    await source.stop();
    await produce(brokers, topic, events(10, 10));
    const admin = newAdmin(brokers);
    await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 15n }] }] });
    await admin.close();
    source = rig.open();
    source.start();
    await until(() => received(rig.log) === 15, 'what is left');
    assert.match(source.status().message, /offsets 10 to 14 were deleted/);
    assert.equal(source.status().counters.lost_records, 5);
    await source.stop();
  });

  it('waits while the log refuses and while the brokers are away, and continues by itself', async () => {
    const topic = await newTopic(2);
    const rig = newRig(topic);
    let refuse = true;
    await produce(brokers, topic, events(0, 100));
    const source = rig.open({}, () => {
      if (refuse) throw Object.assign(new Error('queue full'), { retryAfterSeconds: 0.05 });
    });
    source.start();
    await until(() => source.status().state === 'waiting', 'the refusal to be shown');
    assert.match(source.status().message, /queue full/);
    refuse = false;
    await until(() => received(rig.log) === 100, 'the lines');
    await until(() => source.status().state === 'ready', 'all is well');
    await service.kill('SIGKILL');
    await until(() => source.status().state === 'waiting', 'the outage to be shown');
    await until(() => /refused|closed/i.test(source.status().message), 'what is wrong to be reported');
    await assert.rejects(rig.open().check(), /(refused|closed).*Check the brokers/);
    await service.restart();
    await produce(brokers, topic, events(100, 50));
    await until(() => received(rig.log) === 150, 'the lines after the outage', 60_000);
    await until(() => source.status().state === 'ready', 'the source to be well', 60_000);
    await source.stop();
    assert.equal(new Set(await rig.ids()).size, 150);
  });
});
