import type { RawEvent } from '../decode/batch.ts';
import type { ChangedRow } from '../metrics/metrics-store.ts';

/**
 * Receives metric rows. Writing the same rows again changes nothing, so a caller may repeat whatever it is not sure of.
 *
 * - `id` names the location: what was written to another one says nothing about this one.
 * - `writeMetrics` gets all rows of a window, or none of them.
 * - A write resolves when the other side has all of it. It rejects with SinkError when some of it may be missing, and soon after
 *   `signal` aborts.
 */
export interface MetricsSink {
  readonly id: string;
  writeMetrics(rows: readonly ChangedRow[], signal: AbortSignal): Promise<void>;
}

/** Receives single events, by the same rules. */
export interface EventSink {
  readonly id: string;
  writeEvents(chunks: AsyncIterable<readonly RawEvent[]>, signal: AbortSignal): Promise<void>;
}

/** A store besides the built-in one. `check` tries it once, the way normal work does, and writes nothing. */
export interface Sink extends MetricsSink {
  /** Where it receives single events too; null if it does not. */
  readonly events: EventSink | null;
  check(): Promise<string>;
  counters(): Readonly<Record<string, number>>;
}

/** Why a write failed: `message` says what to do. All of it may be written again, after `retryAfterMs` if it is set. */
export class SinkError extends Error {
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message);
    this.name = 'SinkError';
    this.retryAfterMs = retryAfterMs;
  }
}
