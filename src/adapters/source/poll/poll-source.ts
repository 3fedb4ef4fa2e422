import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeFileDurable } from '../../../files/write-durable.ts';
import type { Source, SourceContext, SourceStatus } from '../../../ports/source.ts';
import { BLOCK_BYTES_MAX, backoffMs, type OfferTuning, offer, pause } from '../offer.ts';
import { readStateFile } from '../state.ts';
import type { PollOptions } from './config.ts';
import { type Answer, fetchPage, PollFault, plain, retryAfterMs } from './fetch-page.ts';
import { type Page, readPage } from './read-page.ts';

interface PollState {
  url: string;
  cursor: string;
}

/** How long the status tells of a gap. */
const GAP_SHOWN_MS = 3_600_000;

/**
 * A source that polls a log API. With `GET /logs` it follows a durable cursor and loses nothing that the API still
 * has; otherwise each poll takes the one entry that `GET` of the address gives, as the old streamer did.
 */
export function createPollSource(
  options: PollOptions,
  context: SourceContext,
  tuning: OfferTuning = {},
): Source {
  return new PollSource(options, context, tuning);
}

class PollSource implements Source {
  readonly name: string;
  private readonly options: PollOptions;
  private readonly context: SourceContext;
  private readonly tuning: OfferTuning;
  private readonly url: URL;
  private readonly allowHosts: readonly string[];
  private readonly statePath: string;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  /** unknown until the first answer. */
  private api: 'unknown' | 'cursor' | 'single' = 'unknown';
  private cursor: string | null = null;
  private limit: number;
  private state: SourceStatus['state'] = 'ready';
  private message = '';
  private gapMessage = '';
  private gapAtMs = Number.NEGATIVE_INFINITY;
  private lastEventAtMs: number | null = null;
  private readonly counters = { polls: 0, faults: 0, gaps: 0, lines: 0, refused: 0 };

