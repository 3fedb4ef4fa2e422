import type { RawEvent } from '../../src/decode/batch.ts';
import type { ChangedPoint } from '../../src/metrics/metrics-store.ts';
import { type EventSink, type Sink, SinkError } from '../../src/sinks/sink.ts';

/** What a sink in memory writes to; several sinks may have the same one. */
export class MemoryLocation {
  readonly id: string;
  /** Points by metric, window, start and keys, as JSON. */
  readonly points = new Map<string, ChangedPoint>();
  readonly events = new Map<string, RawEvent>();
  /** away: it takes nothing; silent: it never answers. */
  state: 'there' | 'away' | 'silent' = 'there';

  constructor(id: string) {
    this.id = id;
  }
}

/** A sink in memory, for tests: it takes a few points at a time, so that a write can fail in its middle. */
export class MemorySink implements Sink, EventSink {
  readonly id: string;
  readonly events: EventSink = this;
  readonly #place: MemoryLocation;
  readonly #keys: ReadonlyMap<string, readonly string[]>;
  readonly #counters = {
    points: 0,
    requests: 0,
    failed_requests: 0,
    expired_points: 0,
    rejected_points: 0,
    overwritten_points: 0,
  };

  /** `keys` of each metric, by its name. */
  constructor(place: MemoryLocation, keys: ReadonlyMap<string, readonly string[]>) {
    this.id = place.id;
    this.#place = place;
    this.#keys = keys;
  }

  async writeMetrics(points: readonly ChangedPoint[], signal: AbortSignal): Promise<void> {
    for (const group of Map.groupBy(
      points,
      ({ metric, window, row }) => `${metric} ${window} ${row.start}`,
    ).values()) {
      await this.#request(group.length, signal);
      for (const point of group) {
        const keys = this.#keys.get(point.metric)!.map((key) => point.row[key]);
        this.#place.points.set(JSON.stringify([point.metric, point.window, point.row.start, keys]), point);
      }
    }
  }

  async writeEvents(chunks: AsyncIterable<readonly RawEvent[]>, signal: AbortSignal): Promise<void> {
    for await (const events of chunks) {
      await this.#request(events.length, signal);
      for (const event of events)
        this.#place.events.set(`${event.partition}/${event.offset}/${event.line}`, event);
    }
  }

  async check(): Promise<string> {
    if (this.#place.state !== 'there') throw new Error(`${this.id} is away. Check that it is there.`);
    return `${this.id} is there`;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  async #request(points: number, signal: AbortSignal): Promise<void> {
    this.#counters.requests++;
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (this.#place.state === 'silent' && !signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (signal.aborted) throw new SinkError('The write was given up.');
    if (this.#place.state === 'away') {
      this.#counters.failed_requests++;
      throw new SinkError(`${this.id} is away. Check that it is there.`);
    }
    this.#counters.points += points;
  }
}
