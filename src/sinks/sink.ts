import type { RawEvent } from '../decode/batch.ts';
import type { ChangedPoint } from '../metrics/metrics-store.ts';

/**
 * A store of others that metrics and single events are written to. Writing the same again changes nothing: who writes may
 * repeat whatever it is not sure of.
 *
 * - `id` names the place: what was written to another place says nothing about this one.
 * - `writeMetrics` takes all points of each window that it takes points of.
 * - A write resolves when the other side has taken all of it. It rejects with SinkError, of which some may have been
 *   taken, and soon after `signal` aborts.
 * - `check` tries it once, the way normal work does, and writes nothing.
 */
export interface Sink {
  readonly id: string;
  writeMetrics(points: readonly ChangedPoint[], signal: AbortSignal): Promise<void>;
  writeEvents(chunks: AsyncIterable<readonly RawEvent[]>, signal: AbortSignal): Promise<void>;
  check(): Promise<string>;
  counters(): SinkCounters;
}

/** Since the start. */
export interface SinkCounters {
  points: number;
  requests: number;
  failed_requests: number;
  /** Points that the other side dropped as they are older than what it keeps. */
  expired_points: number;
  /** Points that the other side can never take, such as ones that are too long. */
  rejected_points: number;
  /** Points that another one with the same measurement, tags and time has taken the place of, as far as noticed. */
  overwritten_points: number;
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
