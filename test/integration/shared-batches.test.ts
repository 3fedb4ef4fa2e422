/** Batches that readers share: who parses, and what a damaged log costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type BatchLimits, SharedBatches } from '../../src/consumers/shared-batches.ts';
import type { BatchDecoder, LogPieces, TypedRows } from '../../src/decode/batch.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { until } from '../support/product.ts';

const LIMITS: BatchLimits = {
  linesMax: 100,
  bytesMax: 1 << 20,
  runsMax: 1000,
  waitMsMax: 200,
};

/** A decoder that only counts: what was decoded, by its first offset. */
class CountingDecoder implements BatchDecoder {
  readonly decoded: number[] = [];
  readonly lines: string[] = [];
  readonly released: number[] = [];
  /** First offset of the batch whose next decoding fails. */
  failsAt = Number.NaN;

  async decode(read: () => LogPieces) {
    let [first, lines, maxReceivedAtMs] = [-1, 0, 0];
    const sources: Record<string, number> = {};
    for await (const piece of read()) {
      for (const batch of piece) {
        if (first === -1) first = batch.firstOffset;
        this.lines.push(batch.bytes.toString());
        lines += batch.lines;
        maxReceivedAtMs = batch.receivedAtMs;
        sources[batch.source] = (sources[batch.source] ?? 0) + batch.lines;
      }
    }
    this.decoded.push(first);
    if (first === this.failsAt) {
      this.failsAt = Number.NaN;
      throw new Error('the disk is full');
    }
    return { lines, badLines: 0, sources, maxReceivedAtMs, rowsSql: '', table: String(first) };
  }

  async release({ table }: TypedRows): Promise<void> {
    this.released.push(Number(table));
  }
}

async function logOf(lines: number, source = 'http'): Promise<EventLog> {
  const log = openMemoryLog({ now: () => 1_000_000 });
  await append(log, lines, source);
  return log;
}

async function append(log: EventLog, lines: number, source: string): Promise<void> {
  for (let at = 0; at < lines; at += 10)
    await log.append({ source, bytes: [Buffer.from('{}\n'.repeat(10))], lines: 10 });
}

test('two readers share each batch', async () => {
  const decoder = new CountingDecoder();
  const batches = new SharedBatches(await logOf(250), decoder, LIMITS);
  for (const from of [0, 100, 200]) {
    const [one, other] = await Promise.all([batches.take({ 0: from }), batches.take({ 0: from })]);
    assert.equal(one, other);
    assert.deepEqual(one.ranges, [{ partition: 0, start: from, end: Math.min(from + 100, 250) }]);
    await batches.done({ 0: from }, one);
    await batches.done({ 0: from }, other);
  }
  assert.deepEqual(decoder.decoded, [0, 100, 200]);
  assert.equal(decoder.lines.join('').length, 250 * 3);
});

test('a reader that is stuck with its batch holds up no other for long', async () => {
  const batches = new SharedBatches(await logOf(200), new CountingDecoder(), LIMITS);
  await batches.take({ 0: 0 });
  const began = performance.now();
  assert.equal((await batches.take({ 0: 50 })).ranges[0]!.start, 50);
  assert.ok(performance.now() - began >= LIMITS.waitMsMax - 5);
});

test('a batch ends where it would have too many runs of source and time', async () => {
  const log = await logOf(10, 'a');
  for (const source of ['b', 'c', 'd']) await append(log, 10, source);
  const batches = new SharedBatches(log, new CountingDecoder(), { ...LIMITS, runsMax: 2 });
  const batch = await batches.take({ 0: 0 });
  assert.deepEqual([batch.ranges[0]!.end, batch.sources], [20, { a: 10, b: 10 }]);
});

