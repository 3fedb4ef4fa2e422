/** Batches that readers share: who parses, what is read ahead, and what a damaged log costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryLog } from '../../src/adapters/log/memory/log.ts';
import { type BatchLimits, SharedBatches } from '../../src/pipeline/shared-batches.ts';
import type { BatchParser, LogPieces } from '../../src/ports/batch.ts';
import type { EventLog } from '../../src/ports/event-log.ts';

const LIMITS: BatchLimits = {
  linesMax: 100,
  bytesMax: 1 << 20,
  runsMax: 1000,
  stageLinesMin: 50,
  waitMsMax: 200,
};

/** A parser that only counts: what was staged and parsed, by its first offset. */
class CountingParser implements BatchParser {
  readonly staged: number[] = [];
  readonly parsed: number[] = [];
  readonly discarded: number[] = [];
  readonly lines: string[] = [];

  async stage(pieces: LogPieces) {
    const number = this.staged.push(-1) - 1;
    let [lines, receivedAtMaxMs] = [0, 0];
    const sources: Record<string, number> = {};
    const texts: string[] = [];
    for await (const piece of pieces) {
      for (const batch of piece) {
        if (this.staged[number] === -1) this.staged[number] = batch.firstOffset;
        texts.push(batch.bytes.toString());
        lines += batch.lines;
        receivedAtMaxMs = batch.receivedAtMs;
        sources[batch.source] = (sources[batch.source] ?? 0) + batch.lines;
      }
    }
    const from = this.staged[number]!;
    return {
      parse: async () => {
        this.parsed.push(from);
        this.lines.push(...texts);
        return { lines, badLines: 0, sources, receivedAtMaxMs, relation: '' };
      },
      discard: async () => void this.discarded.push(from),
    };
  }

  async release(): Promise<void> {}
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

test('two readers share each batch, and the next one is staged while they work', async () => {
  const parser = new CountingParser();
  const batches = new SharedBatches(await logOf(250), parser, LIMITS);
  for (const from of [0, 100, 200]) {
    const [one, other] = await Promise.all([batches.take({ 0: from }), batches.take({ 0: from })]);
    assert.equal(one, other);
    assert.deepEqual(one.spans, [{ partition: 0, from, to: Math.min(from + 100, 250) }]);
    if (from < 100) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(parser.staged, [0, 100], 'read ahead, as a full batch waits');
    }
    await batches.done({ 0: from }, one);
    await batches.done({ 0: from }, other);
  }
  assert.deepEqual(parser.parsed, [0, 100, 200]);
  assert.deepEqual(parser.staged, parser.parsed, 'nothing was read twice');
  assert.equal(parser.lines.join('').length, 250 * 3);
  await batches.close();
});

test('few lines are not read ahead: more may come, and make one batch', async () => {
  const parser = new CountingParser();
  const log = await logOf(140);
  const batches = new SharedBatches(log, parser, LIMITS);
  await batches.done({ 0: 0 }, await batches.take({ 0: 0 }));
  await append(log, 20, 'http');
  assert.equal((await batches.take({ 0: 100 })).spans[0]!.to, 160);
  assert.deepEqual(parser.staged, [0, 100]);
});

test('a batch that swallows what was staged behind it discards that', async () => {
  const parser = new CountingParser();
  const log = await logOf(160);
  const batches = new SharedBatches(log, parser, LIMITS);
  const first = await batches.take({ 0: 0 });
  assert.equal(first.spans[0]!.to, 100);
  await batches.done({ 0: 0 }, first);
  // Another reader, between: its batch holds offset 100.
  await batches.done({ 0: 60 }, await batches.take({ 0: 60 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(parser.discarded, [100]);
  await batches.close();
});

test('a reader that is stuck with its batch holds up no other for long', async () => {
  const batches = new SharedBatches(await logOf(200), new CountingParser(), LIMITS);
  await batches.take({ 0: 0 });
  const began = Date.now();
  assert.equal((await batches.take({ 0: 50 })).spans[0]!.from, 50);
  assert.ok(Date.now() - began >= LIMITS.waitMsMax - 5);
});

test('a batch ends where it would have too many runs of source and time', async () => {
  const log = await logOf(10, 'a');
  for (const source of ['b', 'c', 'd']) await append(log, 10, source);
  const batches = new SharedBatches(log, new CountingParser(), { ...LIMITS, runsMax: 2 });
  const batch = await batches.take({ 0: 0 });
  assert.deepEqual([batch.spans[0]!.to, batch.sources], [20, { a: 10, b: 10 }]);
});

test('lines that the log lost are counted by source, in the middle and at the end', async () => {
  const log = await logOf(20, 'a');
  await append(log, 20, 'b');
  await append(log, 20, 'a');
  const read = log.read.bind(log);
  // As the segment log does it: what is damaged is stepped over.
  log.read = async (partition, from, limits) =>
    (await read(partition, from, limits)).filter(({ firstOffset }) => firstOffset < 10 || firstOffset === 40);
  const batches = new SharedBatches(log, new CountingParser(), LIMITS);
  const batch = await batches.take({ 0: 0 });
  assert.deepEqual([batch.spans, batch.lines], [[{ partition: 0, from: 0, to: 60 }], 20]);
  assert.deepEqual(batch.lost, { a: 20, b: 20 });
  await batches.done({ 0: 0 }, batch);
  const rest = await batches.take({ 0: 50 });
  assert.deepEqual([rest.spans[0]!.to, rest.lines, rest.lost], [60, 0, { a: 10 }]);
});
