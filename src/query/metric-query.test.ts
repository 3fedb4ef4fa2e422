import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WINDOWS } from '../metrics/window.ts';
import { ApiError } from '../telemetry/errors.ts';
import { OPTIONS, PARAMETERS, parseMetricQuery, parseTimeRange, type Wording } from './metric-query.ts';

const NOW_MS = Date.UTC(2026, 10, 30, 12);

const context = (wording: Wording) => ({
  metrics: [
    { name: 'revenue', windows: [...WINDOWS] },
    { name: 'funnel', windows: [...WINDOWS].slice(1) },
  ],
  timeZone: 'UTC',
  nowMs: NOW_MS,
  defaultWindows: 60,
  wording,
});

function problem(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

test('a mistake in a query is reported in the words of the user', () => {
  const cases: [typed: object, inAddress: string, onCommandLine: string][] = [
    [
      { from: 'noon' },
      'bad_range: from="noon" is not a time. Use a day',
      'bad_range: --from "noon" is not a time. Use a day',
    ],
    [
      { to: '2026-13-77' },
      'bad_range: to="2026-13-77" is not a time.',
      'bad_range: --to "2026-13-77" is not a time.',
    ],
    [
      { from: '2026-11-24', to: '2026-11-23' },
      'bad_range: from="2026-11-24" is not before to="2026-11-23".',
      'bad_range: --from "2026-11-24" is not before --to "2026-11-23".',
    ],
    [
      { from: '2030-01-01' },
      'bad_range: from="2030-01-01" is not in the past.',
      'bad_range: --from "2030-01-01" is not in the past.',
    ],
    [
      { from: '1940-01-01', to: '1950-01-01' },
      'bad_range: to="1950-01-01" is before 1970',
      'bad_range: --to "1950-01-01" is before 1970',
    ],
    [
      { window: '2d' },
      'bad_window: window="2d" is not a window of the metric revenue. Use 1m, 1h or 1d.',
      'bad_window: --window "2d" is not a window',
    ],
    [
      { metric: 'funnel', window: '1m' },
      'bad_window: window="1m" is not a window of the metric funnel. Use 1h or 1d.',
      'bad_window: --window "1m" is not a window of the metric funnel. Use 1h or 1d.',
    ],
    [{ top: '3' }, 'bad_request: top needs total:', 'bad_request: --top needs --total:'],
    [
      { total: true, top: '1e3' },
      'bad_request: top="1e3" is not a whole number from 1 to 1000.',
      'bad_request: --top "1e3" is not a whole number from 1 to 1000.',
    ],
  ];
  for (const [typed, ...expected] of cases)
    for (const [index, wording] of [PARAMETERS, OPTIONS].entries()) {
      const found = problem(() => parseMetricQuery({ metric: 'revenue', ...typed }, context(wording)));
      assert.equal(found.slice(0, expected[index]!.length), expected[index]);
    }
});

test('a range from before 1970 begins in 1970; one that is right is taken', () => {
  const whole = { fromMs: 0, toMs: Date.UTC(2026, 10, 24) };
  assert.deepEqual(parseTimeRange({ from: '1950-01-01', to: '2026-11-23' }, context(OPTIONS)), whole);
  assert.deepEqual(parseTimeRange({ to: '2026-11-23' }, context(OPTIONS)), whole);
  assert.equal(parseTimeRange({}, context(OPTIONS)), null);
  const query = parseMetricQuery({ metric: 'revenue', from: '2026-11-30', window: '1h' }, context(OPTIONS));
  assert.deepEqual([query.fromMs, query.toMs], [Date.UTC(2026, 10, 30), NOW_MS + 3_600_000]);
  assert.equal(
    problem(() => parseTimeRange({ from: '2026-11-30T12:00' }, context(OPTIONS))),
    'bad_range: --from "2026-11-30T12:00" is not in the past.',
  );
});