  constructor(options: PollOptions, context: SourceContext, tuning: OfferTuning) {
    this.options = options;
    this.context = context;
    this.tuning = tuning;
    this.name = options.name;
    this.limit = options.limit;
    this.url = new URL(options.url);
    this.allowHosts = options.allow_hosts ?? [this.url.host];
    // The cursor belongs to the address: another one begins at its own start.
    const identity = createHash('sha256').update(plain(this.url).href).digest('hex').slice(0, 16);
    this.statePath = join(context.stateDir, `poll-${identity}.json`);
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  status(): SourceStatus {
    const showGap = this.context.now() - this.gapAtMs < GAP_SHOWN_MS;
    return {
      kind: 'poll',
      state: this.state,
      message: this.message || (showGap ? this.gapMessage : ''),
      lastEventAtMs: this.lastEventAtMs,
      counters: { ...this.counters },
    };
  }

  async check(): Promise<string> {
    const where = plain(this.url).href;
    try {
      const { page, api } = await this.ask(this.api, await this.readCursor());
      const how = api === 'cursor' ? 'GET /logs, followed by its cursor' : 'no GET /logs, one entry a poll';
      return `${where} answers: ${how}; ${page.lines} lines now`;
    } catch (error) {
      throw new Error(
        `${where}: ${(error as Error).message}. Check the address and that the log API is running.`,
      );
    }
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let faults = 0;
    while (!signal.aborted) {
      let waitMs = this.options.every_seconds * 1000;
      try {
        if (await this.poll()) waitMs = 0;
        faults = 0;
      } catch (error) {
        if (signal.aborted) break;
        waitMs = this.fault(error as Error, faults++);
      }
      await pause(waitMs, signal);
    }
  }

  /** Notes a fault and gives the time to wait. */
  private fault(error: Error, faultsBefore: number): number {
    this.counters.faults++;
    this.state = 'waiting';
    this.message = `${plain(this.url).href}: ${error.message}`;
    // Asking for less is the way past a page that does not fit.
    if (error instanceof PollFault && error.code === 'too_large') this.limit = Math.max(1, this.limit >> 1);
    // The next contact finds out anew whether there is a GET /logs by now.
    if (this.api === 'single') this.api = 'unknown';
    const asked = error instanceof PollFault ? error.retryAfterMs : null;
    const waitMs = asked ?? backoffMs(faultsBefore, this.context.random, this.tuning);
    this.context.log.warn(
      { source: this.name, wait_ms: Math.round(waitMs), fault: error.message },
      'poll failed',
    );
    return waitMs;
  }

  /** One poll; true when there is more to read at once. */
  private async poll(): Promise<boolean> {
    if (this.api === 'unknown') this.cursor = await this.readCursor();
    this.counters.polls++;
    const limit = this.limit;
    const { page, api } = await this.ask(this.api, this.cursor);
    this.api = api;
    if (page.next !== null && page.next === this.cursor && page.lines > 0) {
      throw new PollFault('cursor', `entries came, but the cursor stays at ${page.next}`);
    }
    if (this.cursor !== null && page.oldest !== null && isBefore(this.cursor, page.oldest)) {
      this.gap(`entries between cursor ${this.cursor} and ${page.oldest} were no longer there`);
    }
    if (page.lines > 0 && !(await this.ingest(page.body))) return false;
    if (api === 'cursor' && page.next !== null && page.next !== this.cursor) {
      const state: PollState = { url: plain(this.url).href, cursor: page.next };
      await writeFileDurable(this.statePath, JSON.stringify(state));
      this.cursor = page.next;
    }
    this.state = 'ready';
    this.message = '';
    if (page.lines > 0) {
      this.counters.lines += page.lines;
      this.lastEventAtMs = this.context.now();
      // Grows slowly, or every other page would be too large again.
      this.limit = Math.min(this.options.limit, this.limit + Math.ceil(this.limit / 16));
    }
    return api === 'cursor' && page.lines > 0 && (page.more || page.lines >= limit);
  }

  /** Asks the API in the way it is known to understand, or finds out which way that is. */
  private async ask(
    known: PollSource['api'],
    cursor: string | null,
  ): Promise<{ page: Page; api: 'cursor' | 'single' }> {
    if (known !== 'single') {
      const logs = new URL(this.url);
      logs.pathname = `${logs.pathname.replace(/\/$/, '')}/logs`;
      logs.searchParams.set('limit', String(this.limit));
      if (cursor !== null) logs.searchParams.set('after', cursor);
      const answer = await this.fetch(logs);
      // An API that once had cursors does not lose them; 404 is then a fault like any other.
      const isOld = answer.status === 404 && known === 'unknown' && cursor === null;
      if (!isOld) {
        if (answer.status === 410) return { page: this.forgotten(), api: 'cursor' };
        const page = this.readOk(answer);
        if (page.next !== null) return { page, api: 'cursor' };
        if (known === 'cursor' || cursor !== null) throw new PollFault('cursor', 'the answer has no cursor');
        // Some old APIs answer every path alike.
        return { page, api: 'single' };
      }
    }
    return { page: this.readOk(await this.fetch(this.url)), api: 'single' };
  }

  /** 410: the API does not know our cursor any more. */
  private forgotten(): Page {
    if (this.cursor === null) throw new PollFault('status', 'status 410');
    this.gap(`the log API does not know cursor ${this.cursor} any more; reading begins at its oldest entry`);
    this.cursor = null;
    return { body: Buffer.alloc(0), lines: 0, next: null, oldest: null, more: false };
  }

  private fetch(url: URL): Promise<Answer> {
    return fetchPage(url, {
      timeoutMs: this.options.timeout_seconds * 1000,
      bodyBytesMax: this.options.body_bytes_max,
      allowHosts: this.allowHosts,
      signal: this.stopping.signal,
    });
  }

  private readOk(answer: Answer): Page {
    if (answer.status === 200) return readPage(answer);
    const start = JSON.stringify(answer.body.toString('latin1', 0, 200));
    const asked = answer.status === 429 || answer.status >= 500 ? answer.headers.get('retry-after') : null;
    throw new PollFault(
      'status',
      `status ${answer.status}: ${start}`,
      retryAfterMs(asked, this.context.now()),
    );
  }

  /** False when stopped before all was taken: the cursor must then stay. */
  private async ingest(body: Buffer): Promise<boolean> {
    const onWait = (message: string) => {
      this.counters.refused++;
      this.state = 'waiting';
      this.message = message;
      this.context.log.warn({ source: this.name }, message);
    };
    for (let from = 0; from < body.length; ) {
      let to = Math.min(body.length, from + BLOCK_BYTES_MAX);
      if (to < body.length) {
        const lineEnd = body.lastIndexOf(0x0a, to - 1);
        to = (lineEnd < from ? body.indexOf(0x0a, to) : lineEnd) + 1;
      }
      const block = body.subarray(from, to);
      if (!(await offer(block, this.name, this.context, this.stopping.signal, onWait, this.tuning)))
        return false;
      from = to;
    }
    return true;
  }

  private gap(what: string): void {
    this.counters.gaps++;
    this.gapAtMs = this.context.now();
    this.gapMessage = `gap: ${what}. Poll more often, or let the log API keep its entries for longer.`;
    this.context.log.warn({ source: this.name }, this.gapMessage);
  }

  private async readCursor(): Promise<string | null> {
    const state = (await readStateFile(this.statePath)) as Partial<PollState> | null;
    return state?.cursor ?? null;
  }
}

/** Only for cursors that are numbers; others can't be compared. */
function isBefore(cursor: string, oldest: string): boolean {
  return /^\d{1,30}$/.test(cursor) && /^\d{1,30}$/.test(oldest) && BigInt(cursor) < BigInt(oldest);
}
