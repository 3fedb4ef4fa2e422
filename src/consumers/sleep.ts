/** Resolves after `ms`, or earlier when `signal` aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Resolves when the work has settled, or after `ms`. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const isOver = new AbortController();
  const settled = work.then(
    () => {},
    () => {},
  );
  await Promise.race([settled, sleep(ms, isOver.signal)]);
  isOver.abort();
}
