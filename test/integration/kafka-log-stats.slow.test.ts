/** What the log on Kafka keeps beside the topic: its counters, and times of receipt that never fall. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { testNow } from '../support/clock.ts';
import { statusOf } from '../support/influx.ts';
import { createTopic, linesOf, newAdmin, openLog, produce, readAllBatches } from '../support/kafka.ts';
import { cli, type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { ownName, sharedService } from '../support/services.ts';

let brokers: string[];
let topics = 0;
const newTopic = () => ownName(`kafka-log-stats-${topics++}`);
before(async () => {
  brokers = (await sharedService('kafka')).brokers;
});

describe('the counters', () => {
  const lines = (from: number, count: number) =>
    Buffer.from(Array.from({ length: count }, (_, n) => `{"n":${from + n}}\n`).join(''));

  it('are made again from the topic when they are lost, damaged or old', async () => {
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
    const counters = join(dir, 'books.json');
    const old = await readFile(counters);
    const spoil = [
      () => rm(counters),
      () => writeFile(counters, old.subarray(0, old.length / 2)),
      () => writeFile(counters, '{"format_version":1}'),
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
    await writeFile(counters, old);
    log = await openLog(brokers, dir, { topic });
    assert.deepEqual(log.received(), { poll: 3500, http: 6510 });
    await log.close();
  });

  it('stay right when consumers have read on and marks are dropped', async () => {
    const topic = newTopic();
    const dir = temporaryDir();
    let log = await openLog(brokers, dir, { topic, partitions: 1 });
    for (let n = 0; n < 10; n++) await log.append({ source: 'http', bytes: [lines(0, 3000)], lines: 3000 });
    for (const reader of ['archive', 'metrics']) log.retain(reader, { 0: 20_500 });
    const firstMark = async (): Promise<number> => {
      const text = await readFile(join(dir, 'books.json'), 'utf8').catch(() => null);
      return text === null ? 0 : (JSON.parse(text).partitions[0].marks[0]?.offset ?? 0);
    };
    await until(
      async () => (await firstMark()) >= 18_000,
      'the marks that readers have passed to be dropped',
    );
    await log.close();
    log = await openLog(brokers, dir, { topic });
    for (const at of [20_500, 29_999, 30_000])
      assert.deepEqual(await log.receivedBefore({ 0: at }), { http: at });
    await log.close();
  });

  it('count as lost what was deleted before it was read, and readers continue at the start', async () => {
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
    // What was counted and then deleted is not lost for the counters.
    await deleteTo(180);
    await until(async () => log.partitions()[0]!.start === 180, 'the new start');
    assert.deepEqual(await log.receivedBefore({ 0: 170 }), { http: 100, kafka: 70 });
    assert.equal(log.status().lostLines, 50);
    await log.close();
    await admin.close();
  });
});

describe('a topic whose first records have expired', () => {
  const event = (n: number) => `{"timestamp":${testNow()},"event_type":"search","user_id":"u${n}"}`;

  /** A shop on a topic, with an archive that outlives its data folder. */
  async function shop() {
    const topic = newTopic();
    const archive = { kind: 'local', path: join(temporaryDir(), 'archive') };
    const config = {
      log: { kind: 'kafka', brokers, topic, partitions: 2 },
      archive,
      batch: { archive_every_ms: 200, metrics_every_ms: 200 },
    };
    const admin = newAdmin(brokers);
    return {
      topic,
      start: (dataDir: string) => startProduct({ dataDir, config }),
      send: async (product: Product, count: number) => {
        for (let n = 0; n < count; n += 50) {
          const lines = Array.from({ length: Math.min(50, count - n) }, (_, i) => event(n + i));
          assert.equal((await product.send(`${lines.join('\n')}\nnot json\n`)).status, 200);
        }
      },
      external: (count: number) =>
        produce(
          brokers,
          topic,
          Array.from({ length: 2 * count }, (_, n) => ({ value: event(n), partition: n % 2 })),
        ),
      ends: async (): Promise<number[]> => {
        const log = await openLog(brokers, temporaryDir(), { topic });
        const ends = log.partitions().map(({ end }) => end);
        await log.close();
        return ends;
      },
      deleteBefore: async (offsets: number[]) => {
        const partitions = offsets.map((offset, partition) => ({ partition, offset: BigInt(offset) }));
        await admin.deleteRecords({ topics: [{ name: topic, partitions }] });
      },
    };
  }

  for (const lost of ['kafka-log', 'all of the data folder'])
    it(`balances without ${lost}: what is archived counts as received`, async () => {
      const { start, send, ends, deleteBefore } = await shop();
      let dataDir = temporaryDir();
      let product = await start(dataDir);
      await send(product, 400);
      const before = await product.settled();
      assert.equal(before.received, 408);
      await product.stop();
      const [first, second] = await ends();
      // One partition has lost some of its records, the other all.
      await deleteBefore([Math.floor(first! / 2), second!]);
      if (lost === 'kafka-log') await rm(join(dataDir, 'kafka-log'), { recursive: true });
      else dataDir = temporaryDir();
      for (const more of [0, 100, 0]) {
        product = await start(dataDir);
        if (more > 0) await send(product, more);
        const ledger = await product.settled();
        assert.ok(ledger.balanced, JSON.stringify(ledger));
        assert.equal(ledger.expired + ledger.lost, 0);
        assert.equal(ledger.archive.events + ledger.archive.bad_rows, ledger.received);
        if (more === 0 && ledger.received === 408) assert.deepEqual(ledger.by_source, before.by_source);
        // A process that is killed has the same numbers after it.
        await product.kill();
      }
      product = await start(dataDir);
      assert.equal((await product.settled()).received, 408 + 102);
      await product.stop();
    });

  for (const lost of [null, 'kafka-log'])
    it(`reports what was deleted before it was read as expired${lost ? `, also without ${lost}` : ''}`, async () => {
      const { start, send, external, ends, deleteBefore } = await shop();
      const dataDir = temporaryDir();
      let product = await start(dataDir);
      await send(product, 100);
      await product.settled();
      await product.stop();
      const [first, second] = await ends();
      await external(60);
      await deleteBefore([first! + 25, second! + 40]);
      if (lost) await rm(join(dataDir, lost), { recursive: true });
      for (let start_ = 0; start_ < 2; start_++) {
        product = await start(dataDir);
        const ledger = await product.settled();
        assert.ok(ledger.balanced, JSON.stringify(ledger));
        assert.deepEqual([ledger.expired, ledger.lost], [65, 0]);
        assert.deepEqual([ledger.archive.expired, ledger.metrics.expired], [65, 65]);
        assert.equal(ledger.received, 102 + 120);
        assert.equal(ledger.archive.events, 100 + 120 - 65);
        const { parts } = await statusOf(product);
        assert.match(parts.log!.message, /The topic has deleted 65 records before they were read/);
        const { stdout } = await cli(['ledger', '--data', dataDir]);
        assert.match(stdout, /deleted before they were read: 65 \(expired\)/);
        assert.doesNotMatch(stdout, /quarantine/);
        if (start_ === 0) assert.match(product.output(), /deleted records before they were read/);
        await product.stop();
      }
    });
});

