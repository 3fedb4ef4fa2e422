/** The parts of the page that need no browser: exact money, windows over changes of clocks, the stream's framing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { money, signedShare } from '../../web/src/format.ts';
import { addMoney, compareMoney } from '../../web/src/money.ts';
import { metrics, publish, takePoints, takeRows } from '../../web/src/state/metrics.ts';
import { EventParser } from '../../web/src/stream.ts';
import { axisLabels, rangeLabel, windowLabel } from '../../web/src/time/labels.ts';
import { spanOf, type View } from '../../web/src/time/span.ts';
import { formatLocal, HOUR, parseLocal, windowStarts } from '../../web/src/time/windows.ts';

const BERLIN = 'Europe/Berlin';
const at = (text: string) => Date.parse(text);
const view = (range: View['range'], window: View['window']): View => ({ range, window, from: '', to: '' });

describe('money', () => {
  it('adds without floats', () => {
    assert.equal(addMoney(['0.1000', '0.2000']), '0.3000');
    assert.equal(addMoney(['90071992547409.9301', '0.0100', '-0.0401']), '90071992547409.9000');
    assert.equal(addMoney(['1', '-2.5']), '-1.5');
    assert.equal(addMoney([]), '0');
  });
  it('compares by value, not as text', () => {
    assert.ok(compareMoney('9.9', '10.00') < 0);
    assert.equal(compareMoney('1.5', '1.5000'), 0);
    assert.ok(compareMoney('-1', '-2') > 0);
  });
});

describe('changes', () => {
  it('are in percent, and multiples from tenfold on', () => {
    assert.deepEqual([-0.5, 0, 0.012, 0.25, 8.99, 9, 645.37].map(signedShare), [
      '-50%',
      '0%',
      '+1.2%',
      '+25%',
      '+899%',
      '×10',
      '×646',
    ]);
  });
});

describe('windows', () => {
  it('a day of changed clocks has 23 or 25 hours', () => {
    const day = (from: string, to: string) =>
      windowStarts('1h', BERLIN, parseLocal(BERLIN, from)!, parseLocal(BERLIN, to)!).length;
    assert.equal(day('2026-03-29T00:00', '2026-03-30T00:00'), 23);
    assert.equal(day('2026-10-25T00:00', '2026-10-26T00:00'), 25);
  });
  it('days start at local midnight all year', () => {
    const { starts } = spanOf(view('12mo', '1d'), BERLIN, at('2026-11-23T20:00:00Z'));
    assert.equal(starts.length, 365);
    assert.ok(starts.every((start) => formatLocal(BERLIN, start).endsWith('T00:00')));
  });
  it('a local time that occurs twice is the first of both, one that is skipped moves on', () => {
    assert.equal(parseLocal(BERLIN, '2026-10-25T02:30'), at('2026-10-25T00:30:00Z'));
    assert.equal(parseLocal(BERLIN, '2026-03-29T02:30'), at('2026-03-29T01:30:00Z'));
    assert.equal(parseLocal(BERLIN, 'tomorrow'), null);
  });
});

describe('span', () => {
  const now = at('2026-11-23T20:17:30Z');
  it('asks for totals in the coarsest windows of exactly the same time', () => {
    const span = spanOf(view('24h', '1m'), BERLIN, now);
    assert.deepEqual(span.totals, { window: '1h', from: span.from, to: span.to });
    assert.equal(spanOf(view('7d', '1h'), BERLIN, now).totals.window, '1d');
    // Half an hour off UTC, hours and days have no common edges.
    const india = spanOf(view('7d', '1h'), 'Asia/Kolkata', now);
    assert.deepEqual(india.totals, { window: '1h', from: india.from, to: india.to });
  });
  it('compares with as much of the time before as has passed of this one', () => {
    const { before } = spanOf(view('24h', '1h'), BERLIN, now);
    assert.deepEqual(before.sums, [
      { window: '1h', from: at('2026-11-21T21:00:00Z'), to: at('2026-11-22T20:00:00Z') },
      { window: '1m', from: at('2026-11-22T20:00:00Z'), to: at('2026-11-22T20:17:00Z') },
    ]);
    // Seven days before, over the change of clocks: the same time of day.
    const week = spanOf(view('7d', '1d'), BERLIN, at('2026-10-27T12:00:00Z')).before;
    assert.equal(week.sums[0]!.from, parseLocal(BERLIN, '2026-10-14T00:00'));
    assert.equal(week.sums.at(-1)!.to, parseLocal(BERLIN, '2026-10-20T13:00'));
  });
  it('marks the window that is not over', () => {
    assert.equal(spanOf(view('24h', '1h'), BERLIN, now).open, at('2026-11-23T20:00:00Z'));
    const past = { range: 'custom', window: '1h', from: '2026-11-01T00:00', to: '2026-11-02T00:00' } as const;
    assert.equal(spanOf(past, BERLIN, now).open, null);
  });
});

it('labels of the axis survive a change of clocks and half hours', () => {
  const from = parseLocal(BERLIN, '2026-10-25T00:00')!;
  const sixHours = Array.from({ length: 120 }, (_, index) => from + index * 6 * HOUR);
  assert.equal(axisLabels('1h', BERLIN, sixHours, 6).size, 6);
  const india = windowStarts('1h', 'Asia/Kolkata', at('2026-11-22T20:00:00Z'), at('2026-11-23T20:00:00Z'));
  assert.ok(axisLabels('1h', 'Asia/Kolkata', india, 8).size >= 4);
});

describe('labels', () => {
  const days = (from: string, count: number) =>
    windowStarts('1d', BERLIN, parseLocal(BERLIN, from)!, parseLocal(BERLIN, from)! + count * 24 * HOUR);
  const labelsOf = (starts: number[], room: number) => [...axisLabels('1d', BERLIN, starts, room).values()];

  it('have the year where the span has several, and years alone over many', () => {
    assert.deepEqual(labelsOf(days('2025-11-10T00:00', 100), 4), ['Dec 2025', 'Jan 2026', 'Feb']);
    assert.deepEqual(labelsOf(days('2026-11-01T00:00', 9), 3), ['1 Nov', '4 Nov', '7 Nov']);
    const decades = labelsOf(days('1970-01-02T00:00', 57 * 365), 10);
    assert.ok(decades.length >= 4 && decades.every((text) => /^\d{4}$/.test(text)), decades.join());
    assert.equal(new Set(decades).size, decades.length, 'no label twice');
  });

  it('of days are local dates, and of hours off the full hour name their end', () => {
    const kolkata = 'Asia/Kolkata';
    assert.match(windowLabel('1d', kolkata, at('2026-11-22T18:30:00Z')), /23 Nov 2026/);
    assert.match(windowLabel('1h', kolkata, at('2026-11-23T09:00:00Z')), /14:30.*15:30/);
    assert.doesNotMatch(windowLabel('1h', BERLIN, at('2026-11-23T09:00:00Z')), /11:00/);
    assert.equal(
      rangeLabel(BERLIN, parseLocal(BERLIN, '2024-11-19T00:00')!, parseLocal(BERLIN, '2024-11-20T00:00')!),
      '19 Nov 2024',
    );
  });
});

it('money has the decimals of its currency', () => {
  assert.equal(money('177095.2500', 'JPY'), 'JP¥177,095');
  assert.equal(money('1234.5000', 'EUR'), '€1,234.50');
  assert.equal(money('1.2345', 'KWD').replaceAll('\u00a0', ' '), 'KWD 1.235');
  assert.equal(money('5.0000', 'unknown'), '5.00 unknown');
});

it('reads events that come in pieces', () => {
  const parser = new EventParser();
  assert.deepEqual(parser.push(': hello\n\nid: 7\nevent: points\nda'), []);
  assert.deepEqual(parser.push('ta: {"a":\ndata: 1}\r\n\r'), []);
  assert.deepEqual(parser.push('\nevent: x\n'), [{ id: '7', name: 'points', data: '{"a":\n1}' }]);
});

describe('rows of windows', () => {
  const start = '2026-11-23T10:00:00Z';
  const [from, to] = [at(start), at('2026-11-23T11:00:00Z')];
  const row = (event_type: string, events: number) => ({ start, event_type, device_type: 'mobile', events });
  const shown = () =>
    Object.fromEntries((metrics.traffic.value.rows ?? []).map((each) => [each.event_type, each.events]));
  const answer = (version: number, rows: ReturnType<typeof row>[]) => ({
    metric: 'traffic' as const,
    window: '1m' as const,
    time_zone: 'UTC',
    from: start,
    to: '2026-11-23T11:00:00Z',
    version,
    rows,
  });

  it('are replaced as a whole: a value that is no longer named counts in “other” alone', () => {
    takeRows(answer(1, [row('rare', 1), row('other', 5)]));
    const points = [row('frequent', 9), row('other', 6)].map((each) => ({
      metric: 'traffic' as const,
      window: '1m' as const,
      ...each,
    }));
    takePoints(points, 2, from, to);
    publish();
    assert.deepEqual(shown(), { frequent: 9, other: 6 });
    // An answer that the stream has overtaken.
    takeRows(answer(1, [row('rare', 1), row('other', 5)]));
    assert.deepEqual(shown(), { frequent: 9, other: 6 });
    takeRows(answer(3, [row('frequent', 10), row('other', 6)]));
    assert.deepEqual(shown(), { frequent: 10, other: 6 });
  });
});
