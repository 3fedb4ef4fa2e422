import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepairTiming } from './repair-timing.ts';

/** Looks each half second, from `fromMs` on, at numbers of invalidated windows; gives the seconds at which they are computed. */
function dueAt(
  seconds: number,
  windowsAt: (second: number) => number,
  { lag = 0, isAwaited = false } = {},
): number[] {
  const timing = new RepairTiming();
  const due: number[] = [];
  let repaired = 0;
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += 500) {
    const windows = Math.max(0, windowsAt(nowMs / 1000) - repaired);
    if (!timing.isDue({ nowMs, windows, lag, isAwaited })) continue;
    due.push(nowMs / 1000);
    repaired += windows;
    timing.done(nowMs);
  }
  return due;
}

test('windows are computed once, when no more have been invalidated for three seconds', () => {
  assert.deepEqual(
    dueAt(30, () => 0),
    [],
  );
  assert.deepEqual(
    dueAt(30, () => 5),
    [3],
  );
  const burst = (second: number) => Math.min(Math.floor(second), 10);
  assert.deepEqual(dueAt(60, burst), [13], 'ten seconds of late lines');
});

test('a stream of late lines puts it off by a minute at most', () => {
  assert.deepEqual(
    dueAt(150, (second) => 1 + Math.floor(second)),
    [60, 121],
  );
});

test('it does not wait for more where a caller waits, unless many lines are still to come', () => {
  const stream = (second: number) => 1 + Math.floor(second);
  assert.deepEqual(dueAt(3, stream, { isAwaited: true }), [0, 1, 2]);
  for (const isAwaited of [false, true])
    assert.deepEqual(dueAt(70, stream, { isAwaited, lag: 200_000 }), [60]);
});