describe('received-at', () => {
  it('of a topic that keeps the times of its writers never falls and never is far ahead', async () => {
    const topic = newTopic();
    await createTopic(brokers, topic, { configs: { 'message.timestamp.type': 'CreateTime' } });
    const nowMs = testNow();
    const times = [nowMs - 9_000, nowMs - 5_000, nowMs - 7_000, nowMs + 3_000_000, nowMs - 1_000];
    for (const [n, timestampMs] of times.entries())
      await produce(brokers, topic, [{ value: `{"n":${n}}`, timestampMs }]);
    const dir = temporaryDir();
    const seen: number[][] = [];
    // The second time an hour later, when the third time is no longer ahead.
    for (const passedMs of [0, 3_600_000]) {
      const log = await openLog(brokers, dir, { topic }, () => testNow() + passedMs);
      const batches = await readAllBatches(log);
      seen.push(batches.flatMap(({ receivedAtMs, lines }) => Array<number>(lines).fill(receivedAtMs)));
      await log.close();
    }
    const [first, second] = seen;
    assert.deepEqual(first!.slice(0, 3), [nowMs - 9_000, nowMs - 5_000, nowMs - 5_000]);
    assert.ok(first![3]! > nowMs + 4 * 60_000 && first![3]! <= testNow() + 5 * 60_000);
    assert.equal(first![4], first![3]);
    assert.deepEqual(second, first);
  });
});
