import { setTimeout as sleep } from 'node:timers/promises';
import type { IngestResult, SourceContext } from '../../ports/source.ts';

export interface OfferTuning {
  /** Waits after a fault start here and double; default 1 s. */
  backoffBaseMs?: number;
  /** No wait is longer; default 60 s. */
  backoffCapMs?: number;
}

/** Full jitter: anything from nothing to the doubled base, so that many clients don't come back at once. */
export function backoffMs(attempt: number, random: () => number, tuning: OfferTuning): number {
  const { backoffBaseMs = 1000, backoffCapMs = 60_000 } = tuning;
  return random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(attempt, 30));
}

/** Waits; resolves early, without an error, when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await sleep(ms, undefined, { signal }).catch(() => {});
}

/** Largest body of one call to ingest. */
export const BLOCK_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Gives the same bytes to ingest until it takes them. Null: stopped before that. `onWait` hears of each refusal, so
 * that the source can show why nothing moves.
 */
export async function offer(
  body: Buffer,
  source: string,
  context: SourceContext,
  signal: AbortSignal,
  onWait: (message: string) => void,
  tuning: OfferTuning,
): Promise<IngestResult | null> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await context.ingest({ source, body });
    } catch (error) {
      // LogRefused says when to come back; any other fault of the log is waited out too.
      const { retryAfterSeconds, message } = error as { retryAfterSeconds?: number; message?: string };
      const waitMs =
        typeof retryAfterSeconds === 'number'
          ? retryAfterSeconds * 1000
          : backoffMs(attempt, context.random, tuning);
      onWait(`the log did not take the lines: ${message ?? String(error)}`);
      await pause(waitMs, signal);
    }
  }
  return null;
}
