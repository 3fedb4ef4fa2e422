import type { Positions } from './offset.ts';

/** Callers of `waitPast`, until a partition grows past their position. */
export class Waiters {
  private readonly waiting = new Set<{ positions: Positions; finish: (grown: boolean) => void }>();

  /** Resolves true once `wake` was called with an end past a position; false after the time, on abort, or on `stop`. */
  wait(positions: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (grown: boolean) => {
        this.waiting.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve(grown);
      };
      const waiter = { positions, finish };
      const timer = setTimeout(() => finish(false), timeoutMs);
      const onAbort = () => finish(false);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(waiter);
    });
  }

  wake(partition: number, end: number): void {
    for (const { positions, finish } of this.waiting) if ((positions[partition] ?? end) < end) finish(true);
  }

  stop(): void {
    for (const { finish } of this.waiting) finish(false);
  }
}
