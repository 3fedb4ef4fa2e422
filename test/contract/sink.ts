import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RawEvent } from '../../src/decode/batch.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { ChangedRow } from '../../src/metrics/metrics-store.ts';
import { type EventSink, type Sink, SinkError } from '../../src/sinks/sink.ts';
import { testNow } from '../support/clock.ts';

/** A place that a sink writes to. */
export interface SinkLocation {
  /** A sink that writes there; each call gives a new one, as after a restart. */
  open(): Sink & EventSink;
  /** Points of the metric traffic that are there, as `pointText` gives them. */
  points(): Promise<string[]>;
  /** Events that are there, as `eventText` gives them. */
  events(): Promise<string[]>;
  /** away: nothing answers any more; silent: it takes requests and never answers them; there: as usual. */
  become(state: 'there' | 'away' | 'silent'): Promise<void>;
}

export interface SinkUnderTest {
  name: string;
  setUp?(): Promise<void>;
  /** A new, empty place. */
  place(): Promise<SinkLocation>;
}

const MINUTE = 60_000;
const ABORT_MS_MAX = 3000;
const { signal } = new AbortController();

export function pointText(
  window: string,
  startMs: number,
  type: string,
  device: string,
  events: number,
): string {
  return [window, startMs, type, device, events].join(' ');
}

/** What of an event any store can give back; the user tells one from another here. */
export function eventText(event: Omit<RawEvent, 'partition' | 'offset' | 'line' | 'productId'>): string {
  const { timeMs, eventType, deviceType, statusCode, userId, responseTime } = event;
  return [timeMs, eventType, deviceType, statusCode, userId, responseTime]
    .map((value) => value ?? '-')
    .join(' ');
}

/** One minute for all windows of a run: the next may begin between two writes. */
const FROM_MS = Math.floor(testNow() / MINUTE) * MINUTE - 3600 * 1000;

/** Points of `windows` minutes, each with two keys; values are made of `base`. */
function traffic(windows: number, base: number): ChangedRow[] {
  return Array.from({ length: windows }, (_, n) =>
    ['mobile', 'desktop'].map(
      (device_type, index): ChangedRow => ({
        metric: 'traffic',
        window: '1m',
        row: {
          start: new Date(FROM_MS + n * MINUTE).toISOString(),
          event_type: 'search',
          device_type,
          events: base + 2 * n + index,
        },
      }),
    ),
  ).flat();
}

function textOf({ window, row }: ChangedRow): string {
  return pointText(
    window,
    Date.parse(row.start),
    String(row.event_type),
    String(row.device_type),
    Number(row.events),
  );
}

/** Events in one and the same millisecond, in two partitions, some of them lines of one record. */
function rawEvents(count: number): RawEvent[] {
  const timeMs = testNow() - 600_000;
  return Array.from({ length: count }, (_, n) => ({
    timeMs: timeMs + (n >> 6),
    partition: n % 2,
    offset: n >> 2,
    line: (n >> 1) % 2,
    eventType: 'search',
    deviceType: n % 3 === 0 ? null : 'mobile',
    statusCode: n % 5 === 0 ? null : 200,
    userId: `u${n}`,
    productId: null,
    responseTime: n % 3 === 0 ? null : n,
  }));
}

async function* chunksOf(events: readonly RawEvent[], size: number): AsyncGenerator<readonly RawEvent[]> {
  for (let at = 0; at < events.length; at += size) yield events.slice(at, at + size);
}

