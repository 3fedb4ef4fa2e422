import type { Offset } from '../offset.ts';

/** Those who wait for the log to grow. */
export class Waiters {
  private readonly waiting = new Set<{ offset: Offset; settle: (grown: boolean) => void }>();

  /** Resolves true once `wake` was called with an end past `offset`; false after the time, on abort, or on `stop`. */
  wait(offset: Offset, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter = { offset, settle };
      const timer = setTimeout(() => settle(false), timeoutMs);
      const onAbort = () => settle(false);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(waiter);
      const { waiting } = this;
      function settle(grown: boolean): void {
        waiting.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve(grown);
      }
    });
  }

  wake(end: Offset): void {
    for (const waiter of this.waiting) if (waiter.offset < end) waiter.settle(true);
  }

  stop(): void {
    for (const waiter of this.waiting) waiter.settle(false);
  }
}
