import { sleep } from '../../src/system/sleep.ts';
import { reasonOf } from '../../src/telemetry/system-error.ts';

export interface PostOptions {
  url: string;
  /** Sent as `Authorization: Bearer`; never logged. */
  apiKey: string | null;
  signal: AbortSignal;
  random: () => number;
  onWait: (seconds: number, why: string) => void;
  timeoutMs?: number;
  /** Base of the back-off after a network fault; tests make it short. */
  backoffBaseMs?: number;
}

export interface PostResult {
  accepted: number;
  rejected: number;
}

const NEWLINE = 0x0a;
const BACKOFF_CAP_MS = 30_000;
/** How a batch of nothing but malformed lines is answered: no format of events, or no event. */
const NO_EVENTS = [415, 422];

/**
 * Posts a batch until the collector has taken it. 429 and 503 wait as long as Retry-After says, other faults of the
 * server or network back off; any other answer is an error, since sending it again can't help. Null: the signal came.
 */
export async function postBatch(body: Buffer, options: PostOptions): Promise<PostResult | null> {
  const headers: Record<string, string> = { 'content-type': 'application/x-ndjson' };
  if (options.apiKey !== null) headers.authorization = `Bearer ${options.apiKey}`;
  for (let attempt = 0; !options.signal.aborted; attempt++) {
    let waitMs = options.random() * Math.min(BACKOFF_CAP_MS, (options.backoffBaseMs ?? 500) * 2 ** attempt);
    let why: string;
    try {
      const timeout = AbortSignal.timeout(options.timeoutMs ?? 30_000);
      const signal = AbortSignal.any([options.signal, timeout]);
      const response = await fetch(options.url, { method: 'POST', headers, body, redirect: 'error', signal });
      const text = await response.text();
      if (response.ok) return readResult(text);
      if (NO_EVENTS.includes(response.status)) return { accepted: 0, rejected: linesIn(body) };
      if (response.status < 500 && response.status !== 429 && response.status !== 408) {
        throw new PostRejectedError(
          `The collector refused the batch: ${response.status} ${text.slice(0, 300)}`,
        );
      }
      waitMs = retryAfterMs(response.headers.get('retry-after')) ?? waitMs;
      why = `status ${response.status}`;
    } catch (error) {
      if (error instanceof PostRejectedError) throw error;
      if (options.signal.aborted) return null;
      why = reasonOf(error instanceof Error && error.cause instanceof Error ? error.cause : error);
    }
    options.onWait(waitMs / 1000, why);
    await sleep(waitMs, options.signal);
  }
  return null;
}

/** The collector's answer can't be changed by sending the same again. */
class PostRejectedError extends Error {
  override name = 'PostRejectedError';
}

const linesIn = (body: Buffer) => body.reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 0);

function readResult(text: string): PostResult {
  try {
    const { accepted, rejected } = JSON.parse(text) as Partial<PostResult>;
    return { accepted: accepted ?? 0, rejected: rejected ?? 0 };
  } catch {
    throw new PostRejectedError(`The collector's answer is not JSON: ${text.slice(0, 100)}`);
  }
}

/** Only the form in seconds: the one that collectors send. */
function retryAfterMs(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}
