import type { RawEvent } from '../decode/batch.ts';
import type { ChangedPoint } from '../metrics/metrics-store.ts';

/**
 * Takes metrics. Writing the same again changes nothing: who writes may repeat whatever it is not sure of.
 *
 * - `id` names the location: what was written to another one says nothing about this one.
 * - `writeMetrics` takes all points of each window that it takes points of.
 * - A write resolves when the other side has taken all of it. It rejects with SinkError, of which some may have been
 *   taken, and soon after `signal` aborts.
 */
export interface MetricsSink {
  readonly id: string;
  writeMetrics(points: readonly ChangedPoint[], signal: AbortSignal): Promise<void>;
}

/** Takes single events, by the same rules. */
export interface EventSink {
  readonly id: string;
  writeEvents(chunks: AsyncIterable<readonly RawEvent[]>, signal: AbortSignal): Promise<void>;
}

/** A store of others. `check` tries it once, the way normal work does, and writes nothing. */
export interface Sink extends MetricsSink {
  /** Where it takes single events too; null where it does not. */
  readonly events: EventSink | null;
  check(): Promise<string>;
  counters(): Readonly<Record<string, number>>;
}

/** Why a write failed: `message` says what to do. All of it may be offered again, after `retryAfterMs` where it is set. */
export class SinkError extends Error {
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message);
    this.name = 'SinkError';
    this.retryAfterMs = retryAfterMs;
  }
}
