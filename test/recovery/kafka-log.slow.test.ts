/** The log on Kafka while brokers and the network fail. It takes minutes: a client needs many seconds to find out that a broker is gone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKafkaClient } from '../../src/kafka-client/client.ts';
import { AppendError, type EventLog } from '../../src/log/event-log.ts';
import { linesOf, newAdmin, openLog, readAllBatches } from '../support/kafka.ts';
import { temporaryDir, until } from '../support/product.ts';
import { startService } from '../support/services.ts';
import { itThorough } from '../support/thorough.ts';

/** Writers that append numbered blocks until told to stop, and know which ones were acknowledged. */
function load(log: EventLog, writers: number, linesEach: number) {
  const acknowledged = new Set<string>();
  const refused: AppendError[] = [];
  let slowestMs = 0;
  let stopping = false;
  const write = async (writer: number) => {
    for (let n = 0; !stopping; n++) {
      const ids = Array.from({ length: linesEach }, (_, line) => `${writer}-${n}-${line}`);
      const text = ids.map((id) => `{"id":"${id}","session_id":"s${id}"}\n`).join('');
      const startedMs = performance.now();
      try {
        await log.append({ source: 'http', bytes: [Buffer.from(text)], lines: linesEach });
        for (const id of ids) acknowledged.add(id);
      } catch (error) {
        assert.ok(error instanceof AppendError, String(error));
        refused.push(error);
        await sleep(200);
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      await sleep(5);
    }
  };
  const running = Array.from({ length: writers }, (_, writer) => write(writer));
  return {
    acknowledged,
    refused,
    slowestMs: () => slowestMs,
    stop: async () => {
      stopping = true;
      await Promise.all(running);
    },
  };
}

/** Ids in the log, each as often as it is there. */
async function stored(log: EventLog): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const line of linesOf(await readAllBatches(log))) {
    const { id } = JSON.parse(line);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function compare(counts: Map<string, number>, acknowledged: Set<string>): void {
  const missing = [...acknowledged].filter((id) => !counts.has(id));
  const twice = [...counts].filter(([, count]) => count > 1).map(([id]) => id);
  assert.deepEqual(missing.slice(0, 5), [], `${missing.length} acknowledged lines are missing`);
  assert.deepEqual(twice.slice(0, 5), [], `${twice.length} lines are there twice`);
}

describe('one broker', () => {
  it('keeps what it acknowledged when it is killed again and again, and takes lines again by itself', async () => {
    const service = await startService('kafka');
    const dir = temporaryDir();
    const config = { topic: 'killed', partitions: 3, request_timeout_seconds: 5 };
    const log = await openLog(service.info.brokers, dir, config);
    const writers = load(log, 4, 20);
    for (let round = 0; round < 2; round++) {
      const before = writers.acknowledged.size;
      await until(async () => writers.acknowledged.size > before + 1000, 'some lines', 60_000);
      await service.kill('SIGKILL');
      await until(async () => log.status().state === 'waiting', 'the fault to be shown', 20_000);
      assert.match(log.status().message, /^Kafka at 127\.0\.0\.1:\d+: .*refused/);
      const { partition, start } = log.partitions()[0]!;
      // What is in memory can be read meanwhile; the rest is refused with a reason.
      await log.read(partition, start, { bytesMax: 1, linesMax: 1 }).catch((error: Error) => {
        assert.match(error.message, /refused|closed/i);
      });
      await service.restart();
      await until(async () => log.status().state === 'ready', 'the log to work again', 60_000);
    }
    await writers.stop();
    for (const error of writers.refused) assert.equal(error.code, 'log_busy');
    const counts = await stored(log);
    compare(counts, writers.acknowledged);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    assert.deepEqual(log.received(), { http: total });
    await log.close();
    const again = await openLog(service.info.brokers, dir, config);
    assert.deepEqual(again.received(), { http: total });
    assert.deepEqual(await stored(again), counts);
    await again.close();
    await service.kill();
  });
});

describe('three brokers', () => {
  it('lose and repeat nothing when the leader of a partition is killed during load', async (t) => {
    const service = await startService('kafka', { brokers: 3 });
    const { brokers } = service.info;
    const config = { topic: 'leaders', partitions: 3, request_timeout_seconds: 20 };
    const log = await openLog(brokers, temporaryDir(), config);
    const writers = load(log, 4, 20);
    for (const victim of [0, 1]) {
      const before = writers.acknowledged.size;
      await until(async () => writers.acknowledged.size > before + 1000, 'some lines', 60_000);
      await service.kill('SIGKILL', victim);
      const atKill = writers.acknowledged.size;
      await until(async () => writers.acknowledged.size > atKill + 1000, 'lines with two brokers', 60_000);
      await service.restart();
      await inSync(brokers, 'leaders', 3);
    }
    await writers.stop();
    t.diagnostic(`${writers.acknowledged.size} lines, slowest append ${writers.slowestMs()} ms`);
    assert.deepEqual(
      writers.refused.map(({ message }) => message),
      [],
    );
    const counts = await stored(log);
    compare(counts, writers.acknowledged);
    assert.equal(counts.size, writers.acknowledged.size);
    assert.equal(log.status().state, 'ready');
    await log.close();
    await service.kill();
  });

  itThorough('take lines for the other partitions at once while one partition has no leader', async () => {
    const service = await startService('kafka', { brokers: 3 });
    const { brokers } = service.info;
    const config = { topic: 'leaderless', partitions: 3, replication_factor: 1, request_timeout_seconds: 40 };
    const log = await openLog(brokers, temporaryDir(), config);
    const append = (line: object) =>
      log.append({ source: 'http', bytes: [Buffer.from(`${JSON.stringify(line)}\n`)], lines: 1 });
    const sessionOf: string[] = [];
    for (let n = 0; Object.keys(sessionOf).length < 3; n++) {
      const { partition } = await append({ id: `first${n}`, session_id: `s${n}` });
      sessionOf[partition] ??= `s${n}`;
    }
    await service.kill('SIGKILL', 2);
    const client = await createKafkaClient({ ...config, brokers: brokers.slice(0, 2) });
    let lost = -1;
    await until(
      async () => {
        const topic = await client.refresh().catch(() => null);
        lost = topic?.partitions.find(({ leader }) => leader < 0)?.partition ?? -1;
        return lost >= 0;
      },
      'the partition to lose its leader',
      60_000,
    );
    await client.close();
    const stuck = append({ id: 'stuck', session_id: sessionOf[lost] });
    let isStored = false;
    void stuck.then(() => {
      isStored = true;
    });
    const others = [0, 1, 2].filter((partition) => partition !== lost);
    let startedMs = 0;
    for (let n = 0; n < 30; n++) {
      // The first ones find out.
      if (n === 3) startedMs = performance.now();
      const results = await Promise.all([
        append({ id: `keyless${n}` }),
        ...others.map((partition) =>
          append({ id: `keyed${n}-${partition}`, session_id: sessionOf[partition] }),
        ),
      ]);
      assert.ok(results.every(({ partition }) => partition !== lost));
    }
    // Were each held up by the stuck one for only a few seconds, these would take minutes.
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 60_000, `27 rounds of appends took ${tookMs} ms`);
    assert.ok(!isStored);
    await until(async () => log.status().state === 'waiting', 'the fault to be shown', 20_000);
    await service.restart();
    await stuck;
    await until(async () => log.status().state === 'ready', 'the log to work again', 60_000);
    const counts = await stored(log);
    assert.equal(counts.get('stuck'), 1);
    assert.equal(
      counts.size,
      [...counts.values()].reduce((sum, count) => sum + count, 0),
      'nothing twice',
    );
    for (let n = 0; n < 30; n++) assert.ok(counts.has(`keyless${n}`));
    await log.close();
    await service.kill();
  });

  itThorough('refuse lines while only one is left, and take them again with two', async () => {
    const service = await startService('kafka', { brokers: 3 });
    const config = { topic: 'minority', partitions: 1, request_timeout_seconds: 3 };
    const log = await openLog(service.info.brokers, temporaryDir(), config);
    const append = (n: number) =>
      log.append({ source: 'http', bytes: [Buffer.from(`{"id":"${n}"}\n`)], lines: 1 });
    await append(1);
    await service.kill('SIGKILL', 1);
    await service.kill('SIGKILL', 2);
    await assert.rejects(append(2), (error) => {
      return error instanceof AppendError && error.code === 'log_busy' && error.retryAfterSeconds > 0;
    });
    await service.restart();
    await until(
      async () => {
        try {
          await append(3);
          return true;
        } catch {
          return false;
        }
      },
      'an append with all brokers',
      60_000,
    );
    const counts = await stored(log);
    assert.equal(counts.get('1'), 1);
    assert.ok(counts.has('3'));
    await log.close();
    await service.kill();
  });
});

/** Waits until every partition of the topic has all its replicas in sync. */
async function inSync(brokers: readonly string[], topic: string, replicas: number): Promise<void> {
  const admin = newAdmin(brokers);
  await until(
    async () => {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      return topics.get(topic)!.partitions.every(({ isr }) => isr.length === replicas);
    },
    'all replicas to be in sync',
    60_000,
  );
  await admin.close();
}
