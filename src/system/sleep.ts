import { setTimeout as timer } from 'node:timers/promises';

/** Resolves after `ms`, or earlier when `signal` aborts. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  // It rejects where it is cut short, and nowhere else.
  await timer(ms, undefined, { signal }).catch(() => {});
}

/** Resolves when the work has settled, or after `ms`. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const isOver = new AbortController();
  await Promise.race([Promise.allSettled([work]), sleep(ms, isOver.signal)]);
  isOver.abort();
}
