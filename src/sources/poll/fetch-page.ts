import { reasonOf } from '../../telemetry/system-error.ts';

/** An answer of a log API: its status and whole body, within the limits. */
export interface PollAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
}

/** Something that a poll can't use; the message is for people. */
export class PollError extends Error {
  override name = 'PollError';
  readonly code: 'network' | 'timeout' | 'too_large' | 'redirect' | 'status' | 'content' | 'cursor';
  /** What the server asked for by Retry-After. */
  readonly retryAfterMs: number | null;
  constructor(code: PollError['code'], message: string, retryAfterMs: number | null = null) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface FetchLimits {
  timeoutMs: number;
  bodyBytesMax: number;
  allowHosts: readonly string[];
  /** Secrets of the server of the address. */
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

const REDIRECTS_MAX = 3;

/**
 * One GET within limits of time and size. Redirects are followed by hand, at most 3, and only to allowed hosts: a log
 * API must not be able to make us read from other machines of the network.
 */
export async function fetchPage(url: URL, limits: FetchLimits): Promise<PollAnswer> {
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = AbortSignal.any([limits.signal, timeout]);
  try {
    let target = url;
    for (let redirects = 0; ; redirects++) {
      const response = await fetch(plain(target), {
        headers: headersFor(url, target, limits.headers),
        redirect: 'manual',
        signal,
      });
      if (response.status < 300 || response.status >= 400 || response.status === 304) {
        return { status: response.status, headers: response.headers, body: await readBody(response, limits) };
      }
      await response.body?.cancel();
      if (redirects === REDIRECTS_MAX)
        throw new PollError('redirect', `more than ${REDIRECTS_MAX} redirects`);
      target = redirectTarget(target, response.headers.get('location'), limits.allowHosts);
    }
  } catch (error) {
    if (error instanceof PollError) throw error;
    if (timeout.aborted)
      throw new PollError('timeout', `no complete answer within ${limits.timeoutMs / 1000} s`);
    const { cause } = error as Error;
    throw new PollError('network', reasonOf(cause instanceof Error ? cause : error));
  }
}

/** The address without user and password, for requests and for messages. */
export function plain(url: URL): URL {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy;
}

/** The address for people: without what may be a secret in it. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** User and password of the configured address, and the headers of the config, go to its own origin only. */
function headersFor(configured: URL, target: URL, own: Readonly<Record<string, string>>): Headers {
  const headers = new Headers({
    accept: 'application/x-ndjson, application/json, */*;q=0.5',
    'accept-encoding': 'identity',
  });
  if (target.origin !== configured.origin) return headers;
  if (configured.username !== '') {
    const pair = `${decodeURIComponent(configured.username)}:${decodeURIComponent(configured.password)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  }
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  return headers;
}

function redirectTarget(from: URL, location: string | null, allowHosts: readonly string[]): URL {
  let target: URL;
  try {
    target = new URL(location ?? '', from);
  } catch {
    throw new PollError('redirect', 'a redirect without a readable address');
  }
  if (location === null) throw new PollError('redirect', 'a redirect without an address');
  const isWeb = target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:');
  if (!isWeb || !(allowHosts.includes(target.host) || allowHosts.includes(target.hostname))) {
    throw new PollError('redirect', `a redirect to ${target.origin}, which is not in allow_hosts`);
  }
  return target;
}

async function readBody(response: Response, limits: FetchLimits): Promise<Buffer> {
  const tooLarge = () =>
    new PollError('too_large', `the answer is larger than body_bytes_max (${limits.bodyBytesMax} bytes)`);
  if (Number(response.headers.get('content-length') ?? 0) > limits.bodyBytesMax) {
    await response.body?.cancel();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels the rest of the body.
    if (bytes > limits.bodyBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Retry-After, in seconds or as a date. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
