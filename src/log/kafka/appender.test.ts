import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testNow } from '../../../test/support/clock.ts';
import { BAD_MARK, BAD_MARK_RAW } from '../../event/fields.ts';
import type { KafkaClient } from '../../kafka-client/client.ts';
import { CODE } from '../../kafka-client/errors.ts';
import type { ProducedPartition, ProduceRequest } from '../../kafka-client/produce.ts';
import { committedBatches } from '../../kafka-client/record-batches.ts';
import { AppendError } from '../event-log.ts';
import { Appender } from './appender.ts';
import { kafkaLogConfigSchema } from './config.ts';
import { KafkaRecordDecoder } from './record-decoder.ts';

const PARTITIONS = 3;

/** Brokers in memory: `refuse` gives an error code for a batch, by its partition, size and how often it was asked. */
function brokers(
  refuse: (partition: number, bytes: number, attempt: number) => number,
  records: 'events' | 'blocks' = 'events',
  { leaders = [1, 1, 1], frozen = [] as number[] } = {},
) {
  const stored: string[][] = Array.from({ length: PARTITIONS }, () => []);
  const attempts = new Map<number, number>();
  const partitions = stored.map((_, partition) => ({ partition, leader: leaders[partition]! }));
  const client = {
    topic: 'shop',
    known: { partitions },
    requestTimeoutMs: frozen.length > 0 ? 8000 : 600,
    leaderOf: (partition: number) => (partitions[partition]!.leader < 0 ? null : partitions[partition]),
    refresh: async () => null,
    any: async () => ({ producerId: 7n, producerEpoch: 0 }),
    async call(_lane: string, node: number, _api: unknown, request: ProduceRequest) {
      while (frozen.includes(node)) await sleep(5);
      return request.partitions.map(({ partition, batch }): ProducedPartition => {
        const attempt = (attempts.get(partition) ?? 0) + 1;
        attempts.set(partition, attempt);
        const errorCode = refuse(partition, batch.length, attempt);
        const lines = stored[partition]!;
        const answer = {
          partition,
          errorCode,
          baseOffset: lines.length,
          appendedAtMs: 1,
          errorMessage: null,
        };
        if (errorCode !== 0) return { ...answer, baseOffset: -1 };
        const { batches } = committedBatches(Buffer.from(batch), 0, []);
        for (const { bytes } of new KafkaRecordDecoder(partition, 1024 ** 2).decode(batches, 0, () => 1))
          for (const line of bytes.toString('utf8').split('\n')) if (line) lines.push(line);
        return answer;
      });
    },
  } as unknown as KafkaClient;
  const appender = new Appender({
    client,
    config: kafkaLogConfigSchema.parse({ brokers: ['x:1'], records, compression: 'none' }),
    batchBytesMax: 100_000,
    now: testNow,
    received: () => ({}),
    readable: async () => 1,
  });
  const append = (lines: string[]) =>
    appender.append({
      source: 'http',
      bytes: [Buffer.from(lines.map((line) => `${line}\n`).join(''))],
      lines: lines.length,
    });
  return { append, stored, appender };
}

const linesOf = (count: number, bytes = 100) =>
  Array.from({ length: count }, (_, n) => `{"session_id":"s${n % 20}","n":${n},"x":"${'x'.repeat(bytes)}"}`);

test('an append succeeds if one partition refuses permanently and the others store their lines', async () => {
  for (const code of [CODE.INVALID_TIMESTAMP, CODE.POLICY_VIOLATION, CODE.INVALID_RECORD]) {
    const { append, stored } = brokers((partition, _, attempt) =>
      partition === 1 && attempt < 4 ? code : 0,
    );
    const lines = linesOf(60);
    await append(lines);
    assert.deepEqual(stored.flat().sort(), lines.toSorted(), 'each line once');
  }
});

/** Lines of a session that all go to one partition, by partition. */
async function sessions(): Promise<string[]> {
  const found: string[] = [];
  for (let n = 0; found.filter(Boolean).length < PARTITIONS; n++) {
    const { append, stored } = brokers(() => 0);
    const line = `{"session_id":"only${n}"}`;
    await append([line]);
    found[stored.findIndex((lines) => lines.length > 0)] ??= line;
  }
  return found;
}

