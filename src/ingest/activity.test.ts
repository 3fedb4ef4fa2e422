import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceActivity } from './activity.ts';
import { FindingTally } from './finding-tally.ts';
import type { ValidationResult } from './validation-result.ts';

const result = (lines: string[], more: Partial<ValidationResult> = {}): ValidationResult => ({
  bytes: lines.map((line) => Buffer.from(`${line}\n`)),
  fields: [],
  accepted: lines.length,
  rejected: 0,
  errors: [],
  reasons: {},
  invalidFields: {},
  tally: new FindingTally(),
  late: new FindingTally(),
  records: lines.length,
  skipped: 0,
  example: null,
  ...more,
});
const event = (n: number) => JSON.stringify({ event_type: 'view_page', event_id: `e${n}` });

test('the last events are kept, newest first, over several inputs and pieces', () => {
  let nowMs = Date.UTC(2026, 10, 29);
  const activity = new SourceActivity(() => nowMs);
  assert.equal(activity.of('http'), undefined);
  activity.stored('http', result([event(1), event(2)]), 0, 'events');
  nowMs += 1000;
  // Several lines in one piece, and one across the end of the input.
  activity.stored('http', result([`${event(3)}\n${event(4)}`, event(5), event(6)]), 2, 'segment');
  const { latest_events: latest, ways, ...counts } = activity.of('http')!;
  assert.deepEqual(
    latest.map((each) => each.event),
    [6, 5, 4, 3, 2].map(event),
  );
  assert.deepEqual(
    [latest[0]!.received_at, latest[4]!.received_at],
    ['2026-11-29T00:00:01.000Z', '2026-11-29T00:00:00.000Z'],
  );
  assert.deepEqual(
    [counts.accepted, counts.left_out, ways.events!.accepted, ways.segment!.left_out],
    [5, 2, 2, 2],
  );
});

test('lines that were validated elsewhere are distinguished from events by their mark', () => {
  const activity = new SourceActivity(() => 0);
  const marked =
    '{"tillstream_bad":"date_order","tillstream_bad_field":"timestamp","tillstream_bad_raw":"31/12/2026"}';
  activity.stored(
    'load',
    result([event(1), marked], { accepted: 1, rejected: 1, reasons: { date_order: 1 } }),
  );
  const { latest_events: events, latest_rejected: rejected, reasons } = activity.of('load')!;
  assert.deepEqual(
    events.map((each) => each.event),
    [event(1)],
  );
  assert.deepEqual(rejected, [
    {
      received_at: '1970-01-01T00:00:00.000Z',
      reason: 'date_order',
      field: 'timestamp',
      example: '31/12/2026',
    },
  ]);
  assert.deepEqual(reasons, { date_order: 1 });
});

test('the rate is that of the last minute', () => {
  let nowMs = 0;
  const activity = new SourceActivity(() => nowMs);
  for (let second = 0; second < 90; second++) {
    nowMs = second * 1000;
    activity.stored('http', result([event(second)]));
  }
  assert.equal(activity.of('http')!.last_minute, 60);
  nowMs += 30_000;
  assert.equal(activity.of('http')!.last_minute, 30);
  nowMs += 3_600_000;
  assert.equal(activity.of('http')!.last_minute, 0);
});
