/** What the log on Kafka keeps beside the topic: its books, and times of receipt that never fall. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createTopic, linesOf, newAdmin, openLog, produce, readAllBatches } from '../support/kafka.ts';
import { temporaryDir, until } from '../support/product.ts';
import { startService } from '../support/services.ts';

let brokers: string[];
let topics = 0;
const newTopic = () => `kafka-log-${topics++}`;
before(async () => {
  brokers = (await startService('kafka')).info.brokers;
});

describe('the books', () => {
  const lines = (from: number, count: number) =>
    Buffer.from(Array.from({ length: count }, (_, n) => `{"n":${from + n}}\n`).join(''));

  it('are made anew from the topic when they are lost, damaged or old', async () => {
    const topic = newTopic();
    const dir = temporaryDir();
    let log = await openLog(brokers, dir, { topic, partitions: 2 });
    for (let n = 0; n < 20; n++)
      await log.append({ source: n % 3 ? 'http' : 'poll', bytes: [lines(n * 500, 500)], lines: 500 });
    const received = log.received();
    assert.deepEqual(received, { poll: 3500, http: 6500 });
    const places = log
      .partitions()
      .flatMap(({ partition, end }) => [0, 1, 777, 3001, end].map((at) => ({ [partition]: at })));
    const counts = await Promise.all(places.map((place) => log.receivedBefore(place)));
    await log.close();
    const books = join(dir, 'books.json');
    const old = await readFile(books);
    const spoil = [
      () => rm(books),
      () => writeFile(books, old.subarray(0, old.length / 2)),
      () => writeFile(books, '{"format_version":1}'),
      async () => {},
    ];
    for (const make of spoil) {
      await make();
      log = await openLog(brokers, dir, { topic });
      assert.deepEqual(log.received(), received);
      for (const [index, place] of places.entries())
        assert.deepEqual(await log.receivedBefore(place), counts[index]);
      await log.close();
    }
    // Behind by what was written in the meantime.
    log = await openLog(brokers, dir, { topic });
    await log.append({ source: 'http', bytes: [lines(0, 10)], lines: 10 });
    await log.close();
    await writeFile(books, old);
    log = await openLog(brokers, dir, { topic });
    assert.deepEqual(log.received(), { poll: 3500, http: 6510 });
    await log.close();
  });

  it('stay right when readers have passed and marks are dropped', async () => {
    const topic = newTopic();
    const dir = temporaryDir();
    let log = await openLog(brokers, dir, { topic, partitions: 1 });
    for (let n = 0; n < 10; n++) await log.append({ source: 'http', bytes: [lines(0, 3000)], lines: 3000 });
    for (const reader of ['archive', 'metrics']) log.retain(reader, { 0: 20_500 });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await log.close();
    const stored = JSON.parse(await readFile(join(dir, 'books.json'), 'utf8'));
    assert.ok(stored.partitions[0].marks[0].offset >= 18_000);
    log = await openLog(brokers, dir, { topic });
    for (const at of [20_500, 29_999, 30_000])
      assert.deepEqual(await log.receivedBefore({ 0: at }), { http: at });
    await log.close();
  });

  it('count as lost what was deleted before it was read, and readers go on at the start', async () => {
    const topic = newTopic();
    const dir = temporaryDir();
    let log = await openLog(brokers, dir, { topic, partitions: 1 });
    await log.append({ source: 'http', bytes: [lines(0, 100)], lines: 100 });
    await log.close();
    await produce(
      brokers,
      topic,
      Array.from({ length: 100 }, (_, n) => ({ value: `{"n":${100 + n}}` })),
    );
    const admin = newAdmin(brokers);
    const deleteTo = (offset: number) =>
      admin.deleteRecords({
        topics: [{ name: topic, partitions: [{ partition: 0, offset: BigInt(offset) }] }],
      });
    await deleteTo(150);
    log = await openLog(brokers, dir, { topic });
    assert.deepEqual(log.received(), { http: 100, kafka: 100 });
    assert.equal(log.status().lostLines, 50);
    assert.equal(log.partitions()[0]!.start, 150);
    const [first] = await log.read(0, 40, { bytesMax: 1_000_000, linesMax: 1000 });
    assert.equal(first!.firstOffset, 150);
    assert.equal(linesOf([first!])[0], '{"n":150}');
    assert.deepEqual(await log.receivedBefore({ 0: 100 }), { http: 100 });
    assert.deepEqual(await log.receivedBefore({ 0: 150 }), { http: 100, kafka: 50 });
    assert.deepEqual(await log.receivedBefore({ 0: 175 }), { http: 100, kafka: 75 });
    // What was counted and then deleted is not lost for the books.
    await deleteTo(180);
    await until(async () => log.partitions()[0]!.start === 180, 'the new start');
    assert.deepEqual(await log.receivedBefore({ 0: 170 }), { http: 100, kafka: 70 });
    assert.equal(log.status().lostLines, 50);
    await log.close();
    await admin.close();
  });
});

describe('received-at', () => {
  it('of a topic that keeps the times of its writers never falls and never is far ahead', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic, { configs: { 'message.timestamp.type': 'CreateTime' } });
    const nowMs = Date.now();
    const times = [nowMs - 9_000, nowMs - 5_000, nowMs - 7_000, nowMs + 3_000_000, nowMs - 1_000];
    for (const [n, timestampMs] of times.entries())
      await produce(brokers, topic, [{ value: `{"n":${n}}`, timestampMs }]);
    const dir = temporaryDir();
    const seen: number[][] = [];
    // The second time an hour later, when the third time is no longer ahead.
    for (const passedMs of [0, 3_600_000]) {
      const log = await openLog(brokers, dir, { topic }, () => Date.now() + passedMs);
      const batches = await readAllBatches(log);
      seen.push(batches.flatMap(({ receivedAtMs, lines }) => Array<number>(lines).fill(receivedAtMs)));
      await log.close();
    }
    const [first, second] = seen;
    assert.deepEqual(first!.slice(0, 3), [nowMs - 9_000, nowMs - 5_000, nowMs - 5_000]);
    assert.ok(first![3]! > nowMs + 4 * 60_000 && first![3]! <= Date.now() + 5 * 60_000);
    assert.equal(first![4], first![3]);
    assert.deepEqual(second, first);
  });
});