test('a partition without a leader, or on an unresponsive broker, delays no other partition', async () => {
  const keyed = await sessions();
  for (const { leaders, frozen } of [
    { leaders: [1, -1, 2], frozen: [] },
    { leaders: [1, 2, 3], frozen: [2] },
    { leaders: [2, 1, 2], frozen: [1] },
  ]) {
    const { append, stored, appender } = brokers(() => 0, 'events', { leaders, frozen });
    const stuck = append([keyed[1]!, keyed[0]!]).then(
      () => 'stored',
      (error: AppendError) => error.message,
    );
    for (let n = 0; n < 30; n++) {
      const startedMs = performance.now();
      await append([`{"n":${n}}`]);
      await Promise.all([append([keyed[0]!]), append([keyed[2]!])]);
      // Far below the time that a stuck partition is given.
      const msMax = 4000;
      assert.ok(
        performance.now() - startedMs < msMax,
        `append ${n} took ${performance.now() - startedMs} ms`,
      );
    }
    assert.equal(stored[1]!.length, 0, 'lines without a key go to partitions that take them');
    frozen.length = 0;
    const outcome = await stuck;
    if (leaders.includes(-1)) assert.match(outcome, /partition 1 of shop has no leader/);
    else assert.equal(outcome, 'stored');
    await appender.close();
  }
});

test('the lines of a partition keep their order while it is unavailable', async () => {
  const [, keyed] = await sessions();
  const { append, stored } = brokers((partition, _, attempt) =>
    partition === 1 && attempt < 5 ? CODE.NOT_ENOUGH_REPLICAS : 0,
  );
  const lines = Array.from({ length: 40 }, (_, n) => keyed!.replace('}', `,"n":${n}}`));
  const appends: Promise<unknown>[] = [];
  for (const line of lines) {
    appends.push(append([line]));
    await sleep(1);
  }
  await Promise.all(appends);
  assert.deepEqual(stored[1], lines);
});

test('appends are refused immediately while nothing is stored', async () => {
  const { append, stored } = brokers(() => CODE.POLICY_VIOLATION);
  await assert.rejects(append(linesOf(60)), (error: AppendError) => {
    assert.ok(error instanceof AppendError);
    assert.equal(error.code, 'log_failed');
    return true;
  });
  assert.deepEqual(stored.flat(), []);
});

test('a partition that never accepts its lines ends with a clear error', async () => {
  const { append } = brokers((partition) => (partition === 1 ? CODE.INVALID_RECORD : 0));
  await assert.rejects(append(linesOf(60)), /may or may not have been stored/);
});

test('batches that are too large for the broker are split, and lines that cannot fit become bad rows', async () => {
  for (const records of ['events', 'blocks'] as const) {
    for (const limit of [60_000, 20_000, 9_000]) {
      const { append, stored, appender } = brokers(
        (_, bytes) => (bytes > limit ? CODE.MESSAGE_TOO_LARGE : 0),
        records,
      );
      const long = `{"session_id":"s3","long":"${'y'.repeat(limit)}"}`;
      const marked = `{"${BAD_MARK}":"not_json","${BAD_MARK_RAW}":"${'\\u0001'.repeat(limit / 4)}"}`;
      const lines = [
        ...linesOf(100, 1000),
        long,
        ...linesOf(100, 1000).map((line) => line.replace('s', 't')),
        marked,
      ];
      const { partition, firstOffset } = await append(lines);
      const all = stored.flat();
      assert.equal(all.length, lines.length, `${records} ${limit}`);
      assert.deepEqual(
        all.filter((line) => !line.includes(BAD_MARK)).sort(),
        lines.filter((line) => line !== long && line !== marked).toSorted(),
      );
      const bad = all.filter((line) => line.includes(BAD_MARK)).map((line) => JSON.parse(line));
      assert.deepEqual(bad.map((row) => row[BAD_MARK]).sort(), ['line_too_long', 'not_json']);
      for (const row of bad) assert.ok(row[BAD_MARK_RAW].length > 100);
      if (records === 'events')
        assert.ok(stored[partition]![firstOffset] === lines[0], 'the first line is where the answer says');
      assert.ok(appender.lineBytesMax < limit, 'the next such line is rejected before it is sent');
    }
  }
});

test('appends to a topic with a tiny size limit are refused instead of retried forever', async () => {
  const { append } = brokers(() => CODE.RECORD_LIST_TOO_LARGE);
  await assert.rejects(append(linesOf(300)), AppendError);
});
