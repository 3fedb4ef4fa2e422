import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testNow } from '../../../test/support/clock.ts';
import type { LogBatch } from '../event-log.ts';
import { ReceivedClock } from './clock.ts';
import { between, cutBefore } from './counts.ts';
import { PartitionStats } from './partition-stats.ts';

function batch(firstOffset: number, lines: number, source: string, sharesOffset = false): LogBatch {
  const nextOffset = firstOffset + (sharesOffset ? 1 : lines);
  const bytes = Buffer.from(Array.from({ length: lines }, (_, n) => `${n}\n`).join(''));
  return {
    partition: 0,
    firstOffset,
    nextOffset,
    sharesOffset,
    lines,
    receivedAtMs: 1,
    source,
    bytes,
    canonical: true,
  };
}

describe('the counters of a partition', () => {
  it('count lines, keep marks, and are restored from what was stored', () => {
    const stats = new PartitionStats(0, testNow, 10);
    for (let n = 0; n < 500; n++) {
      const from = 10 + n * 3000;
      stats.extend([batch(from, 2000, 'http'), batch(from + 2000, 5, 'poll', true)], from + 3000, n);
    }
    assert.deepEqual({ ...stats.counts }, { http: 1_000_000, poll: 2500 });
    assert.deepEqual([stats.end, stats.lineEnd], [1_500_010, 1_499_011]);
    const stored = JSON.parse(JSON.stringify(stats.toStored()));
    assert.ok(stored.marks.length === 256);
    const again = new PartitionStats(0, testNow, stored);
    assert.deepEqual(again.toStored(), stats.toStored());
    for (const offset of [10, 11, 700_000, 1_500_010]) {
      const mark = again.markBefore(offset)!;
      assert.ok(mark.offset <= offset);
      // Every mark is where a range of 3000 offsets ended.
      assert.equal(mark.counts.http ?? 0, ((mark.offset - 10) / 3000) * 2000);
    }
    assert.equal(again.markBefore(9), undefined);
    again.forgetBefore(700_000);
    assert.ok(again.markBefore(700_000)!.offset > 680_000);
    assert.equal(again.markBefore(600_000), undefined);
  });

  it('attribute deleted lines to the source kafka', () => {
    const stats = new PartitionStats(0, testNow, 0);
    stats.extend([batch(0, 10, 'http')], 10, 5);
    stats.skipLost(25);
    assert.deepEqual({ ...stats.counts }, { http: 10, kafka: 15 });
    assert.deepEqual([stats.end, stats.lineEnd, stats.lostLines], [25, 25, 15]);
  });
});

describe('received-at', () => {
  const of = (baseOffset: number, maxTimestampMs: number) => ({
    baseOffset,
    lastOffset: baseOffset + 1,
    maxTimestampMs,
  });

  it('never decreases, and keeps the limit that applied to times too far ahead', () => {
    let nowMs = 1_000_000;
    const clock = new ReceivedClock(() => nowMs);
    const batches = [
      of(0, 900_000),
      of(2, 800_000),
      of(4, 9_000_000),
      of(6, 9_000_000),
      of(8, -1),
      of(10, 1_301_000),
    ];
    const first: number[] = [];
    let lastMs = 0;
    for (const each of batches) {
      lastMs = clock.first(lastMs, each);
      first.push(lastMs);
      nowMs += each.baseOffset === 8 ? 10_000 : 1000;
    }
    assert.deepEqual(first, [900_000, 900_000, 1_300_000, 1_300_000, 1_300_000, 1_301_000]);
    assert.deepEqual(clock.ahead, [{ from: 4, to: 8, limitMs: 1_300_000 }]);
    nowMs = 100_000_000;
    const later = new ReceivedClock(() => nowMs, clock.ahead);
    lastMs = 0;
    const second = batches.map((each) => {
      lastMs = later.again(lastMs, each);
      return lastMs;
    });
    assert.deepEqual(second, first);
    later.forgetBefore(8);
    assert.deepEqual(later.ahead, []);
  });
});

it('counts inside a deleted range add up and never decrease', () => {
  const low = { http: 10, poll: 5 };
  const high = { http: 14, poll: 5, tail: 3 };
  const steps = Array.from({ length: 8 }, (_, lines) => ({ ...between(low, high, lines) }));
  assert.deepEqual(steps[0], low);
  assert.deepEqual(steps[4], { http: 14, poll: 5 });
  assert.deepEqual(steps[7], high);
});

it('a batch is split before an offset unless its lines share one', () => {
  const cut = cutBefore(batch(5, 4, 'http'), 7);
  assert.deepEqual([cut.firstOffset, cut.nextOffset, cut.lines, cut.bytes.toString()], [7, 9, 2, '2\n3\n']);
  const shared = batch(5, 4, 'http', true);
  assert.equal(cutBefore(shared, 5), shared);
});