/** What every sink must do. `InfluxDB` and others differ in how points look; `SinkLocation` reads them in one way. */
export function sinkContract({ name, setUp, place: newPlace }: SinkUnderTest): void {
  describe(`sink: ${name}`, () => {
    let place: SinkLocation;
    let sink: ReturnType<SinkLocation['open']>;
    before(async () => {
      await setUp?.();
      assert.deepEqual(
        CATALOGUE.find((metric) => metric.name === 'traffic')?.keys.map((key) => key.name),
        ['event_type', 'device_type'],
        'the points of this suite are those of a metric of the catalogue',
      );
    });
    const fresh = (run: () => Promise<void>) => async () => {
      place = await newPlace();
      sink = place.open();
      try {
        await run();
      } finally {
        await place.become('there');
      }
    };
    after(() => place?.become('there'));
    const assertPoints = async (points: readonly ChangedRow[]) =>
      assert.deepEqual((await place.points()).toSorted(), points.map(textOf).toSorted());
    const assertEvents = async (events: readonly RawEvent[]) => {
      assert.deepEqual((await place.events()).toSorted(), events.map(eventText).toSorted());
    };

    it(
      'is identified by its location',
      fresh(async () => {
        const other = await newPlace();
        assert.notEqual(sink.id, '');
        assert.equal(place.open().id, sink.id);
        assert.notEqual(other.open().id, sink.id);
      }),
    );

    it(
      'has all points when a write resolves; the same again changes nothing, in whatever order and pieces',
      fresh(async () => {
        const points = traffic(200, 0);
        await sink.writeMetrics(points, signal);
        await assertPoints(points);
        await sink.writeMetrics(points, signal);
        await assertPoints(points);
        const reopened = place.open();
        for (let at = points.length - 20; at >= 0; at -= 20)
          await reopened.writeMetrics(points.slice(at, at + 20), signal);
        await assertPoints(points);
      }),
    );

    it(
      'has the last value of each point',
      fresh(async () => {
        await sink.writeMetrics(traffic(50, 0), signal);
        const changed = traffic(50, 1000);
        await sink.writeMetrics(changed.slice(0, 30), signal);
        await place.open().writeMetrics(changed.slice(30), signal);
        await assertPoints(changed);
      }),
    );

    it(
      'keeps events apart that are of one time, and takes each once however often it comes',
      fresh(async () => {
        const events = rawEvents(400);
        await sink.writeEvents(chunksOf(events, 150), signal);
        await assertEvents(events);
        await place.open().writeEvents(chunksOf(events, 7), signal);
        await sink.writeEvents(chunksOf(events.toReversed(), 400), signal);
        await assertEvents(events);
      }),
    );

    it(
      'writing nothing is not an error',
      fresh(async () => {
        await sink.writeMetrics([], signal);
        await sink.writeEvents(chunksOf([], 1), signal);
        assert.deepEqual([await place.points(), await place.events()], [[], []]);
      }),
    );

    it(
      'rejects with SinkError and the solution while the other side is away; after another write, all of it is there',
      fresh(async () => {
        const [points, events] = [traffic(100, 0), rawEvents(100)];
        await sink.writeMetrics(points.slice(0, 40), signal);
        await place.become('away');
        for (const write of [
          () => sink.writeMetrics(points, signal),
          () => sink.writeEvents(chunksOf(events, 30), signal),
        ])
          await assert.rejects(write(), (error: SinkError) => {
            assert.ok(error instanceof SinkError, String(error));
            assert.ok(error.message.length > 10, error.message);
            return true;
          });
        assert.ok(sink.counters().failed_requests! >= 2);
        await place.become('there');
        await sink.writeMetrics(points, signal);
        await sink.writeEvents(chunksOf(events, 30), signal);
        await assertPoints(points);
        await assertEvents(events);
      }),
    );

    it(
      'a write that is interrupted by the other side leaves whole points only, and can be repeated',
      fresh(async () => {
        const events = rawEvents(300);
        const cut = async function* () {
          yield events.slice(0, 100);
          await place.become('away');
          yield events.slice(100);
        };
        await assert.rejects(sink.writeEvents(cut(), signal), SinkError);
        await place.become('there');
        const wanted = new Set(events.map(eventText));
        for (const found of await place.events()) assert.ok(wanted.has(found), `half a point: ${found}`);
        await sink.writeEvents(chunksOf(events, 100), signal);
        await assertEvents(events);
      }),
    );

    it(
      'an error of the source of the events ends the write with it, and the sink can be used again',
      fresh(async () => {
        const events = rawEvents(40);
        const broken = async function* () {
          yield events.slice(0, 10);
          throw new RangeError('no such offset');
        };
        await assert.rejects(sink.writeEvents(broken(), signal), RangeError);
        await sink.writeEvents(chunksOf(events, 40), signal);
        await assertEvents(events);
      }),
    );

    it(
      'rejects soon after it is aborted, also when the other side never answers',
      fresh(async () => {
        const [points, events] = [traffic(10, 0), rawEvents(10)];
        await place.become('silent');
        for (const write of [
          (given: AbortSignal) => sink.writeMetrics(points, given),
          (given: AbortSignal) => sink.writeEvents(chunksOf(events, 10), given),
        ]) {
          const abort = new AbortController();
          const writing = assert.rejects(write(abort.signal));
          await new Promise((resolve) => setTimeout(resolve, 100));
          const began = performance.now();
          abort.abort();
          await writing;
          assert.ok(performance.now() - began < ABORT_MS_MAX);
          await assert.rejects(write(AbortSignal.abort()));
        }
        await place.become('there');
        await sink.writeMetrics(points, signal);
        await sink.writeEvents(chunksOf(events, 10), signal);
        await assertPoints(points);
        await assertEvents(events);
      }),
    );

    it(
      'check reports what it found and writes nothing; without the other side it rejects with the solution',
      fresh(async () => {
        assert.ok((await sink.check()).length > 5);
        assert.deepEqual([await place.points(), await place.events()], [[], []]);
        assert.equal(sink.counters().points, 0);
        await place.become('away');
        await assert.rejects(sink.check(), (error: Error) => {
          assert.ok(error.message.length > 10 && !/\n {4}at /.test(error.message), error.message);
          return true;
        });
      }),
    );

    it(
      'counts what it wrote since the start',
      fresh(async () => {
        for (const [counter, count] of Object.entries(sink.counters())) assert.equal(count, 0, counter);
        await sink.writeMetrics(traffic(10, 0), signal);
        await sink.writeEvents(chunksOf(rawEvents(5), 2), signal);
        const { points, requests, failed_requests, expired_points } = sink.counters();
        assert.deepEqual([points, failed_requests, expired_points], [25, 0, 0]);
        assert.ok(requests! >= 2);
      }),
    );
  });
}
