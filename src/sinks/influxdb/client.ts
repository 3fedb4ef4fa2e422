import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { reasonOf } from '../../telemetry/system-error.ts';
import { SinkError } from '../sink.ts';
import type { Authorization, InfluxTarget } from './target.ts';

const compress = promisify(gzip);

/** Of an answer only the beginning is read: it is a short JSON document. */
const ANSWER_BYTES_MAX = 16 * 1024;
const SHOWN_MAX = 300;
const RETRY_AFTER_MS_MAX = 5 * 60_000;

export interface ClientOptions {
  target: InfluxTarget;
  timeoutMs: number;
  gzip: boolean;
  now: () => number;
}

/** InfluxDB will never take all of the lines, whatever a person changes there: one of them is at fault, or there are too many. */
export class PointsRejectedError extends SinkError {}

/** One request each: an answer that is not a success becomes a SinkError that says what to do. */
export class InfluxClient {
  readonly #options: ClientOptions;
  /** The server has asked not to be asked before. */
  #notBeforeMs = 0;
  #busy = '';

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Writes lines; gives the number of points that were too old for the server to keep. */
  async write(lines: string, signal: AbortSignal): Promise<{ expired: number }> {
    const { gzip: zip, now } = this.#options;
    const waitMs = this.#notBeforeMs - now();
    if (waitMs > 0) throw new SinkError(this.#busy, waitMs);
    const body = zip ? await compress(lines, { level: constants.Z_BEST_SPEED }) : Buffer.from(lines);
    const answer = await this.#post(body, zip ? { 'content-encoding': 'gzip' } : {}, signal);
    if (answer.ok) return { expired: 0 };
    const expired = expiredPoints(answer);
    if (expired !== null) return { expired };
    throw this.#failure(answer);
  }

  /** An empty write: the server looks at login, rights and place before it looks at the lines. */
  async check(): Promise<string> {
    const { server, destination } = this.#options.target;
    const answer = await this.#post(Buffer.alloc(0), {}, new AbortController().signal);
    // InfluxDB 1 takes no lines for a success; 2 says that there are none, when all else was right.
    if (!answer.ok && answer.status !== 400) throw this.#failure(answer);
    return `${server} takes points for ${destination}`;
  }

  async #post(body: Buffer, headers: Record<string, string>, signal: AbortSignal): Promise<InfluxAnswer> {
    const { target, timeoutMs } = this.#options;
    const login = await target.authorization();
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(target.writeUrl, {
        method: 'POST',
        headers: {
          'content-type': 'text/plain; charset=utf-8',
          ...(login.header === null ? {} : { authorization: login.header }),
          ...headers,
        },
        body: new Uint8Array(body.buffer, body.byteOffset, body.length),
        // A redirect would carry the login to a place that nobody named.
        redirect: 'manual',
        signal: AbortSignal.any([signal, limit]),
      });
      const detail = response.ok ? '' : shown(await beginning(response), login);
      if (response.ok) await response.body?.cancel();
      const { ok, status } = response;
      return { ok, status, detail, retryAfter: response.headers.get('retry-after') };
    } catch (error) {
      if (signal.aborted) throw new SinkError('Writing to InfluxDB was stopped.');
      const why = limit.aborted
        ? `no answer within ${timeoutMs / 1000} s`
        : shown(reasonOf((error as Error).cause ?? error), login);
      throw new SinkError(
        `${target.server} does not answer (${why}). Check that it runs and that url is right.`,
      );
    }
  }

  #failure({ status, detail, retryAfter }: InfluxAnswer): SinkError {
    const { server, destination, login } = this.#options.target;
    const said = detail ? `: ${detail}` : '';
    if (status === 401)
      return new SinkError(`${server} does not accept the ${login}${said}. Set the right one.`);
    if (status === 403)
      return new SinkError(`${server} does not allow writing to ${destination}${said}. Grant write access.`);
    // InfluxDB 1.8 tells with 500 that a retention policy is missing.
    if (status === 404 || /retention policy not found/.test(detail))
      return new SinkError(`${server} has no ${destination}${said}. Create it, or set one that exists.`);
    if (/field type conflict/.test(detail)) {
      return new SinkError(
        `${server} refuses points because of the type of a field${said}. Another program has written it with ` +
          'another type: delete that measurement there, or give Tillstream its own database. It then continues without a restart.',
      );
    }
    if (status === 413)
      return new PointsRejectedError(
        `${server} does not accept a request of this size${said}. Set a smaller batch_bytes_max.`,
      );
    if ((status === 400 || status === 422) && LINE_FAULT.test(detail))
      return new PointsRejectedError(`${server} can't store a point${said}.`);
    if (status === 429 || status === 503) {
      const retryAfterMs = retryAfterMsOf(retryAfter, this.#options.now());
      const message = `${server} is busy (status ${status})${said}. The request will be repeated.`;
      if (retryAfterMs !== null) {
        this.#notBeforeMs = this.#options.now() + retryAfterMs;
        this.#busy = message;
      }
      return new SinkError(message, retryAfterMs);
    }
    if (status >= 300 && status < 400)
      return new SinkError(`${server} redirects to another address. Set url to the server itself.`);
    return new SinkError(
      `${server} refuses the points (status ${status})${said}. Look at its log, and check that url is an InfluxDB.`,
    );
  }
}

/** What InfluxDB 1 and 2 report of a line that is wrong in itself. */
const LINE_FAULT = /unable to parse|max key length exceeded|time outside range/i;

interface InfluxAnswer {
  ok: boolean;
  status: number;
  /** What the server says is wrong. */
  detail: string;
  retryAfter: string | null;
}

/**
 * Points that are older than the retention of the place are dropped by the server, which says so and keeps the others.
 * Sent again they would be dropped again; null where the answer is about something else, or about more than that.
 */
function expiredPoints({ status, detail }: InfluxAnswer): number | null {
  if (status !== 400 && status !== 422) return null;
  const match = /beyond retention policy dropped=(\d+)/.exec(detail);
  return match && !/conflict|unable to parse/.test(detail) ? Number(match[1]) : null;
}

async function beginning(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop cancels the rest.
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    return String(error ?? message ?? '');
  } catch {
    // The connection broke: the status is all that is known.
    return '';
  }
}

/** On one line, not too long, and without what is secret, even if the other side says it. */
function shown(text: string, { secrets }: Authorization): string {
  let clean = text.replace(/\s+/g, ' ').trim();
  for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]');
  return clean.length > SHOWN_MAX ? `${clean.slice(0, SHOWN_MAX)}...` : clean;
}

/** Retry-After, in seconds or as a date. */
function retryAfterMsOf(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}
