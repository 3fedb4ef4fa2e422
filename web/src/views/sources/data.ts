/** What the view of sources shows: asked for every two seconds while someone looks, and marked as old when it can't be. */
import { effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, getSources, getWays, type SourcesAnswer, type WaysAnswer } from '../../api.ts';
import { connection } from '../../state/server.ts';

const EVERY_MS = 2000;

export const sources = signal<SourcesAnswer | null>(null);
export const ways = signal<WaysAnswer | null>(null);
/** Why the last answer is missing; null where it is there. */
export const problem = signal<ApiError | null>(null);

/** The address of the page, under which clients reach the server too. */
const address = (): string => new URL('.', location.href).href.split('#')[0]!;

async function ask(signal: AbortSignal): Promise<void> {
  try {
    const [answer, known] = await Promise.all([getSources(signal), ways.value ?? getWays(address(), signal)]);
    if (signal.aborted) return;
    sources.value = answer;
    ways.value = known;
    problem.value = null;
  } catch (error) {
    if (signal.aborted) return;
    problem.value = error instanceof ApiError ? error : new ApiError(0, 'page', String(error));
  }
}

/** Keeps the answers fresh as long as the component is shown. */
export function useFresh(): void {
  useEffect(() => {
    const gone = new AbortController();
    let busy = false;
    const look = async () => {
      const { kind } = connection.value;
      if (busy || document.hidden || kind === 'paused' || kind === 'unauthorized') return;
      busy = true;
      await ask(gone.signal);
      busy = false;
    };
    const timer = setInterval(look, EVERY_MS);
    // At once, and when the server is back.
    const stop = effect(() => {
      if (connection.value.kind === 'live') void look();
    });
    void look();
    return () => {
      gone.abort();
      clearInterval(timer);
      stop();
    };
  }, []);
}