test('lines that the log lost are counted by source, in the middle and at the end', async () => {
  const log = await logOf(20, 'a');
  await append(log, 20, 'b');
  await append(log, 20, 'a');
  const read = log.read.bind(log);
  // As the segment log does it: what is damaged is stepped over.
  log.read = async (partition, from, limits) =>
    (await read(partition, from, limits)).filter(({ firstOffset }) => firstOffset < 10 || firstOffset === 40);
  const batches = new SharedBatches(log, new CountingDecoder(), LIMITS);
  const batch = await batches.take({ 0: 0 });
  assert.deepEqual([batch.ranges, batch.lines], [[{ partition: 0, start: 0, end: 60 }], 20]);
  assert.deepEqual(batch.lost, { a: 20, b: 20 });
  await batches.done({ 0: 0 }, batch);
  const rest = await batches.take({ 0: 50 });
  assert.deepEqual([rest.ranges[0]!.end, rest.lines, rest.lost], [60, 0, { a: 10 }]);
});

const AHEAD = { ...LIMITS, waitMsMax: 5000, decodesAhead: true };

test('of a backlog the next batch is decoded while readers work on one, once for all, and no further one', async () => {
  const decoder = new CountingDecoder();
  const batches = new SharedBatches(await logOf(300), decoder, AHEAD);
  const first = await Promise.all([batches.take({ 0: 0 }), batches.take({ 0: 0 })]);
  await until(() => decoder.decoded.length === 2, '2 batches are decoded');
  await setTimeout(250);
  assert.deepEqual(decoder.decoded, [0, 100]);
  await batches.done({ 0: 0 }, first[0]);
  // The faster reader goes on together with the other one.
  const fast = batches.take({ 0: 100 });
  assert.equal(await Promise.race([fast, setTimeout(50, 'waits')]), 'waits');
  await batches.done({ 0: 0 }, first[1]);
  assert.equal(await fast, await batches.take({ 0: 100 }));
  await until(() => decoder.decoded.length === 3, '3 batches are decoded');
  assert.deepEqual([decoder.decoded, decoder.released], [[0, 100, 200], [0]]);
});

test('the last lines of a backlog are decoded ahead when no more come, a few are not', async () => {
  for (const [lines, isAhead] of [
    [440, true],
    [410, false],
  ] as const) {
    const decoder = new CountingDecoder();
    const batches = new SharedBatches(await logOf(lines), decoder, { ...AHEAD, linesMax: 400 });
    const batch = await batches.take({ 0: 0 });
    if (isAhead) await until(() => decoder.decoded.length === 2, '2 batches are decoded');
    else await setTimeout(300);
    assert.deepEqual(decoder.decoded, isAhead ? [0, 400] : [0]);
    await batches.done({ 0: 0 }, batch);
    await batches.close();
  }
});

test('what was decoded ahead and nobody comes for is given back', async () => {
  const decoder = new CountingDecoder();
  const batches = new SharedBatches(await logOf(300), decoder, AHEAD);
  const batch = await batches.take({ 0: 0 });
  await until(() => decoder.decoded.length === 2, '2 batches are decoded');
  await batches.done({ 0: 0 }, batch);
  const other = await batches.take({ 0: 50 });
  assert.deepEqual([other.ranges[0]!.start, decoder.released], [50, [0, 100]]);
  await until(() => decoder.decoded.length === 4, '4 batches are decoded');
  await batches.done({ 0: 50 }, other);
  await batches.close();
  assert.deepEqual(
    decoder.released.toSorted((a, b) => a - b),
    decoder.decoded.toSorted((a, b) => a - b),
  );
});

test('a batch that could not be decoded ahead is decoded when it is asked for', async () => {
  const decoder = new CountingDecoder();
  decoder.failsAt = 100;
  const batches = new SharedBatches(await logOf(300), decoder, AHEAD);
  const first = await batches.take({ 0: 0 });
  await until(() => Number.isNaN(decoder.failsAt), 'decoding ahead fails');
  await batches.done({ 0: 0 }, first);
  assert.equal((await batches.take({ 0: 100 })).ranges[0]!.start, 100);
  assert.deepEqual(decoder.decoded.slice(0, 3), [0, 100, 100]);
});
